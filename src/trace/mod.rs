//! What the records of the trail say: filters, forms for other systems, what is unusual.
//!
//! Text in, answers out. Whether a record can be believed is for `audit verify` to say; what a record
//! holds is sanitised here once more, since anybody could have written the file.
#![forbid(unsafe_code)]

mod anomaly;
mod cef;
mod ecs;
mod entry;
mod filter;

pub use anomaly::{Anomaly, Fact, Kind, anomalies};
pub use cef::cef;
pub use ecs::ecs;
pub use entry::{Brief, Entry};
pub use filter::Filter;
