//! The operating system: files opened safely, sockets with deadlines, clocks, processes.
//!
//! Belongs here: every system call the program makes, and the only `unsafe` code. Nothing here
//! knows what a VM's clock is.

mod caller;
mod clock;
mod cluster_lock;
mod dir;
mod error;
mod file;
mod guardian;
mod interrupt;
mod login;
mod open_file;
mod plaintext;
mod process;
mod program;
mod proven;
mod secret;
mod socket;
mod terminal;
mod window;
mod zone;

pub use caller::{Caller, caller};
pub use clock::{Deadline, boot_id, host_clock_synchronised, now};
pub use cluster_lock::ClusterLock;
pub use dir::{Dir, Lock};
pub use error::{FileError, FileErrorKind};
pub use file::{Trust, is_mount_point, read};
pub use guardian::{GuardianEnd, GuardianPipe, spawn_guardian};
pub use interrupt::{Uninterrupted, heed_interrupts, interrupted};
pub use login::{Account, Login, LoginUid, account, login};
pub use open_file::{Access, OpenFile};
pub use plaintext::Plaintext;
pub use process::{Generation, cmdline, exit_at_once, fill_secret, hostname, random_bytes};
pub use program::Program;
pub use secret::{SecretBytes, keep_secrets_in, read_secret};
pub use socket::{Stream, StreamError, is_journals, send_datagram, somebody_queues};
pub use terminal::{Typed, ask_hidden, read_line_of, read_secret_input, write_out};
pub use window::terminal_width;
pub use zone::host_zone;
