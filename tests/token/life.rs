//! Secrets from their first day to their last, with the kernel's keyring and without.
use std::fs;
use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};

use crate::support::{Daemon, Run};
use crate::vault::{API_TOKEN, GITHUB, PASSPHRASE, PROGRAM, SECRETS, Vault};

/// The kernel has no keyring, or a container does not permit it.
fn denied(errno: &str) -> [String; 6] {
    let inject = format!("inject=keyctl,add_key,request_key:error={errno}");
    let words = ["strace", "-qq", "-o", "/dev/null", "-e", &inject];
    words.map(str::to_owned)
}

#[test]
fn a_secret_is_added_listed_shown_rotated_and_removed_c1_c2() {
    let vault = Vault::new();
    vault
        .token(&["list"], "")
        .one_line(0, &["There are no secrets."]);
    let run = vault.open(&["add", "pve"], API_TOKEN);
    run.one_line(
        0,
        &["pve (api-token) is sealed: /var/lib/time-shift/secrets/pve"],
    );
    vault.add("github", GITHUB);
    let run = vault.open(&["add", "login", "--kind", "password"], "hunter2\n");
    assert_eq!(run.code, Some(0), "{run:?}");

    let rows = vault.json(&["list"]);
    let kinds: Vec<(&str, &str)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("github", "github"),
            ("login", "password"),
            ("pve", "api-token")
        ]
    );
    assert_eq!(rows[0]["held"], serde_json::json!(["keyring", "file"]));
    assert_eq!(
        (&rows[0]["age_days"], &rows[0]["rotation_due"]),
        (&0.into(), &false.into())
    );
    vault
        .token(&["list"], "")
        .says(&["NAME", "ROTATE BY", "pve", "api-token"]);

    // Root's alone, sealed with as many rounds as is promised.
    let file = fs::metadata(vault.world.path(&format!("{SECRETS}/pve"))).unwrap();
    let folder = fs::metadata(vault.world.path(SECRETS)).unwrap();
    assert_eq!(
        (file.mode() & 0o7777, folder.mode() & 0o7777),
        (0o600, 0o700)
    );
    let before = vault.bytes("pve");
    assert_eq!(
        (&before[..8], &before[12..16]),
        (&b"TSSECRET"[..], &600_000_u32.to_be_bytes()[..])
    );

    assert_eq!(vault.sealed("pve").as_deref(), Some(API_TOKEN));
    assert_eq!(vault.sealed("login").as_deref(), Some("hunter2"));
    let second = API_TOKEN.replace("ts=3f1b", "new=4a2c");
    let run = vault.open(&["rotate", "pve"], &second);
    run.says(&[
        "pve (api-token) is replaced.",
        "pveum user token remove 'root@pam' 'ts'",
    ]);
    assert_eq!(vault.unlocked("pve"), Some(second.clone()));
    assert_eq!(vault.sealed("pve"), Some(second));
    let after = vault.bytes("pve");
    assert!(
        before[32..48] != after[32..48] && before[48..60] != after[48..60],
        "salt and nonce"
    );
    assert_eq!(before[16..24], after[16..24], "when it was added");

    vault
        .token(&["remove", "pve"], "")
        .one_line(2, &["say --yes"]);
    vault
        .token(&["remove", "pve", "--yes"], "")
        .one_line(0, &["pve is removed."]);
    vault
        .token(&["remove", "pve", "--yes"], "")
        .one_line(1, &["no secret pve"]);
    assert_eq!(vault.unlocked("pve"), None);
    assert!(
        !vault.files().iter().any(|name| name.contains("pve")),
        "{:?}",
        vault.files()
    );

    let events: Vec<String> = vault
        .world
        .audit()
        .iter()
        .map(|record| record["event"].as_str().unwrap().to_owned())
        .collect();
    for event in [
        "secret-added",
        "secret-shown",
        "secret-rotated",
        "secret-removed",
    ] {
        assert!(
            events.iter().any(|code| code == event),
            "{event}: {events:?}"
        );
    }
}

/// E3.
#[test]
fn a_script_is_told_in_json_what_was_done_and_never_the_secret() {
    let vault = Vault::new();
    let did = |run: Run, code: i32| {
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(!run.log().contains("3f1b8f9e"), "{run:?}");
        serde_json::from_str::<serde_json::Value>(&run.out)
            .unwrap_or_else(|error| panic!("{error}: {run:?}"))
    };
    let run = vault.open(&["add", "pve", "--json"], API_TOKEN);
    assert_eq!(
        did(run, 0),
        serde_json::json!({"secret": "pve", "done": "added", "kind": "api-token"})
    );
    let run = vault.open(
        &["rotate", "pve", "--json"],
        API_TOKEN.replace("ts=", "new="),
    );
    let rotated = did(run, 0);
    assert_eq!(rotated["next"], "pveum user token remove 'root@pam' 'ts'");
    assert_eq!(
        vault.json(&["lock"]),
        serde_json::json!({"forgotten": 1}),
        "a rotated secret is unlocked"
    );
    let run = vault.open(&["unlock", "pve", "none", "--for", "2m", "--json"], "");
    let unlocked = did(run, 1);
    assert_eq!(unlocked[0]["unlocked-seconds"], 120);
    assert!(unlocked[1]["error"].as_str().unwrap().contains("none"));
    let run = vault.token(&["remove", "pve", "--yes", "--json"], "");
    assert_eq!(
        did(run, 0),
        serde_json::json!({"secret": "pve", "done": "removed"})
    );
    assert_eq!(vault.json(&["unlock"]), serde_json::json!([]));
}

#[test]
fn what_is_unlocked_is_so_for_every_session_of_root_until_it_is_locked() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    vault.add("github", GITHUB);
    vault
        .token(&["lock"], "")
        .one_line(0, &["forgotten 2 secrets"]);
    assert_eq!(vault.unlocked("pve"), None);
    let run = vault.open(&["unlock", "pve", "--for", "2m"], "");
    run.one_line(0, &["pve is unlocked for 2 min."]);
    assert_eq!(
        (vault.unlocked("pve").as_deref(), vault.unlocked("github")),
        (Some(API_TOKEN), None)
    );

    // A session keyring of its own has no link to the user's, as in a service or a cron job.
    let session = "syscall(250, 1, 0) > 0 or die; exec @ARGV or die;";
    let mut command = vault.wrapped(&["perl", "-e", session], "", "");
    let run = Run::of(command.args(["show", "pve", "--reveal", "--yes"]));
    run.one_line(0, &[API_TOKEN]);

    let run = vault.open(&["unlock"], "");
    run.says(&[
        "github is unlocked for 60 min.",
        "pve is unlocked for 60 min.",
    ]);
    let status = vault.json(&["status"]);
    assert_eq!(
        (&status["secrets"], &status["unlocked"], &status["keyring"]),
        (&2.into(), &2.into(), &true.into())
    );
    assert!(status["unlocked_until"].is_string(), "{status}");
    for bad in ["59s", "61m", "0s", "forever", "-1h"] {
        let run = vault.open(&["unlock", "--for", bad], "");
        assert_eq!(run.code, Some(2), "{run:?}");
    }
    // Another root's keyring (a user namespace of its own) has nothing of it.
    let mut other = vault.world.command(PROGRAM);
    let run = Run::of(other.args(["token", "show", "pve", "--reveal", "--yes"]));
    run.one_line(1, &["the passphrase of the secrets is needed"]);
}

#[test]
fn everything_but_unlock_works_without_a_keyring_and_status_says_so() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    for (errno, why) in [
        ("ENOSYS", "this kernel or container has none"),
        ("EPERM", "it is not permitted here"),
        ("EACCES", "it is not permitted here"),
    ] {
        let wrapper = denied(errno);
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let call = |arguments: &[&str], input: &str| {
            let mut command = vault.wrapped(&wrapper, input, PASSPHRASE);
            Run::of(command.args(arguments))
        };
        let third = ["--passphrase-fd", "3"];
        let open = |arguments: &[&str], input: &str| call(&[arguments, &third].concat(), input);
        call(&["status"], "").says(&["keyring      none: ", why, "asked for each time"]);
        call(&["list"], "").says(&["pve", "file"]);
        open(&["unlock"], "").one_line(1, &["the kernel's keyring cannot be used", why]);
        call(&["lock"], "").one_line(1, &["the kernel's keyring cannot be used", why]);
        call(&["show", "pve", "--reveal", "--yes"], "").one_line(1, &["the passphrase"]);
        open(&["show", "pve", "--reveal", "--yes"], "").one_line(0, &[API_TOKEN]);
        open(&["add", "github"], GITHUB).one_line(0, &["is sealed"]);
        call(&["remove", "github", "--yes"], "").one_line(0, &["is removed"]);
    }
}

/// A sealed file as it would be had it been sealed so many days ago. What is changed is authenticated, so
/// it does not open any more; a reminder needs no passphrase.
fn aged(vault: &Vault, name: &str, days: u64) {
    let mut bytes = vault.bytes(name);
    let changed = u64::from_be_bytes(bytes[24..32].try_into().unwrap());
    bytes[24..32].copy_from_slice(&(changed - days * 86_400).to_be_bytes());
    bytes.truncate(bytes.len() - 32);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    fs::write(vault.world.path(&format!("{SECRETS}/{name}")), bytes).unwrap();
}

#[test]
fn from_90_days_on_status_check_and_the_sweep_remind_c5() {
    let vault = Vault::new();
    let daemon = Daemon::listen(&vault.world);
    vault.add("old", API_TOKEN);
    vault.add("new", GITHUB);
    let sweep = || vault.world.cli(&["sweep"]).silent();
    aged(&vault, "old", 89);
    vault.add("other", GITHUB);
    sweep();
    assert_eq!(
        vault.json(&["status"])["rotation_due"],
        serde_json::json!([])
    );
    assert_eq!(daemon.said(), Vec::<String>::new());

    aged(&vault, "old", 1);
    let sentence = "secret old (api-token) is 90 days old; time-shift token rotate old";
    assert_eq!(
        vault.json(&["status"])["rotation_due"],
        serde_json::json!([sentence])
    );
    vault.token(&["list"], "").says(&["DUE"]);
    vault
        .world
        .cli(&["check"])
        .says(&["warning: ", "/secrets/old:1:1", sentence, "(SECRET_DUE)"]);
    sweep();
    let said = daemon.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(sentence), "{said:?}");
    // Once a day.
    sweep();
    assert_eq!(daemon.said(), Vec::<String>::new());
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    let reminded = fs::File::options()
        .write(true)
        .open(vault.world.path(&format!("{SECRETS}/.reminded")))
        .unwrap();
    reminded.set_modified(yesterday).unwrap();
    sweep();
    assert_eq!(daemon.said().len(), 1);
}

#[test]
fn a_disk_that_fails_leaves_the_old_secret_and_nothing_else() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    let new = API_TOKEN.replace("3f1b", "4a2c");
    let before = vault.bytes("pve");
    // The calls that make the file: written, forced to the disk, named.
    for inject in [
        "write:error=ENOSPC:when=1",
        "fsync:error=EIO:when=1",
        "renameat:error=EIO:when=1",
        "renameat2:error=EIO:when=1",
    ] {
        let inject = format!("inject={inject}");
        let wrapper = ["strace", "-qq", "-o", "/run/lab/trace", "-e", &inject];
        let mut command = vault.wrapped(&wrapper, &new, PASSPHRASE);
        let run = Run::of(command.args(["rotate", "pve", "--passphrase-fd", "3"]));
        let injected = vault.world.read("/run/lab/trace").contains("(INJECTED)");
        if injected {
            assert_eq!(
                (run.code, run.out.as_str()),
                (Some(1), ""),
                "{inject}: {run:?}"
            );
            assert_eq!(vault.bytes("pve"), before, "{inject}");
        } else {
            // Which of the two calls renames is the library's choice.
            assert!(inject.contains("renameat"), "{inject}: {run:?}");
            vault.world.write(&format!("{SECRETS}/pve"), &before);
            let mut chmod = std::process::Command::new("chmod");
            Run::of(
                chmod
                    .arg("600")
                    .arg(vault.world.path(&format!("{SECRETS}/pve"))),
            );
        }
        assert!(
            !vault.files().iter().any(|name| name.ends_with(".tmp")),
            "{:?}",
            vault.files()
        );
    }
    assert_eq!(vault.sealed("pve").as_deref(), Some(API_TOKEN));
}
