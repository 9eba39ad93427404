//! Secrets added, fetched, replaced and removed, in a folder of their own.
use std::cell::Cell;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::model::TokenName;

/// Somebody who knows a passphrase, and how often it was asked for.
struct Knows {
    passphrase: Secret,
    asked: Cell<usize>,
}

impl Ask for Knows {
    fn passphrase(&mut self, _: Purpose) -> Result<&Secret, Error> {
        self.asked.set(self.asked.get() + 1);
        Ok(&self.passphrase)
    }
}

fn knows(passphrase: &str) -> Knows {
    Knows {
        passphrase: secret(passphrase),
        asked: Cell::new(0),
    }
}

fn secret(text: &str) -> Secret {
    Secret::copy_of(text).ok().unwrap()
}

/// A store of its own. Its names are of this process, since root has one keyring.
struct Place {
    root: PathBuf,
    store: Store,
}

impl Place {
    fn new(name: &str) -> Place {
        let root = std::env::temp_dir().join(format!("time-shift-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir(&root).unwrap();
        let store = Store::new(&root.join("data"), &root.join("run"));
        Place { root, store }
    }

    fn name(&self, name: &str) -> TokenName {
        let root = self.root.file_name().unwrap().to_str().unwrap();
        TokenName::parse(&format!("{name}-{root}")).unwrap()
    }

    fn fetch(&self, name: &TokenName, passphrase: &str) -> Result<String, Error> {
        // Not from the keyring.
        let _ = keyring::remove(name.as_str());
        fetch(&self.store, name, &mut knows(passphrase)).map(|secret| secret.expose().to_owned())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for name in self.store.names().unwrap_or_default() {
            let _ = keyring::remove(name.as_str());
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

const RIGHT: &str = "correct horse";

#[test]
fn a_secret_is_added_fetched_rotated_and_removed_c1() {
    let place = Place::new("life");
    let (store, name) = (&place.store, place.name("one"));
    let mut right = knows(RIGHT);
    assert_eq!(place.fetch(&name, RIGHT), Err(Error::Unknown(name.clone())));
    add(store, &name, Kind::Generic, &secret("first"), &mut right).unwrap();
    let again = add(store, &name, Kind::Generic, &secret("other"), &mut right);
    assert_eq!(again, Err(Error::Exists(name.clone())));

    let file = store.folder().join(name.as_str());
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&file), mode(&store.folder())), (0o600, 0o700));
    assert_eq!(place.fetch(&name, RIGHT).as_deref(), Ok("first"));
    let info = store.info(&name).unwrap();
    assert_eq!((info.kind, info.added), (Kind::Generic, info.changed));
    assert!(info.used.is_some());

    let before = std::fs::read(&file).unwrap();
    assert_eq!(
        rotate(store, &name, &secret("first"), &mut right).err(),
        Some(Error::Same(name.clone()))
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let old = rotate(store, &name, &secret("second"), &mut right).ok();
    assert_eq!(old.unwrap().expose(), "first");
    assert_eq!(place.fetch(&name, RIGHT).as_deref(), Ok("second"));
    // Salt and nonce are others.
    let after = std::fs::read(&file).unwrap();
    assert!(before[32..48] != after[32..48] && before[48..60] != after[48..60]);

    remove(store, &name).unwrap();
    assert_eq!(remove(store, &name), Err(Error::Unknown(name.clone())));
    assert_eq!(place.fetch(&name, RIGHT), Err(Error::Unknown(name)));
}

#[test]
fn an_unlocked_secret_needs_no_passphrase_and_a_replaced_one_is_not_mistaken_for_it() {
    if sessions_here().is_err() {
        return;
    }
    let place = Place::new("unlocked");
    let (store, name) = (&place.store, place.name("one"));
    let mut right = knows(RIGHT);
    add(store, &name, Kind::Generic, &secret("first"), &mut right).unwrap();
    let mut nobody = Unattended::default();
    let mut get = || fetch(store, &name, &mut nobody).map(|secret| secret.expose().to_owned());
    assert_eq!(get().as_deref(), Ok("first"));
    assert!(store.info(&name).unwrap().unlocked.is_some());
    let file = store.folder().join(name.as_str());
    let first = std::fs::read(&file).unwrap();
    rotate(store, &name, &secret("second"), &mut right)
        .ok()
        .unwrap();
    assert_eq!(get().as_deref(), Ok("second"));
    // A backup was put back.
    std::fs::write(&file, first).unwrap();
    assert_eq!(get(), Err(Error::NoPassphrase));
    assert_eq!(store.info(&name).unwrap().unlocked, None);
}

#[test]
fn a_wrong_passphrase_changes_nothing_and_the_third_locks_c5() {
    let place = Place::new("wrong");
    let (store, name) = (&place.store, place.name("one"));
    let short = add(
        store,
        &name,
        Kind::Generic,
        &secret("x"),
        &mut knows("1234567"),
    );
    assert_eq!(short, Err(Error::Weak));
    add(store, &name, Kind::Generic, &secret("x"), &mut knows(RIGHT)).unwrap();
    // Another passphrase for another secret is not taken either: it counts for the one it does not open.
    let other = add(
        store,
        &place.name("two"),
        Kind::Generic,
        &secret("y"),
        &mut knows("wrong horse"),
    );
    assert!(other.unwrap_err().is_wrong_passphrase());
    assert_eq!(store.names().unwrap(), std::slice::from_ref(&name));
    for _ in 0..2 {
        assert!(
            place
                .fetch(&name, "wrong horse")
                .unwrap_err()
                .is_wrong_passphrase()
        );
    }
    assert!(matches!(
        place.fetch(&name, RIGHT),
        Err(Error::LockedOut { .. })
    ));
    // Nobody is asked in vain.
    let mut asked = knows(RIGHT);
    assert!(fetch(store, &name, &mut asked).is_err());
    assert_eq!(asked.asked.get(), 0);
    assert_eq!(store.lockout().locked().unwrap().len(), 1);
}

#[test]
fn files_that_are_not_roots_alone_are_not_opened() {
    let place = Place::new("trust");
    let (store, name) = (&place.store, place.name("one"));
    add(store, &name, Kind::Generic, &secret("x"), &mut knows(RIGHT)).unwrap();
    let file = store.folder().join(name.as_str());
    let permit =
        |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    permit(0o640);
    assert_eq!(
        place.fetch(&name, RIGHT),
        Err(Error::Readable(file.clone()))
    );
    permit(0o620);
    assert!(matches!(place.fetch(&name, RIGHT), Err(Error::File(_))));
    permit(0o600);
    let link = store.folder().join(place.name("link").as_str());
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(matches!(
        place.fetch(&place.name("link"), RIGHT),
        Err(Error::File(_))
    ));
    std::fs::remove_file(&link).unwrap();
    // Renamed: it does not open under another name.
    std::fs::rename(&file, &link).unwrap();
    assert!(
        place
            .fetch(&place.name("link"), RIGHT)
            .unwrap_err()
            .is_wrong_passphrase()
    );
}

#[test]
fn what_somebody_left_who_was_killed_is_cleared_away() {
    let place = Place::new("left");
    let (store, name) = (&place.store, place.name("one"));
    store.make().unwrap();
    let left = store.folder().join(".x.1.tmp");
    std::fs::write(&left, "half").unwrap();
    assert_eq!(store.names().unwrap(), []);
    add(store, &name, Kind::Generic, &secret("x"), &mut knows(RIGHT)).unwrap();
    assert!(!left.exists());
    assert_eq!(store.names().unwrap(), [name]);
}
