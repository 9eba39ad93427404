//! `time-shift cluster status`: each VM with its state, hook, profile and guest clock.
use serde::Serialize;

use super::batch::{Part, run};
use super::hosts::{Asked, open};
use super::reach::{Found, look};
use super::select::select;
use super::{is_ours, profile};
use crate::api::{GuestConfig, Measured, Method, guest_time};
use crate::cli::arguments::cluster::Survey;
use crate::cli::style::table;
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::{NodeName, Offset, Printable, ProfileName, Timestamp, VmId};
use crate::sources::load_allowlist;
use crate::state::Handovers;
use crate::system;

/// One VM, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    host: String,
    vmid: VmId,
    node: NodeName,
    name: Printable,
    state: Printable,
    /// Whether it has our hook; none where its configuration could not be read.
    hook: Option<bool>,
    profile: Option<ProfileName>,
    guest_time: Option<Timestamp>,
    /// Guest minus this host.
    offset_ns: Option<Offset>,
    /// Half the round trip.
    uncertainty_ns: Option<Offset>,
    /// When its clock was last set, as far as this node or its cluster knows.
    last_action: Option<Timestamp>,
    remark: Option<String>,
}

/// Who was asked, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Host {
    name: String,
    identity: String,
}

#[derive(Debug, Serialize)]
struct Report {
    hosts: Vec<Host>,
    vms: Vec<Row>,
}

/// What was found out about a VM.
struct Seen {
    config: Result<GuestConfig, String>,
    clock: Option<Result<Measured, String>>,
}

pub(in crate::cli) fn status(config: &Config, options: &Survey) -> Result<Exit, Failure> {
    let asked = open(config, &options.hosts, &options.selection, Method::Get);
    let reach = match asked.and_then(|asked| look(config, asked)) {
        Ok(reach) => reach,
        Err(stop) => return Ok(stop.tell()),
    };
    let selected = select(&reach, &options.selection)?;
    let parts = run(&reach, &selected.found, false, |asked, found| {
        Ok(see(asked, found))
    });
    let allowlist = load_allowlist(config).ok();
    let handovers = Handovers::new(&config.paths.data, &config.paths.cluster_allowlist);
    let mut failed = reach.partly;
    let mut rows = Vec::new();
    let mut unseen: usize = 0;
    for (found, part) in selected.found.iter().zip(parts) {
        let Part::Done(seen) = part else {
            failed = true;
            unseen = unseen.saturating_add(1);
            continue;
        };
        let is_own = reach.is_own(found);
        let known = is_own.then(|| handovers.load(found.guest.vmid)).flatten();
        let tags = match &seen.config {
            Ok(read) => &read.tags,
            Err(_) => &found.guest.tags,
        };
        failed |= seen.config.is_err();
        let clock = seen.clock.as_ref().and_then(|clock| clock.as_ref().ok());
        let why = match (&seen.config, &seen.clock) {
            (Err(why), _) | (_, Some(Err(why))) => Some(why.clone()),
            _ => None,
        };
        let hook = seen.config.as_ref().ok().map(|read| {
            let hookscript = read.hookscript.as_ref();
            hookscript.is_some_and(|hookscript| is_ours(hookscript.as_str()))
        });
        rows.push(Row {
            host: reach
                .asked
                .get(found.asked)
                .map_or_else(String::new, |asked| asked.api.name().to_owned()),
            vmid: found.guest.vmid,
            node: found.guest.node.clone(),
            name: found.guest.name.clone(),
            state: found.guest.status.clone(),
            hook,
            profile: profile(
                found.guest.vmid,
                tags,
                allowlist.as_ref().filter(|_| is_own),
            ),
            guest_time: clock.map(|clock| clock.time),
            offset_ns: clock.map(|clock| clock.offset),
            uncertainty_ns: clock.map(|clock| clock.uncertainty),
            last_action: known.map(|known| known.written),
            remark: why,
        });
    }
    failed |= selected.tell_absent();
    if unseen > 0 {
        complain(&format!(
            "ended by a signal: {unseen} VMs were not asked about"
        ));
    }
    let hosts = reach.asked.iter().map(|asked| Host {
        name: asked.api.name().to_owned(),
        identity: asked.identity.clone(),
    });
    let report = Report {
        hosts: hosts.collect(),
        vms: rows,
    };
    if options.json {
        put_json(&report)?;
    } else {
        put(&text(&report))?;
    }
    Ok(super::exit(failed))
}

fn see(asked: &Asked, found: &Found) -> Seen {
    let (api, guest) = (asked.api.as_ref(), &found.guest);
    let config = GuestConfig::ask(api, &guest.node, guest.vmid).map_err(|error| error.to_string());
    let has_agent = config.as_ref().is_ok_and(|config| config.agent);
    let asks = has_agent && guest.status.as_str() == "running";
    let clock =
        asks.then(|| guest_time(api, &guest.node, guest.vmid).map_err(|error| error.to_string()));
    Seen { config, clock }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for host in &report.hosts {
        text.push_str(&format!("{}: {}\n", host.name, host.identity));
    }
    let now = system::now().ok().map(|now| now.real);
    let rows = report.vms.iter().map(|row| (cells(row, now), None));
    let rows: Vec<_> = rows.collect();
    let header = [
        "VMID",
        "NODE",
        "NAME",
        "STATE",
        "HOOK",
        "PROFILE",
        "GUEST TIME",
        "OFFSET",
        "LAST SET",
        "REMARK",
    ];
    text.push_str(&table(&header, &rows));
    text
}

fn cells(row: &Row, now: Option<Timestamp>) -> Vec<String> {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let ago = row.last_action.zip(now).and_then(|(then, now)| {
        let age = now.since(then).ok()?;
        Some(format!("{} ago", age.to_string().trim_start_matches('+')))
    });
    vec![
        row.vmid.to_string(),
        row.node.to_string(),
        row.name.to_string(),
        row.state.to_string(),
        match row.hook {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        }
        .to_owned(),
        or_dash(row.profile.as_ref().map(ToString::to_string)),
        or_dash(row.guest_time.map(|time| time.to_string())),
        or_dash(row.offset_ns.map(|offset| offset.to_string())),
        or_dash(ago),
        or_dash(row.remark.clone()),
    ]
}
