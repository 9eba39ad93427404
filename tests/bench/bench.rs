//! What the hook costs, beside `/bin/true`, a shell, and the same duty in Perl and Python, and how close
//! the agent stage gets a clock, beside libvirt, what a secret costs, and how long a cluster's clocks take,
//! beside a Python program: `make bench`.
//!
//! To be run by `tests/bench/run`, in a world of its own. Prints Markdown. An argument chooses one of the
//! parts: `hook`, `clock` or `secrets`; `cluster RELEASE` is run outside.
// A bench that cannot go on says so by a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod clock;
mod cluster;
mod contender;
#[allow(dead_code)]
#[path = "../api/fake.rs"]
mod fake;
mod files;
mod host;
mod instructions;
mod peak;
mod rounds;
mod rtc;
mod secrets;
mod summary;
mod table;
#[path = "../support/peak.rs"]
mod traced;

use contender::{Contender, Duty};
use files::Allowlist;

/// How often each contender runs. Each run of it is one of a round in which all others run too.
const ROUNDS: usize = 200;

/// Those that take a good part of a second run in one round of so many.
const SLOW: usize = 20;

fn main() {
    let part = std::env::args().nth(1);
    // Not in the world, where that Python is not.
    if part.as_deref() == Some("cluster") {
        let release = std::env::args().nth(2).expect("bench cluster RELEASE");
        println!("{}", cluster::measure(release.as_ref()));
        return;
    }
    files::write();
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wanted("hook") {
        hook();
    }
    if wanted("secrets") {
        println!("{}", secrets::measure());
    }
    if wanted("clock") {
        println!("{}", clock::measure());
    }
    println!("{}", host::facts(ROUNDS));
}

fn hook() {
    let contenders = contenders();
    for contender in &contenders {
        contender.check();
    }
    eprintln!("Without QEMU: {ROUNDS} rounds ...");
    let mut results = rounds::measure(&contenders, ROUNDS);
    eprintln!("The RTC stage ...");
    let (rtc, pauses) = rtc::measure();
    results.extend(rtc);

    println!("{}", table::costs(&results));
    println!("{}", table::pauses(&pauses));
}

/// All that needs no QEMU.
fn contenders() -> Vec<Contender> {
    use Allowlist::{Large, Small};
    let quiet = "";
    let planned = "is to boot at";
    let mut all = vec![
        Contender::new(Duty::Floor, "/bin/true", &["/bin/true"], Small, quiet),
        Contender::new(
            Duty::Floor,
            "dash -c :",
            &["/bin/dash", "-c", ":"],
            Small,
            quiet,
        ),
    ];
    for (duty, vmid, phase, allowlist, says) in [
        (Duty::Nothing, "101", "pre-start", Small, quiet),
        (Duty::NothingAfter, "101", "post-start", Small, quiet),
        (Duty::PreStart, "100", "pre-start", Small, planned),
        (Duty::ManyRules, "100", "pre-start", Large, planned),
    ] {
        for (program, path) in files::PROGRAMS {
            let slow = allowlist == Large && program != files::HOOK.0;
            // The shell in front of the program costs the same whatever that does.
            if program == files::SHIM.0 && allowlist == Large {
                continue;
            }
            let contender = Contender::new(duty, program, &[path, vmid, phase], allowlist, says);
            all.push(if slow {
                contender.each(SLOW)
            } else {
                contender
            });
        }
    }
    all
}
