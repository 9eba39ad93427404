//! The audit trail: JSON lines, appended whole, the intents durable before anything happens.
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::chain::{self, Link, Order, Seal};
use super::error::AuditError;
use super::event::Event;
use super::head::not_json;
use super::record::Record;
use super::syslog::{Severity, Syslog};
use crate::model::{ClockPlan, Now, Printable, Timestamp, VmId};
use crate::policy::Authorized;
use crate::system::{self, Dir};

/// Where records go.
#[derive(Debug)]
pub struct Trail {
    folder: PathBuf,
    data: PathBuf,
    node: String,
    boot_id: String,
    actor: OnceCell<Actor>,
    syslog: Option<Syslog>,
}

/// The proof that an intent is on the disk, without which no guest's clock is changed. It cannot be
/// made elsewhere:
///
/// ```compile_fail
/// use time_shift::audit::{IntentLogged, Receipt};
/// fn forge(receipt: Receipt) -> IntentLogged {
///     IntentLogged { receipt }
/// }
/// ```
///
/// What can be done is to write the intent down:
///
/// ```
/// use time_shift::audit::{AuditError, IntentLogged, Record, Trail};
/// use time_shift::{model::ClockPlan, policy::Authorized};
/// fn ask(trail: &Trail, plan: &Authorized<ClockPlan>, record: Record) -> Result<IntentLogged, AuditError> {
///     trail.intent(plan, record)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IntentLogged {
    receipt: Receipt,
}

/// An [`IntentLogged`] as the state file of a start keeps it from pre-start to post-start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Receipt {
    intent: String,
    vmid: VmId,
    boot_id: String,
}

impl IntentLogged {
    /// The VM whose intent it is.
    #[must_use]
    pub fn vmid(&self) -> VmId {
        self.receipt.vmid
    }

    /// The form for the state file.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        self.receipt.clone()
    }
}

/// That a change that is no clock's is going to be made, on the disk before it is.
#[derive(Debug)]
#[must_use = "what came of it is to be written down too"]
pub struct Announced(String);

impl Announced {
    /// One that was found in the trail, by the name of its intent.
    #[must_use]
    pub fn of(intent: &str) -> Option<Announced> {
        let ours = intent.len() == 32 && intent.bytes().all(|byte| byte.is_ascii_hexdigit());
        ours.then(|| Announced(intent.to_owned()))
    }

    /// Whether it is the one that this receipt is for.
    #[must_use]
    pub fn is_of(&self, receipt: &Receipt) -> bool {
        self.0 == receipt.intent
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    seq: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mended: Option<super::Cause>,
    time: Timestamp,
    node: &'a str,
    boot_id: &'a str,
    boot_ns: u64,
    #[serde(flatten)]
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a str>,
    #[serde(flatten)]
    record: &'a Record<'a>,
}

impl Trail {
    /// A trail in the folder `log`, whose key and heads are in the folder `data`; both are made on the
    /// first record.
    ///
    /// # Errors
    /// [`AuditError::Host`] where /proc is not what it should be.
    pub fn new(log: &Path, data: &Path) -> Result<Trail, AuditError> {
        Ok(Trail {
            folder: log.to_owned(),
            data: data.to_owned(),
            node: system::hostname(),
            boot_id: system::boot_id()?,
            actor: OnceCell::new(),
            syslog: None,
        })
    }

    /// Says in syslog each hour, and after each rotation, where the chains stand.
    #[must_use]
    pub fn sealing_into(self, syslog: Option<Syslog>) -> Trail {
        Trail { syslog, ..self }
    }

    /// Writes this down as who is behind all records, where that is not who called this program.
    #[must_use]
    pub fn on_behalf_of(self, actor: Actor) -> Trail {
        let actor = OnceCell::from(actor);
        Trail { actor, ..self }
    }

    /// Who is behind the records.
    pub fn actor(&self) -> &Actor {
        self.actor.get_or_init(|| system::caller().into())
    }

    /// The identity of this boot of the host.
    #[must_use]
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Writes down that what is authorised is going to be done, and returns when that is on the disk.
    ///
    /// # Errors
    /// [`AuditError`]: then it must not be done.
    pub fn intent(
        &self,
        authorized: &Authorized<ClockPlan>,
        record: Record<'_>,
    ) -> Result<IntentLogged, AuditError> {
        let grant = authorized.grant();
        let record = Record {
            event: Event::Intent,
            vmid: Some(grant.vmid()),
            profile: Some(grant.profile()),
            target: Some(grant.target()),
            rule_line: Some(grant.rule_line()),
            ..record
        };
        let intent = new_id();
        self.write(&record, Some(&intent), true)?;
        let receipt = Receipt {
            intent,
            vmid: grant.vmid(),
            boot_id: self.boot_id.clone(),
        };
        Ok(IntentLogged { receipt })
    }

    /// Takes a receipt back: it must be for this VM and from this boot of the host.
    #[must_use]
    pub fn redeem(&self, receipt: &Receipt, vmid: VmId) -> Option<IntentLogged> {
        let ours = receipt.vmid == vmid && receipt.boot_id == self.boot_id;
        ours.then(|| IntentLogged {
            receipt: receipt.clone(),
        })
    }

    /// Writes down what became of an intent. Not forced to the disk: the intent is.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn outcome(&self, intent: &IntentLogged, record: &Record<'_>) -> Result<(), AuditError> {
        self.write(record, Some(&intent.receipt.intent), false)
    }

    /// Writes down that something other than a clock is going to be changed, and returns when that is
    /// on the disk.
    ///
    /// # Errors
    /// [`AuditError`]: then it must not be changed.
    pub fn announce(&self, record: &Record<'_>) -> Result<Announced, AuditError> {
        let id = new_id();
        self.write(record, Some(&id), true)?;
        Ok(Announced(id))
    }

    /// Writes down what came of that.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn conclude(&self, announced: &Announced, record: &Record<'_>) -> Result<(), AuditError> {
        self.write(record, Some(&announced.0), false)
    }

    /// Writes down something that changes nothing, like a denial.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn record(&self, record: &Record<'_>) -> Result<(), AuditError> {
        self.write(record, None, false)
    }

    /// Says in syslog where the chains stand, where that has not been said for an hour. The first record
    /// of each hour does so too; this is for the last ones before a silence.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn seal(&self) -> Result<(), AuditError> {
        let Some(syslog) = &self.syslog else {
            return Ok(());
        };
        let (folder, data) = match (Dir::open(&self.folder), Dir::open(&self.data)) {
            (Err(error), _) | (_, Err(error)) if error.is_missing() => return Ok(()),
            (folder, data) => (folder?, data?),
        };
        let now = system::now().map_err(|error| AuditError::Host(error.to_string()))?;
        for seal in chain::seals_due(&folder, &data, hour(now))? {
            deliver(syslog, &folder, &data, &seal)?;
        }
        Ok(())
    }

    fn write(
        &self,
        record: &Record<'_>,
        intent: Option<&str>,
        durable: bool,
    ) -> Result<(), AuditError> {
        let now = system::now().map_err(|error| AuditError::Host(error.to_string()))?;
        let folder = log_folder(&self.folder)?;
        let data = Dir::open_or_make(&self.data, 0o700)?;
        let order = Order {
            log: record.event.log(),
            durable,
            hour: hour(now),
        };
        let appended = chain::append(&folder, &data, &order, |link| match link.mended {
            None => self.line(link, now, record, intent),
            Some(cause) => {
                let mended = Record {
                    text: Some(Printable::sentence(cause.sentence())),
                    ..Record::of_node(Event::Mended)
                };
                self.line(link, now, &mended, None)
            }
        })?;
        if let Some(syslog) = &self.syslog {
            if let Some(seal) = appended.seal {
                // The record is there, whatever becomes of its seal.
                let _ = deliver(syslog, &folder, &data, &seal);
            }
            syslog.tell_lost(appended.lost);
        }
        Ok(())
    }

    fn line(
        &self,
        link: &Link,
        now: Now,
        record: &Record<'_>,
        intent: Option<&str>,
    ) -> Result<Vec<u8>, AuditError> {
        let line = Line {
            seq: link.seq,
            first: link.first,
            mended: link.mended,
            time: now.real,
            node: &self.node,
            boot_id: &self.boot_id,
            boot_ns: now.boot.as_nanos(),
            actor: self.actor(),
            decision: record.decision(),
            result: record.result(),
            intent,
            record,
        };
        serde_json::to_vec(&line).map_err(not_json)
    }
}

/// The log folder. Where it is made here, the group that reads logs may read it.
fn log_folder(path: &Path) -> Result<Dir, AuditError> {
    match Dir::open(path) {
        Err(error) if error.is_missing() => {
            let made = Dir::open_or_make(path, 0o750)?;
            made.give_to_log_readers();
            Ok(made)
        }
        other => Ok(other?),
    }
}

/// The hour since 1970.
fn hour(now: Now) -> i64 {
    now.real.floor_seconds().div_euclid(3600)
}

/// Sends a seal, which is due again where it does not arrive: it is what protects the end of a log.
fn deliver(syslog: &Syslog, folder: &Dir, data: &Dir, seal: &Seal) -> Result<(), AuditError> {
    match syslog.deliver(Severity::LOG_INFO, None, "seal", &sentence(seal)) {
        true => Ok(()),
        false => chain::not_sealed(folder, data, seal),
    }
}

/// The sentence that `audit verify --seal` takes its three words from.
fn sentence(seal: &Seal) -> String {
    let Seal { log, seq, hash } = seal;
    format!("trail sealed: {}:{seq}:{hash}", log.file_name())
}

/// A name for an intent that no other has: 128 random bits.
fn new_id() -> String {
    format!("{:032x}", u128::from_be_bytes(system::random_bytes()))
}
