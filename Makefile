# make demo   a real guest boots in the past: everything it needs from apt, then two VMs side by side
# make test   everything CI runs
# make build  target/release/time-shift-hook (static) and target/release/time-shift
# make deb    target/deb/time-shift-proxmox_VERSION_amd64.deb
# make test-deb  builds, installs, upgrades and removes the package on Debian 12 and 13; half an hour

CARGO ?= cargo
RELEASE = target/release

# The tests mount file systems of their own and start guests, so their programs run as root.
AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)
TRIPLE = $(shell rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')

.PHONY: all build deb demo test test-deb clean

all: build

# The hook is linked statically: no library's upgrade can keep a VM from starting, and it starts
# faster. The command line is not, since names are looked up through libc's modules.
build:
	$(CARGO) build --release --locked --bin time-shift
	$(CARGO) rustc --release --locked --bin time-shift-hook -- -C target-feature=+crt-static
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
	    tests/lab/kill-all tests/lab/qemu tests/lab/world .ci/run
	shellcheck debian/make-deb debian/check-version debian/snippets.sh debian/*.postinst \
	    debian/*.prerm debian/*.postrm tests/deb/*
	@$(MAKE) --no-print-directory build
	tests/lab/build
	$(if $(AS_ROOT),CARGO_TARGET_$(TRIPLE)_RUNNER="sudo env TIME_SHIFT_PROGRAMS=$(RELEASE)") \
	    TIME_SHIFT_PROGRAMS=$(RELEASE) $(CARGO) test --locked

test-deb:
	@tests/deb/setup
	$(AS_ROOT) tests/deb/run

# The roots of Debian releases, and what was built in them, belong to root.
clean:
	[ ! -e target/lab/roots ] || $(AS_ROOT) rm -rf target/lab/roots target/lab/deb
	$(CARGO) clean
