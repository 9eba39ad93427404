//! Passphrases and secrets typed on a terminal, a real one (script(1) makes it).
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use crate::support::wait_until;
use crate::vault::{API_TOKEN, PASSPHRASE, PROGRAM, Vault};

/// A program on a terminal, and what that shows.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    fn run(vault: &Vault, command: &str) -> Terminal {
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
    fn answer(&mut self, question: &str, keys: &str) {
        wait_until(question, || self.shown.lock().unwrap().contains(question));
        self.shown.lock().unwrap().clear();
        let mut input = self.child.stdin.as_ref().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// What it showed since the last answer, to its end. The terminal echoes again.
    #[track_caller]
    fn end(mut self, code: i32) -> String {
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

#[test]
fn what_is_typed_is_not_shown_and_can_be_corrected() {
    let vault = Vault::new();
    let mut terminal = Terminal::run(&vault, &format!("{PROGRAM} token add pve"));
    // Ctrl-U takes all of it back, backspace a character.
    terminal.answer("Secret pve: ", &format!("wrong\u{15}{API_TOKEN}x\u{7f}\r"));
    terminal.answer(
        "New passphrase for the secrets: ",
        &format!("{PASSPHRASE}ä\u{7f}\r"),
    );
    terminal.answer("The same again: ", &format!("{PASSPHRASE}\r"));
    let shown = terminal.end(0);
    assert!(shown.contains("pve (api-token) is sealed"), "{shown}");
    assert!(
        !shown.contains(PASSPHRASE) && !shown.contains(API_TOKEN),
        "{shown}"
    );
    assert_eq!(vault.sealed("pve").as_deref(), Some(API_TOKEN));

    vault.token(&["lock"], "");
    let mut terminal = Terminal::run(&vault, &format!("{PROGRAM} token rotate pve"));
    terminal.answer("Passphrase of the secrets: ", &format!("{PASSPHRASE}\r"));
    wait_until("the commands", || {
        terminal
            .shown
            .lock()
            .unwrap()
            .contains("pveum user token add")
    });
    terminal.answer(
        "New secret pve (api-token): ",
        &format!("{}\r", API_TOKEN.replace("3f1b", "4a2c")),
    );
    assert!(terminal.end(0).contains("is replaced"));
}

#[test]
fn who_mistypes_or_gives_up_changes_nothing_and_keeps_his_terminal() {
    let vault = Vault::new();
    let add = format!("{PROGRAM} token add x");
    let mut terminal = Terminal::run(&vault, &format!("{add} --yes"));
    terminal.answer("Secret x: ", "secret\r");
    terminal.answer("New passphrase for the secrets: ", "correct horse\r");
    terminal.answer("The same again: ", "correct house\r");
    assert!(terminal.end(1).contains("the two were not the same"));
    for key in ["\u{3}", "\u{4}"] {
        let mut terminal = Terminal::run(&vault, &add);
        terminal.answer("Secret x: ", &format!("sec{key}"));
        assert!(terminal.end(1).contains("nothing was changed"));
    }
    // What has no known form is asked about.
    let mut terminal = Terminal::run(&vault, &add);
    terminal.answer("Secret x: ", "secret\r");
    terminal.answer("seal it as a generic secret x? [y/N] ", "n\r");
    assert!(terminal.end(2).contains("nothing was changed"));
    assert!(
        !vault.files().iter().any(|name| name == "x"),
        "{:?}",
        vault.files()
    );
}
