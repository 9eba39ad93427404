//! A rule of the allowlist: which VMs may have which profiles, within which bounds.
use super::profile::read_stages;
use super::references::{Bounds, References, names};
use super::uuid::Uuid;
use super::vmids::{self, Range};
use crate::model::{ProfileName, PveCaller, ShiftBound, Stages, Timestamp, VmId, parse_bound};
use crate::strict::{Mark, Value, quoted};

/// A rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// The VMs, first and last of each range included.
    pub ranges: Vec<(VmId, VmId)>,
    /// The profiles these VMs may have; at least one.
    pub profiles: Vec<ProfileName>,
    /// The profile they have without asking; else a VM chooses with a tag.
    pub assign: Option<ProfileName>,
    /// The guest's time must not lie before this.
    pub earliest: Timestamp,
    /// The guest's time must not lie after this.
    pub latest: Timestamp,
    /// How far the guest's time may be from the host's, either way.
    pub max_shift: ShiftBound,
    /// Whether the rule only applies while somebody has approved it for the VM.
    pub confirm: bool,
    /// Whether tags count that are not registered in datacenter.cfg.
    pub any_tag: bool,
    /// The VM that is meant, should its VMID be reused.
    pub uuid: Option<Uuid>,
    /// The users and API tokens of Proxmox VE whose starts it is for; none = everybody's.
    pub pve_users: Vec<PveCaller>,
    /// The stages that are permitted.
    pub stages: Stages,
    /// Where the rule starts in the file.
    pub line: usize,
}

impl Rule {
    /// Whether it is for this VM.
    pub(super) fn names(&self, vmid: VmId) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&vmid))
    }
}

/// Where things of a rule are, for what is checked once the whole file is read.
pub(super) struct Marks {
    pub(super) rule: Mark,
    /// In the order of [`Rule::profiles`].
    pub(super) profiles: Vec<Mark>,
}

const DATE: &str = "a date or time in quotes, like \"2016-06-15\" or \"2016-06-15T12:00:00Z\"";

/// Reads the rule with this number.
pub(super) fn read(
    value: &Value<'_>,
    number: usize,
    references: &mut References,
) -> Option<(Rule, Marks)> {
    value.table("an [[allow]] rule", |table| {
        let ranges = table.required("vmids", |value| read_vmids(&value, number, references));
        let profiles = table.required("profiles", |value| {
            let profiles = names(&value, "a list of profile names", profile_name)?;
            for (name, mark) in &profiles {
                references.uses(name, *mark);
            }
            (!profiles.is_empty()).then_some(profiles)
        });
        let assign = table.optional("assign", |value| read_assign(&value, profiles.as_deref()));
        let bounds = &mut references.bounds;
        let earliest = table.required("earliest", |value| {
            Some((
                value.parsed(DATE, |text| {
                    bounds.earliest.parse(text, |text| parse_bound(text, false))
                })?,
                value.mark(),
            ))
        });
        let latest = table.required("latest", |value| {
            value.parsed(DATE, |text| {
                bounds.latest.parse(text, |text| parse_bound(text, true))
            })
        });
        let max_shift = table.required("max-shift", |value| read_max_shift(&value, bounds));
        let stages = table.or(
            "stages",
            Stages {
                rtc: true,
                agent: true,
            },
            |value| read_stages(&value),
        );
        let confirm = table.or("confirm", false, |value| value.boolean());
        let any_tag = table.or("any-tag", false, |value| value.boolean());
        let uuid = table.optional("uuid", |value| {
            value.parsed("a uuid in quotes", Uuid::parse)
        });
        let pve_users = table.or("pve-users", Vec::new(), |value| read_pve_users(&value));

        let (earliest, earliest_mark) = earliest?;
        let latest = latest?;
        if earliest > latest {
            table.reader().error(
                earliest_mark,
                format!(
                    "`earliest` ({earliest}) lies after `latest` ({latest}): no time is allowed"
                ),
            );
        }
        // `unzip` would keep room for four in each of ten thousand rules.
        let (marked, mut profiles) = (profiles?, Vec::new());
        let profile_marks = marked.iter().map(|(_, mark)| *mark).collect();
        profiles.reserve_exact(marked.len());
        profiles.extend(marked.into_iter().map(|(name, _)| name));
        let rule = Rule {
            ranges: ranges?,
            profiles,
            assign,
            earliest,
            latest,
            max_shift: max_shift?,
            confirm,
            any_tag,
            uuid,
            pve_users,
            stages,
            // Given to the rules that are kept: lines take time to count.
            line: 0,
        };
        Some((
            rule,
            Marks {
                rule: table.mark(),
                profiles: profile_marks,
            },
        ))
    })
}

fn read_vmids(
    value: &Value<'_>,
    rule: usize,
    references: &mut References,
) -> Option<Vec<(VmId, VmId)>> {
    let ranges = value.list("a list like [100, \"200-299\"]", false, |value| {
        let (first, last) = vmids::read(&value)?;
        references.ranges.push(Range {
            first,
            last,
            rule,
            mark: value.mark(),
        });
        Some((first, last))
    })?;
    (!ranges.is_empty()).then_some(ranges)
}

fn profile_name(value: &Value<'_>) -> Option<ProfileName> {
    value.parsed("the name of a profile", ProfileName::parse)
}

fn read_assign(value: &Value<'_>, listed: Option<&[(ProfileName, Mark)]>) -> Option<ProfileName> {
    let name = profile_name(value)?;
    // Without a readable list there is nothing to compare with, and an error already.
    let fits = listed.is_none_or(|listed| listed.iter().any(|(profile, _)| *profile == name));
    if fits {
        Some(name)
    } else {
        value.refuse(format!(
            "{} is not among this rule's `profiles`",
            quoted(name.as_str())
        ))
    }
}

fn read_pve_users(value: &Value<'_>) -> Option<Vec<PveCaller>> {
    const WANT: &str = "a list of users and API tokens, like [\"alice@pve\", \"root@pam!ci\"]";
    let users = names(value, WANT, |value| {
        value.parsed("a string", PveCaller::parse)
    })?;
    // One that cannot be read leaves an error, and never a rule that is everybody's.
    (!users.is_empty()).then(|| users.into_iter().map(|(user, _)| user).collect())
}

fn read_max_shift(value: &Value<'_>, bounds: &mut Bounds) -> Option<ShiftBound> {
    let bound = value.parsed("a span in quotes, like \"20y\" or \"90d\"", |text| {
        bounds.max_shift.parse(text, ShiftBound::parse)
    })?;
    if bound.is_zero() {
        return value.say(" must be more than zero: nothing else would be allowed");
    }
    Some(bound)
}
