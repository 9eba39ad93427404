//! Passphrases and secrets typed on a terminal.
use crate::support::wait_until;
use crate::typing::Terminal;
use crate::vault::{API_TOKEN, PASSPHRASE, PROGRAM, Vault};

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
