//! The agent stage: what is sent, corrected, read back and said.
use std::path::PathBuf;

use super::*;
use support::order::{grant, order, vm100};
use time_shift::allowlist::CommandName;
use time_shift::guest::qga::{AgentOrder, AgentReport, RunError, SetError, look, run, set};
use time_shift::guest::{Launch, Qemu};
use time_shift::model::Offset;
use time_shift::policy::authorize_command;

/// Guest minus host is a constant: about ten years back.
const BACK: &str = "target = \"2016-06-15T12:00:00Z\"\nanchor = \"2026-06-15T12:00:00Z\"\n";
const BACK_NANOS: i64 = -315_532_800_000_000_000;

const MS: i64 = 1_000_000;

fn qemu(fake: &FakeAgent) -> Qemu {
    Qemu {
        vmid: vm100(),
        generation: me(),
        launch: Launch::read(&[]),
        monitor: PathBuf::new(),
        agent: fake.socket.clone(),
    }
}

fn set_within(fake: &FakeAgent, keys: &str, deadline: Deadline) -> Result<AgentReport, SetError> {
    let (authorized, intent) = order(keys, fake.folder());
    set(&AgentOrder {
        qemu: &qemu(fake),
        authorized: &authorized,
        intent: &intent,
        deadline,
    })
}

fn set_it(behaviour: Behaviour) -> (FakeAgent, Result<AgentReport, SetError>) {
    let fake = FakeAgent::new(behaviour);
    let report = set_within(&fake, BACK, within(10_000));
    (fake, report)
}

/// What the guest's clock is really off by, in milliseconds.
fn off(fake: &FakeAgent) -> i64 {
    (fake.ahead() - BACK_NANOS) / MS
}

fn sets(fake: &FakeAgent) -> usize {
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
fn an_agent_that_lies_about_setting_is_not_believed() {
    let (fake, report) = set_it(Behaviour {
        stuck: true,
        ..Behaviour::default()
    });
    let report = report.unwrap();
    assert!(!report.verified, "{report:?}");
    assert_eq!((report.attempts.len(), sets(&fake)), (2, 2));
    assert!(report.after.error.distance() > Duration::from_secs(86_400));
}

#[test]
fn a_complaint_counts_only_where_the_clock_was_not_set() {
    let hwclock = (
        "GenericError",
        "hwclock failed to set hardware clock to system time\u{1b}",
    );
    let (fake, report) = set_it(Behaviour {
        complaint: Some(hwclock),
        ..Behaviour::default()
    });
    let report = report.unwrap();
    assert!(report.verified && off(&fake).abs() <= 20, "{report:?}");
    let complaint = report.complaint.unwrap();
    for part in ["hwclock failed", "\\u{1b}", "util-linux-extra"] {
        assert!(complaint.as_str().contains(part), "{complaint}");
    }
}

#[test]
fn a_refusal_that_changed_nothing_says_what_to_do_in_the_guest() {
    let cases = [
        (
            "GenericError",
            "this feature or command is not currently supported",
            "util-linux-extra",
        ),
        (
            "GenericError",
            "hwclock failed to set hardware clock",
            "util-linux-extra",
        ),
        (
            "CommandNotFound",
            "Command guest-set-time has been disabled",
            "qemu-ga.conf",
        ),
        (
            "CommandNotFound",
            "The command guest-set-time has not been found",
            "qemu-ga.conf",
        ),
    ];
    for (class, desc, remedy) in cases {
        let (fake, report) = set_it(Behaviour {
            stuck: true,
            complaint: Some((class, desc)),
            ..Behaviour::default()
        });
        let error = report.unwrap_err();
        assert!(matches!(error, SetError::Refused(_)), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(desc) && said.contains(remedy), "{said}");
        assert_eq!(sets(&fake), 1);
    }
    let (_, report) = set_it(Behaviour {
        stuck: true,
        complaint: Some(("GenericError", "Failed to set time to guest: EPERM")),
        ..Behaviour::default()
    });
    let said = report.unwrap_err().to_string();
    assert!(!said.contains("install"), "{said}");
}

#[test]
fn a_frozen_guest_is_waited_for_and_then_set_a3() {
    for says_frozen in [true, false] {
        let (fake, report) = set_it(Behaviour {
            frozen: 4,
            says_frozen,
            ..Behaviour::default()
        });
        let report = report.unwrap();
        assert!(report.verified && off(&fake).abs() <= 20, "{report:?}");
    }
    let fake = FakeAgent::new(Behaviour {
        frozen: usize::MAX,
        says_frozen: true,
        ..Behaviour::default()
    });
    let error = set_within(&fake, BACK, within(800)).unwrap_err();
    assert_eq!(error, SetError::Unheard(AgentError::Frozen));
    assert_eq!(sets(&fake), 0);
    assert!(error.to_string().contains("fsfreeze-thaw"), "{error}");
}

#[test]
fn a_freeze_between_asking_and_setting_sets_nothing_and_is_waited_for() {
    let frozen = "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Command guest-set-time has \
                  been disabled: the agent is in frozen state\"}}\n";
    let (fake, report) = set_it(faults(&[("guest-set-time#1", bytes(frozen))]));
    let report = report.unwrap();
    assert!(report.verified && off(&fake).abs() <= 20, "{report:?}");
    // The refused one is no round.
    assert_eq!(report.attempts.len() + 1, sets(&fake));
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
fn a_socket_that_is_lost_after_the_request_is_said_to_be_so() {
    let mut behaviour = faults(&[("guest-set-time", Fault::Close)]);
    behaviour
        .faults
        .extend(only(&[("guest-get-time#6", Fault::Close)]));
    let (_, report) = set_it(behaviour);
    let error = report.unwrap_err();
    assert_eq!(
        error,
        SetError::NotReadBack(AgentError::Broken(Broken::Closed))
    );
    // And before it, that nothing was sent.
    let (fake, report) = set_it(faults(&[("guest-get-time#5", Fault::Close)]));
    assert_eq!(
        report.unwrap_err(),
        SetError::Unheard(AgentError::Broken(Broken::Closed))
    );
    assert_eq!(sets(&fake), 0);
}

#[test]
fn a_clock_far_from_any_calendar_is_the_guests_nonsense() {
    let (fake, report) = set_it(faults(&[(
        "guest-get-time",
        bytes(&format!("{{\"return\": {}}}\n", i64::MIN)),
    )]));
    let error = report.unwrap_err();
    assert!(
        matches!(error, SetError::Unheard(AgentError::Broken(_))),
        "{error:?}"
    );
    assert_eq!(sets(&fake), 0);
}

#[test]
fn a_year_that_only_windows_takes_is_not_sent_to_another() {
    let late = "target = \"2080-06-15T12:00:00Z\"\n";
    let fake = FakeAgent::new(Behaviour::default());
    let error = set_within(&fake, late, within(5_000)).unwrap_err();
    assert!(matches!(error, SetError::Year(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("1970 to 2069 only, not 2080-06-15"),
        "{error}"
    );
    assert_eq!(sets(&fake), 0);
    let fake = FakeAgent::new(Behaviour {
        os: serde_json::json!({"id": "mswindows"}),
        ..Behaviour::default()
    });
    assert!(set_within(&fake, late, within(5_000)).unwrap().verified);
    let fake = FakeAgent::new(Behaviour::default());
    let last = "target = \"2069-12-31T23:00:00Z\"\n";
    assert!(set_within(&fake, last, within(5_000)).unwrap().verified);
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
    let outcome = run(&qemu(&fake), &authorized, &intent, limit).unwrap();
    assert_eq!(outcome.exit_code, Some(3));
    assert_eq!(outcome.out.as_str(), "no\\u{1b}");
    assert!(outcome.truncated);

    let fake = FakeAgent::new(faults(&[("guest-exec", Fault::Silence)]));
    let error = run(&qemu(&fake), &authorized, &intent, limit).unwrap_err();
    assert!(matches!(error, RunError::Lost(_)), "{error:?}");
    let status = bytes("{\"return\": {\"exited\": true, \"out-data\": \"!!!!\"}}\n");
    let fake = FakeAgent::new(faults(&[("guest-exec-status", status)]));
    let error = run(&qemu(&fake), &authorized, &intent, limit).unwrap_err();
    assert!(
        matches!(error, RunError::Lost(AgentError::Broken(_))),
        "{error:?}"
    );
}
