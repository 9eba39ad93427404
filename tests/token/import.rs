//! Plaintext files of tokens. C3.
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::vault::{API_TOKEN, GITHUB, Vault};

const FILE: &str = "/root/.pat";

/// Whoever is not root has this number in the namespace in which these tests run (user_namespaces(7)).
const ALICE: u32 = 65_534;
/// Nobody has this one.
const GHOST: u32 = 1_234;

fn import(vault: &Vault, path: &str) -> crate::support::Run {
    vault.open(&["import", path, "--name", "github"], "")
}

/// The file, readable by its owner alone.
fn write(vault: &Vault, text: impl AsRef<[u8]>) -> std::path::PathBuf {
    vault.world.write(FILE, text);
    let path = vault.world.path(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_token_is_taken_over_and_its_file_is_gone_c3() {
    let vault = Vault::new();
    let path = write(&vault, format!("# of 2023\n\n  {GITHUB}\n"));
    vault
        .token(&["status"], "")
        .says(&["/root/.pat may have a token in the clear; time-shift token import"]);
    let mut held = fs::File::open(&path).unwrap();
    let run = import(&vault, FILE);
    run.one_line(
        0,
        &["github (github) is sealed, and /root/.pat is overwritten and removed."],
    );
    // Overwritten as well as removed, and no copy of it left.
    let mut left = String::new();
    std::io::Read::read_to_string(&mut held, &mut left).unwrap();
    assert!(
        !left.is_empty() && left.bytes().all(|byte| byte == 0),
        "{left:?}"
    );
    assert_eq!(fs::read_dir(vault.world.path("/root")).unwrap().count(), 0);
    assert_eq!(vault.with_text(GITHUB), Vec::<String>::new());
    assert_eq!(vault.sealed("github").as_deref(), Some(GITHUB));
    assert_eq!(vault.json(&["status"])["plaintext"], serde_json::json!([]));
    let records = vault.world.audit();
    let added = records
        .iter()
        .find(|record| record["event"] == "secret-added")
        .unwrap();
    assert!(
        added["text"]
            .as_str()
            .unwrap()
            .contains("taken over from /root/.pat")
    );

    // One that others could read, of the other kind.
    let path = write(&vault, API_TOKEN);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let run = vault.open(&["import", FILE, "--name", "pve"], "");
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "pve (api-token) is sealed",
        "Others could read /root/.pat: revoke the token",
    ]);
    assert!(!path.exists());
}

#[test]
fn what_is_no_single_token_of_ones_own_stays_as_it_is() {
    let vault = Vault::new();
    let other = GITHUB.replace("ghp_a", "ghp_z");
    let two = format!("{GITHUB}\n{other}\n");
    let cut = &GITHUB[..30];
    for (text, why) in [
        ("".as_bytes(), "there is no token in it"),
        (b"# only\n\n", "there is no token in it"),
        (b"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", "placeholder"),
        (b"ghp_YOUR_TOKEN_HERE_a1B2c3D4e5F6g7H8i9J0\n", "placeholder"),
        (b"YOUR_TOKEN\n", "no GitHub token"),
        (cut.as_bytes(), "no GitHub token"),
        (two.as_bytes(), "more than one line"),
        (b"ghp_\xff\n", "not UTF-8"),
        (&[b'#'; 70_000], "larger than 65536 bytes"),
    ] {
        let path = write(&vault, text);
        let run = import(&vault, FILE);
        run.one_line(1, &[FILE, why]);
        assert_eq!(fs::read(&path).unwrap(), text, "{why}");
    }
    let path = write(&vault, GITHUB);
    let link = vault.world.path("/root/link");
    symlink(".pat", &link).unwrap();
    import(&vault, "/root/link").one_line(1, &["symbolic link"]);
    fs::remove_file(&link).unwrap();
    symlink("root", vault.world.path("/home")).unwrap();
    import(&vault, "/home/.pat").one_line(1, &["symbolic link"]);
    fs::hard_link(&path, &link).unwrap();
    import(&vault, FILE).one_line(1, &["second name"]);
    fs::remove_file(&link).unwrap();
    import(&vault, "/root").one_line(1, &["/root"]);
    import(&vault, "/root/none").one_line(1, &["does not exist"]);
    // Somebody else's. Who is not mapped into the namespace needs the bits of everybody.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    chown(&path, Some(1234), None).unwrap();
    import(&vault, FILE).one_line(
        1,
        &["belongs to user 65534; only a file of the caller's own"],
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), GITHUB);
    assert!(
        !vault.files().iter().any(|name| name == "github"),
        "{:?}",
        vault.files()
    );
}

#[test]
fn an_import_that_was_cut_short_is_finished_and_another_secret_is_not_replaced() {
    let vault = Vault::new();
    // Sealed, but its file not yet removed.
    vault.add("github", GITHUB);
    let path = write(&vault, GITHUB);
    let run = import(&vault, FILE);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!path.exists());
    let path = write(&vault, GITHUB.replace("ghp_a", "ghp_z"));
    import(&vault, FILE).one_line(1, &["there is a secret github already"]);
    assert!(path.exists());
    assert_eq!(vault.sealed("github").as_deref(), Some(GITHUB));
}

#[test]
fn who_has_the_role_takes_over_files_of_his_own_and_no_others_b5_c3() {
    let vault = Vault::new();
    let world = &vault.world;
    world.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:65534:65534::/home/alice:/bin/sh\n",
    );
    world.write("/etc/group", "root:x:0:\nadm:x:4:\nalice:x:65534:\n");
    world.write(
        "/etc/time-shift/allowlist.toml",
        "version = 1\n[[role]]\nname = \"r\"\nusers = [\"alice\"]\nverbs = [\"token\"]\n",
    );
    fs::create_dir_all(world.path("/home/alice")).unwrap();
    let mine = "/home/alice/.pat";
    world.write(mine, GITHUB);
    chown(world.path(mine), Some(ALICE), None).unwrap();
    // Who is not mapped into the namespace needs the bits of everybody.
    fs::set_permissions(world.path(mine), fs::Permissions::from_mode(0o666)).unwrap();
    let login = |uid: u32| world.write("/.loginuid", uid.to_string());
    let roots = write(&vault, GITHUB.replace("ghp_a", "ghp_z"));
    login(ALICE);
    let run = import(&vault, FILE);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("belongs to user 0"), "{run:?}");
    assert!(roots.exists());
    assert_eq!(vault.sealed("github"), None);
    // Who has no role takes over nothing at all.
    login(GHOST);
    assert_eq!(import(&vault, mine).code, Some(3));
    assert!(world.path(mine).exists());

    login(ALICE);
    let run = import(&vault, mine);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!world.path(mine).exists());
    assert_eq!(vault.sealed("github").as_deref(), Some(GITHUB));
}
