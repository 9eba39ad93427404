//! `time-shift allowlist edit`: a private copy in an editor, until it is valid.
use std::io::IsTerminal;
use std::path::PathBuf;

use super::place::Place;
use super::{By, Manner, complain_of, offer, unchanged};
use crate::cli::arguments::allowlist::Edit;
use crate::cli::confirm::confirmed;
use crate::cli::{Exit, Failure, complain, put};
use crate::config::Config;
use crate::exec::editor;
use crate::sources::{ALLOWLIST_LIMIT, AllowlistFile, parse_allowlist};
use crate::system::{self, Dir, Trust};

/// The copy's name, by which editors know the format.
const NAME: &str = "allowlist.toml";

/// What a file begins with that is not there yet.
const EMPTY: &[u8] = b"# See time-shift-allowlist(5).\nversion = 1\n";

pub(super) fn edit(config: &Config, options: &Edit) -> Result<Exit, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        complain(
            &"there is no terminal to edit on; time-shift allowlist install FILE does without",
        );
        return Ok(Exit::Usage);
    }
    let place = Place::of(config, options.which)?;
    let editor = editor().ok_or_else(|| {
        Failure("there is no editor: name one with EDITOR=/path/to/editor".to_owned())
    })?;
    let copy = Copy::new(config, &beginning(config, &place)?)?;
    loop {
        let ended = editor
            .run(&copy.path())
            .map_err(|error| Failure(format!("the editor {editor}: {error}")))?;
        if !ended.success() {
            let why = format!("the editor {editor} ended with {ended}: nothing was installed");
            return Err(copy.kept(why));
        }
        let bytes = copy.read()?;
        if place.bytes.as_deref() == Some(bytes.as_slice()) {
            if !options.json {
                put("Nothing was changed.\n")?;
                return Ok(Exit::Done);
            }
            return unchanged(&place, None, true);
        }
        let Err(findings) = parse_allowlist(&bytes) else {
            let manner = Manner {
                yes: false,
                json: options.json,
            };
            return match offer(config, &place, &bytes, manner, &By::new("allowlist edit")) {
                Ok(Exit::Done) => Ok(Exit::Done),
                Ok(exit) => {
                    complain(&copy.kept(String::new()).0);
                    Ok(exit)
                }
                Err(Failure(why)) => Err(copy.kept(why)),
            };
        };
        complain_of(&place.path, &findings);
        if !confirmed(
            false,
            "it has these errors and cannot be installed; edit it again",
        )? {
            return Err(copy.kept("nothing was installed".to_owned()));
        }
    }
}

/// What the editor opens with: the file; where it is not there yet, what counts instead.
fn beginning(config: &Config, place: &Place) -> Result<Vec<u8>, Failure> {
    if let Some(bytes) = &place.bytes {
        return Ok(bytes.clone());
    }
    if place.file == AllowlistFile::Node {
        return Ok(EMPTY.to_vec());
    }
    let node = AllowlistFile::Node.path(config);
    match system::read(node, Trust::Decides, ALLOWLIST_LIMIT) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.is_missing() => Ok(EMPTY.to_vec()),
        Err(error) => Err(error.into()),
    }
}

/// A copy in a folder of its own, in which an editor may leave what it likes. It goes when it is dropped,
/// unless it is kept.
struct Copy {
    folder: PathBuf,
    keep: std::cell::Cell<bool>,
}

impl Copy {
    fn new(config: &Config, bytes: &[u8]) -> Result<Copy, Failure> {
        let state = &config.paths.state;
        Dir::open_or_make(state, 0o700)?;
        let random = u128::from_ne_bytes(system::random_bytes());
        let folder = state.join(format!("edit-{random:032x}"));
        let copy = Copy {
            folder: folder.clone(),
            keep: std::cell::Cell::new(false),
        };
        Dir::open_or_make(&folder, 0o700)?.replace(NAME, bytes, 0o600)?;
        Ok(copy)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn read(&self) -> Result<Vec<u8>, Failure> {
        match Dir::open(&self.folder)?.read(NAME, ALLOWLIST_LIMIT) {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(self.kept(error.to_string())),
        }
    }

    /// What was typed is not thrown away.
    fn kept(&self, why: String) -> Failure {
        self.keep.set(true);
        let lead = match why.is_empty() {
            true => String::new(),
            false => format!("{why}. "),
        };
        Failure(format!(
            "{lead}Your text is kept in {} until the next boot",
            self.path().display()
        ))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.keep.get() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
