//! The results as tables in Markdown.
use crate::contender::Duty;
use crate::files::HOOK;
use crate::rounds::Cost;
use crate::rtc::Pauses;

/// A number that may not have been measured.
fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

#[allow(clippy::cast_precision_loss)]
fn millions(value: u64, million: f64) -> String {
    format!("{:.1}", value as f64 / million)
}

/// Time, memory and instructions of each.
pub(crate) fn costs(costs: &[Cost]) -> String {
    let floor = costs.iter().find(|cost| cost.program == "/bin/true");
    let floor = floor.expect("/bin/true is there").time.median();
    let mut text = "\
| Duty | Program | Median | 5 % to 95 % | x /bin/true | x hook | Peak memory | Instructions |\n\
|---|---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let mut last = None;
    for cost in costs {
        let new = last.replace(cost.duty) != Some(cost.duty);
        let hook = costs
            .iter()
            .find(|other| other.duty == cost.duty && other.program == HOOK.0)
            .map(|hook| cost.time.median() / hook.time.median());
        text.push_str(&format!(
            "| {} | {} | {:.2} ms | {:.2} to {:.2} | {:.2} | {} | {} | {} |\n",
            if new { cost.duty.words() } else { "" },
            cost.program,
            cost.time.median(),
            cost.time.quantile(0.05),
            cost.time.quantile(0.95),
            cost.time.median() / floor,
            or_dash(hook, |ratio| format!("{ratio:.2}")),
            or_dash(cost.peak, |peak| format!(
                "{} MB",
                millions(peak * 1024, 1e6)
            )),
            or_dash(cost.instructions, |count| format!(
                "{} M",
                millions(count, 1e6)
            )),
        ));
    }
    let of = |duty: Duty| {
        let mut hook = costs.iter().filter(|cost| cost.program == HOOK.0);
        hook.find(|cost| cost.duty == duty)
            .map_or(0.0, |cost| cost.time.median())
    };
    let more = of(Duty::ManyRules) - of(Duty::PreStart);
    text.push_str(&format!(
        "\n10,000 rules take {more:.1} ms more than one.\n"
    ));
    text
}

/// How long the vCPUs stood.
pub(crate) fn pauses(pauses: &[Pauses]) -> String {
    let mut text = "\
| vCPUs paused by | Median | 5 % to 95 % | Longest | Of |\n\
|---|---:|---:|---:|---:|\n"
        .to_owned();
    for (program, samples) in pauses {
        text.push_str(&format!(
            "| {program} | {:.1} ms | {:.1} to {:.1} | {:.1} ms | {} |\n",
            samples.median(),
            samples.quantile(0.05),
            samples.quantile(0.95),
            samples.quantile(1.0),
            samples.count(),
        ));
    }
    text
}
