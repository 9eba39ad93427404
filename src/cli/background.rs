//! What systemd calls: `time-shift worker` for each start, `time-shift sweep` each minute.
use std::path::Path;

use super::approve::forget_what_ran_out;
use super::arguments::{Sweep, Worker};
use super::clocks::exit_of;
use super::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::keeper;
use crate::state::Store;
use crate::system;
use crate::voice::trail;

pub(super) fn worker(config: &Config, options: &Worker) -> Result<Exit, Failure> {
    match keeper::work(config, options.vmid) {
        Ok(_) => Ok(Exit::Done),
        // What was to be said and recorded has been. systemd need not count it as a failure of its own.
        Err(error) => {
            complain(&format!("VM {}: {error}", options.vmid));
            Ok(exit_of(&error))
        }
    }
}

pub(super) fn sweep(config: &Config, path: &Path, options: &Sweep) -> Result<Exit, Failure> {
    let report = keeper::sweep(config)?;
    let ended = system::now()
        .map_err(Failure::from)
        .and_then(|now| Ok(Store::new(&config.paths.state).save_sweep(now.boot)?));
    if let Err(Failure(why)) = ended {
        complain(&why);
    }
    // The guests come first: this is for those who read the trail.
    if let Err(error) = keeper::note_changes(config, path) {
        complain(&error);
    }
    if let Err(Failure(why)) = super::audit::close_unfinished(config) {
        complain(&why);
    }
    if let Err(error) = trail(config).and_then(|trail| trail.seal()) {
        complain(&error);
    }
    if let Err(Failure(why)) = super::audit::tell_unusual(config) {
        complain(&why);
    }
    if let Err(Failure(why)) = super::token::remind(config) {
        complain(&why);
    }
    if let Err(Failure(why)) = forget_what_ran_out(config) {
        complain(&why);
    }
    if options.json {
        put_json(&report)?;
    } else if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        put(&format!(
            "right {}, set {}, restored {}, left {}, not reached {}, not due {}, ended {}\n",
            report.right,
            report.set,
            report.restored,
            report.left,
            report.unreachable,
            report.skipped,
            report.ended,
        ))?;
    }
    for text in &report.unusable {
        complain(text);
    }
    // Somebody has to look at it, and a service that failed shows.
    Ok(match report.unusable.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    })
}
