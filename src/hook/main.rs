//! `time-shift-hook VMID PHASE`, as Proxmox VE calls a hookscript.
use std::process::ExitCode;

fn main() -> ExitCode {
    time_shift::hook::main()
}
