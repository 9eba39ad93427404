//! The results as tables in Markdown.
use std::time::Duration;

use super::sets::{Set, Sets};
use super::starts::Starts;
use super::task::Tasks;
use super::theirs;
use crate::summary::Samples;

/// All of them.
pub(super) fn all(sets: &Sets, starts: &Starts, tasks: &Tasks) -> String {
    format!("{}\n{}", closeness(sets), costs(starts, tasks))
}

/// Errors without their signs.
fn errors<'s>(sets: impl Iterator<Item = &'s Set>) -> Samples {
    Samples::of(sets.map(|set| set.error.left.abs()).collect())
}

fn closeness(sets: &Sets) -> String {
    let mut text = "\
| Set by | Error left, median | 5 % to 95 % | Largest | Time taken, median | 5 % to 95 % | Of |\n\
|---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let compared = sets.ours.get(..sets.compared).unwrap_or_default();
    text.push_str(&row("`time-shift sync`", compared));
    let ours = errors(compared.iter()).median();
    match &sets.theirs {
        Ok(theirs) => {
            text.push_str(&row("`virsh domtime --now`", theirs));
            text.push_str(&row("`time-shift sync`, all runs", &sets.ours));
            text.push_str(&format!(
                "\nlibvirt {}. time-shift is {:.0} times closer (medians).\n",
                theirs::version(),
                errors(theirs.iter()).median() / ours
            ));
        }
        Err(why) => {
            text.push_str("| `virsh domtime --now` | - | - | - | - | - | - |\n");
            text.push_str(&row("`time-shift sync`, all runs", &sets.ours));
            text.push_str(&format!("\nNo libvirt to compare with: {why}.\n"));
        }
    }
    let own = sets.ours.iter().filter_map(|set| set.own);
    let within = own
        .clone()
        .filter(|own| own.left.abs() <= 1.0 + own.known_to);
    let truly = sets.ours.iter().map(|set| set.error);
    let truly = truly.filter(|error| error.left.abs() <= 1.0 + error.known_to);
    let known = |values: Vec<f64>| Samples::of(values).median();
    text.push_str(&format!(
        "Within 1 ms and half of the round trip: {} of {} by what time-shift read back (known to {:.2} ms, \
         median), {} of them by the second agent (known to {:.2} ms).\n",
        within.count(),
        sets.ours.len(),
        known(own.map(|own| own.known_to).collect()),
        truly.count(),
        known(sets.ours.iter().map(|set| set.error.known_to).collect()),
    ));
    text
}

fn row(name: &str, sets: &[Set]) -> String {
    let errors = errors(sets.iter());
    let times: Vec<Duration> = sets.iter().map(|set| set.took).collect();
    let times = Samples::new(&times);
    format!(
        "| {name} | {:.2} ms | {:.2} to {:.2} | {:.2} ms | {:.1} ms | {:.1} to {:.1} | {} |\n",
        errors.median(),
        errors.quantile(0.05),
        errors.quantile(0.95),
        errors.quantile(1.0),
        times.median(),
        times.quantile(0.05),
        times.quantile(0.95),
        errors.count(),
    )
}

fn costs(starts: &Starts, tasks: &Tasks) -> String {
    let mut text = "\
| The agent stage of a start | Median | 5 % to 95 % | Of |\n\
|---|---:|---:|---:|\n"
        .to_owned();
    for (what, times) in [
        ("one guest-set-time, request to answer", &starts.bare),
        ("the first one after a boot", &starts.first),
        (
            "the agent's first answer to a verified clock",
            &starts.verified,
        ),
        ("post-start, stages = [\"rtc\"]", &tasks.rtc),
        ("post-start, stages = [\"rtc\", \"agent\"]", &tasks.agent),
    ] {
        let times = Samples::new(times);
        text.push_str(&format!(
            "| {what} | {:.1} ms | {:.1} to {:.1} | {} |\n",
            times.median(),
            times.quantile(0.05),
            times.quantile(0.95),
            times.count(),
        ));
    }
    let verified = Samples::new(&starts.verified).median();
    let ratio = verified / Samples::new(&starts.bare).median();
    let first = verified / Samples::new(&starts.first).median();
    #[allow(clippy::cast_precision_loss)]
    let megabytes = (starts.memory * 1024) as f64 / 1e6;
    text.push_str(&format!(
        "\nVerified after {ratio:.1} times one guest-set-time, {first:.1} times the first one; the worker had \
         {megabytes:.1} MB at most.\n"
    ));
    text
}
