//! `time-shift cluster drift`: how far the guests' clocks are from what they should show.
use serde::Serialize;

use super::batch::{Part, run};
use super::hosts::open;
use super::profile;
use super::reach::{Found, Reach, look};
use super::select::{Selected, select};
use crate::api::{Kind, Measured, Method, guest_time};
use crate::cli::arguments::cluster::Drift;
use crate::cli::style::table;
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::{NodeName, Offset, Printable, ProfileName, Timestamp, VmId};
use crate::sources::{Loaded, load_allowlist};
use crate::state::Handovers;
use crate::system::{host_clock_synchronised, interrupted};

/// One VM, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    vmid: VmId,
    node: NodeName,
    name: Printable,
    profile: Option<ProfileName>,
    guest_time: Option<Timestamp>,
    /// Guest minus this host.
    offset_ns: Option<Offset>,
    /// What the offset should be; none where that is not known here.
    intended_ns: Option<Offset>,
    /// Measured minus intended.
    error_ns: Option<Offset>,
    /// Half the round trip: how far off the measurement can be.
    uncertainty_ns: Option<Offset>,
    /// Whether it is outside the tolerance for certain; none where it cannot be judged.
    outside: Option<bool>,
    remark: Option<String>,
}

pub(in crate::cli) fn drift(config: &Config, options: &Drift) -> Result<Exit, Failure> {
    let asked = open(config, &options.hosts, &options.selection, Method::Get);
    let reach = match asked.and_then(|asked| look(config, asked)) {
        Ok(reach) => reach,
        Err(stop) => return Ok(stop.tell()),
    };
    if !host_clock_synchronised() {
        complain(
            &"warning: this host's clock is not synchronised, and the guests' are measured against it",
        );
    }
    let selected = select(&reach, &options.selection)?;
    let absent = selected.tell_absent();
    let Selected { mut found, .. } = selected;
    found.retain(|one| one.guest.status.as_str() == "running");
    let measured = measure(&reach, &found);
    let mut failed = reach.partly || absent || interrupted();
    let allowlist = load_allowlist(config).ok();
    let handovers = Handovers::new(&config.paths.data, &config.paths.cluster_allowlist);
    let mut rows = Vec::new();
    for (found, part) in found.iter().zip(measured) {
        let named = options.selection.vmids.iter();
        let named = named
            .clone()
            .any(|range| range.first == range.last && range.first == found.guest.vmid);
        let measured = match part {
            Part::Done(Ok(measured)) => Ok(measured),
            // A guest without an agent is none that fails.
            Part::Done(Err((refused, why))) => {
                failed |= named || !refused;
                Err(why)
            }
            Part::Failed(why) => {
                failed = true;
                Err(why)
            }
            Part::NotBegun => {
                failed = true;
                Err("not begun".to_owned())
            }
        };
        rows.push(row(
            found,
            measured,
            options,
            // Of a VM of another cluster nothing is known here.
            reach
                .is_own(found)
                .then_some((allowlist.as_ref(), &handovers)),
        ));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.error_ns.map(Offset::distance)));
    let outside = rows.iter().filter(|row| row.outside == Some(true)).count();
    if options.json {
        put_json(&rows)?;
    } else {
        put(&text(&rows))?;
    }
    match outside {
        0 => Ok(super::exit(failed)),
        _ => {
            complain(&format!(
                "{outside} of {} clocks are outside the tolerance",
                rows.len()
            ));
            Ok(Exit::NotVerified)
        }
    }
}

/// The clocks; where there is none, whether the host refused, and why.
fn measure(reach: &Reach, found: &[Found]) -> Vec<Part<Result<Measured, (bool, String)>>> {
    run(reach, found, false, |asked, found| {
        let guest = &found.guest;
        let time = guest_time(asked.api.as_ref(), &guest.node, guest.vmid);
        Ok(time.map_err(|error| {
            let refused = matches!(error.kind, Kind::Refused(500));
            (refused, error.to_string())
        }))
    })
}

fn row(
    found: &Found,
    measured: Result<Measured, String>,
    options: &Drift,
    known: Option<(Option<&Loaded>, &Handovers)>,
) -> Row {
    let guest = &found.guest;
    let (allowlist, handover) = match known {
        Some((allowlist, handovers)) => (allowlist, handovers.load(guest.vmid)),
        None => (None, None),
    };
    let profile = profile(guest.vmid, &guest.tags, allowlist);
    let intended = match (handover, &profile) {
        (Some(known), _) => Some(known.offset_ns),
        (None, None) => Offset::from_nanos(0).ok(),
        (None, Some(_)) => None,
    };
    let (clock, mut remark) = match measured {
        Ok(clock) => (Some(clock), None),
        Err(why) => (None, Some(why)),
    };
    let error = clock.zip(intended).and_then(|(clock, intended)| {
        let nanos = clock.offset.as_nanos().checked_sub(intended.as_nanos())?;
        Offset::from_nanos(i128::from(nanos)).ok()
    });
    let outside = error.zip(clock).map(|(error, clock)| {
        let certain = error
            .distance()
            .saturating_sub(clock.uncertainty.distance());
        certain > options.tolerance
    });
    if clock.is_some() && intended.is_none() {
        remark = Some("its shift is not known here; ask on its node".to_owned());
    }
    Row {
        vmid: guest.vmid,
        node: guest.node.clone(),
        name: guest.name.clone(),
        profile,
        guest_time: clock.map(|clock| clock.time),
        offset_ns: clock.map(|clock| clock.offset),
        intended_ns: intended,
        error_ns: error,
        uncertainty_ns: clock.map(|clock| clock.uncertainty),
        outside,
        remark,
    }
}

fn text(rows: &[Row]) -> String {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let cells = |row: &Row| {
        vec![
            match row.outside {
                Some(true) => "!",
                _ => "",
            }
            .to_owned(),
            row.vmid.to_string(),
            row.node.to_string(),
            row.name.to_string(),
            or_dash(row.profile.as_ref().map(ToString::to_string)),
            or_dash(row.guest_time.map(|time| time.to_string())),
            or_dash(row.error_ns.map(|error| error.to_string())),
            or_dash(
                row.uncertainty_ns
                    .map(|half| half.to_string().replacen('+', "±", 1)),
            ),
            or_dash(row.remark.clone()),
        ]
    };
    let header = [
        "",
        "VMID",
        "NODE",
        "NAME",
        "PROFILE",
        "GUEST TIME",
        "ERROR",
        "MEASURED",
        "REMARK",
    ];
    let rows = rows.iter().map(|row| (cells(row), None));
    table(&header, &rows.collect::<Vec<_>>())
}
