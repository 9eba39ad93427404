//! What bash, zsh and fish offer to complete, by the files that the package has. E1.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../debian/completions.rs"]
mod completions;
mod support;

use clap_complete::Shell;
use support::{Run, World};

const ALLOWLIST: &str = "version = 1\n[profiles.idrac-2016]\ntarget = \"now\"\n\
                         [profiles.\"y2038\"] # what breaks\ntarget = \"now\"\n";

/// A node with three VMs, a file that is none, and the completion in /root/completion.
fn node(shell: Shell) -> World {
    let world = World::new();
    for vmid in [100, 101, 20_000] {
        world.vm(vmid, "");
    }
    world.write("/etc/pve/qemu-server/.conf", "");
    world.write("/etc/pve/qemu-server/old-100.conf", "");
    world.write("/etc/time-shift/allowlist.toml", ALLOWLIST);
    let mut command = time_shift::cli::command();
    command.build();
    let text = completions::completion(shell, &mut command).unwrap();
    world.write("/root/completion", text);
    world
}

#[track_caller]
fn lines(run: &Run) -> Vec<String> {
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let mut lines: Vec<String> = run.out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What bash offers after these words, of which the last one is being typed.
#[track_caller]
fn bash(world: &World, words: &[&str]) -> Vec<String> {
    let script = r#"
        source /root/completion
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=$(complete -p time-shift | sed 's/.*-F \([^ ]*\) .*/\1/')
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        [ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}""#;
    let mut command = world.command("/bin/bash");
    command.args(["--norc", "-c", script, "bash", "time-shift"]);
    lines(&Run::of(command.args(words)))
}

#[test]
fn bash_offers_vms_and_profiles() {
    let world = node(Shell::Bash);
    assert_eq!(bash(&world, &["plan", "1"]), ["100", "101"]);
    assert_eq!(bash(&world, &["status", "100", "2"]), ["20000"]);
    let profiles = ["idrac-2016", "y2038"];
    assert_eq!(bash(&world, &["shift", "100", "--profile", ""]), profiles);
    assert_eq!(bash(&world, &["shift", "--profile", "y"]), ["y2038"]);
    assert_eq!(
        bash(&world, &["audit", "show", "--vmid", "10"]),
        ["100", "101"]
    );
    assert!(bash(&world, &["plan", "--at", "1"]).is_empty());
    assert!(bash(&world, &["check", "1"]).is_empty());
    assert_eq!(bash(&world, &["assign", "10"]), ["100", "101"]);
    assert_eq!(bash(&world, &["assign", "100", "i"]), ["idrac-2016"]);
    assert_eq!(bash(&world, &["assign", "--like", "2"]), ["20000"]);
    let second = bash(&world, &["--config", "/x", "assign", "--yes", "100", "y"]);
    assert_eq!(second, ["y2038"]);
    assert!(bash(&world, &["shift", "100", "1"]).is_empty());
    let all = bash(&world, &["plan", ""]);
    assert!(all.contains(&"--json".to_owned()), "{all:?}");
    assert!(!all.iter().any(|word| word.starts_with('<')), "{all:?}");
    assert_eq!(bash(&world, &["unins"]), ["uninstall-hook"]);
    // The cluster's allowlist is the one that counts.
    world.write(
        "/etc/pve/time-shift/allowlist.toml",
        "version = 1\n[profiles.other]\ntarget = \"now\"\n",
    );
    assert_eq!(bash(&world, &["shift", "--profile", ""]), ["other"]);
}

/// The words of every command of the tree, with the long options that it has.
fn commands(command: &clap::Command) -> Vec<(Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for below in command.get_subcommands() {
        if below.is_hide_set() || below.get_name() == "help" {
            continue;
        }
        let name = below.get_name().to_owned();
        let options = below.get_opts().filter(|option| !option.is_hide_set());
        let options = options.filter_map(|option| Some(format!("--{}", option.get_long()?)));
        found.push((vec![name.clone()], options.collect()));
        for (mut words, options) in commands(below) {
            words.insert(0, name.clone());
            found.push((words, options));
        }
    }
    found
}

#[test]
fn every_option_of_every_command_is_offered() {
    let mut command = time_shift::cli::command();
    command.build();
    let commands = commands(&command);
    assert!(commands.len() > 30, "{}", commands.len());
    let (in_bash, in_fish, in_zsh) = (node(Shell::Bash), node(Shell::Fish), node(Shell::Zsh));
    let zsh = in_zsh.read("/root/completion");
    for (words, options) in commands {
        let mut typed: Vec<&str> = words.iter().map(String::as_str).collect();
        typed.push("--");
        let bash = bash(&in_bash, &typed);
        let fish = fish(&in_fish, &format!("time-shift {}", typed.join(" ")));
        for option in options.iter().chain(&["--help".to_owned()]) {
            assert!(bash.contains(option), "bash, {words:?}: {option}: {bash:?}");
            let found = fish
                .iter()
                .any(|one| one.split('\t').next() == Some(option));
            assert!(found, "fish, {words:?}: {option}: {fish:?}");
            assert!(zsh.contains(&format!("{option}[")) || zsh.contains(&format!("{option}=[")));
        }
    }
}

/// What fish offers for a line.
#[track_caller]
fn fish(world: &World, line: &str) -> Vec<String> {
    let script = format!("source /root/completion; complete -C '{line}'");
    let mut command = world.command("/usr/bin/fish");
    command
        .env("HOME", "/root")
        .args(["--no-config", "-c", &script]);
    lines(&Run::of(&mut command))
}

#[test]
fn fish_offers_vms_and_profiles() {
    let world = node(Shell::Fish);
    assert_eq!(fish(&world, "time-shift plan 1"), ["100", "101"]);
    assert_eq!(fish(&world, "time-shift status 100 2"), ["20000"]);
    assert_eq!(
        fish(&world, "time-shift shift 100 --profile "),
        ["idrac-2016", "y2038"]
    );
    assert_eq!(
        fish(&world, "time-shift audit show --vmid 10"),
        ["100", "101"]
    );
    assert!(!fish(&world, "time-shift check ").contains(&"100".to_owned()));
}

/// The functions that zsh calls for a value; `compadd` is what takes their answer.
#[test]
fn zsh_offers_vms_and_profiles() {
    let world = node(Shell::Zsh);
    let zsh = |script: &str| {
        let mut command = world.command("/usr/bin/zsh");
        lines(&Run::of(command.args(["-f", "-c", script])))
    };
    let offers = |function: &str| {
        zsh(&format!(
            "compdef() {{ }}; compadd() {{ print -l -- ${{(P)@[-1]}} }}
             source /root/completion
             {function}"
        ))
    };
    assert_eq!(offers("_time_shift_vmids"), ["100", "101", "20000"]);
    assert_eq!(offers("_time_shift_profile_names"), ["idrac-2016", "y2038"]);
    // The completion itself asks them for the right arguments.
    let asked = |command: &str| {
        zsh(&format!(
            "autoload -U is-at-least
             sed '/^if .*funcstack/,$d' /root/completion >/root/functions
             source /root/functions
             _arguments() {{ print -l -- \"$@\"; line=({command}); state=time-shift; return 1 }}
             _time-shift || :"
        ))
    };
    let asks = |command: &str, start: &str, function: &str| {
        let lines = asked(command);
        let line = lines.iter().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("{command}: no {start} in {lines:?}"));
        assert!(line.ends_with(&format!(":{function}")), "{line}");
    };
    asks("plan", ":vmid", "_time_shift_vmids");
    asks("sync", "*::vmids", "_time_shift_vmids");
    asks("assign", ":profile", "_time_shift_profile_names");
    asks("shift", "--profile=", "_time_shift_profile_names");
    asks("shift", ":target", "_default");
}
