//! `time-shift status`: what was done to which clock since its VM started.
use serde::Serialize;

use super::arguments::Status;
use super::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::{Now, Offset, ProfileName, StartKind, Timestamp, VmId};
use crate::report::columns;
use crate::state::{Note, Stage, Store};
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
            Ok(Some(note)) => rows.push(row(&note, now)),
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

fn row(note: &Note, now: Now) -> Row {
    let ended = note
        .generation
        .is_some_and(|generation| !generation.is_alive());
    let offset = note.rtc.map_or(note.offset_ns, |rtc| rtc.offset_ns);
    let shifted = note.stage == Stage::RtcSet && !ended;
    Row {
        vmid: note.vmid,
        profile: note.grant.profile().clone(),
        start_kind: note.start_kind,
        stage: if ended { "ended" } else { note.stage.as_str() },
        verified: note.rtc.map(|rtc| rtc.verified),
        offset_ns: offset,
        error_ns: note.rtc.map(|rtc| rtc.error_ns),
        guest_time: if shifted {
            note.plan.course.guest_time(now).ok()
        } else {
            None
        },
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
        "SINCE",
    ];
    columns(&header, &rows.iter().map(cells).collect::<Vec<_>>())
}
