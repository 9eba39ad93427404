//! Who is behind a start, as Proxmox VE knows people.
use crate::model::{Printable, PveCaller};
use crate::policy::Starter;
use crate::system::{Caller, Login, LoginUid, account, caller, login};

/// Who is behind this call of the hook: the user or API token of the task of Proxmox VE. Without a task
/// only root can have called it, who is root@pam. The names of other users are in databases that the
/// hook does not ask.
#[must_use]
pub fn starter() -> Starter {
    behind(&caller(), login(), None::<fn(u32) -> Option<String>>)
}

/// Who is behind a command by hand: the task's user, which is who opened the shell where that is one of
/// the web interface, and whoever logged in, who to Proxmox VE is a user of the realm pam.
#[must_use]
pub fn starter_by_hand() -> Starter {
    let name = |uid| Some(account(uid).ok()??.name);
    behind(&caller(), login(), Some(name))
}

/// By hand if users have names.
fn behind(caller: &Caller, login: Login, name: Option<impl Fn(u32) -> Option<String>>) -> Starter {
    if caller.unclear {
        return Starter::Other(
            "the task of Proxmox VE that is behind it, if there is one, cannot be told from its title"
                .to_owned(),
        );
    }
    let mut users = Vec::new();
    if let Some(task) = &caller.task {
        match PveCaller::parse(task.user()) {
            Ok(user) => users.push(user),
            Err(error) => {
                let user = Printable::from(task.user());
                return Starter::Other(format!("{user} is behind it, and {error}"));
            }
        }
        if name.is_none() {
            return Starter::Known(users);
        }
    }
    let process = match login.process {
        0 => LoginUid::Nobody,
        uid => LoginUid::User(uid),
    };
    for said in [login.kernel, login.sudo, process] {
        let user = match said {
            LoginUid::Nobody | LoginUid::User(0) => continue,
            LoginUid::Unreadable => None,
            LoginUid::User(uid) => name.as_ref().and_then(|name| name(uid)).and_then(of_pam),
        };
        match (user, said) {
            (Some(user), _) if users.contains(&user) => {}
            (Some(user), _) => users.push(user),
            (None, LoginUid::User(uid)) => {
                return Starter::Other(format!("the user with number {uid} is behind it"));
            }
            (None, _) => return Starter::Other("who logged in cannot be read".to_owned()),
        }
    }
    if users.is_empty() {
        users.extend(of_pam("root".to_owned()));
    }
    Starter::Known(users)
}

/// The user of Proxmox VE with this name on the node (realm pam, PVE::Auth::PAM).
fn of_pam(name: String) -> Option<PveCaller> {
    PveCaller::parse(&format!("{name}@pam")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Upid;

    fn who(task: Option<&str>, kernel: LoginUid, sudo: LoginUid, process: u32) -> Starter {
        let caller = Caller {
            task: task.and_then(Upid::parse),
            ..Caller::default()
        };
        let login = Login {
            kernel,
            sudo,
            process,
        };
        let name = |uid| match uid {
            1000 => Some("alice".to_owned()),
            1001 => Some("bob".to_owned()),
            1002 => Some("no user;of pve".to_owned()),
            _ => None,
        };
        behind(&caller, login, Some(name))
    }

    #[test]
    fn the_task_counts_then_the_logins_then_root_b5_d7() {
        use LoginUid::{Nobody, Unreadable, User};
        let known = |texts: &[&str]| {
            let users = texts.iter().map(|text| PveCaller::parse(text).unwrap());
            Starter::Known(users.collect())
        };
        let task = "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:alice@pve!ci:";
        assert_eq!(who(Some(task), Nobody, Nobody, 0), known(&["alice@pve!ci"]));
        assert_eq!(
            who(Some(task), User(1001), Nobody, 0),
            known(&["alice@pve!ci", "bob@pam"])
        );
        // A start is its task's, whoever has logged in where the task was begun.
        let caller = Caller {
            task: Upid::parse(task),
            ..Caller::default()
        };
        let logged_in = Login {
            kernel: User(1001),
            sudo: Nobody,
            process: 0,
        };
        let nobody = None::<fn(u32) -> Option<String>>;
        assert_eq!(behind(&caller, logged_in, nobody), known(&["alice@pve!ci"]));
        let untold = Caller {
            unclear: true,
            ..Caller::default()
        };
        let starter = behind(&untold, logged_in, nobody);
        assert!(matches!(starter, Starter::Other(_)), "{starter:?}");
        for (kernel, sudo, process, wanted) in [
            (Nobody, Nobody, 0, &["root@pam"][..]),
            (User(0), Nobody, 0, &["root@pam"]),
            (User(0), User(0), 0, &["root@pam"]),
            (User(1000), Nobody, 0, &["alice@pam"]),
            (Nobody, User(1000), 0, &["alice@pam"]),
            (User(1000), User(1000), 0, &["alice@pam"]),
            (User(1000), User(1001), 0, &["alice@pam", "bob@pam"]),
            (User(0), User(1001), 0, &["bob@pam"]),
            (Nobody, Nobody, 1000, &["alice@pam"]),
        ] {
            assert_eq!(
                who(None, kernel, sudo, process),
                known(wanted),
                "{kernel:?} {sudo:?}"
            );
        }
        // Whoever cannot be named is not left out.
        for (kernel, sudo) in [
            (Unreadable, Nobody),
            (User(1000), Unreadable),
            (User(1000), User(4000)),
            (User(1002), Nobody),
        ] {
            let starter = who(None, kernel, sudo, 0);
            assert!(matches!(starter, Starter::Other(_)), "{starter:?}");
        }
        let odd = "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:a;b@pve:";
        assert!(matches!(
            who(Some(odd), User(0), Nobody, 0),
            Starter::Other(_)
        ));
    }
}
