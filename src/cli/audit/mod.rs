//! `time-shift audit`: reading and checking the trail.

mod anomalies;
mod close;
mod entries;
mod explain;
mod export;
mod lines;
mod out;
mod show;
mod unfinished;
mod verify;
mod watch;

pub(super) use close::close_unfinished;
pub(super) use unfinished::unfinished_lately;
pub(super) use watch::tell_unusual;

use super::arguments::audit::Audit;
use super::role::Access;
use super::{Exit, Failure};
use crate::config::Config;

pub(super) fn run(config: &Config, access: Access, options: &Audit) -> Result<Exit, Failure> {
    match options {
        Audit::Verify(options) => verify::run(config, options),
        Audit::Show(options) => show::run(config, access, options),
        Audit::Explain(options) => explain::run(options),
        Audit::Export(options) => export::run(config, options),
        Audit::Anomalies(options) => anomalies::run(config, options),
    }
}
