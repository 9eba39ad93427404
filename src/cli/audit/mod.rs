//! `time-shift audit`: reading and checking the trail.

mod anomalies;
mod close;
mod entries;
mod explain;
mod export;
mod lines;
mod show;
mod unfinished;
mod verify;

pub(super) use close::close_unfinished;
pub(super) use unfinished::unfinished_lately;

use super::arguments::audit::Audit;
use super::{Exit, Failure};
use crate::config::Config;

pub(super) fn run(config: &Config, options: &Audit) -> Result<Exit, Failure> {
    match options {
        Audit::Verify(options) => verify::run(config, options),
        Audit::Show(options) => show::run(config, options),
        Audit::Explain(options) => explain::run(options),
        Audit::Export(options) => export::run(config, options),
        Audit::Anomalies(options) => anomalies::run(config, options),
    }
}
