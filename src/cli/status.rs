//! `time-shift status`: what was done to which clock since its VM started.
use serde::Serialize;

use super::arguments::Status;
use super::style::table;
use super::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::{Now, Offset, Printable, ProfileName, StartKind, Timestamp, VmId};
use crate::report::Tone;
use crate::state::{Keep, Note, Stage, Store};
use crate::system;

/// One VM, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    vmid: VmId,
    profile: ProfileName,
    start_kind: Option<StartKind>,
    /// `ended` where the VM stopped and nobody told us.
    stage: &'static str,
    verified: Option<bool>,
    offset_ns: Offset,
    error_ns: Option<Offset>,
    /// What the guest should show now.
    guest_time: Option<Timestamp>,
    /// When its clock was seen last through its agent.
    seen: Option<Timestamp>,
    /// When it gets its real time back.
    restore_by: Option<Timestamp>,
    /// What a person should know.
    remark: Option<Printable>,
    since: Timestamp,
}

pub(super) fn run(config: &Config, options: &Status) -> Result<Exit, Failure> {
    let store = Store::new(&config.paths.state);
    let vmids = if options.vmids.is_empty() {
        store.vmids()?
    } else {
        options.vmids.clone()
    };
    let now = system::now()?;
    let mut rows = Vec::new();
    let mut exit = Exit::Done;
    for vmid in vmids {
        match store.load(vmid) {
            Ok(Some(note)) => {
                let keep = store.load_keep(vmid).unwrap_or_else(|error| {
                    complain(&error);
                    exit = Exit::Failed;
                    None
                });
                rows.push(row(&note, keep.as_ref(), now));
            }
            Ok(None) => {}
            Err(error) => {
                // One bad file must not hide the others.
                complain(&error);
                exit = Exit::Failed;
            }
        }
    }
    if options.json {
        put_json(&rows)?;
    } else if rows.is_empty() && exit == Exit::Done {
        put("No VM was started with another time.\n")?;
    } else if !rows.is_empty() {
        put(&text(&rows))?;
    }
    Ok(exit)
}

fn row(note: &Note, keep: Option<&Keep>, now: Now) -> Row {
    let ended = note
        .generation
        .is_some_and(|generation| !generation.is_alive());
    let keep = keep.filter(|keep| Some(keep.generation) == note.generation);
    let agent = keep.and_then(|keep| keep.agent);
    // What was seen last counts: through the agent, else the RTC at the start.
    let (verified, error) = match (agent, note.rtc) {
        (Some(agent), _) => (Some(agent.verified), Some(agent.error_ns)),
        (None, Some(rtc)) => (Some(rtc.verified), Some(rtc.error_ns)),
        (None, None) => (None, None),
    };
    let offset = match (agent, note.rtc) {
        (Some(agent), _) => agent.offset_ns,
        (None, Some(rtc)) => rtc.offset_ns,
        (None, None) => note.offset_ns,
    };
    let shifted = !ended && (agent.is_some() || note.stage == Stage::RtcSet);
    let course = keep.map_or(note.plan.course, |keep| keep.course);
    let stage = match keep {
        _ if ended => "ended",
        Some(keep) if note.plan.stages.agent => keep.stage.as_str(),
        _ => note.stage.as_str(),
    };
    let remark = keep.and_then(|keep| keep.remark.clone());
    Row {
        vmid: note.vmid,
        profile: note.grant.profile().clone(),
        start_kind: note.start_kind,
        stage,
        verified,
        offset_ns: offset,
        error_ns: error,
        guest_time: match shifted {
            true => course.guest_time(now).ok(),
            false => None,
        },
        seen: agent.map(|agent| agent.at),
        restore_by: keep.and_then(|keep| keep.restore_by),
        remark: remark.or_else(|| note.remark.clone()),
        since: note.since,
    }
}

fn text(rows: &[Row]) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let cells = |row: &Row| {
        vec![
            row.vmid.to_string(),
            row.profile.to_string(),
            or_dash(row.start_kind.map(|kind| kind.to_string())),
            row.stage.to_owned(),
            or_dash(
                row.verified
                    .map(|yes| if yes { "yes" } else { "NO" }.to_owned()),
            ),
            row.offset_ns.to_string(),
            or_dash(row.error_ns.map(|error| error.to_string())),
            or_dash(row.guest_time.map(|time| time.to_string())),
            or_dash(row.restore_by.map(|time| time.to_string())),
            row.since.to_string(),
        ]
    };
    let header = [
        "VMID",
        "PROFILE",
        "START",
        "STAGE",
        "VERIFIED",
        "OFFSET",
        "ERROR",
        "GUEST TIME",
        "RESTORE BY",
        "SINCE",
    ];
    let toned = |row: &Row| {
        let tone = match row.verified {
            Some(false) => Some(Tone::Bad),
            _ if row.stage == "ended" => Some(Tone::Aside),
            _ => None,
        };
        (cells(row), tone)
    };
    table(&header, &rows.iter().map(toned).collect::<Vec<_>>())
}
