//! What a secret costs: sealed and opened, which is the derivation of its key, and found in the kernel's
//! keyring.
use std::path::Path;
use std::time::{Duration, Instant};

use time_shift::model::TokenName;
use time_shift::token::{
    Ask, Error, Kind, Purpose, SESSION, Secret, Store, add, fetch, remove, rotate, unlock,
};

use crate::summary::Samples;

/// How often a key is derived, and how often the keyring is asked.
const DERIVED: usize = 21;
const ASKED: usize = 1001;

struct Knows(Secret);

impl Ask for Knows {
    fn passphrase(&mut self, _: Purpose) -> Result<&Secret, Error> {
        Ok(&self.0)
    }
}

fn secret(text: &str) -> Secret {
    Secret::copy_of(text).unwrap_or_else(|error| panic!("{error}"))
}

fn times(count: usize, mut work: impl FnMut(usize)) -> Samples {
    let times: Vec<Duration> = (0..count)
        .map(|number| {
            let begun = Instant::now();
            work(number);
            begun.elapsed()
        })
        .collect();
    Samples::new(&times)
}

pub(crate) fn measure() -> String {
    let folder = Path::new("/run/lab/bench-secrets");
    std::fs::create_dir_all(folder).unwrap();
    let store = Store::new(&folder.join("data"), &folder.join("run"));
    let name = TokenName::parse(&format!("bench-{}", std::process::id())).unwrap();
    let mut knows = Knows(secret("correct horse"));
    add(&store, &name, Kind::Generic, &secret("first"), &mut knows).unwrap();
    let replaced = times(DERIVED, |number| {
        let next = secret(&format!("secret {number}"));
        drop(rotate(&store, &name, &next, &mut knows).unwrap_or_else(|error| panic!("{error}")));
    });
    let mut rows = vec![("replaced: opened, and sealed again and proven", replaced)];
    match unlock(&store, &name, SESSION, &mut knows) {
        Ok(()) => {
            let opened = times(DERIVED, |_| {
                unlock(&store, &name, SESSION, &mut knows).unwrap();
            });
            rows.push(("opened from its file, and kept in the keyring", opened));
            let found = times(ASKED, |_| {
                let found = fetch(&store, &name, &mut Unasked);
                assert!(found.is_ok_and(|found| found.expose().starts_with("secret ")));
            });
            rows.push(("found in the keyring", found));
        }
        Err(error) => eprintln!("{error}"),
    }
    remove(&store, &name).unwrap();
    let _ = std::fs::remove_dir_all(folder);
    table(&rows)
}

/// Nobody is asked for what is in the keyring.
struct Unasked;

impl Ask for Unasked {
    fn passphrase(&mut self, _: Purpose) -> Result<&Secret, Error> {
        Err(Error::NoPassphrase)
    }
}

fn table(rows: &[(&str, Samples)]) -> String {
    let mut text = "\
| A secret | Median | 5 % to 95 % | Of |\n\
|---|---:|---:|---:|\n"
        .to_owned();
    for (what, samples) in rows {
        text.push_str(&format!(
            "| {what} | {:.2} ms | {:.2} to {:.2} | {} |\n",
            samples.median(),
            samples.quantile(0.05),
            samples.quantile(0.95),
            samples.count(),
        ));
    }
    text.push_str("\nA key takes 600,000 rounds of PBKDF2 with HMAC-SHA256.\n");
    text
}
