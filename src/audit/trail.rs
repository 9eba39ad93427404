//! The audit trail: JSON lines, appended whole, the intents durable before anything happens.
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{Event, Record};
use crate::model::{ClockPlan, Timestamp, VmId};
use crate::policy::Authorized;
use crate::system::{self, Deadline, Dir, FileError};

/// The trail's file in the log folder.
const FILE: &str = "audit.log";

/// How long to wait for the lock that all writers share. One record takes well under a millisecond,
/// or one flush of a slow disk.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// Where records go.
#[derive(Debug)]
pub struct Trail {
    folder: PathBuf,
    node: String,
    boot_id: String,
}

/// Why a record could not be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuditError {
    /// The log folder or file.
    File(FileError),
    /// The host's clock or identity cannot be read.
    Host(String),
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditError::File(error) => error.fmt(f),
            AuditError::Host(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for AuditError {}

impl From<FileError> for AuditError {
    fn from(error: FileError) -> AuditError {
        AuditError::File(error)
    }
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

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    time: Timestamp,
    node: &'a str,
    boot_id: &'a str,
    boot_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a str>,
    #[serde(flatten)]
    record: &'a Record<'a>,
}

impl Trail {
    /// A trail in the folder `log`, which is made on the first record.
    ///
    /// # Errors
    /// [`AuditError::Host`] where /proc is not what it should be.
    pub fn new(log: &Path) -> Result<Trail, AuditError> {
        Ok(Trail {
            folder: log.to_owned(),
            node: system::hostname(),
            boot_id: system::boot_id()?,
        })
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
            vmid: grant.vmid(),
            profile: Some(grant.profile()),
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

    /// Writes down something that changes nothing, like a denial.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn record(&self, record: &Record<'_>) -> Result<(), AuditError> {
        self.write(record, None, false)
    }

    fn write(
        &self,
        record: &Record<'_>,
        intent: Option<&str>,
        durable: bool,
    ) -> Result<(), AuditError> {
        let now = system::now().map_err(|error| AuditError::Host(error.to_string()))?;
        let line = Line {
            time: now.real,
            node: &self.node,
            boot_id: &self.boot_id,
            boot_ns: now.boot.as_nanos(),
            intent,
            record,
        };
        let mut bytes =
            serde_json::to_vec(&line).map_err(|error| AuditError::Host(error.to_string()))?;
        bytes.push(b'\n');
        let folder = Dir::open_or_make(&self.folder, 0o750)?;
        folder.append(FILE, &bytes, 0o640, durable, Deadline::after(LOCK_LIMIT))?;
        Ok(())
    }
}

/// A name for an intent that no other has: 128 random bits.
fn new_id() -> String {
    format!("{:032x}", u128::from_be_bytes(system::random_bytes()))
}
