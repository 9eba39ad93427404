//! `time-shift`: everything that a person calls.
use std::process::ExitCode;

fn main() -> ExitCode {
    time_shift::cli::main()
}
