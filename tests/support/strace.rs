//! The hook under strace, which kills it or holds it at a chosen system call, and a VM that is
//! watched meanwhile.
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;

use super::guest::Guest;
use super::monitor::TestMonitor;
use super::proxmox::Run;
use super::world::{World, allow};

const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";
/// The state note, in its world.
pub const NOTE: &str = "/run/time-shift/100.json";

/// A time that has no field in common with today.
pub const TARGET: &str = "1999-10-05T16:41:33Z";

/// Longest from a killed hook to a running VM.
pub const PAUSE_LIMIT: Duration = Duration::from_secs(2);

/// A second monitor, for a client that wants to watch the first's.
pub const SECOND_MONITOR: [&str; 2] = ["-qmp", "unix:/run/lab/second,server=on,wait=off"];

/// A node whose VM 100 was launched and waits for its post-start, and a session with it.
pub fn before_post_start(world: &World) -> (Guest<'_>, TestMonitor) {
    world.hook(100, "pre-start").one_line(0, &["is to boot at"]);
    let [option, value] = SECOND_MONITOR;
    let guest = world.launch(100, &["-m", "pc", "--no-guest", "--", option, value]);
    let monitor = TestMonitor::connect(&world.path("/run/lab/second"));
    (guest, monitor)
}

/// post-start under strace, which does `inject` to it. Its guardian is not traced.
pub fn traced(world: &World, inject: &str, phase: &str) -> Command {
    let mut command = world.command("/usr/bin/strace");
    command.args(["-s", "200", "-o", "/run/lab/trace"]);
    command.args(["-e", &format!("inject={inject}"), HOOK, "100", phase]);
    command
}

/// The system calls of the run before.
pub fn trace(world: &World) -> Vec<String> {
    let text = world.read("/run/lab/trace");
    let calls = text.lines().filter(|line| !line.starts_with(['+', '-']));
    calls.map(str::to_owned).collect()
}

/// The number, from 1, of the `sendto` that has `word` in it.
pub fn sendto_with(trace: &[String], word: &str) -> usize {
    let mut sends = trace.iter().filter(|call| call.starts_with("sendto("));
    1 + sends.position(|call| call.contains(word)).expect(word)
}

/// The system calls of an undisturbed post-start, on a VM of its own.
pub fn undisturbed() -> Vec<String> {
    let world = World::with_vm("", &allow(TARGET));
    let (_guest, _) = before_post_start(&world);
    // An error that cannot be injected, since there is no such call in the hook.
    let run = Run::of(&mut traced(&world, "reboot:error=EPERM", "post-start"));
    run.one_line(0, &["RTC set to 1999-10-05T16:41:3"]);
    trace(&world)
}

/// Whether the RTC shows the target (in the VM's few minutes) or the host's time; nothing else will
/// do.
pub fn shows_target(monitor: &mut TestMonitor, context: &str) -> bool {
    let rtc = monitor.rtc_seconds();
    let target = rtc - TARGET.parse::<Timestamp>().unwrap().as_second();
    let host = rtc - Timestamp::now().as_second();
    if host.abs() <= 2 {
        return false;
    }
    assert!((0..=600).contains(&target), "{}: {context}", monitor.rtc());
    true
}
