# make demo   a real guest boots in the past: everything it needs from apt, then two VMs side by side
# make test   everything CI runs: of each class of tests at least one
# make test-all  that, and the long ones: every machine, firmware and QEMU with every year; a quarter
#             of an hour more, and the matrix of what came of it is printed
# make fuzz   what servers say, changed, led by coverage, for FOR=600 seconds; test-all does it for 5 minutes
# make bench  what the hook costs, beside Perl and Python hooks of the same duty, how close clocks get,
#             beside libvirt, what a secret costs, and how long the clocks of a cluster take, beside Python,
#             as Markdown tables; PART=hook, PART=clock, PART=secrets or PART=cluster chooses one
# make build  target/release/time-shift-hook (static) and target/release/time-shift
# make deb    target/deb/time-shift-proxmox_VERSION_amd64.deb
# make test-deb  builds, installs, upgrades and removes the package on Debian 12 and 13; half an hour

CARGO ?= cargo
RELEASE = target/release

# The tests mount file systems of their own and start guests, so their programs run as root.
AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)
TRIPLE = $(shell rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')

# Some ask cargo, and root has a home of its own.
KEEP = PATH=$$PATH CARGO_HOME=$${CARGO_HOME:-$$HOME/.cargo} RUSTUP_HOME=$${RUSTUP_HOME:-$$HOME/.rustup}

RUN_TESTS = $(if $(AS_ROOT),CARGO_TARGET_$(TRIPLE)_RUNNER="sudo env $(KEEP) TIME_SHIFT_PROGRAMS=$(RELEASE)") \
    TIME_SHIFT_PROGRAMS=$(RELEASE) $(CARGO) test --locked

.PHONY: all build deb demo test test-all test-deb fuzz bench clean

all: build

# The hook is linked statically: no library's upgrade can keep a VM from starting, and it starts
# faster; packed relocations make it smaller. The command line is not, since names are looked up
# through libc's modules.
build:
	$(CARGO) build --release --locked --bin time-shift
	$(CARGO) rustc --release --locked --bin time-shift-hook -- -C target-feature=+crt-static \
	    -C link-arg=-Wl,-z,pack-relative-relocs
	@echo "Built $(RELEASE)/time-shift-hook and $(RELEASE)/time-shift"

demo:
	@tests/setup demo
	@$(MAKE) --no-print-directory build
	@tests/lab/build >/dev/null
	@$(AS_ROOT) tests/lab/demo $(RELEASE)

deb:
	@debian/make-deb

test:
	@tests/setup test
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	shellcheck hooks/time-shift tests/setup tests/lab/build tests/lab/demo tests/lab/guest-init \
	    tests/lab/build-client tests/lab/build-debian tests/lab/client tests/lab/debian-clock \
	    tests/lab/debian-init tests/lab/debian-setup tests/lab/kill-all tests/lab/overlay \
	    tests/lab/qemu tests/lab/root tests/lab/unpack tests/lab/world tests/bench/run \
	    tests/fuzz/run tests/tls/certificates .ci/run
	shellcheck debian/make-deb debian/check-version debian/snippets.sh debian/*.postinst \
	    debian/*.prerm debian/*.postrm tests/deb/*
	debian/check-version
	target/lab/deny/bin/cargo-deny --offline --locked check licenses bans sources
	@$(MAKE) --no-print-directory build
	tests/lab/build-client
	tests/lab/build-debian
	$(RUN_TESTS)

# A long test is one that says #[ignore].
test-all:
	@tests/setup all
	@$(MAKE) --no-print-directory test
	$(RUN_TESTS) --test '*' -- --ignored --nocapture
	$(RUN_TESTS) --release --test audit numbers
	tests/fuzz/run 300
	@$(MAKE) --no-print-directory test-deb

FOR ?= 600

fuzz:
	@tests/setup all
	tests/fuzz/run $(FOR)

# The medians of one run on a machine that does nothing else; nothing depends on what they are.
bench:
	@tests/setup bench
	@$(MAKE) --no-print-directory build
	$(CARGO) build --release --locked --example bench
	@tests/lab/build >/dev/null
	@$(AS_ROOT) tests/bench/run $(RELEASE) $(PART)

test-deb:
	@tests/setup demo
	@tests/deb/setup
	$(AS_ROOT) tests/deb/run

# The roots of Debian releases, and what was built in them, belong to root.
clean:
	[ ! -e target/lab/roots ] || $(AS_ROOT) rm -rf target/lab/roots target/lab/deb
	$(CARGO) clean
