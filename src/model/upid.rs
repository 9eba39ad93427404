//! The name that Proxmox VE gives a task: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::NodeName;

/// Longest one that is taken, in bytes. A user's name has at most 64 characters, a token's 128.
const CAP: usize = 512;

/// A task of Proxmox VE (`PVE::Tools::upid_decode`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upid {
    text: String,
    pid: i32,
    kind: String,
    user: String,
}

impl Upid {
    /// Reads a task's name. `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Upid> {
        if text.len() > CAP || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut fields = text.strip_suffix(':')?.split(':');
        if fields.next()? != "UPID" {
            return None;
        }
        let node = fields.next()?;
        let hex = |field: &str, lengths: &[usize]| {
            (lengths.contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .then(|| u64::from_str_radix(field, 16).ok())
                .flatten()
        };
        let pid = hex(fields.next()?, &[8])?;
        hex(fields.next()?, &[8, 9])?;
        hex(fields.next()?, &[8])?;
        let kind = fields.next()?;
        let _id = fields.next()?;
        let user = fields.next()?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let whole = fields.next().is_none()
            && !node.is_empty()
            && node.bytes().all(is_name)
            && !kind.is_empty()
            && user.contains('@');
        whole.then_some(Upid {
            text: text.to_owned(),
            pid: i32::try_from(pid).ok()?,
            kind: kind.to_owned(),
            user: user.to_owned(),
        })
    }

    /// The process that is the task.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The node that it runs on.
    #[must_use]
    pub fn node(&self) -> Option<NodeName> {
        NodeName::parse(self.text.split(':').nth(1)?).ok()
    }

    /// What the task does, like `qmstart`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Who asked for it: `USER@REALM`, or `USER@REALM!TOKEN`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Upid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Upid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Upid, D::Error> {
        let text = String::deserialize(deserializer)?;
        Upid::parse(&text).ok_or_else(|| serde::de::Error::custom("no task of Proxmox VE"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_and_the_token_of_a_task_are_found() {
        let text = "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam!ci:";
        let upid = Upid::parse(text).unwrap();
        assert_eq!((upid.pid(), upid.kind()), (0xc3f1, "qmstart"));
        assert_eq!(upid.user(), "root@pam!ci");
        assert_eq!(upid.node().unwrap().as_str(), "pve1");
        assert_eq!(upid.to_string(), text);
        // Started for all VMs at once: no number.
        assert!(Upid::parse("UPID:pve-1:0000C3F1:102B9D3E0:65A1B2C3:startall::a@pve:").is_some());
    }

    #[test]
    fn what_is_no_task_is_refused() {
        for bad in [
            "",
            "UPID:",
            "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam",
            "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:x:",
            "UPID:pve1:C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:",
            "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3::100:root@pam:",
            "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root:",
            "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:ro\not@pam:",
            "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:r o@pam:",
            "UPID:../x:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:",
        ] {
            assert_eq!(Upid::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Upid::parse(&"UPID:".repeat(1000)), None);
    }
}
