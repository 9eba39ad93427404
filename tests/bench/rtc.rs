//! The RTC stage on a real QEMU with a booted guest, and how long its vCPUs stand, as QEMU says.
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::contender::{Contender, Duty};
use crate::files::{self, Allowlist, PROGRAMS, SHIM};
use crate::rounds::{self, Cost};
use crate::summary::Samples;

/// How often each sets the RTC.
const ROUNDS: usize = 60;
const WATCH: &str = "/run/lab/watch";

/// How long the vCPUs stood, for a program.
pub(crate) type Pauses = (&'static str, Samples);

/// Measures post-start. pre-start and the launch of QEMU belong to no measurement.
pub(crate) fn measure() -> (Vec<Cost>, Vec<Pauses>) {
    files::use_allowlist(Allowlist::Small);
    let programs = || PROGRAMS.into_iter().filter(|program| *program != SHIM);
    for (_, path) in programs() {
        let planned = Command::new(path)
            .args(["100", "pre-start"])
            .output()
            .unwrap();
        assert!(!planned.stdout.is_empty(), "{planned:?}");
    }
    files::save_note();
    launch();
    let contenders: Vec<Contender> = programs()
        .map(|(name, path)| {
            let argv = [path, "100", "post-start"];
            Contender::new(Duty::Rtc, name, &argv, Allowlist::Small, "RTC set to")
        })
        .collect();
    let watch = watch();
    let mut times: Vec<Vec<Duration>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut pauses = times.clone();
    rounds::run(&contenders, ROUNDS, |number| {
        times[number].push(contenders[number].time());
        let pause = watch.recv_timeout(Duration::from_secs(5));
        pauses[number].push(pause.expect("QEMU tells of STOP and RESUME"));
    });
    let pauses = contenders.iter().zip(&pauses);
    let pauses = pauses.map(|(contender, pauses)| (contender.program, Samples::new(pauses)));
    let pauses = pauses.collect();
    (rounds::costs(&contenders, &times), pauses)
}

/// Launches QEMU with a second monitor and waits for the guest.
fn launch() {
    let second = format!("unix:{WATCH},server=on,wait=off");
    let launched = Command::new("/opt/lab/qemu")
        .args(["100", "--", "-qmp", &second])
        .status();
    assert!(launched.unwrap().success());
    let begun = Instant::now();
    while !fs::read_to_string("/run/lab/100.serial").is_ok_and(|text| text.contains("LAB tick")) {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "the guest does not boot"
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// Each pause from here on, by the times that QEMU gives its events.
fn watch() -> Receiver<Duration> {
    let mut stream = UnixStream::connect(WATCH).unwrap();
    writeln!(stream, "{{\"execute\": \"qmp_capabilities\"}}").unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stopped = None;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let message: Value = serde_json::from_str(&line).unwrap();
            let stamp = &message["timestamp"];
            let at = || {
                let part = |name: &str| stamp[name].as_u64().unwrap();
                Duration::from_micros(part("seconds") * 1_000_000 + part("microseconds"))
            };
            match message["event"].as_str() {
                Some("STOP") => stopped = Some(at()),
                Some("RESUME") => {
                    let pause = at().saturating_sub(stopped.take().unwrap());
                    let _ = sender.send(pause);
                }
                _ => {}
            }
        }
    });
    receiver
}
