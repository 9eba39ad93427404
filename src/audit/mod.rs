//! What is written down: the audit trail first, then syslog.
//!
//! Belongs here: records, how they are chained, and where they go. A clock is changed only by who
//! holds an [`IntentLogged`], and that is made only here, after the intent is on the disk.
#![forbid(unsafe_code)]

mod actor;
mod chain;
mod error;
mod event;
mod fault;
mod files;
mod gaps;
mod head;
mod key;
mod mend;
mod proof;
mod record;
mod seal;
mod syslog;
mod trail;

pub use self::syslog::{Facility, Format, Severity, Syslog};
pub use actor::Actor;
pub use error::AuditError;
pub use event::{Cause, Event, Log};
pub use fault::{Fault, Kind};
pub use files::{LogFile, LogFiles, open_logs, open_logs_for_proof};
pub use proof::{Proof, Report};
pub use record::Record;
pub use seal::{Hash, LINE_LIMIT, Sealed, Sealer};
pub use trail::{Announced, IntentLogged, Receipt, Trail};
