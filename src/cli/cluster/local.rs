//! pvesh of this node, unless the allowlist denies it.
use super::stop::Stop;
use crate::api::Pvesh;
use crate::audit::{Event, Record};
use crate::cli::{Exit, Failure};
use crate::config::Config;
use crate::model::{DenyReason, Printable};
use crate::sources::load_allowlist;
use crate::voice::trail;

/// pvesh is no command of the allowlist: it does nothing that the API does not. But what the deny list
/// names is not run by anything.
pub(super) fn pvesh(config: &Config) -> Result<Pvesh, Stop> {
    let api = Pvesh::here().ok_or(
        "there is no pvesh here, so this is no node of Proxmox VE; name the hosts to ask in config.toml \
         ([[api.host]])",
    )?;
    let why = match load_allowlist(config) {
        Ok(loaded) => loaded.allowlist.deny.program(Pvesh::PROGRAM),
        Err(no) => Some(format!(
            "what it denies cannot be known: {}; time-shift check says more",
            no.deny.text
        )),
    };
    match why {
        None => Ok(api),
        Some(why) => {
            let text = format!("pvesh is not run: {why}");
            denied(config, &text)?;
            Err(Stop(Exit::Denied, text))
        }
    }
}

fn denied(config: &Config, text: &str) -> Result<(), Failure> {
    trail(config)?.record(&Record {
        reason: Some(DenyReason::CommandNotAllowed),
        text: Some(Printable::sentence(text)),
        ..Record::of_node(Event::Denied)
    })?;
    Ok(())
}
