//! Keeping the clock of a running guest.
#![forbid(unsafe_code)]
