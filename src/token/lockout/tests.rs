//! Who may try, and who not any more.
use super::*;

fn record() -> Record {
    Record::new(Subject::Login("root@pam"))
}

fn at(seconds: u64) -> BootInstant {
    BootInstant::from_nanos(seconds * 1_000_000_000)
}

fn now(seconds: u64) -> Now {
    Now {
        real: crate::model::Timestamp::parse("2026-11-24T12:00:00Z").unwrap(),
        boot: at(seconds),
    }
}

fn fail(record: &mut Record, seconds: u64) -> bool {
    record.forget(at(seconds));
    let may = record.may(now(seconds)).is_ok();
    if may {
        record.count(at(seconds));
    }
    may
}

#[test]
fn three_failed_attempts_lock_for_five_minutes_and_then_all_begins_anew() {
    let mut record = record();
    let mut at = |seconds| fail(&mut record, seconds);
    assert!(at(1000) && at(1001) && at(1002));
    assert!(!at(1003) && !at(1301));
    assert!(at(1302) && at(1303) && at(1304));
    assert!(!at(1305));
}

#[test]
fn attempts_of_a_quarter_of_an_hour_count() {
    let mut record = record();
    let mut at = |seconds| fail(&mut record, seconds);
    assert!(at(1000) && at(1400) && at(1900) && at(1901));
    assert!(!at(1902));
}

#[test]
fn it_says_until_when() {
    let mut record = record();
    for seconds in 10..13 {
        fail(&mut record, seconds);
    }
    let error = record.may(now(100)).unwrap_err().to_string();
    assert_eq!(
        error,
        "login root@pam: locked after failed attempts, until 2026-11-24T12:03:32Z, 213 s from now"
    );
}

#[test]
fn what_another_boot_left_locks_nobody() {
    let mut record = record();
    for seconds in 5000..5003 {
        fail(&mut record, seconds);
    }
    assert!(fail(&mut record, 10));
    assert_eq!(record.failed, [at(10)]);
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("time-shift-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn of_fifty_wrong_attempts_at_once_three_are_made_and_right_ones_are_all() {
    let path = folder("lockout");
    let lockout = Lockout::new(&path);
    let subject = Subject::Login("root@pam@pve1");
    let run = |right: bool| {
        let made = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    let Ok(attempt) = lockout.attempt(subject) else {
                        return;
                    };
                    made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    // As long as it takes, no other one begins.
                    std::thread::sleep(Duration::from_millis(2));
                    if right {
                        attempt.succeeded().unwrap();
                    }
                });
            }
        });
        made.into_inner()
    };
    assert_eq!(run(true), 50);
    assert_eq!(run(false), 3);
    assert_eq!(run(true), 0);
    assert_eq!(lockout.locked().unwrap().len(), 1);
    assert!(lockout.check(subject).is_err());
    assert!(lockout.check(Subject::Login("root@pam@pve2")).is_ok());
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn success_resets_and_what_is_withdrawn_does_not_count() {
    let path = folder("withdrawn");
    let lockout = Lockout::new(&path);
    let name = TokenName::parse("pve").unwrap();
    let subject = Subject::Secret(&name);
    let attempt = || lockout.attempt(subject);
    for _ in 0..2 {
        drop(attempt().unwrap());
        drop(attempt().unwrap());
        attempt().unwrap().withdrawn().unwrap();
        attempt().unwrap().succeeded().unwrap();
    }
    for _ in 0..5 {
        attempt().unwrap().withdrawn().unwrap();
    }
    for _ in 0..3 {
        drop(attempt().unwrap());
    }
    assert!(matches!(attempt(), Err(Error::LockedOut { .. })));
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_count_that_cannot_be_read_lets_nobody_try() {
    let path = folder("unreadable");
    let lockout = Lockout::new(&path);
    let subject = Subject::Login("x");
    drop(lockout.attempt(subject).unwrap());
    let file = path.join("lockout").join(subject.file());
    std::fs::write(&file, "{}").unwrap();
    let error = lockout.attempt(subject).unwrap_err().to_string();
    assert!(error.contains("remove it"), "{error}");
    std::fs::remove_dir_all(path).unwrap();
}
