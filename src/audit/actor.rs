//! Who is behind a record.
use serde::{Deserialize, Serialize};

use crate::model::{Printable, Upid};
use crate::system::Caller;

/// Who is behind a record. What comes from outside is sanitised.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Actor {
    /// The Proxmox VE user or token; else `login:UID`, else `sudo:NAME`, else `system`. A task that cannot
    /// be told is `unknown`.
    pub actor: Printable,
    /// The task of Proxmox VE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upid: Option<Upid>,
    /// The login uid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The user who called sudo, as sudo says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<Printable>,
    /// The calling program's name.
    pub program: Printable,
}

impl From<Caller> for Actor {
    fn from(caller: Caller) -> Actor {
        let sudo_user = caller.sudo_user.as_deref().map(Printable::new);
        let actor = match (&caller.task, caller.login_uid, &sudo_user) {
            (Some(task), _, _) => Printable::from(task.user()),
            (None, ..) if caller.unclear => Printable::from("unknown"),
            (None, Some(uid), _) => Printable::from(format!("login:{uid}")),
            (None, None, Some(user)) => Printable::from(format!("sudo:{user}")),
            (None, None, None) => Printable::from("system"),
        };
        Actor {
            actor,
            upid: caller.task,
            login_uid: caller.login_uid,
            sudo_user,
            program: Printable::new(&caller.program),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxmox_user_counts_before_the_login_and_that_before_sudo() {
        let text = "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam!ci:";
        let mut caller = Caller {
            unclear: false,
            task: Upid::parse(text),
            login_uid: Some(1000),
            sudo_user: Some(b"al\x1b[31m\nice".to_vec()),
            program: b"qm\n{".to_vec(),
        };
        let said = |caller: &Caller| Actor::from(caller.clone()).actor.to_string();
        assert_eq!(said(&caller), "root@pam!ci");
        caller.task = None;
        assert_eq!(said(&caller), "login:1000");
        caller.login_uid = None;
        assert_eq!(said(&caller), "sudo:al\\u{1b}[31m\\u{a}ice");
        caller.sudo_user = None;
        assert_eq!(said(&caller), "system");
        caller.unclear = true;
        assert_eq!(said(&caller), "unknown");
        assert_eq!(Actor::from(caller).program.as_str(), "qm\\u{a}{");
    }
}
