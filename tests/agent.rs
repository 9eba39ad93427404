//! The guest agent's client and the agent stage against an agent made by hand: what a hostile or
//! broken one is answered with, and that a clock is set, corrected and reported as it is. A3, F3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "agent/connecting.rs"]
mod connecting;
#[path = "agent/refusing.rs"]
mod refusing;
#[path = "agent/setting.rs"]
mod setting;
mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use support::fake_agent::{Behaviour, FakeAgent, Fault};
use time_shift::guest::qga::{Agent, AgentError, Broken};
use time_shift::system::{Deadline, Generation};

fn me() -> Generation {
    Generation::of(i32::try_from(std::process::id()).unwrap()).unwrap()
}

fn within(milliseconds: u64) -> Deadline {
    Deadline::after(Duration::from_millis(milliseconds))
}

fn connect(fake: &FakeAgent) -> Result<Agent, AgentError> {
    Agent::connect(&fake.socket, me(), within(5_000))
}

fn faults(list: &[(&str, Fault)]) -> Behaviour {
    let faults = list
        .iter()
        .map(|(name, fault)| ((*name).to_owned(), fault.clone()));
    Behaviour {
        faults: faults.collect(),
        ..Behaviour::default()
    }
}

fn bytes(text: &str) -> Fault {
    Fault::Bytes(text.as_bytes().to_vec())
}

#[test]
fn a_healthy_agent_is_asked_and_believed_to_its_types_a3() {
    let fake = FakeAgent::new(Behaviour {
        os: serde_json::json!({"id": "mswindows", "pretty-name": "W\u{1b}]0;x\u{7}in\u{0}"}),
        ..Behaviour::default()
    });
    let mut agent = connect(&fake).unwrap();
    let sample = agent.get_time(within(1_000)).unwrap();
    let off = sample
        .shown
        .since(time_shift::system::now().unwrap().real)
        .unwrap();
    assert!(off.distance() < Duration::from_millis(500), "{off}");
    let info = agent.info(within(1_000)).unwrap();
    assert_eq!(info.version.as_ref().unwrap().as_str(), "7.2.0");
    assert!(info.allows("guest-get-time"));
    assert!(!info.allows("guest-exec") && !info.allows("guest-set-time"));
    let os = agent.os_info(within(1_000)).unwrap();
    assert!(os.is_windows());
    assert_eq!(
        os.pretty_name.unwrap().as_str(),
        "W\\u{1b}]0;x\\u{7}in\\u{0}"
    );
    assert_eq!(agent.is_frozen(within(1_000)), Ok(false));
    assert_eq!(
        fake.commands(),
        [
            "guest-sync-delimited",
            "guest-get-time",
            "guest-info",
            "guest-get-osinfo",
            "guest-fsfreeze-status"
        ]
    );
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let late = Fault::Late(Duration::from_millis(300));
    let fake = FakeAgent::new(faults(&[("guest-info#1", late)]));
    let mut agent = connect(&fake).unwrap();
    let stalled = agent.info(within(100)).unwrap_err();
    assert_eq!(
        stalled,
        AgentError::Stalled {
            command: "guest-info"
        }
    );
    assert!(stalled.may_pass());
    agent.get_time(within(1_000)).unwrap();
    assert_eq!(
        fake.commands()[2..],
        ["guest-sync-delimited", "guest-get-time"]
    );
}

#[test]
fn an_answer_to_what_was_not_asked_yet_is_not_taken() {
    let twice = bytes("{\"return\": 1000}\n{\"return\": 2000}\n");
    let fake = FakeAgent::new(faults(&[("guest-get-time#1", twice)]));
    let mut agent = connect(&fake).unwrap();
    assert_eq!(
        agent.get_time(within(1_000)).unwrap().shown.as_nanos(),
        1000
    );
    assert!(agent.get_time(within(1_000)).unwrap().shown.as_nanos() > 2000);
    assert_eq!(
        fake.commands()[2..],
        ["guest-sync-delimited", "guest-get-time"]
    );
}

#[test]
fn an_answer_of_the_wrong_form_is_refused_and_bounded() {
    let unexpected = AgentError::Broken(Broken::UnexpectedAnswer {
        command: "guest-get-time",
    });
    let no_agent = AgentError::Broken(Broken::NotAnAgent);
    let too_long = AgentError::Broken(Broken::TooLong);
    let stalled = AgentError::Stalled {
        command: "guest-get-time",
    };
    let cases = [
        (bytes("{\"return\": \"1\"}\n"), &unexpected),
        (bytes("{\"return\": 1.5}\n"), &unexpected),
        (bytes("{\"return\": 9223372036854775808}\n"), &unexpected),
        (bytes("{\"return\": 1e400}\n"), &no_agent),
        (bytes("{\"return\": {}}\n"), &unexpected),
        (bytes("{\"return\": null}\n"), &no_agent),
        (bytes("{}\n"), &no_agent),
        (bytes("\n"), &no_agent),
        (bytes("HTTP/1.1 200 OK\r\n"), &no_agent),
        (
            bytes(&format!("{{\"return\": {}\n", "[".repeat(30_000))),
            &no_agent,
        ),
        (Fault::Bytes(b"\xff{\"return\": 1}\n".to_vec()), &no_agent),
        (Fault::Flood, &too_long),
        (bytes(&format!("{}\n", "x".repeat(70_000))), &too_long),
        (Fault::Silence, &stalled),
        (bytes("{\"return\": 1"), &stalled),
        (Fault::Close, &AgentError::Broken(Broken::Closed)),
    ];
    for (fault, expected) in cases {
        let fake = FakeAgent::new(faults(&[("guest-get-time", fault.clone())]));
        let mut agent = connect(&fake).unwrap();
        let begun = Instant::now();
        let error = agent.get_time(within(300)).unwrap_err();
        assert_eq!(error, *expected, "{fault:.80?}");
        assert!(begun.elapsed() < Duration::from_millis(700), "{fault:.80?}");
    }
}

#[test]
fn a_refusal_is_said_in_the_agents_own_words_made_safe() {
    let refusal = "{\"error\": {\"class\": \"Gen\\u001b\", \"desc\": \"no\\n\\u0000\\u202e\"}}\n";
    let fake = FakeAgent::new(faults(&[("guest-get-time", bytes(refusal))]));
    let error = connect(&fake).unwrap().get_time(within(300)).unwrap_err();
    assert!(!error.may_pass());
    assert_eq!(
        error.to_string(),
        "the guest agent refused guest-get-time (Gen\\u{1b}): no\\u{a}\\u{0}\\u{202e}"
    );
}

#[test]
fn a_frozen_guest_is_told_from_a_blocked_command() {
    for says_frozen in [true, false] {
        let fake = FakeAgent::new(Behaviour {
            frozen: 1,
            says_frozen,
            ..Behaviour::default()
        });
        let mut agent = connect(&fake).unwrap();
        assert_eq!(agent.get_time(within(500)), Err(AgentError::Frozen));
    }
    let blocked = "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Command guest-get-time \
                   has been disabled: the command is not allowed\"}}\n";
    let fake = FakeAgent::new(faults(&[("guest-get-time", bytes(blocked))]));
    let error = connect(&fake).unwrap().get_time(within(500)).unwrap_err();
    assert!(matches!(error, AgentError::Refused { .. }), "{error:?}");
}

/// The faults of a behaviour, for another.
fn only(list: &[(&str, Fault)]) -> HashMap<String, Fault> {
    faults(list).faults
}
