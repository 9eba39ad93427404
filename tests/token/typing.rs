//! A program on a terminal, a real one (script(1) makes it), with somebody who answers its questions.
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use crate::support::wait_until;
use crate::vault::Vault;

/// A program on a terminal, and what that shows.
pub(crate) struct Terminal {
    child: Child,
    pub(crate) shown: Arc<Mutex<String>>,
}

impl Terminal {
    pub(crate) fn run(vault: &Vault, command: &str) -> Terminal {
        // Outside of the node, which has no terminals: the node's programs get this one as theirs.
        let inside = vault.command("bash");
        let mut words = vec!["'script'".to_owned()];
        words.clear();
        for word in std::iter::once(inside.get_program()).chain(inside.get_args()) {
            words.push(format!("'{}'", word.to_str().unwrap()));
        }
        let script = format!("{} -c '{command}; echo exit $?; stty -a'", words.join(" "));
        let mut child = std::process::Command::new("script")
            .args(["-qefc", &script, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut stream, text) = (child.stdout.take().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = stream.read(&mut buffer) {
                if count == 0 {
                    return;
                }
                text.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Terminal { child, shown }
    }

    /// Waits for a question, and answers it.
    #[track_caller]
    pub(crate) fn answer(&mut self, question: &str, keys: &str) {
        wait_until(question, || self.shown.lock().unwrap().contains(question));
        self.shown.lock().unwrap().clear();
        let mut input = self.child.stdin.as_ref().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// What it showed since the last answer, to its end. The terminal echoes again.
    #[track_caller]
    pub(crate) fn end(mut self, code: i32) -> String {
        let code = format!("exit {code}");
        wait_until("the end", || {
            let shown = self.shown.lock().unwrap();
            shown.contains("exit ") && shown.contains("echo ")
        });
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let shown = self.shown.lock().unwrap().clone();
        assert!(shown.contains(&code), "{shown}");
        assert!(
            shown.contains(" echo ") && shown.contains(" icanon ") && shown.contains("isig "),
            "{shown}"
        );
        shown
    }
}
