//! Somebody at a terminal: a program on a pseudo-terminal of its own, with what is typed prepared.
use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a program at a terminal left.
#[derive(Debug)]
pub struct Session {
    /// The exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// All that the terminal showed, what was typed among it.
    pub shown: String,
}

impl Session {
    /// Runs `command` on a terminal; `typed` is typed ahead, and then nothing more comes (Ctrl-D).
    pub fn of(command: &Command, typed: &str) -> Session {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line: Vec<String> = words.map(quoted).collect();
        // util-linux's script(1) makes the terminal, hands on what it reads, and ends as the program does.
        let mut script = Command::new("/usr/bin/script");
        script
            .args(["--quiet", "--return", "--flush", "--command"])
            .arg(line.join(" "))
            .arg("/dev/null")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in command.get_envs() {
            script.env(name, value.unwrap_or_default());
        }
        let mut child = script.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Session {
            code: output.status.code(),
            shown: String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"),
        }
    }

    /// It ended with `code`, and the terminal showed all of `parts`.
    #[track_caller]
    pub fn shows(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.shown.contains(part), "no {part:?} in {self:#?}");
        }
    }
}

fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"))
}
