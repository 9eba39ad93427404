//! The passphrase as a systemd credential of a unit.
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::support::Run;
use crate::vault::{API_TOKEN, PASSPHRASE, Vault};

const FOLDER: &str = "/run/credentials/unit.service";
const FILE: &str = "/run/credentials/unit.service/time-shift-passphrase";

/// The program as a unit starts it that has credentials.
fn unit(vault: &Vault, arguments: &[&str], input: &str) -> Run {
    let folder = format!("CREDENTIALS_DIRECTORY={FOLDER}");
    let mut command = vault.wrapped(&["env", &folder], input, "");
    Run::of(command.args(arguments))
}

#[test]
fn a_credential_opens_what_a_passphrase_does() {
    let vault = Vault::new();
    let show = ["show", "pve", "--reveal", "--yes"];
    // A unit that has others.
    vault
        .world
        .write("/run/credentials/unit.service/other", "x");
    unit(&vault, &["add", "pve"], API_TOKEN).one_line(1, &["nor a systemd credential"]);
    vault.world.write(FILE, format!("{PASSPHRASE}\n"));
    let path = vault.world.path(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    unit(&vault, &["add", "pve"], API_TOKEN).one_line(0, &["is sealed"]);
    unit(&vault, &["status"], "")
        .says(&["unlocked by  the systemd credential time-shift-passphrase"]);
    vault.token(&["lock"], "");
    unit(&vault, &["unlock"], "").one_line(0, &["pve is unlocked for 60 min."]);
    // Now nobody needs it.
    assert_eq!(vault.unlocked("pve").as_deref(), Some(API_TOKEN));
    assert_eq!(vault.sealed("pve").as_deref(), Some(API_TOKEN));

    vault.token(&["lock"], "");
    for text in ["", "two\nlines", "nul\0"] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, text).unwrap();
        unit(&vault, &show, "").one_line(1, &["the systemd credential cannot be taken"]);
    }
    fs::write(&path, vec![b'x'; 70_000]).unwrap();
    unit(&vault, &show, "").one_line(1, &["larger than"]);
    fs::write(&path, PASSPHRASE).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    unit(&vault, &show, "").one_line(1, &["root alone"]);
    chown(&path, Some(1234), None).unwrap();
    unit(&vault, &show, "").one_line(1, &["root alone"]);
    fs::remove_file(&path).unwrap();
    symlink("other", &path).unwrap();
    unit(&vault, &show, "").one_line(1, &["symbolic link"]);
}

/// The real thing, with a host key of the node's own.
#[test]
fn what_systemd_creds_encrypts_opens_the_secrets() {
    let vault = Vault::new();
    vault.add("pve", API_TOKEN);
    vault.token(&["lock"], "");
    let encrypted = "/etc/credstore.encrypted/time-shift-passphrase";
    vault
        .world
        .write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    for folder in ["/var/lib/systemd", "/etc/credstore.encrypted", FOLDER] {
        fs::create_dir_all(vault.world.path(folder)).unwrap();
    }
    vault.world.write("/run/lab/plain", PASSPHRASE);
    let creds = |arguments: &[&str]| {
        let name = "--name=time-shift-passphrase";
        let mut command = vault.world.command("systemd-creds");
        let run = Run::of(command.arg(name).args(arguments));
        assert_eq!(run.code, Some(0), "{run:?}");
    };
    creds(&["encrypt", "--with-key=host", "/run/lab/plain", encrypted]);
    assert!(!vault.world.read(encrypted).is_empty());
    assert_eq!(vault.with_text(PASSPHRASE), Vec::<String>::new());
    vault.token(&["status"], "").says(&[
        "a systemd credential: systemctl start time-shift-unlock.service; or the passphrase",
    ]);
    // As systemd does it for a unit.
    creds(&["decrypt", encrypted, FILE]);
    unit(&vault, &["unlock"], "").one_line(0, &["pve is unlocked"]);
    assert_eq!(vault.unlocked("pve").as_deref(), Some(API_TOKEN));
}
