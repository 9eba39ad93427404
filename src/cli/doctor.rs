//! `time-shift doctor`: what a node needs, in the order in which it is done, each with the next step;
//! then what `check` finds.
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use std::time::Duration;

use serde::Serialize;

use super::arguments::Doctor;
use super::snippet::{LIMIT, NAME, is_copy};
use super::style::{colors, hanging};
use super::{Exit, Failure, check, put, put_json};
use crate::config::Config;
use crate::report::{Finding, Severity, Tone};
use crate::sources::{guests_naming, load_allowlist, load_config, storages};
use crate::state::Store;
use crate::system::{self, Trust};

/// The hook, as the package installs it.
const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";
/// Where systemd keeps that the timer starts with the node.
const TIMER: &str = "/etc/systemd/system/timers.target.wants/time-shift-sweep.timer";

/// How long after the last sweep something must be wrong: there is one each minute.
const LATE: Duration = Duration::from_secs(5 * 60);

/// How a step stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Done.
    Done,
    /// To be done, or not to be seen from here; nothing fails without it.
    Open,
    /// Nothing works without it.
    Missing,
}

/// One step.
#[derive(Debug, Serialize)]
struct Step {
    state: State,
    what: &'static str,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// As `--json` prints it.
#[derive(Debug, Serialize)]
struct Answer {
    steps: Vec<Step>,
    findings: Vec<Finding>,
}

impl Step {
    fn new(what: &'static str, state: State, found: impl Into<String>, next: &str) -> Step {
        Step {
            state,
            what,
            found: found.into(),
            next: (state != State::Done).then(|| next.to_owned()),
        }
    }
}

pub(super) fn run(config_path: &Path, options: &Doctor) -> Result<Exit, Failure> {
    let mut steps = vec![program()];
    match load_config(config_path) {
        Ok(config) => steps.extend(node(&config, config_path)),
        Err(error) => steps.push(Step::new(
            "config.toml",
            State::Missing,
            error.to_string(),
            "correct it; without it no clock is changed",
        )),
    }
    let answer = Answer {
        steps,
        findings: check::findings(config_path)?,
    };
    if options.json {
        put_json(&answer)?;
    } else {
        put(&text(&answer))?;
    }
    let missing = answer.steps.iter().any(|step| step.state == State::Missing);
    let errors = answer
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    Ok(match missing || errors {
        true => Exit::Failed,
        false => Exit::Done,
    })
}

fn program() -> Step {
    let (what, reinstall) = (
        "hook",
        "install the package again: apt install --reinstall time-shift-proxmox",
    );
    match std::fs::metadata(HOOK) {
        Ok(metadata) if metadata.permissions().mode() & 0o111 != 0 => {
            Step::new(what, State::Done, HOOK, reinstall)
        }
        Ok(_) => Step::new(
            what,
            State::Missing,
            format!("{HOOK} cannot be executed"),
            reinstall,
        ),
        Err(error) => Step::new(what, State::Missing, format!("{HOOK}: {error}"), reinstall),
    }
}

fn node(config: &Config, config_path: &Path) -> Vec<Step> {
    vec![
        Step::new(
            "config.toml",
            State::Done,
            match config_path.exists() {
                true => format!("{} is valid", config_path.display()),
                false => format!(
                    "there is no {}, so the defaults hold",
                    config_path.display()
                ),
            },
            "",
        ),
        proxmox(config),
        clock(),
        log(config),
        sweep(config),
        allowlist(config),
        snippet(config),
    ]
}

fn proxmox(config: &Config) -> Step {
    let folder = config.paths.pve.join("qemu-server");
    let next =
        "this is to run on a Proxmox VE node whose pmxcfs is mounted: systemctl status pve-cluster";
    match folder.is_dir() {
        true => Step::new(
            "Proxmox VE",
            State::Done,
            format!("{}", folder.display()),
            next,
        ),
        false => Step::new(
            "Proxmox VE",
            State::Missing,
            format!("there is no {}", folder.display()),
            next,
        ),
    }
}

fn clock() -> Step {
    let next =
        "see `chronyc tracking` or `timedatectl`: guests get the host's time plus their offset";
    match system::host_clock_synchronised() {
        true => Step::new("host's clock", State::Done, "synchronised", next),
        false => Step::new("host's clock", State::Open, "not synchronised", next),
    }
}

fn log(config: &Config) -> Step {
    let socket = &config.paths.syslog;
    let is_socket = std::fs::metadata(socket).is_ok_and(|it| it.file_type().is_socket());
    if config.syslog.enabled && !is_socket {
        return Step::new(
            "syslog",
            State::Open,
            format!("{} is no socket", socket.display()),
            "what is done is in the audit trail all the same; systemctl status systemd-journald",
        );
    }
    let found = match config.syslog.enabled {
        true => format!("{}", socket.display()),
        false => "switched off in config.toml".to_owned(),
    };
    Step::new("syslog", State::Done, found, "")
}

fn sweep(config: &Config) -> Step {
    let what = "sweep";
    let next = "systemctl unmask time-shift-sweep.timer; systemctl enable --now time-shift-sweep.timer; or call \
                `time-shift sweep` each minute: it keeps the date over reboots inside a guest and gives back \
                what is over";
    let masked = |folder: &str| {
        let unit = Path::new(folder).join("time-shift-sweep.timer");
        std::fs::read_link(unit).is_ok_and(|to| to == Path::new("/dev/null"))
    };
    let timer = match ["/etc/systemd/system", "/run/systemd/system"]
        .into_iter()
        .any(masked)
    {
        true => "time-shift-sweep.timer is masked",
        false if Path::new(TIMER).exists() => "time-shift-sweep.timer is enabled",
        false => "time-shift-sweep.timer is not enabled",
    };
    // What is enabled may have been stopped, so it is asked whether it has done anything.
    let last = Store::new(&config.paths.state).last_sweep();
    let last = last.map_err(|error| error.to_string());
    let known = last.and_then(|last| Ok((last, system::now().map_err(|error| error.to_string())?)));
    let (last, now) = match known {
        Ok((last, now)) => (last, now.boot.as_nanos()),
        Err(why) => {
            let found = format!("{timer}; when the last was cannot be known: {why}");
            return Step::new(what, State::Open, found, next);
        }
    };
    let ago = |then: u64| Duration::from_nanos(now.saturating_sub(then));
    let (state, when) = match last.map(|last| ago(last.as_nanos())) {
        Some(since) if since <= LATE => (
            State::Done,
            format!("the last was {} s ago", since.as_secs()),
        ),
        Some(since) => (
            State::Open,
            format!("the last was {} min ago", since.as_secs() / 60),
        ),
        None if ago(0) <= LATE => (State::Done, "the host has just booted".to_owned()),
        None => (State::Open, "none has run since the host booted".to_owned()),
    };
    Step::new(what, state, format!("{timer}; {when}"), next)
}

fn allowlist(config: &Config) -> Step {
    let what = "allowlist";
    let next = "write a profile and a rule: time-shift-allowlist(5)";
    match load_allowlist(config) {
        Ok(loaded) if loaded.allowlist.rules.is_empty() => Step::new(
            what,
            State::Open,
            format!("{} counts and allows nothing yet", loaded.path.display()),
            next,
        ),
        Ok(loaded) => {
            let (rules, profiles) = (
                loaded.allowlist.rules.len(),
                loaded.allowlist.profiles.len(),
            );
            let found = format!(
                "{} counts; rules: {rules}, profiles: {profiles}",
                loaded.path.display()
            );
            Step::new(what, State::Done, found, next)
        }
        Err(not_loaded) => Step::new(
            what,
            State::Missing,
            not_loaded.deny.text.clone(),
            "correct it; until then nothing is allowed",
        ),
    }
}

fn snippet(config: &Config) -> Step {
    let what = "hookscript";
    let storages = match storages(config) {
        Ok(storages) => storages,
        Err(error) => return Step::new(what, State::Open, error.to_string(), "see the message"),
    };
    let with_copy: Vec<String> = storages
        .iter()
        .filter(|storage| !storage.disabled && storage.offers_snippets())
        .filter(|storage| {
            let copy = system::read(&storage.snippets.join(NAME), Trust::Data, LIMIT);
            copy.is_ok_and(|bytes| is_copy(&bytes))
        })
        .map(|storage| format!("{}:snippets/time-shift", storage.id))
        .collect();
    let Some(volume) = with_copy.first() else {
        let found = "no storage has the snippet";
        return Step::new(what, State::Open, found, "time-shift install-hook");
    };
    let mut guests = 0_usize;
    for volume in &with_copy {
        match guests_naming(config, volume) {
            Ok(named) => guests = guests.saturating_add(named.len()),
            Err(error) => {
                let found =
                    format!("{volume} is there; which guests name it cannot be known: {error}");
                return Step::new(what, State::Open, found, "see the message");
            }
        }
    }
    match guests {
        0 => Step::new(
            what,
            State::Open,
            format!("{volume} is there, and no guest names it"),
            &format!("qm set VMID --hookscript {volume}"),
        ),
        guests => Step::new(
            what,
            State::Done,
            format!("{}; guests that name it: {guests}", with_copy.join(" ")),
            "",
        ),
    }
}

fn text(answer: &Answer) -> String {
    let mut text = String::new();
    let width = answer
        .steps
        .iter()
        .map(|step| step.what.len())
        .max()
        .unwrap_or(0);
    for step in &answer.steps {
        let (mark, tone) = match step.state {
            State::Done => ("ok     ", Tone::Good),
            State::Open => ("open   ", Tone::Warning),
            State::Missing => ("missing", Tone::Bad),
        };
        let found = hanging(&format!("{mark}  {:width$}  ", step.what), &step.found);
        text.push_str(&found.replacen(mark, &colors().paint(tone, mark), 1));
        if let Some(next) = &step.next {
            text.push_str(&hanging(&format!("         {:width$}  -> ", ""), next));
        }
    }
    text.push_str(&match answer.findings.len() {
        0 => "check finds nothing else.\n".to_owned(),
        count => format!("check finds {count}:\n"),
    });
    for finding in &answer.findings {
        text.push_str(&check::line(finding));
    }
    text
}
