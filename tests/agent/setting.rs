//! The agent stage: what is sent, corrected, read back and said.
use std::path::PathBuf;

use super::*;
use support::order::{grant, order, vm100};
use time_shift::allowlist::CommandName;
use time_shift::guest::qga::{AgentOrder, AgentReport, HOLD, RunError, SetError, look, run, set};
use time_shift::guest::{Launch, Qemu};
use time_shift::model::Offset;
use time_shift::policy::authorize_command;

/// Guest minus host is a constant: about ten years back.
pub(crate) const BACK: &str =
    "target = \"2016-06-15T12:00:00Z\"\nanchor = \"2026-06-15T12:00:00Z\"\n";
pub(crate) const BACK_NANOS: i64 = -315_532_800_000_000_000;

pub(crate) const MS: i64 = 1_000_000;

pub(crate) fn qemu(fake: &FakeAgent) -> Qemu {
    Qemu {
        vmid: vm100(),
        generation: me(),
        launch: Launch::read(&[]),
        monitor: PathBuf::new(),
        agent: fake.socket.clone(),
    }
}

pub(crate) fn set_within(
    fake: &FakeAgent,
    keys: &str,
    deadline: Deadline,
) -> Result<AgentReport, SetError> {
    let (authorized, intent) = order(keys, fake.folder());
    set(&AgentOrder {
        qemu: &qemu(fake),
        authorized: &authorized,
        intent: &intent,
        deadline,
    })
}

pub(crate) fn set_it(behaviour: Behaviour) -> (FakeAgent, Result<AgentReport, SetError>) {
    let fake = FakeAgent::new(behaviour);
    let report = set_within(&fake, BACK, within(10_000));
    (fake, report)
}

/// What the guest's clock is really off by, in milliseconds.
pub(crate) fn off(fake: &FakeAgent) -> i64 {
    (fake.ahead() - BACK_NANOS) / MS
}

pub(crate) fn sets(fake: &FakeAgent) -> usize {
    let commands = fake.commands();
    commands
        .iter()
        .filter(|name| *name == "guest-set-time")
        .count()
}

#[test]
fn a_clock_is_set_read_back_and_reported_a3() {
    let (fake, report) = set_it(Behaviour::default());
    let report = report.unwrap();
    assert!(report.verified && !report.attempts.is_empty(), "{report:?}");
    assert_eq!(report.complaint, None);
    assert_eq!(report.host_stepped, None);
    assert!(off(&fake).abs() <= 20, "{}", off(&fake));
    // Measured minus intended: before, it was ahead by what it is to go back.
    let before = report.before.error.as_nanos() + BACK_NANOS;
    assert!(before.abs() < 50 * MS, "{before}");
    let shown = report.after.offset().unwrap().as_nanos() - BACK_NANOS;
    assert_eq!(shown, report.after.error.as_nanos());
    assert_eq!(report.after.round_trip / 2, report.after.uncertainty);
    let head = &fake.commands()[..7];
    assert_eq!(head[0], "guest-sync-delimited");
    assert!(head[1..6].iter().all(|name| name == "guest-get-time"));
    assert_eq!(head[6], "guest-set-time");
}

#[test]
fn a_constant_delay_is_corrected_by_the_third_request_a11() {
    for delay in [30 * MS, -30 * MS] {
        let (fake, report) = set_it(Behaviour {
            delay,
            ..Behaviour::default()
        });
        let report = report.unwrap();
        assert!((3..=4).contains(&report.attempts.len()), "{report:?}");
        assert!(off(&fake).abs() <= 10, "{}: {report:?}", off(&fake));
    }
}

#[test]
fn a_clock_that_is_right_is_not_set() {
    let (fake, report) = set_it(Behaviour {
        ahead: BACK_NANOS,
        ..Behaviour::default()
    });
    let report = report.unwrap();
    assert_eq!((report.attempts.len(), report.verified), (0, true));
    assert_eq!(sets(&fake), 0);
}

#[test]
fn an_answer_that_comes_too_late_is_read_back_all_the_same() {
    // Longer than a connection is kept: hwclock on a guest with a slow disk.
    let late = Fault::Late(HOLD + Duration::from_millis(700));
    let (fake, report) = set_it(faults(&[("guest-set-time#1", late)]));
    let report = report.unwrap();
    assert!(report.verified, "{report:?}");
    assert!(off(&fake).abs() <= 20, "{}", off(&fake));
}

#[test]
fn without_the_stage_or_with_anothers_order_nothing_is_asked() {
    let fake = FakeAgent::new(Behaviour::default());
    let rtc = format!("{BACK}stages = [\"rtc\"]\n");
    let error = set_within(&fake, &rtc, within(1_000)).unwrap_err();
    assert_eq!(error, SetError::LeftAlone("the plan has no agent stage"));
    let (authorized, intent) = order(BACK, fake.folder());
    let mut other = qemu(&fake);
    other.vmid = time_shift::model::VmId::parse(b"101").unwrap();
    let error = set(&AgentOrder {
        qemu: &other,
        authorized: &authorized,
        intent: &intent,
        deadline: within(1_000),
    })
    .unwrap_err();
    assert!(matches!(error, SetError::LeftAlone(_)), "{error:?}");
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn a_look_changes_nothing() {
    let fake = FakeAgent::new(Behaviour {
        ahead: BACK_NANOS + 3_600_000 * MS,
        ..Behaviour::default()
    });
    let (authorized, _) = order(BACK, fake.folder());
    let seen = look(&qemu(&fake), &authorized.plan().course, within(1_000)).unwrap();
    let error = seen.error.as_nanos() - 3_600_000 * MS;
    assert!(error.abs() < 50 * MS, "{error}");
    assert_eq!(sets(&fake), 0);
    assert!(seen.offset().unwrap() < Offset::ZERO);
}

#[test]
fn a_command_is_run_by_its_name_only_and_its_output_made_safe() {
    let keys = format!("{BACK}guest-commands = [\"stop\"]\n");
    let command = "[[guest-command]]\nname = \"stop\"\npath = \"/bin/x\"\n";
    let fake = FakeAgent::new(Behaviour::default());
    let (authorized, intent) = order(BACK, fake.folder());
    drop(authorized);
    let text = format!("{keys}{command}");
    let (grant, list) = grant(&text);
    let name = CommandName::parse("stop").unwrap();
    let authorized = authorize_command(&grant, &list, &name).unwrap();
    let limit = Duration::from_secs(2);
    let outcome = run(&qemu(&fake), &authorized, &intent, limit, None).unwrap();
    assert_eq!(outcome.exit_code, Some(3));
    assert_eq!(outcome.out.as_str(), "no\\u{1b}");
    assert!(outcome.truncated);

    // 300 characters, of which 200 are kept.
    let long = format!(
        "{{\"return\": {{\"exited\": true, \"out-data\": \"{}\"}}}}\n",
        "eHh4".repeat(100)
    );
    let fake = FakeAgent::new(faults(&[("guest-exec-status", bytes(&long))]));
    let outcome = run(&qemu(&fake), &authorized, &intent, limit, None).unwrap();
    assert!(outcome.truncated && outcome.out.as_str().ends_with("xx..."));

    let fake = FakeAgent::new(faults(&[("guest-exec", Fault::Silence)]));
    let error = run(&qemu(&fake), &authorized, &intent, limit, None).unwrap_err();
    assert!(matches!(error, RunError::Lost(_)), "{error:?}");
    let status = bytes("{\"return\": {\"exited\": true, \"out-data\": \"!!!!\"}}\n");
    let fake = FakeAgent::new(faults(&[("guest-exec-status", status)]));
    let error = run(&qemu(&fake), &authorized, &intent, limit, None).unwrap_err();
    assert!(
        matches!(error, RunError::Lost(AgentError::Broken(_))),
        "{error:?}"
    );
}
