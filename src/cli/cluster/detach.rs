//! `time-shift detach`: takes the hook, and the tags of profiles, off VMs.
use super::attach::may_set_hookscripts;
use super::batch::run;
use super::hosts::{Asked, open};
use super::reach::{Found, look};
use super::select::select;
use super::write::{Change, Writer, tell};
use super::{is_ours, needs, profile_of};
use crate::api::{Api, GuestConfig, Method, Path};
use crate::cli::arguments::cluster::Detach;
use crate::cli::{Exit, Failure, complain};
use crate::config::Config;
use crate::model::Tag;

pub(in crate::cli) fn detach(config: &Config, options: &Detach) -> Result<Exit, Failure> {
    if options.selection.is_empty() {
        complain(&"say which VMs: by number, by --tag, or --all");
        return Ok(Exit::Usage);
    }
    let asked = match open(
        config,
        &options.hosts,
        &options.selection,
        needs(options.changing.dry_run, Method::Put),
    ) {
        Ok(asked) => asked,
        Err(stop) => return Ok(stop.tell()),
    };
    if !may_set_hookscripts(&asked) {
        return Ok(Exit::Denied);
    }
    let reach = match look(config, asked) {
        Ok(reach) => reach,
        Err(stop) => return Ok(stop.tell()),
    };
    let selected = select(&reach, &options.selection)?;
    let writer = Writer::new(config)?;
    let changing = &options.changing;
    let parts = run(
        &reach,
        &selected.found,
        changing.fail_fast,
        |asked, found| one(asked, found, changing.dry_run, &writer),
    );
    tell(&selected, parts, changing, reach.partly)
}

fn one(asked: &Asked, found: &Found, dry_run: bool, writer: &Writer) -> Result<String, String> {
    let (api, guest): (&dyn Api, _) = (asked.api.as_ref(), &found.guest);
    let config =
        GuestConfig::ask(api, &guest.node, guest.vmid).map_err(|error| error.to_string())?;
    let mut done = Vec::new();
    let mut remove = Vec::new();
    let mut kept = String::new();
    match &config.hookscript {
        Some(hookscript) if is_ours(hookscript.as_str()) => {
            done.push(format!("hookscript {hookscript}"));
            remove.push("hookscript");
        }
        Some(other) => kept = format!("; the hookscript {other} is not ours and stays"),
        None => {}
    }
    let (ours, others): (Vec<&Tag>, Vec<&Tag>) = config
        .tags
        .iter()
        .partition(|tag| profile_of(tag).is_some());
    let others: Vec<&str> = others.iter().map(|tag| tag.as_str()).collect();
    let tags = others.join(",");
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for tag in &ours {
        done.push(format!("tag {tag}"));
    }
    match (ours.is_empty(), others.is_empty()) {
        (true, _) => {}
        (false, true) => remove.push("tags"),
        (false, false) => parameters.push(("tags", &tags)),
    }
    let remove = remove.join(",");
    if !remove.is_empty() {
        parameters.push(("delete", &remove));
    }
    if parameters.is_empty() {
        return Ok(format!("nothing of ours is on it{kept}"));
    }
    parameters.extend(config.digest.as_deref().map(|digest| ("digest", digest)));
    let path = Path::config(&guest.node, guest.vmid);
    let change = Change {
        method: Method::Put,
        path: &path,
        parameters: &parameters,
    };
    if dry_run {
        return Ok(api.shown(change.method, change.path, change.parameters));
    }
    let text = format!("removed {}{kept}", done.join(", "));
    writer.make(asked, found, &change, |_| Ok((text.clone(), text)))
}
