//! What cannot be a secret, a name or a sealed file: a clear error, and nothing is changed.
use std::fs;

use crate::support::Run;
use crate::vault::{API_TOKEN, GITHUB, PROGRAM, SECRETS, Vault};

#[test]
fn bad_values_and_names_are_refused_and_change_nothing() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    let before = (vault.files(), vault.bytes("pve"));
    let long = "a".repeat(5000);
    let values: [(&[u8], &str); 9] = [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (long.as_bytes(), "longer than 4096 bytes"),
        (&[b'a'; 70_000], "longer than 4096 bytes"),
        (b"one\ntwo", "more than one line"),
        (b"one\n\n", "more than one line"),
        (b"a\0b", "NUL"),
        (b"a\x1b[31mb", "control character"),
        (b"a\xffb", "not UTF-8"),
    ];
    for (value, why) in values {
        for command in [&["add", "x"][..], &["rotate", "pve"]] {
            let run = vault.open(command, value);
            run.one_line(1, &["the secret cannot be taken", why]);
        }
    }
    let kinds: [(&str, &str, &str); 5] = [
        ("api-token", GITHUB, "no Proxmox VE API token"),
        ("github", API_TOKEN, "no GitHub token"),
        (
            "github",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "no placeholder",
        ),
        ("totp", "not base32", "no TOTP seed"),
        (
            "api-token",
            "root@pam!ts=3f1b8f9e",
            "no Proxmox VE API token",
        ),
    ];
    for (kind, value, why) in kinds {
        let run = vault.open(&["add", "x", "--kind", kind], value);
        run.one_line(1, &[why]);
        assert!(!run.log().contains(value), "{run:?}");
    }
    // Of another kind than before.
    vault
        .open(&["rotate", "pve"], GITHUB)
        .one_line(1, &["no Proxmox VE API token"]);
    vault
        .open(&["rotate", "pve"], API_TOKEN)
        .one_line(1, &["is already; nothing was changed"]);
    vault
        .open(&["add", "pve"], "other")
        .one_line(1, &["there is a secret pve already"]);
    let many = "a".repeat(300);
    for name in [
        "a/b",
        "/etc/passwd",
        "..",
        ".",
        "../x",
        "",
        ".hidden",
        "-x",
        "a b",
        "a\nb",
        "\u{1b}",
        &many,
    ] {
        for command in [
            &["add"][..],
            &["rotate"],
            &["show", "--reveal"],
            &["remove"],
            &["unlock"],
            &["import", "/tmp/x", "--name"],
        ] {
            let run = vault.open(&[command, &[name]].concat(), "secret");
            assert_eq!(
                (run.code, run.out.as_str()),
                (Some(2), ""),
                "{name}: {run:?}"
            );
        }
    }
    for call in [
        &["show", "pve"][..],
        &["add", "x", "--kind", "key"],
        &["add"],
        &["import", "/tmp/x"],
        &["list", "x"],
    ] {
        let run = vault.token(call, "");
        assert_eq!(
            (run.code, run.out.as_str()),
            (Some(2), ""),
            "{call:?}: {run:?}"
        );
    }
    assert_eq!((vault.files(), vault.bytes("pve")), before);
}

#[test]
fn passphrases_are_as_strictly_read() {
    let vault = Vault::new();
    let long = "a".repeat(5000);
    for (passphrase, why) in [
        (long.as_str(), "longer than 4096 bytes"),
        ("short", "at least 8 characters"),
        ("", "the passphrase cannot be taken: it is empty"),
        ("has a\0nul in it", "NUL"),
    ] {
        let run = vault.open_with(&["add", "x"], "secret", passphrase);
        run.one_line(1, &[why]);
    }
    for (descriptor, why) in [
        ("9", "cannot be read: "),
        ("2147483647", "cannot be read: "),
    ] {
        let run = vault.token(&["add", "x", "--passphrase-fd", descriptor], "secret");
        run.one_line(1, &[why]);
    }
    for bad in ["-1", "x", "99999999999"] {
        let run = vault.token(&["add", "x", "--passphrase-fd", bad], "secret");
        assert_eq!(run.code, Some(2), "{run:?}");
    }
    let run = vault.token(&["add", "x"], "secret");
    run.one_line(1, &["neither a terminal", "--passphrase-fd"]);
    assert!(!vault.files().iter().any(|name| name == "x"));
    // Both on standard input: the passphrase is the first line.
    let run = vault.token(
        &["add", "x", "--passphrase-fd", "0"],
        "correct horse\nsecret\n",
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(vault.sealed("x").as_deref(), Some("secret"));
    // It is the one for all of them.
    let run = vault.open_with(&["add", "y"], "secret", "another horse");
    run.one_line(1, &["secrets/x", "does not open"]);
}

#[test]
fn each_flaw_of_a_sealed_file_is_named_and_the_others_still_open() {
    let vault = Vault::new();
    vault.add("good", "fine");
    vault.add("bad", GITHUB);
    let good = vault.bytes("bad");
    let path = vault.world.path(&format!("{SECRETS}/bad"));
    let flip = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    for (bytes, why) in [
        (flip(0), "no sealed secret"),
        (flip(8), "version 84"),
        (flip(12), "damaged"),
        (flip(70), "damaged"),
        (good[..30].to_vec(), "not the length"),
        (good[..good.len() - 3].to_vec(), "damaged"),
        (vec![], "not the length"),
        (vec![0; 100_000], "no sealed secret"),
    ] {
        fs::write(&path, bytes).unwrap();
        let run = vault.open(&["show", "bad", "--reveal", "--yes"], "");
        run.one_line(1, &["/var/lib/time-shift/secrets/bad: ", why]);
        let run = vault.token(&["list"], "");
        assert_eq!(run.code, Some(1), "{run:?}");
        run.says(&["good", "secrets/bad: ", why]);
    }
    let run = vault.open(&["unlock"], "");
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["good is unlocked", "bad: "]);
    vault.token(&["status"], "").says(&["secrets/bad: "]);
    vault.world.cli(&["check"]).says(&["/secrets/bad:1:1: "]);
    // Damage is no failed attempt, and another secret can be added beside it.
    vault.add("third", "fine too");
    fs::write(&path, &good).unwrap();
    assert_eq!(vault.sealed("bad").as_deref(), Some(GITHUB));
    // Under another name it does not open.
    fs::rename(&path, vault.world.path(&format!("{SECRETS}/renamed"))).unwrap();
    vault
        .open(&["show", "renamed", "--reveal", "--yes"], "")
        .one_line(1, &["was renamed or changed"]);
    // A damaged one can be removed, and made anew.
    fs::write(&path, "x").unwrap();
    vault
        .token(&["remove", "bad", "--yes"], "")
        .one_line(0, &["is removed"]);
    // Not a plain file of root's alone.
    std::os::unix::fs::symlink("good", &path).unwrap();
    vault
        .open(&["show", "bad", "--reveal", "--yes"], "")
        .one_line(1, &["symbolic link"]);
    let mut chmod = vault.world.command("chmod");
    Run::of(chmod.args(["0644", &format!("{SECRETS}/good")]));
    vault
        .open(&["show", "good", "--reveal", "--yes"], "")
        .one_line(1, &["can be read by others", "rotate"]);
    let mut chmod = vault.world.command("chmod");
    Run::of(chmod.args(["0777", SECRETS]));
    vault
        .token(&["list"], "")
        .one_line(1, &[SECRETS, "root alone"]);
    assert_eq!(
        vault.world.cli(&["token", "list"]).code,
        Some(1),
        "{PROGRAM}"
    );
}
