//! pvesh of this node, by the commands of the allowlist.
use super::stop::Stop;
use crate::allowlist::Allowlist;
use crate::api::{Method, Pvesh};
use crate::audit::{Event, Record};
use crate::cli::confirm::confirmed;
use crate::cli::{Exit, Failure};
use crate::config::Config;
use crate::exec;
use crate::model::{Deny, DenyReason, Printable};
use crate::policy::{HostValues, authorize_host_command};
use crate::sources::load_allowlist;
use crate::voice::trail;

/// pvesh, if the allowlist has the commands for what is going to be asked. What changes something is
/// written down each time it is run.
pub(super) fn pvesh(config: &Config, needs: Method) -> Result<Pvesh, Stop> {
    if !Pvesh::is_here() {
        let text = "there is no pvesh here, so this is no node of Proxmox VE; name the hosts to ask in \
                    config.toml ([[api.host]])";
        return Err(text.into());
    }
    let allowlist = match load_allowlist(config) {
        Ok(loaded) => loaded.allowlist,
        Err(no) => {
            let text = format!("{}; time-shift check says more", no.deny.text);
            return refused(config, no.deny.reason, &text);
        }
    };
    let mut agreed = Vec::new();
    for method in [Method::Get, needs] {
        match listed(&allowlist, method, agreed.contains(&method)) {
            Ok(()) => {}
            Err(deny) if deny.reason == DenyReason::ConfirmationMissing => {
                if !confirmed(false, &format!("{}: agree", deny.text))? {
                    return refused(config, deny.reason, &deny.text);
                }
                agreed.push(method);
            }
            Err(deny) => return refused(config, deny.reason, &deny.text),
        }
    }
    let config = config.clone();
    let runner = move |permit: &_, method| match method {
        Method::Get => exec::look(permit),
        Method::Post | Method::Put => {
            let trail = trail(&config).map_err(exec::ExecError::NotOnRecord)?;
            exec::run(permit, &trail)
        }
    };
    Ok(Pvesh::new(allowlist, agreed, Box::new(runner)))
}

/// Whether a command for this is there, with values that mean nothing.
fn listed(allowlist: &Allowlist, method: Method, agreed: bool) -> Result<(), Deny> {
    let values = HostValues {
        path: Some("/"),
        ..HostValues::default()
    };
    authorize_host_command(allowlist, Pvesh::command(method), values, agreed).map(drop)
}

fn refused<T>(config: &Config, reason: DenyReason, why: &str) -> Result<T, Stop> {
    let text = format!("pvesh is not run: {why}");
    write_down(config, reason, &text)?;
    Err(Stop(Exit::Denied, text))
}

fn write_down(config: &Config, reason: DenyReason, text: &str) -> Result<(), Failure> {
    trail(config)?.record(&Record {
        reason: Some(reason),
        text: Some(Printable::sentence(text)),
        ..Record::of_node(Event::Denied)
    })?;
    Ok(())
}
