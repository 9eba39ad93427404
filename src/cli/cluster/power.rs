//! `time-shift start`, `stop`, `shutdown` and `reboot`: the task is followed to its end.
use std::time::Duration;

use serde_json::Value;

use super::batch::run;
use super::hosts::{Asked, open};
use super::needs;
use super::reach::{Found, look};
use super::select::select;
use super::write::{Change, Writer, tell};
use crate::api::{Api, Kind, Method, Path, Power, TaskEnd};
use crate::cli::arguments::cluster::PowerOf;
use crate::cli::confirm::confirmed;
use crate::cli::{Exit, Failure, complain};
use crate::config::Config;
use crate::model::{NodeName, Upid};
use crate::system::{self, Deadline, interrupted};

/// How far apart the clocks of a cluster's nodes may be, in seconds.
const CLOCKS: i64 = 30;

/// The first pause between two looks at a task, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

pub(in crate::cli) fn power(
    config: &Config,
    power: Power,
    options: &PowerOf,
) -> Result<Exit, Failure> {
    if options.selection.is_empty() {
        complain(&"say which VMs: by number, by --tag, or --all");
        return Ok(Exit::Usage);
    }
    let asked = open(
        config,
        &options.hosts,
        &options.selection,
        needs(options.changing.dry_run, Method::Post),
    );
    let reach = match asked.and_then(|asked| look(config, asked)) {
        Ok(reach) => reach,
        Err(stop) => return Ok(stop.tell()),
    };
    let selected = select(&reach, &options.selection)?;
    let changing = &options.changing;
    let harmless = power == Power::Start || changing.dry_run || selected.found.is_empty();
    if !harmless {
        let vmids: Vec<String> = selected
            .found
            .iter()
            .map(|one| one.guest.vmid.to_string())
            .collect();
        let which = match vmids.len() {
            1..=10 => format!("VM {}", vmids.join(" ")),
            many => format!("{many} VMs"),
        };
        if !confirmed(options.yes, &format!("{} {which}", power.word()))? {
            return Ok(Exit::Usage);
        }
    }
    let writer = Writer::new(config)?;
    let parts = run(
        &reach,
        &selected.found,
        changing.fail_fast,
        |asked, found| one(asked, found, power, options, &writer),
    );
    tell(&selected, parts, changing, reach.partly)
}

fn one(
    asked: &Asked,
    found: &Found,
    power: Power,
    options: &PowerOf,
    writer: &Writer,
) -> Result<String, String> {
    let (api, guest): (&dyn Api, _) = (asked.api.as_ref(), &found.guest);
    let path = Path::power(&guest.node, guest.vmid, power);
    let change = Change {
        method: Method::Post,
        path: &path,
        parameters: &[],
    };
    if options.changing.dry_run {
        return Ok(api.shown(change.method, change.path, change.parameters));
    }
    let begun = system::now().map_err(|error| format!("this host's clock: {error}"))?;
    writer.make(asked, found, &change, |answer| {
        let task = match answer {
            Value::Null => task_of(api, found, power, begun.real.floor_seconds()),
            named => named.as_str().and_then(Upid::parse),
        };
        let text = follow(api, &guest.node, task, power, options.wait)?;
        Ok((text.clone(), text))
    })
}

/// The task that was begun and is not named: pvesh does not read what it says on another node.
fn task_of(api: &dyn Api, found: &Found, power: Power, begun: i64) -> Option<Upid> {
    let Found { guest, .. } = found;
    let word = power.word();
    let kinds = [format!("qm{word}"), format!("ha{word}")];
    let kinds = kinds.each_ref().map(String::as_str);
    // Nodes' clocks differ by less.
    let since = begun.saturating_sub(CLOCKS);
    TaskEnd::find(api, &guest.node, guest.vmid, &kinds, since).ok()?
}

/// Follows a task to its end.
fn follow(
    api: &dyn Api,
    node: &NodeName,
    task: Option<Upid>,
    power: Power,
    wait: Duration,
) -> Result<String, String> {
    let task = task.ok_or_else(|| {
        format!(
            "{}: it was asked for, and the answer names no task; look at the VM",
            power.word()
        )
    })?;
    // HA's tasks may run on another node than the VM.
    let node = task.node().unwrap_or_else(|| node.clone());
    let deadline = Deadline::after(wait);
    let mut pause = PAUSES.0;
    let end = loop {
        match TaskEnd::ask(api, &node, &task) {
            Ok(TaskEnd::Running) => {}
            Ok(end) => break end,
            // The task goes on whether it is watched or not.
            Err(error) if error.passing || error.kind == Kind::NoAnswer => {}
            Err(error) => return Err(format!("the task {task} cannot be followed: {error}")),
        }
        if deadline.passed() {
            return Err(format!(
                "the task {task} still runs; it is no longer followed"
            ));
        }
        if interrupted() {
            return Err(format!("the task {task} goes on; it is no longer followed"));
        }
        deadline.sleep(pause);
        pause = pause.saturating_mul(2).min(PAUSES.1);
    };
    let said = match TaskEnd::our_lines(api, &node, &task) {
        Ok(lines) => lines.iter().map(|line| format!("\n    {line}")).collect(),
        Err(error) => format!("\n    (what the hook said cannot be read: {error})"),
    };
    match end {
        TaskEnd::Warned(why) => Ok(format!(
            "{} done, with warnings ({why}){said}",
            power.word()
        )),
        TaskEnd::Done if task.kind().starts_with("ha") => Ok(format!(
            "{} asked of HA, which does it when it can: time-shift cluster status shows whether it \
             has{said}",
            power.word()
        )),
        TaskEnd::Failed(why) => Err(format!("{} failed: {why}{said}", power.word())),
        _ => Ok(format!("{} done{said}", power.word())),
    }
}
