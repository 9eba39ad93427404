//! Writes what is generated: from the command line's definition the man page time-shift(8) and the
//! completions for bash, zsh and fish; from what cargo knows the licences of the linked crates.
//!
//! `manuals FOLDER` writes them as they lie under /. Run by debian/rules; neither program contains
//! any of this.
mod completions;
mod crates;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use time_shift::judge::WARNINGS;
use time_shift::model::DenyReason;
use time_shift::report::Code;

const COMPLETIONS: [(Shell, &str); 3] = [
    (
        Shell::Bash,
        "usr/share/bash-completion/completions/time-shift",
    ),
    (Shell::Zsh, "usr/share/zsh/vendor-completions/_time-shift"),
    (
        Shell::Fish,
        "usr/share/fish/vendor_completions.d/time-shift.fish",
    ),
];

const FILES: [(&str, &str); 9] = [
    (
        "/etc/time-shift/allowlist.toml",
        "which guest may have which time; see time-shift-allowlist(5)",
    ),
    (
        "/etc/pve/time-shift/allowlist.toml",
        "the same for a whole cluster; if it exists, the node's own does not count",
    ),
    (
        "/etc/time-shift/config.toml",
        "how the program runs; see time-shift.toml(5)",
    ),
    (
        "/var/lib/time-shift/secrets/",
        "sealed secrets; see time-shift-secrets(7)",
    ),
    (
        "/run/time-shift/",
        "the state of this boot, one file for each VM that was started with another time",
    ),
    (
        "/var/log/time-shift/audit.log",
        "decisions, denials, logins, changes of the configuration, violations, JSON lines",
    ),
    (
        "/var/log/time-shift/command-audit.log",
        "every command, QMP and agent call that changes something, with its result, JSON lines",
    ),
    ("/var/log/time-shift/time-shift.log", "the rest, JSON lines"),
    (
        "/var/lib/time-shift/",
        "what outlives a reboot: the key of the logs' chain, sealed secrets",
    ),
];

const SEE_ALSO: [(&str, u8); 7] = [
    ("time-shift-hook", 8),
    ("time-shift-allowlist", 5),
    ("time-shift.toml", 5),
    ("time-shift-secrets", 7),
    ("time-shift-security", 7),
    ("qm", 1),
    ("pvesh", 1),
];

fn main() -> io::Result<()> {
    let Some(root) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("usage: manuals FOLDER"));
    };
    let root = Path::new(&root);
    // Fills in what clap adds to every command: --help, --version, `help`.
    let mut command = time_shift::cli::command();
    command.build();
    let linked = crates::linked_crates()?;
    write(
        &root.join("copyright"),
        crates::copyright(&linked)?.as_bytes(),
    )?;
    write(
        &root.join("usr/share/man/man8/time-shift.8"),
        &page(&command)?,
    )?;
    for (shell, path) in COMPLETIONS {
        let text = completions::completion(shell, &mut command)?;
        write(&root.join(path), text.as_bytes())?;
    }
    Ok(())
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// One page for the program with all its commands.
pub(crate) fn page(command: &Command) -> io::Result<Vec<u8>> {
    let version = command.get_version().unwrap_or_default();
    let man = Man::new(command.clone())
        .title("TIME-SHIFT")
        .section("8")
        .source(format!("time-shift {version}"))
        .manual("Proxmox VE");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    text.extend(b".SH COMMANDS\n");
    text.extend(sections(command, "")?);
    let mut notes = Vec::new();
    man.render_extra_section(&mut notes)?;
    for line in notes.split_inclusive(|byte| *byte == b'\n') {
        text.extend(if line.starts_with(b".SH ") {
            b".SH NOTES\n"
        } else {
            line
        });
    }
    text.extend(codes());
    text.extend(files());
    Ok(text)
}

/// The commands of a command, and theirs.
fn sections(command: &Command, before: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for subcommand in command.get_subcommands() {
        if subcommand.is_hide_set() || subcommand.get_name() == "help" {
            continue;
        }
        let name = format!("{before}{}", subcommand.get_name());
        text.extend(section(subcommand, &name)?);
        text.extend(sections(subcommand, &format!("{name} "))?);
    }
    Ok(text)
}

/// A command, as a part of the page: what would be its own page's sections become paragraphs, and
/// the options that every command has are left to the page.
fn section(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let everywhere = |id: &str| matches!(id, "config" | "color" | "help" | "version");
    let own = command.clone().mut_args(|argument| {
        let hide = everywhere(argument.get_id().as_str());
        argument.hide(hide)
    });
    let man = Man::new(own);
    let mut body = Vec::new();
    man.render_synopsis_section(&mut body)?;
    man.render_description_section(&mut body)?;
    man.render_options_section(&mut body)?;
    man.render_extra_section(&mut body)?;
    let mut text = format!(".SS {name}\n").into_bytes();
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let header = line.starts_with(b".SH ");
        text.write_all(if header { b".PP\n" } else { line })?;
    }
    Ok(text)
}

/// The codes of findings, warnings and denials.
fn codes() -> Vec<u8> {
    let mut roff = Roff::new();
    let findings = Code::ALL
        .iter()
        .map(|code| (code.as_str(), code.explanation()));
    let denials = DenyReason::ALL
        .iter()
        .map(|reason| (reason.code(), reason.explanation()));
    roff.control("SH", ["CODES"]);
    roff.text([
        roman("What "),
        bold("check"),
        roman(" finds, besides the warnings and the reasons below:"),
    ]);
    for (code, meaning) in findings {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    roff.control("PP", []);
    roff.text([
        roman("What "),
        bold("plan"),
        roman(" and "),
        bold("check"),
        roman(" warn of, where a clock is set all the same:"),
    ]);
    for (code, meaning) in WARNINGS {
        roff.control("TP", []);
        roff.text([bold(*code)]);
        roff.text([roman(*meaning)]);
    }
    roff.control("PP", []);
    roff.text([roman("Why a clock is left alone:")]);
    for (code, meaning) in denials {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    roff.to_roff().into_bytes()
}

fn files() -> Vec<u8> {
    let mut roff = Roff::new();
    roff.control("SH", ["FILES"]);
    for (path, what) in FILES {
        roff.control("TP", []);
        roff.text([italic(path)]);
        roff.text([roman(what)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut pages = Vec::new();
    for (name, section) in SEE_ALSO {
        let comma = if pages.is_empty() { "" } else { ", " };
        pages.extend([roman(comma), bold(name), roman(format!("({section})"))]);
    }
    roff.text(pages);
    roff.to_roff().into_bytes()
}
