//! How close the agent stage gets a guest's clock, and what it costs: beside `virsh domtime --now` on a
//! guest of the same kind.
//!
//! Both guests have a second agent on a second port, which the bench alone talks to: it moves the clock
//! before each run, and what is left after it is read the same way for both, while neither contender's
//! own agent is asked for anything.
mod files;
mod ours;
mod sets;
mod starts;
mod table;
mod task;
mod theirs;
mod truth;
mod worker;

/// Measures all of it and gives the tables.
pub(crate) fn measure() -> String {
    // The hook's part leaves its guest.
    ours::end();
    files::write_config();
    eprintln!("The agent stage: sets ...");
    let sets = sets::measure();
    eprintln!("The agent stage: starts ...");
    let starts = starts::measure();
    eprintln!("The agent stage: the start's task ...");
    let tasks = task::measure();
    table::all(&sets, &starts, &tasks)
}
