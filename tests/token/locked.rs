//! Failed attempts, one after the other and all at once. C5.
use std::thread;

use crate::support::Run;
use crate::vault::{API_TOKEN, GITHUB, Vault};

const SHOW: [&str; 4] = ["show", "pve", "--reveal", "--yes"];

#[test]
fn the_third_wrong_passphrase_locks_and_says_until_when() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    vault.add("github", GITHUB);
    vault.token(&["lock"], "");
    let wrong = || vault.open_with(&SHOW, "", "wrong horse");
    wrong().one_line(1, &["does not open"]);
    wrong().one_line(1, &["does not open"]);
    // A success resets.
    assert_eq!(vault.sealed("pve").as_deref(), Some(API_TOKEN));
    vault.token(&["lock"], "");
    for _ in 0..3 {
        wrong().one_line(1, &["does not open"]);
    }
    let words = ["secret pve: locked after failed attempts, until 20"];
    vault.open(&SHOW, "").one_line(6, &words);
    vault.open(&["unlock", "pve"], "").one_line(6, &words);
    vault
        .open(&["rotate", "pve"], API_TOKEN.replace("3f", "4a"))
        .one_line(6, &words);
    vault.token(&["status"], "").says(&words);
    // It is for a name: others are not locked.
    assert_eq!(vault.sealed("github").as_deref(), Some(GITHUB));
    let run = vault.open(&["unlock"], "");
    assert_eq!(run.code, Some(6), "{run:?}");
    run.says(&["github is unlocked", "pve: secret pve: locked"]);
    let records = vault.world.audit();
    let count = |code: &str| {
        let of_it = records.iter().filter(|record| record["event"] == code);
        of_it.count()
    };
    assert_eq!(count("unlock-failed"), 5);
    assert!(count("locked-out") >= 3);
    let run = vault.world.cli(&["audit", "anomalies"]);
    run.says(&[" failed-logins: 5 failed logins, 3 or more within 10 minutes\n    audit.log:"]);
    assert_eq!(run.out.matches(" unlock-failed by ").count(), 5, "{run:?}");
}

#[test]
fn of_50_attempts_at_once_3_are_made() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    vault.token(&["lock"], "");
    vault.inputs("", "wrong horse");
    let attempt = || {
        let mut command = vault.prepared(&[]);
        Run::of(command.args(SHOW).args(["--passphrase-fd", "3"])).code
    };
    let codes: Vec<Option<i32>> = thread::scope(|scope| {
        let runs: Vec<_> = (0..50).map(|_| scope.spawn(attempt)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let count = |code| codes.iter().filter(|one| **one == Some(code)).count();
    assert_eq!((count(1), count(6)), (3, 47), "{codes:?}");
}
