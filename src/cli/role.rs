//! Who may call which command. One table says what each command asks for; everything passes here
//! before it runs.
//!
//! Root who logged in as root may everything, and so may what nobody logged in for (a service, a
//! cron job: only root can have made it). Else the user who logged in counts, through su and sudo;
//! where the kernel and sudo name two, both have to be permitted.
use super::arguments::allowlist::Allowlist;
use super::arguments::audit::Audit;
use super::arguments::{Arguments, Command};
use super::{Failure, complain};
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::model::{Deny, DenyReason, Printable, Verb};
use crate::policy::{Member, authorize_verb};
use crate::sources::{CONFIG_PATH, Loaded, load_allowlist, load_config};
use crate::system::{Account, Login, LoginUid, account, login};
use crate::voice::trail;

/// What a command asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Needs {
    /// Nothing: it does nothing for the caller that would not be done anyway.
    Nothing,
    /// A role with this verb.
    Verb(Verb),
}

/// What each command asks for.
pub(super) fn needs(command: &Command) -> Needs {
    match command {
        // Who the caller is, and what this is.
        Command::Whoami(_) | Command::Version(_) => Needs::Nothing,
        // systemd's. They hold guests' locks, and who may halt them could keep others from those guests.
        Command::Worker(_) | Command::Sweep(_) => Needs::Verb(Verb::Admin),
        Command::Plan(_) | Command::Check(_) | Command::Doctor(_) | Command::Status(_) => {
            Needs::Verb(Verb::View)
        }
        Command::Approvals(_) | Command::Commands(_) => Needs::Verb(Verb::View),
        Command::Approve(_) | Command::Revoke(_) => Needs::Verb(Verb::Approve),
        Command::Allowlist(Allowlist::Show(_)) => Needs::Verb(Verb::View),
        // A file of the caller's choice is read as root, and what is wrong with it is said.
        Command::Allowlist(Allowlist::Diff(diff)) if diff.file.is_none() => Needs::Verb(Verb::View),
        // An editor is a shell of root's, and a policy is what it says.
        Command::Allowlist(_) => Needs::Verb(Verb::Admin),
        Command::Assign(_) | Command::Unassign(_) => Needs::Verb(Verb::Assign),
        // The cursor is a file of the caller's choice that root writes.
        Command::Audit(Audit::Export(export)) if export.cursor.is_some() => {
            Needs::Verb(Verb::Admin)
        }
        Command::Audit(_) => Needs::Verb(Verb::Audit),
        Command::Sync(_) => Needs::Verb(Verb::Sync),
        Command::Shift(_) => Needs::Verb(Verb::Shift),
        Command::Restore(_) => Needs::Verb(Verb::Restore),
        // What is pinned decides a date for every VM whose profile names the server.
        Command::Cert(cert) if cert.action.is_some() => Needs::Verb(Verb::Admin),
        Command::Cert(_) => Needs::Verb(Verb::View),
        Command::Token(_) => Needs::Verb(Verb::Token),
        Command::Cluster(_)
        | Command::Start(_)
        | Command::Stop(_)
        | Command::Shutdown(_)
        | Command::Reboot(_)
        | Command::Login(_)
        | Command::Logout(_) => Needs::Verb(Verb::Cluster),
        // What is copied, or named, becomes what Proxmox VE runs as root.
        Command::Attach(_) | Command::Detach(_) => Needs::Verb(Verb::Admin),
        Command::InstallHook(_) | Command::UninstallHook(_) => Needs::Verb(Verb::Admin),
    }
}

/// A user who calls, and how that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct User {
    /// His number; none where a source says something that is no number.
    pub(super) uid: Option<u32>,
    /// His name and groups.
    pub(super) member: Member,
    /// The sources that name him.
    pub(super) sources: Vec<&'static str>,
}

/// Who calls. Root alone where nobody else has a hand in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Who {
    /// Everybody but root who has a hand in it.
    pub(super) users: Vec<User>,
    /// What the sources say.
    pub(super) login: Login,
}

impl Who {
    /// Finds out who calls.
    pub(super) fn calls() -> Who {
        Who::of(login(), |uid| account(uid).ok().flatten())
    }

    fn of(login: Login, account: impl Fn(u32) -> Option<Account>) -> Who {
        let process = match login.process {
            0 => LoginUid::Nobody,
            uid => LoginUid::User(uid),
        };
        let mut users: Vec<User> = Vec::new();
        for (said, source) in [
            (login.kernel, "login uid"),
            (login.sudo, "SUDO_UID"),
            (process, "process"),
        ] {
            let uid = match said {
                LoginUid::Nobody | LoginUid::User(0) => continue,
                LoginUid::User(uid) => Some(uid),
                LoginUid::Unreadable => None,
            };
            if let Some(known) = users.iter_mut().find(|user| user.uid == uid) {
                known.sources.push(source);
                continue;
            }
            let found = uid.and_then(&account);
            users.push(User {
                uid,
                member: Member {
                    name: found.as_ref().map(|account| account.name.clone()),
                    groups: found.map(|account| account.groups).unwrap_or_default(),
                },
                sources: vec![source],
            });
        }
        Who { users, login }
    }

    /// Whether only root has a hand in it.
    pub(super) fn is_root(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether the kernel and sudo name different users.
    fn sources_differ(&self) -> bool {
        let Login { kernel, sudo, .. } = self.login;
        kernel != sudo && kernel != LoginUid::Nobody && sudo != LoginUid::Nobody
    }

    /// What the sources say, for people.
    fn sources(&self) -> String {
        let say = |uid: LoginUid| match uid {
            LoginUid::Nobody => "nobody".to_owned(),
            LoginUid::User(uid) => uid.to_string(),
            LoginUid::Unreadable => "unreadable".to_owned(),
        };
        format!(
            "login uid {}, SUDO_UID {}, process of {}",
            say(self.login.kernel),
            say(self.login.sudo),
            self.login.process
        )
    }
}

/// What somebody who was let in may do beyond the command itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Access {
    admin: bool,
}

impl Access {
    /// Whether the caller is as good as root. What starts a program of the caller's choice (an
    /// editor, a pager), or reads files that are not his, needs it.
    pub(super) fn is_admin(self) -> bool {
        self.admin
    }

    #[cfg(test)]
    pub(super) fn to_root() -> Access {
        Access { admin: true }
    }

    #[cfg(test)]
    pub(super) fn to_others() -> Access {
        Access { admin: false }
    }
}

/// Lets the caller in or says no; a no is written down.
///
/// # Errors
/// [`Failure`] where it cannot be found out.
pub(super) fn enter(arguments: &Arguments) -> Result<Result<Access, Deny>, Failure> {
    let who = Who::calls();
    if who.is_root() {
        return Ok(Ok(Access { admin: true }));
    }
    // The files that decide about somebody are never those that he names.
    let config = load_config(CONFIG_PATH.as_ref())?;
    let loaded = load_allowlist(&config);
    let decided = decide(&who, loaded.as_ref().map_err(|no| &no.deny), arguments);
    let text = match &decided {
        Err(deny) => format!("{}; {}", deny.text, who.sources()),
        Ok(_) if who.sources_differ() => format!(
            "the kernel and sudo name different users, and both may do this: {}",
            who.sources()
        ),
        Ok(_) => return Ok(decided),
    };
    let reason = decided.as_ref().err().map(|deny| deny.reason);
    let record = Record {
        reason,
        text: Some(Printable::sentence(&text)),
        allowlist_sha256: loaded.as_ref().ok().map(|loaded| loaded.sha256.as_str()),
        ..Record::of_node(match reason {
            Some(_) => Event::Denied,
            None => Event::Note,
        })
    };
    if let Err(error) = write_down(&config, &record) {
        complain(&error.0);
    }
    Ok(decided)
}

fn write_down(config: &Config, record: &Record<'_>) -> Result<(), Failure> {
    trail(config)?.record(record)?;
    Ok(())
}

/// Whether everybody who has a hand in it may do what the arguments ask for.
fn decide(
    who: &Who,
    loaded: Result<&Loaded, &Deny>,
    arguments: &Arguments,
) -> Result<Access, Deny> {
    let admin = may(who, loaded, Verb::Admin);
    if arguments.config != std::path::Path::new(CONFIG_PATH) {
        return match admin {
            Ok(()) => Ok(Access { admin: true }),
            Err(deny) => Err(Deny::new(
                deny.reason,
                format!(
                    "--config is for root and for roles with the verb \"admin\": {}",
                    deny.text
                ),
            )),
        };
    }
    let access = Access {
        admin: admin.is_ok(),
    };
    match needs(&arguments.command) {
        Needs::Nothing => Ok(access),
        Needs::Verb(verb) => may(who, loaded, verb).map(|()| access),
    }
}

/// Whether everybody who has a hand in it may do this.
pub(super) fn may(who: &Who, loaded: Result<&Loaded, &Deny>, verb: Verb) -> Result<(), Deny> {
    if who.is_root() {
        return Ok(());
    }
    let loaded = loaded.map_err(|deny| {
        Deny::new(
            DenyReason::NoRole,
            format!(
                "only root may do this as long as the allowlist gives no role: {}",
                deny.text
            ),
        )
    })?;
    let mut users = who.users.iter();
    users.try_for_each(|user| authorize_verb(&loaded.allowlist, &user.member, verb))
}
