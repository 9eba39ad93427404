//! Which years come up right: every machine, firmware, number of vCPUs and QEMU. All of them in
//! `make test-all`, which prints the matrix; one of each class in `make test`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

#[path = "lab_matrix/cell.rs"]
mod cell;
#[path = "lab_matrix/debian.rs"]
mod debian;
mod support;
#[path = "lab_matrix/table.rs"]
mod table;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cell::{Outcome, Setup, boot};
use debian::Debian;

/// The years that are asked for, and those on either side of each machine's bounds.
const YEARS: [i16; 11] = [
    1970, 1997, 1998, 1999, 2038, 2069, 2070, 2097, 2098, 2099, 2105,
];

/// The middle of a year.
fn middle(year: i16) -> String {
    format!("{year}-06-15T12:00:00Z")
}

/// Most guests at once; each keeps a core busy.
const MOST_AT_ONCE: usize = 4;

/// One boot of the matrix: this machine in this year.
#[derive(Debug)]
struct Case<'d> {
    setup: Setup<'d>,
    year: i16,
}

fn cases(debians: &[Debian]) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (machine, ovmf) in [("pc", false), ("pc", true), ("q35", false), ("q35", true)] {
        for debian in debians {
            for vcpus in [1, 4] {
                let setup = Setup {
                    debian,
                    machine,
                    ovmf,
                    vcpus,
                };
                cases.extend(YEARS.map(|year| Case { setup, year }));
            }
        }
    }
    cases
}

/// What became of each case, in their order; a guest that does not boot ends none of the others.
fn boot_all(cases: &[Case<'_>]) -> Vec<Option<Outcome>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![None; cases.len()]);
    thread::scope(|scope| {
        for _ in 0..cores.min(MOST_AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(Case { setup, year }) = cases.get(at) else {
                        break;
                    };
                    let outcome = catch_unwind(|| boot(setup, &middle(*year))).ok();
                    println!("{setup}, year {year}: {}", cell_of(&outcome));
                    outcomes.lock().unwrap()[at] = outcome;
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn cell_of(outcome: &Option<Outcome>) -> String {
    outcome.as_ref().map_or("no boot".to_owned(), Outcome::cell)
}

#[test]
#[ignore = "long: make test-all runs it"]
fn every_machine_boots_in_the_years_it_is_permitted_and_in_no_other_a2_a10_e5() {
    let debians = Debian::all();
    let cases = cases(&debians);
    let outcomes = boot_all(&cases);
    let rows: Vec<_> = cases
        .chunks(YEARS.len())
        .zip(outcomes.chunks(YEARS.len()))
        .map(|(cases, outcomes)| {
            let cells = outcomes.iter().map(cell_of).collect();
            (&cases[0].setup, cells)
        })
        .collect();
    print!("\n{}", table::markdown(&debians, &YEARS, &rows));

    let wrong: Vec<String> = cases
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| !outcome.as_ref().is_some_and(Outcome::agrees_with_policy))
        .map(|(case, outcome)| format!("{}, year {}: {outcome:?}", case.setup, case.year))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One boot with this machine's own QEMU, judged as in the matrix; what it must look like there.
#[track_caller]
fn own(machine: &'static str, ovmf: bool, target: &str, cell: &str) {
    let debian = Debian::own();
    let setup = Setup {
        debian: &debian,
        machine,
        ovmf,
        vcpus: 1,
    };
    let outcome = boot(&setup, target);
    assert!(outcome.agrees_with_policy(), "{outcome:?}");
    assert_eq!(outcome.cell(), cell, "{setup}, {target}: {outcome:?}");
}

#[test]
#[ignore = "long: make test-all runs it"]
fn the_first_and_the_last_hour_that_are_permitted_boot_right_a10() {
    for (machine, ovmf, first, last) in [
        ("pc", false, 1970, 2069),
        ("q35", false, 1970, 2105),
        ("pc", true, 1998, 2069),
        ("q35", true, 1998, 2097),
    ] {
        own(machine, ovmf, &format!("{first}-01-01T00:00:00Z"), "yes");
        own(machine, ovmf, &format!("{last}-12-31T23:00:00Z"), "yes");
    }
}

#[test]
fn a_pc_shows_a_refused_year_as_another_though_its_rtc_reads_back_right_a10() {
    own("pc", false, &middle(2070), "no: 1970 (RTC 2070)");
}

#[test]
fn a_q35_boots_at_the_end_of_the_century_a2() {
    own("q35", false, &middle(2099), "yes");
}

#[test]
fn ovmf_rewrites_a_refused_year_after_it_read_back_right_a10() {
    own("q35", true, &middle(2099), "no: 1999");
}

#[test]
fn a_pc_under_ovmf_boots_in_the_last_century_a2() {
    own("pc", true, &middle(1999), "yes");
}
