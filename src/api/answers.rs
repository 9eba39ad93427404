//! What answers mean. Everything is checked by the type that it becomes.
use std::time::Instant;

use serde_json::Value;

use super::error::{Error, Kind};
use super::exchange::truthy;
use super::{Api, Method, Path};
use crate::model::{NodeName, Offset, Printable, Tag, Timestamp, VmId};
use crate::system;

/// A guest of the cluster, as its list has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostGuest {
    /// Its number.
    pub vmid: VmId,
    /// The node that it is on.
    pub node: NodeName,
    /// Its name.
    pub name: Printable,
    /// `running`, `stopped`, or `unknown` where its node does not answer.
    pub status: Printable,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Whether it is there to be cloned only.
    pub template: bool,
    /// What the cluster's high availability does with it, if it is managed by that.
    pub ha: Option<Printable>,
}

/// What matters here of a VM's configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestConfig {
    /// The hookscript's volume.
    pub hookscript: Option<Printable>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What it was made of, so that a change in between is noticed.
    pub digest: Option<String>,
    /// Whether a guest agent is expected.
    pub agent: bool,
}

/// A cluster, or a node that is in none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// Its name; none where the node is in none.
    pub name: Option<Printable>,
    /// Its nodes, in order, and whether each is there.
    pub nodes: Vec<(NodeName, bool)>,
}

/// A guest's clock, measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measured {
    /// What it showed.
    pub time: Timestamp,
    /// Guest minus host, half the round trip taken into account.
    pub offset: Offset,
    /// Half the round trip: how far off the offset can be.
    pub uncertainty: Offset,
}

impl HostGuest {
    /// Reads an entry of the list; `None` where it is no virtual machine that can be named.
    fn of(entry: &Value) -> Option<HostGuest> {
        if text(entry, "type") != Some("qemu") {
            return None;
        }
        Some(HostGuest {
            vmid: VmId::try_from(u32::try_from(entry.get("vmid")?.as_u64()?).ok()?).ok()?,
            node: NodeName::parse(text(entry, "node")?).ok()?,
            name: Printable::from(text(entry, "name").unwrap_or_default()),
            status: Printable::from(text(entry, "status").unwrap_or("unknown")),
            tags: tags(text(entry, "tags")),
            template: entry.get("template").is_some_and(truthy),
            ha: text(entry, "hastate").map(Printable::from),
        })
    }

    /// Asks for all virtual machines that the caller may see, in order.
    ///
    /// # Errors
    /// [`Error`].
    pub fn list(api: &dyn Api) -> Result<Vec<HostGuest>, Error> {
        let answer = api.call(Method::Get, &Path::resources(), &[("type", "vm")])?;
        let entries = answer
            .as_array()
            .ok_or_else(|| odd(api, "no list of guests"))?;
        let mut guests: Vec<HostGuest> = entries.iter().filter_map(HostGuest::of).collect();
        guests.sort_by_key(|guest| guest.vmid);
        guests.dedup_by_key(|guest| guest.vmid);
        Ok(guests)
    }
}

impl Cluster {
    /// Asks which cluster it is.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ask(api: &dyn Api) -> Result<Cluster, Error> {
        let answer = match api.call(Method::Get, &Path::cluster_status(), &[]) {
            // It wants Sys.Audit on /, which who may see some VMs need not have.
            Err(error) if error.kind == Kind::Refused(403) => return Cluster::of_nodes(api),
            answer => answer?,
        };
        let entries = answer.as_array().ok_or_else(|| odd(api, "no cluster"))?;
        let of_type = |kind: &'static str| {
            let entries = entries.iter();
            entries.filter(move |entry| text(entry, "type") == Some(kind))
        };
        let name = of_type("cluster").find_map(|entry| text(entry, "name"));
        let mut nodes: Vec<(NodeName, bool)> = of_type("node")
            .filter_map(|entry| {
                let name = NodeName::parse(text(entry, "name")?).ok()?;
                Some((name, entry.get("online").is_some_and(truthy)))
            })
            .collect();
        nodes.sort();
        Ok(Cluster {
            name: name.map(Printable::from),
            nodes,
        })
    }

    /// The nodes alone, of which everybody may see a list.
    fn of_nodes(api: &dyn Api) -> Result<Cluster, Error> {
        let answer = api.call(Method::Get, &Path::nodes(), &[])?;
        let entries = answer
            .as_array()
            .ok_or_else(|| odd(api, "no list of nodes"))?;
        let mut nodes: Vec<(NodeName, bool)> = entries
            .iter()
            .filter_map(|entry| {
                let name = NodeName::parse(text(entry, "node")?).ok()?;
                Some((name, text(entry, "status") == Some("online")))
            })
            .collect();
        nodes.sort();
        Ok(Cluster { name: None, nodes })
    }

    /// Whether both are the same cluster. A single node, of which many have the same name, is only itself.
    #[must_use]
    pub fn is(&self, other: &Cluster) -> bool {
        let names = |cluster: &Cluster| -> Vec<NodeName> {
            cluster.nodes.iter().map(|(name, _)| name.clone()).collect()
        };
        let is_named = match (&self.name, &other.name) {
            (Some(one), Some(other)) => one == other,
            // Who may not see it does not know its name.
            _ => self.nodes.len() > 1,
        };
        is_named && names(self) == names(other)
    }
}

impl GuestConfig {
    /// Asks for a VM's configuration, with what is pending in it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ask(api: &dyn Api, node: &NodeName, vmid: VmId) -> Result<GuestConfig, Error> {
        let answer = api.call(Method::Get, &Path::config(node, vmid), &[])?;
        if !answer.is_object() {
            return Err(odd(api, "no configuration"));
        }
        let digest = text(&answer, "digest").filter(|digest| {
            (1..=64).contains(&digest.len()) && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let agent = match answer.get("agent") {
            Some(Value::String(text)) => text.split(',').any(|part| {
                let value = part.strip_prefix("enabled=").unwrap_or(part);
                matches!(value, "1" | "yes" | "on" | "true")
            }),
            Some(other) => truthy(other),
            None => false,
        };
        Ok(GuestConfig {
            hookscript: text(&answer, "hookscript").map(Printable::from),
            tags: tags(text(&answer, "tags")),
            digest: digest.map(str::to_owned),
            agent,
        })
    }
}

/// Reads the clock of a guest through its agent. The host's clock is read before and after: the guest's
/// answer is taken to be of the middle.
///
/// # Errors
/// [`Error`].
pub fn guest_time(api: &dyn Api, node: &NodeName, vmid: VmId) -> Result<Measured, Error> {
    let clock = |error: crate::model::TimeError| {
        Error::new(
            Kind::NotSent,
            api.name(),
            &format!("this host's clock: {error}"),
        )
    };
    let begun = system::now().map_err(clock)?.real;
    let monotonic = Instant::now();
    let answer = api.call(Method::Get, &Path::guest_time(node, vmid), &[])?;
    let half = monotonic.elapsed().checked_div(2).unwrap_or_default();
    let nanos = answer.get("result").unwrap_or(&answer).as_i64();
    let nanos = nanos.ok_or_else(|| odd(api, "no time of a guest"))?;
    let measured = || {
        let half = Offset::from_nanos(i128::try_from(half.as_nanos()).unwrap_or(i128::MAX))?;
        let time = Timestamp::from_nanos(i128::from(nanos))?;
        Ok(Measured {
            time,
            offset: time.since(begun.plus(half)?)?,
            uncertainty: half,
        })
    };
    measured().map_err(clock)
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn tags(text: Option<&str>) -> Vec<Tag> {
    let parts = text.unwrap_or_default().split([';', ',', ' ']);
    parts.filter_map(|part| Tag::parse(part).ok()).collect()
}

pub(super) fn odd(api: &dyn Api, what: &str) -> Error {
    Error::new(
        Kind::Refused(200),
        api.name(),
        &format!("its answer is {what}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Says(Value);

    impl Api for Says {
        fn call(&self, _: Method, _: &Path, _: &[(&str, &str)]) -> Result<Value, Error> {
            Ok(self.0.clone())
        }
        fn name(&self) -> &str {
            "test"
        }
        fn shown(&self, _: Method, _: &Path, _: &[(&str, &str)]) -> String {
            String::new()
        }
        fn lanes(&self) -> usize {
            1
        }
    }

    #[test]
    fn guests_that_cannot_be_named_are_left_out() {
        let entry = |vmid: Value, node: &str| json!({"type": "qemu", "vmid": vmid, "node": node, "name": "a\u{1b}"});
        let guests = HostGuest::list(&Says(json!([
            entry(json!(200), "pve1"),
            entry(json!(100), "pve1"),
            entry(json!(100), "pve2"),
            entry(json!(101), "../x"),
            entry(json!(1), "pve1"),
            entry(json!("102"), "pve1"),
            entry(json!(1e300), "pve1"),
            json!({"type": "lxc", "vmid": 103, "node": "pve1"}),
            json!(null),
        ])));
        let guests = guests.unwrap();
        let vmids: Vec<u32> = guests.iter().map(|guest| guest.vmid.get()).collect();
        assert_eq!(vmids, [100, 200]);
        assert_eq!(guests[0].name.as_str(), "a\\u{1b}");
        assert!(HostGuest::list(&Says(json!({"a": 1}))).is_err());
    }

    #[test]
    fn a_guests_clock_is_a_number_of_nanoseconds() {
        let node = NodeName::parse("pve1").unwrap();
        let ask = |answer: Value| guest_time(&Says(answer), &node, VmId::MIN);
        let past = ask(json!({"result": 1_465_992_000_000_000_000_i64})).unwrap();
        assert_eq!(past.time.to_string(), "2016-06-15T12:00:00Z");
        assert!(past.offset.as_nanos() < 0);
        for bad in [
            json!({}),
            json!({"result": "1"}),
            json!({"result": 1e30}),
            json!({"result": u64::MAX}),
        ] {
            assert!(ask(bad.clone()).is_err(), "{bad}");
        }
    }
}
