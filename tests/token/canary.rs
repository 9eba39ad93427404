//! A canary for a secret, looked for everywhere that it must not be. C4.
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use nix::sys::signal::Signal;

use crate::support::{Daemon, Run, wait_until};
use crate::vault::{PASSPHRASE, PROGRAM, Vault};

const CANARY: &str = "canary-7f3a91c2-do-not-tell";
const TRACE: &str = "/run/lab/trace";

/// Waits in the middle of its work with the secret in memory: its passphrase does not come.
fn holding(vault: &Vault) -> Child {
    vault.inputs(CANARY, "");
    let mut command = vault.command("bash");
    // A pipe that is open and stays empty.
    let script = format!(
        "ulimit -c unlimited; cd /tmp; mkfifo -m 600 /run/lab/pipe; exec {PROGRAM} token add canary \
         --passphrase-fd 3 </run/lab/input 3<>/run/lab/pipe 2>/run/lab/said"
    );
    let _ = fs::remove_file(vault.world.path("/run/lab/pipe"));
    command.args(["-c", &script]).stdin(Stdio::null());
    command.stdout(Stdio::null());
    let child = command.spawn().unwrap();
    let call = format!("/proc/{}/syscall", child.id());
    let name = format!("/proc/{}/comm", child.id());
    wait_until("the program waits for its passphrase", || {
        // read(3, ...)
        fs::read_to_string(&name).is_ok_and(|name| name == "time-shift\n")
            && fs::read_to_string(&call).is_ok_and(|call| call.starts_with("0 0x3 "))
    });
    child
}

/// Ends it by a signal whose default is a core dump; whether there was one.
fn dumped(mut child: Child, signal: Signal) -> bool {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, signal).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(signal as i32));
    status.core_dumped()
}

#[test]
fn a_secret_in_memory_is_in_no_dump_no_environment_and_no_argument_c4() {
    let vault = Vault::new();
    for signal in [Signal::SIGABRT, Signal::SIGQUIT] {
        let child = holding(&vault);
        let proc =
            |name: &str| fs::read(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
        let (environment, arguments) = (proc("environ"), proc("cmdline"));
        assert!(!arguments.is_empty());
        for bytes in [&environment, &arguments] {
            assert!(!String::from_utf8_lossy(bytes).contains(CANARY));
        }
        let limits = String::from_utf8(proc("limits")).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let core: Vec<&str> = core.unwrap().split_whitespace().collect();
        assert_eq!(core[4..6], ["0", "0"], "{core:?}");
        // It was there to be found: root can look into its memory.
        assert!(in_memory(child.id()), "the test looks in the wrong place");
        assert!(!dumped(child, signal), "{signal}");
        assert!(!vault.world.read("/run/lab/said").contains(CANARY));
    }
    assert_eq!(vault.with_text(CANARY), Vec::<String>::new());
}

/// Whether the canary is in the pages of a process that are written to.
fn in_memory(pid: u32) -> bool {
    use std::os::unix::fs::FileExt;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines()
        .filter(|line| line.contains(" rw-p "))
        .any(|line| {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let from = u64::from_str_radix(from, 16).unwrap();
            let to = u64::from_str_radix(to, 16).unwrap();
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            memory.read_exact_at(&mut bytes, from).is_ok()
                && bytes
                    .windows(CANARY.len())
                    .any(|part| part == CANARY.as_bytes())
        })
}

/// The same attempt on a program that does nothing against it, so that the one above can fail.
#[test]
fn a_program_that_does_not_care_is_dumped() {
    let vault = Vault::new();
    let mut command = vault.command("bash");
    command.args(["-c", "ulimit -c unlimited; cd /tmp; exec sleep 100"]);
    let child = command.stdin(Stdio::null()).spawn().unwrap();
    let name = format!("/proc/{}/comm", child.id());
    wait_until("sleep", || {
        fs::read_to_string(&name).is_ok_and(|name| name == "sleep\n")
    });
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let allowed = limits
        .lines()
        .any(|line| line.starts_with("Max core file size") && line.contains("unlimited"));
    // Where not even root may raise the limit there are no dumps to be had.
    assert!(dumped(child, Signal::SIGABRT) || !allowed);
}

#[test]
fn no_log_no_message_and_no_started_program_has_a_secret_c4() {
    let vault = Vault::new();
    let daemon = Daemon::listen(&vault.world);
    vault.world.write(
        "/etc/time-shift/config.toml",
        "[syslog]\nformat = \"rfc5424\"\n",
    );
    let second = format!("{CANARY}-2");
    let wrapper = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "99999",
        "-e",
        "trace=execve,execveat",
        "-A",
        "-o",
        TRACE,
    ];
    let mut said = String::new();
    let mut call = |arguments: &[&str], input: &str, passphrase: &str| {
        let mut command = vault.wrapped(&wrapper, input, passphrase);
        let run = Run::of(command.args(arguments));
        said.push_str(&run.log());
        run.code
    };
    let third = ["--passphrase-fd", "3"];
    let with = |arguments: &[&'static str]| [arguments, &third].concat();
    assert_eq!(call(&with(&["add", "canary"]), CANARY, PASSPHRASE), Some(0));
    call(&["list", "--json"], "", "");
    call(&["status", "--json"], "", "");
    call(&["lock"], "", "");
    call(&with(&["unlock"]), "", PASSPHRASE);
    assert_eq!(
        call(&with(&["rotate", "canary"]), &second, PASSPHRASE),
        Some(0)
    );
    // Errors of all sorts, with a secret at hand.
    call(&with(&["add", "canary"]), CANARY, PASSPHRASE);
    call(
        &with(&["add", "other", "--kind", "github"]),
        CANARY,
        PASSPHRASE,
    );
    call(
        &with(&["add", "other"]),
        &format!("{CANARY}\n{CANARY}"),
        PASSPHRASE,
    );
    call(&with(&["rotate", "canary"]), &second, PASSPHRASE);
    call(&["lock"], "", "");
    for _ in 0..4 {
        call(&with(&["unlock"]), "", CANARY);
    }
    call(&["add", "other"], CANARY, "");
    vault.world.cli(&["check"]);
    vault.world.cli(&["sweep"]);
    call(&["remove", "canary", "--yes"], "", "");

    let trace = vault.world.read(TRACE);
    assert!(trace.matches("execve(").count() >= 10, "{trace}");
    let log = daemon.said().join("\n");
    for text in [CANARY, PASSPHRASE] {
        assert!(!said.contains(text), "{said}");
        assert!(!trace.contains(text), "{trace}");
        assert!(!log.contains(text), "{log}");
        assert_eq!(vault.with_text(text), Vec::<String>::new());
    }
    println!("canary: 0 in streams, logs, syslog, files and arguments");
}
