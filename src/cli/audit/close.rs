//! Closes intents of which nobody has written down what came of them, each once: a later look says
//! what the guest's clock shows then.
use super::unfinished::{Unfinished, unfinished};
use crate::audit::{Announced, Event, Record, Trail};
use crate::cli::Failure;
use crate::config::Config;
use crate::keeper;
use crate::model::{Printable, Timestamp};
use crate::system::{self, Dir};
use crate::voice::trail;

/// Up to when all intents are known to have an outcome, in the folder of what outlives a reboot.
const SETTLED: &str = "intents-settled";

/// How far back is looked where that is not known.
const DAYS: i64 = 7;

/// How long that is good enough, so that not each sweep writes to the disk.
const STALE_SECONDS: i64 = 3600;

/// How many are closed in one sweep. A guest that does not answer takes some seconds.
const AT_ONCE: usize = 8;

/// Closes what is unfinished.
///
/// # Errors
/// [`Failure`] where the trail cannot be read or written; the next sweep tries again.
pub(in crate::cli) fn close_unfinished(config: &Config) -> Result<(), Failure> {
    let now = system::now()?.real;
    let folder = Dir::open_or_make(&config.paths.data, 0o700)?;
    let settled = settled(&folder, now)?;
    let open = match unfinished(config, Some(settled), now) {
        Ok(open) => open,
        // Nothing was ever written down.
        Err(_) if Dir::open(&config.paths.log).is_err_and(|error| error.is_missing()) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let trail = trail(config)?;
    let mut left = None;
    for (number, intent) in open.iter().enumerate() {
        if number >= AT_ONCE || !close(config, &trail, intent)? {
            left = left.or(Some(intent.time));
        }
    }
    // An intent is looked at once it is some minutes old.
    let until = left.unwrap_or(before(now, super::unfinished::LONGEST_PATIENCE_SECONDS)?);
    if until
        .floor_seconds()
        .saturating_sub(settled.floor_seconds())
        > STALE_SECONDS
    {
        folder.replace(SETTLED, until.to_string().as_bytes(), 0o600)?;
    }
    Ok(())
}

/// Whether it is closed: not while somebody is at it.
fn close(config: &Config, trail: &Trail, open: &Unfinished) -> Result<bool, Failure> {
    let Some(announced) = Announced::of(open.intent.as_str()) else {
        // Nothing that this program wrote.
        return Ok(true);
    };
    let mut record = Record::of_node(Event::Closed);
    record.vmid = open.vmid;
    let shown = match open.vmid.filter(|_| !open.by_api) {
        None => None,
        Some(vmid) => match keeper::shows(config, vmid, &announced) {
            None => return Ok(false),
            shown => shown,
        },
    };
    let what = match &shown {
        Some(shown) => shown.text.as_str(),
        None => "whether the change was made is not known; see the tasks of the node",
    };
    let text = format!("the intent of {} has no outcome; {what}", open.time);
    let clock = shown.as_ref().and_then(|shown| shown.clock);
    record.name = shown.as_ref().and_then(|shown| shown.name.as_ref());
    record.guest_time = clock.map(|(time, _)| time);
    record.offset_ns = clock.map(|(_, offset)| offset);
    record.text = Some(Printable::sentence(&text));
    trail.conclude(&announced, &record)?;
    Ok(true)
}

/// From when on to look: never further back than some days, and never into the future.
fn settled(folder: &Dir, now: Timestamp) -> Result<Timestamp, Failure> {
    let earliest = before(now, DAYS.saturating_mul(86_400))?;
    let kept = match folder.read(SETTLED, 64) {
        Ok(bytes) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| Timestamp::parse(text).ok()),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    Ok(kept
        .filter(|kept| (earliest..=now).contains(kept))
        .unwrap_or(earliest))
}

fn before(now: Timestamp, seconds: i64) -> Result<Timestamp, Failure> {
    let back = i128::from(seconds).saturating_mul(1_000_000_000);
    Ok(Timestamp::from_nanos(now.as_nanos().saturating_sub(back))?)
}
