//! The crates that are linked into the programs, and their licences, from what cargo knows: for the
//! package's copyright file and for the tests.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate of a certain version that is linked into the programs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression; empty if the crate says none.
    pub(crate) licence: String,
    /// Its folder on this machine.
    pub(crate) folder: PathBuf,
}

/// The linked crates, sorted, without this one. Asks cargo, not the network.
pub(crate) fn linked_crates() -> io::Result<Vec<Crate>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version=1", "--locked", "--offline"]);
    command.arg("--filter-platform=x86_64-unknown-linux-gnu");
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("cargo metadata: {why}")));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    linked(&metadata).ok_or_else(|| io::Error::other("cargo metadata: not as expected"))
}

/// Walks from this crate along its dependencies, past what only builds and tests it.
fn linked(metadata: &Value) -> Option<Vec<Crate>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let by_id = |list: &str, parent: &Value| -> Option<BTreeMap<String, Value>> {
        let all = parent.get(list)?.as_array()?.iter();
        all.map(|one| Some((text(one.get("id")?)?, one.clone())))
            .collect()
    };
    let resolve = metadata.get("resolve")?;
    let packages = by_id("packages", metadata)?;
    let nodes = by_id("nodes", resolve)?;
    let root = text(resolve.get("root")?)?;
    let mut seen = vec![root.clone()];
    let mut next = vec![root.clone()];
    while let Some(id) = next.pop() {
        for dependency in nodes.get(&id)?.get("deps")?.as_array()? {
            let kinds = dependency.get("dep_kinds")?.as_array()?;
            let id = text(dependency.get("pkg")?)?;
            let linked = kinds
                .iter()
                .any(|kind| kind.get("kind") == Some(&Value::Null))
                && !is_macro(packages.get(&id)?);
            if linked && !seen.contains(&id) {
                seen.push(id.clone());
                next.push(id);
            }
        }
    }
    let mut crates = Vec::new();
    for id in seen.iter().filter(|id| **id != root) {
        let package = packages.get(id)?;
        let manifest = PathBuf::from(text(package.get("manifest_path")?)?);
        crates.push(Crate {
            name: text(package.get("name")?)?,
            version: text(package.get("version")?)?,
            licence: package.get("license").and_then(text).unwrap_or_default(),
            folder: manifest.parent()?.to_owned(),
        });
    }
    crates.sort();
    Some(crates)
}

/// A procedural macro runs in the compiler.
fn is_macro(package: &Value) -> bool {
    let targets = package.get("targets").and_then(Value::as_array);
    targets.is_some_and(|targets| {
        let kind = |target: &Value| target.get("kind").map(ToString::to_string);
        targets
            .iter()
            .any(|target| kind(target).is_some_and(|kind| kind.contains("proc-macro")))
    })
}

/// The text under which a crate is used: its MIT licence where it offers one, since that is the
/// program's own, or else the first that it has; all of them where it wants more than one.
pub(crate) fn licence_text(one: &Crate) -> io::Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(&one.folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    files.retain(|file| file.is_file() && rank(file).is_some());
    files.sort_by_key(|file| (rank(file), file.clone()));
    if !one.licence.contains(" AND ") {
        files.truncate(1);
    }
    let texts: io::Result<Vec<String>> = files.iter().map(fs::read_to_string).collect();
    Ok(texts?.join("\n"))
}

fn rank(file: &Path) -> Option<u8> {
    let name = file.file_name()?.to_string_lossy().to_uppercase();
    let is = |start: &str| name.starts_with(start);
    if is("LICENSE-MIT") || is("LICENCE-MIT") || is("MIT-LICENSE") {
        Some(0)
    } else if is("COPYING") || is("LICENSE") || is("LICENCE") {
        Some(if name.contains("APACHE") { 2 } else { 1 })
    } else {
        None
    }
}

/// What follows the program's own part of the copyright file: each crate with its notices and its
/// licence (machine-readable copyright format 1.0).
pub(crate) fn copyright(crates: &[Crate]) -> io::Result<String> {
    let mut text = String::new();
    for one in crates {
        let licence = licence_text(one)?;
        let mut notices: Vec<&str> = licence
            .lines()
            .map(str::trim)
            .filter(|line| is_notice(line))
            .collect();
        notices.dedup();
        if notices.is_empty() {
            notices.push("its authors");
        }
        let _ = write!(
            text,
            "\nFiles: crates/{}-{}/*\nCopyright: {}\nLicense: {}\n",
            one.name,
            one.version,
            notices.join("\n           "),
            one.licence
                .replace('/', " or ")
                .replace(" OR ", " or ")
                .replace(" AND ", " and ")
                .replace(" WITH ", " with ")
        );
        if licence.is_empty() {
            text.push_str(" The text is that of Expat, above.\n");
            continue;
        }
        // The full text of Apache's licence is on every Debian system.
        if licence.contains("Apache License") && !one.licence.contains(" AND ") {
            text.push_str(" The text is in /usr/share/common-licenses/Apache-2.0.\n");
            continue;
        }
        for line in without_apache(&licence) {
            text.push_str(if line.is_empty() { " ." } else { " " });
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}

/// The lines of a licence, with Apache's by its name where it is one part of it.
fn without_apache(licence: &str) -> Vec<&str> {
    let lines: Vec<&str> = licence.lines().map(str::trim_end).collect();
    let at = |words: &str| lines.iter().position(|line| line.trim() == words);
    let (start, end) = (at("Apache License"), at("limitations under the License."));
    let (Some(start), Some(end)) = (start, end.filter(|end| start < Some(*end))) else {
        return lines;
    };
    let (before, rest) = lines.split_at(start);
    let after = rest
        .iter()
        .skip(end.saturating_sub(start).saturating_add(1));
    let name = "The Apache License, version 2.0: /usr/share/common-licenses/Apache-2.0";
    before
        .iter()
        .copied()
        .chain([name])
        .chain(after.copied())
        .collect()
}

fn is_notice(line: &str) -> bool {
    let rest = line
        .strip_prefix("Copyright")
        .map(str::trim_start)
        .unwrap_or_default();
    rest.starts_with("(c)")
        || rest.starts_with("(C)")
        || rest.starts_with(|c: char| c.is_ascii_digit())
}
