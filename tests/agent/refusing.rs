//! The agent stage where the guest does not do as it is told, or not yet.
use super::setting::{BACK, BACK_NANOS, MS, off, set_it, set_within, sets};
use super::*;
use time_shift::guest::qga::SetError;

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
fn a_complaint_about_a_small_correction_is_no_refusal() {
    let fake = FakeAgent::new(Behaviour {
        ahead: BACK_NANOS + 10 * MS,
        complaint: Some(("GenericError", "hwclock failed")),
        ..Behaviour::default()
    });
    let report = set_within(&fake, BACK, within(5_000)).unwrap();
    assert!(report.verified && report.complaint.is_some(), "{report:?}");
    assert!(off(&fake).abs() < 10, "{}", off(&fake));
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
