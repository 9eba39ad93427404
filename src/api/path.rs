//! The paths of the API that are asked, made of types that cannot leave their segment.
use std::fmt::{self, Write as _};

use crate::model::{NodeName, Upid, VmId};

/// How a path is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Starts or creates something.
    Post,
    /// Changes something.
    Put,
}

impl Method {
    /// The word of HTTP.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
        }
    }
}

/// What can be done to a VM's power.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    /// Starts it.
    Start,
    /// Takes its power away.
    Stop,
    /// Asks its system to power off.
    Shutdown,
    /// Asks its system to boot again.
    Reboot,
}

impl Power {
    /// The word, as the API and the command line have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Power::Start => "start",
            Power::Stop => "stop",
            Power::Shutdown => "shutdown",
            Power::Reboot => "reboot",
        }
    }
}

/// A storage (`pve-storage-id`: `[a-z][a-z0-9\-_.]*[a-z0-9]`, any case).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageId(String);

impl StorageId {
    /// Reads a storage's name.
    ///
    /// # Errors
    /// What it has to be.
    pub fn parse(text: &str) -> Result<StorageId, &'static str> {
        let good = (2..=100).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if good {
            Ok(StorageId(text.to_owned()))
        } else {
            Err("a storage's name has letters, digits and - _ . in it and starts with a letter")
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path below `/api2/json`, without a query, percent-encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path(String);

impl Path {
    /// Logins.
    #[must_use]
    pub fn ticket() -> Path {
        Path("/access/ticket".to_owned())
    }

    /// The cluster, its nodes, and which are there.
    #[must_use]
    pub fn cluster_status() -> Path {
        Path("/cluster/status".to_owned())
    }

    /// The nodes of the cluster.
    #[must_use]
    pub fn nodes() -> Path {
        Path("/nodes".to_owned())
    }

    /// All guests of the cluster that the caller may see.
    #[must_use]
    pub fn resources() -> Path {
        Path("/cluster/resources".to_owned())
    }

    /// A VM's configuration.
    #[must_use]
    pub fn config(node: &NodeName, vmid: VmId) -> Path {
        Path::of_vm(node, vmid, "config")
    }

    /// The time of a VM's guest, from its agent.
    #[must_use]
    pub fn guest_time(node: &NodeName, vmid: VmId) -> Path {
        Path::of_vm(node, vmid, "agent/get-time")
    }

    /// Something that is done to a VM's power.
    #[must_use]
    pub fn power(node: &NodeName, vmid: VmId, power: Power) -> Path {
        Path::of_vm(node, vmid, &format!("status/{}", power.word()))
    }

    /// What a storage holds, seen from a node.
    #[must_use]
    pub fn storage_content(node: &NodeName, storage: &StorageId) -> Path {
        let storage = segment(storage.as_str());
        Path(format!("/nodes/{node}/storage/{storage}/content"))
    }

    /// The tasks of a node.
    #[must_use]
    pub fn tasks(node: &NodeName) -> Path {
        Path(format!("/nodes/{node}/tasks"))
    }

    /// How a task is doing.
    #[must_use]
    pub fn task_status(node: &NodeName, task: &Upid) -> Path {
        Path(format!(
            "/nodes/{node}/tasks/{}/status",
            segment(&task.to_string())
        ))
    }

    /// What a task said.
    #[must_use]
    pub fn task_log(node: &NodeName, task: &Upid) -> Path {
        Path(format!(
            "/nodes/{node}/tasks/{}/log",
            segment(&task.to_string())
        ))
    }

    /// The same with a query.
    pub(super) fn asking(&self, query: &str) -> Path {
        Path(format!("{}?{query}", self.0))
    }

    fn of_vm(node: &NodeName, vmid: VmId, rest: &str) -> Path {
        Path(format!("/nodes/{node}/qemu/{vmid}/{rest}"))
    }

    /// The path, as it is in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as pvesh takes it, which decodes nothing.
    #[must_use]
    pub fn decoded(&self) -> String {
        let mut parts = self.0.split('%');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (code, rest) = part.split_at_checked(2).unwrap_or(("", part));
            // What was encoded is ASCII.
            text.extend(u8::from_str_radix(code, 16).ok().map(char::from));
            text.push_str(rest);
        }
        text
    }
}

/// Text as a single segment of a path, or as a name or value of a form (RFC 3986 section 2.3).
pub(super) fn segment(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                safe.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => {
                let _ = write!(safe, "%{byte:02X}");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_task_is_one_segment() {
        let upid = "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:a/../b@pve!x:";
        let task = Upid::parse(upid).unwrap();
        let path = Path::task_status(&task.node().unwrap(), &task);
        assert_eq!(
            path.as_str(),
            "/nodes/pve1/tasks/UPID%3Apve1%3A0000C3F1%3A002B9D3E%3A65A1B2C3%3Aqmstart%3A100%3Aa%2F..%2Fb%40pve%21x%3A/status"
        );
        assert_eq!(path.decoded(), format!("/nodes/pve1/tasks/{upid}/status"));
    }

    #[test]
    fn a_storage_cannot_leave_its_segment() {
        for good in ["local", "nfs-1", "a.b_c"] {
            assert!(StorageId::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "a", "../x", "a/b", "1a", "a:", "a..", "lo cal", "lo%2fcal",
        ] {
            assert!(StorageId::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_segment_has_nothing_in_it_that_ends_one(text in ".*") {
            let safe = segment(&text);
            prop_assert!(safe.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
        }
    }
}
