//! On what it was measured.
use std::fs;
use std::process::Command;

use crate::files;

fn said(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .next()
        .unwrap_or("not installed")
        .to_owned()
}

/// The program's size and libraries, and the machine.
pub(crate) fn facts(rounds: usize) -> String {
    let size = fs::metadata(files::HOOK.1).unwrap().len();
    let libraries = Command::new("/usr/bin/ldd")
        .arg(files::HOOK.1)
        .output()
        .unwrap();
    let libraries = String::from_utf8_lossy(&libraries.stdout)
        .matches("=>")
        .count();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("?", |(_, model)| model);
    let count = cpus.matches("model name").count();
    let perl = Command::new("/usr/bin/perl")
        .args(["-MJSON::XS", "-e", ""])
        .output()
        .is_ok_and(|output| output.status.success());
    #[allow(clippy::cast_precision_loss)]
    let megabytes = size as f64 / 1e6;
    format!(
        "time-shift-hook: {megabytes:.2} MB stripped, {libraries} shared libraries.\n\
         {}, {rounds} rounds; {count} x {model}, Linux {}; {}; {}, {}; Perl with {}.",
        said("/usr/bin/date", "+%Y-%m-%d"),
        said("/usr/bin/uname", "-r"),
        said("/usr/bin/qemu-system-x86_64", "--version"),
        said("/usr/bin/python3", "--version"),
        said("/usr/bin/perl", "-e print \"Perl $^V\""),
        if perl { "JSON::XS" } else { "JSON::PP" },
    )
}
