//! `token list`: what everybody may know of the secrets.
use serde::Serialize;

use super::super::style::table;
use super::super::{Exit, complain, put, put_json};
use super::Trouble;
use crate::model::{Now, Offset, Timestamp, TokenName};
use crate::report::Tone;
use crate::system;
use crate::token::{Info, Kind, Store};

/// One secret, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    name: TokenName,
    kind: Kind,
    created: Timestamp,
    /// When it was last replaced; its age counts from then.
    changed: Timestamp,
    age_days: i64,
    last_use: Option<Timestamp>,
    rotate_by: Timestamp,
    rotation_due: bool,
    /// `file`, and `keyring` while it is unlocked.
    held: Vec<&'static str>,
    unlocked_until: Option<Timestamp>,
}

pub(super) fn run(store: &Store, json: bool) -> Result<Exit, Trouble> {
    let now = system::now().map_err(crate::token::Error::from)?;
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for name in store.names()? {
        match store.info(&name) {
            Ok(info) => rows.push(row(info, now)),
            Err(error) => {
                // One bad file must not hide the others.
                complain(&error);
                exit = Exit::Failed;
            }
        }
    }
    if json {
        put_json(&rows)?;
    } else if rows.is_empty() && exit == Exit::Done {
        put("There are no secrets.\n")?;
    } else if !rows.is_empty() {
        put(&text(&rows))?;
    }
    Ok(exit)
}

fn row(info: Info, now: Now) -> Row {
    Row {
        created: info.added,
        age_days: age_days(&info, now),
        last_use: info.used.map(whole),
        rotation_due: now.real >= info.rotate_by,
        held: match info.unlocked {
            Some(_) => vec!["keyring", "file"],
            None => vec!["file"],
        },
        unlocked_until: unlocked_until(&info, now),
        name: info.name,
        kind: info.kind,
        changed: info.changed,
        rotate_by: info.rotate_by,
    }
}

/// How old a secret is, in whole days. One that a clock ahead of its time sealed is not of a negative age.
pub(super) fn age_days(info: &Info, now: Now) -> i64 {
    let seconds = now
        .real
        .floor_seconds()
        .saturating_sub(info.changed.floor_seconds());
    seconds.max(0).div_euclid(86_400)
}

/// Until when a secret is unlocked, by the host's clock.
pub(super) fn unlocked_until(info: &Info, now: Now) -> Option<Timestamp> {
    let left = info.unlocked?.since(now.boot);
    let left = Offset::from_nanos(i128::try_from(left.as_nanos()).ok()?).ok()?;
    now.real.plus(left).ok().map(whole)
}

/// Without the part of a second.
fn whole(time: Timestamp) -> Timestamp {
    let nanos = i128::from(time.floor_seconds()).saturating_mul(1_000_000_000);
    Timestamp::from_nanos(nanos).unwrap_or(time)
}

fn text(rows: &[Row]) -> String {
    let or_dash = |time: Option<Timestamp>| time.map_or("-".to_owned(), |time| time.to_string());
    let cells = |row: &Row| {
        vec![
            row.name.to_string(),
            row.kind.to_string(),
            row.created.to_string(),
            format!("{}d", row.age_days),
            or_dash(row.last_use),
            match row.rotation_due {
                true => "DUE".to_owned(),
                false => row.rotate_by.to_string(),
            },
            row.held.join(", "),
        ]
    };
    let header = [
        "NAME",
        "KIND",
        "CREATED",
        "AGE",
        "LAST USE",
        "ROTATE BY",
        "HELD IN",
    ];
    let toned = |row: &Row| {
        let tone = row.rotation_due.then_some(Tone::Warning);
        (cells(row), tone)
    };
    table(&header, &rows.iter().map(toned).collect::<Vec<_>>())
}
