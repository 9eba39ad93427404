//! Getting hold of an agent's socket and in step with the agent, and letting go of it in time.
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use super::*;
use time_shift::guest::qga::{Absence, HOLD};

#[test]
fn an_agent_that_never_gets_in_step_is_absent_or_broken() {
    let silent = AgentError::Absent(Absence::Silent);
    let cases = [
        (Fault::Silence, silent.clone()),
        (
            Fault::Bytes(b"\xff{\"return\": 17}\n".to_vec()),
            silent.clone(),
        ),
        (bytes("{\"return\": 17}\n"), silent.clone()),
        (Fault::Bytes(b"\xff{\"return\"".to_vec()), silent),
        (Fault::Close, AgentError::Broken(Broken::Closed)),
        (Fault::Flood, AgentError::Broken(Broken::TooLong)),
        (
            Fault::Bytes([b"\xff".to_vec(), vec![b'x'; 70_000]].concat()),
            AgentError::Broken(Broken::TooLong),
        ),
    ];
    for (fault, expected) in cases {
        let fake = FakeAgent::new(faults(&[("guest-sync-delimited", fault.clone())]));
        let begun = Instant::now();
        let error = connect(&fake).unwrap_err();
        assert_eq!(error, expected, "{fault:.40?}");
        // Its own limit ends it before the caller's does.
        assert!(
            begun.elapsed() < HOLD + Duration::from_secs(1),
            "{fault:.40?}"
        );
    }
}

#[test]
fn a_socket_that_is_not_the_vms_is_said() {
    let fake = FakeAgent::new(Behaviour::default());
    let other = Generation {
        pid: 1,
        start_ticks: 1,
    };
    let error = Agent::connect(&fake.socket, other, within(500)).unwrap_err();
    let pid = me().pid;
    assert_eq!(error, AgentError::Broken(Broken::OtherProcess { pid }));
    let missing = fake.folder().join("100.qga");
    let error = Agent::connect(&missing, me(), within(500)).unwrap_err();
    assert_eq!(error, AgentError::Broken(Broken::Missing));
    drop(UnixListener::bind(&missing).unwrap());
    let error = Agent::connect(&missing, me(), within(500)).unwrap_err();
    assert_eq!(error, AgentError::Broken(Broken::NobodyListens));
}

#[test]
fn a_socket_that_another_client_holds_is_waited_for_a3() {
    let fake = FakeAgent::new(Behaviour::default());
    let holder = UnixStream::connect(&fake.socket).unwrap();
    let begun = Instant::now();
    let error = Agent::connect(&fake.socket, me(), within(400)).unwrap_err();
    assert_eq!(error, AgentError::Busy);
    assert!(begun.elapsed() < Duration::from_millis(900));
    // Longer than a connection of ours may take, which counts only from when it is ours.
    let held = HOLD + Duration::from_millis(500);
    let waiting = thread::spawn(move || {
        thread::sleep(held);
        drop(holder);
    });
    let mut agent = connect(&fake).unwrap();
    assert!(begun.elapsed() >= held);
    agent.get_time(within(1_000)).unwrap();
    waiting.join().unwrap();
}

#[test]
fn a_guest_without_an_agent_is_told_from_one_that_is_silent() {
    // QEMU accepts, and reads nothing as long as the guest has not opened the port.
    let fake = FakeAgent::new(Behaviour::default());
    let path = fake.folder().join("accepted.qga");
    let listener = UnixListener::bind(&path).unwrap();
    let accepting = thread::spawn(move || listener.accept().unwrap());
    let begun = Instant::now();
    let error = Agent::connect(&path, me(), within(5_000)).unwrap_err();
    assert_eq!(error, AgentError::Absent(Absence::PortClosed));
    assert!(begun.elapsed() < HOLD, "{:?}", begun.elapsed());
    drop(accepting.join());
}

#[test]
fn a_connection_is_not_kept_longer_than_it_may_be() {
    let fake = FakeAgent::new(faults(&[("guest-info", Fault::Silence)]));
    let mut agent = connect(&fake).unwrap();
    let begun = Instant::now();
    let error = agent.info(within(20_000)).unwrap_err();
    assert!(matches!(error, AgentError::Stalled { .. }), "{error:?}");
    assert!(begun.elapsed() < HOLD + Duration::from_millis(500));
    // Nor by asking on.
    let error = agent.info(within(20_000)).unwrap_err();
    assert!(error.may_pass(), "{error:?}");
    assert!(begun.elapsed() < HOLD + Duration::from_millis(500));
}

#[test]
fn bytes_that_trickle_in_are_put_together() {
    let fake = FakeAgent::new(Behaviour::default());
    let path = fake.folder().join("slow.qga");
    let listener = UnixListener::bind(&path).unwrap();
    let slow = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = vec![0; 200];
        let count = client.read(&mut request).unwrap();
        let request: serde_json::Value = serde_json::from_slice(&request[1..count]).unwrap();
        let answer = format!("\u{1}{{\"return\": {}}}\n", request["arguments"]["id"]);
        for byte in answer.bytes() {
            let byte = if byte == 1 { 0xff } else { byte };
            client.write_all(&[byte]).unwrap();
            thread::sleep(Duration::from_millis(15));
        }
        client
    });
    Agent::connect(&path, me(), within(5_000)).unwrap();
    drop(slow.join());
}

#[test]
fn what_earlier_clients_left_behind_is_passed_over() {
    let mut big = vec![b'x'; 3_000_000];
    big.push(b'\n');
    for stale in [
        b"{\"return\": 1}\n".to_vec(),
        b"\xff{\"return\": 4711}\n{\"return\": {}}\n".to_vec(),
        b"{\"return\": 12\xff{\"return\": \"4711\"}\n".to_vec(),
        b"\xff\n\xff\xff{\"error\": {\"class\": \"a\", \"desc\": \"b\"}}\n".to_vec(),
        b"half a line".to_vec(),
        b"\xff{\"return\": 47".to_vec(),
        big,
    ] {
        let fake = FakeAgent::new(Behaviour {
            stale: stale.clone(),
            ..Behaviour::default()
        });
        let mut agent = connect(&fake).unwrap_or_else(|error| panic!("{stale:.40?}: {error}"));
        agent.get_time(within(1_000)).unwrap();
    }
}
