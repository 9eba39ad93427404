//! What is written down: the audit trail first, then syslog.
//!
//! Belongs here: records and where they go. A clock is changed only by who holds an
//! [`IntentLogged`], and that is made only here, after the intent is on the disk.
#![forbid(unsafe_code)]

mod record;
mod syslog;
mod trail;

pub use self::syslog::{Facility, Format, Severity, Syslog};
pub use record::{Event, Record};
pub use trail::{AuditError, IntentLogged, Receipt, Trail};
