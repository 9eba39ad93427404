//! What people and scripts read: aligned lines and JSON.
//!
//! Belongs here: layout. What is said comes from elsewhere.
#![forbid(unsafe_code)]

mod code;
mod color;
mod finding;
mod table;

pub use code::Code;
pub use color::{Colors, Tone, When};
pub use finding::{Finding, Place, Severity};
pub use table::{columns, pairs, vmid_ranges};
