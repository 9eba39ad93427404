//! How the command line looks: `doctor`, `version`, colours. E2, E3.
use super::*;

#[test]
fn a_new_node_hears_what_to_do_in_order_e2() {
    let world = World::new();
    fs::create_dir_all(world.path("/etc/pve/nodes/lab1/qemu-server")).unwrap();
    let doctor = |code: i32| json(&world.cli(&["doctor", "--json"]), code);
    let states = |answer: &Value| -> Vec<(String, String)> {
        let steps = answer["steps"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        steps
            .map(|step| (text(&step["what"]), text(&step["state"])))
            .collect()
    };
    let state = |answer: &Value, what: &str| {
        let states = states(answer);
        states.into_iter().find(|(name, _)| name == what).unwrap().1
    };
    let answer = doctor(1);
    let order: Vec<String> = states(&answer).into_iter().map(|(what, _)| what).collect();
    assert_eq!(
        order,
        [
            "hook",
            "config.toml",
            "Proxmox VE",
            "host's clock",
            "syslog",
            "sweep",
            "allowlist",
            "hookscript"
        ]
    );
    assert_eq!(state(&answer, "allowlist"), "missing");
    assert_eq!(state(&answer, "hookscript"), "open");
    for step in answer["steps"].as_array().unwrap() {
        assert_eq!(
            step["state"] == "done",
            step.get("next").is_none(),
            "{step}"
        );
    }

    world.write(LOCAL, "version = 1\n");
    let answer = doctor(0);
    assert_eq!(state(&answer, "allowlist"), "open");
    world.write(LOCAL, allow(TARGET));
    world.cli(&["doctor"]).says(&["-> time-shift install-hook"]);
    assert_eq!(world.cli(&["install-hook"]).code, Some(0));
    world
        .cli(&["doctor"])
        .says(&["-> qm set VMID --hookscript local:snippets/time-shift"]);
    world.vm(100, HOOKSCRIPT);
    let timer = "/etc/systemd/system/timers.target.wants/time-shift-sweep.timer";
    world.write(timer, "");
    // That it is enabled is not enough: it may have been stopped, or masked.
    let open = doctor(0);
    assert_eq!(state(&open, "sweep"), "open", "{open}");
    world
        .cli(&["doctor"])
        .says(&["time-shift-sweep.timer is enabled; none has run since"]);
    assert_eq!(world.cli(&["sweep"]).code, Some(0));
    let answer = doctor(0);
    assert_eq!(state(&answer, "allowlist"), "done");
    assert_eq!(state(&answer, "hookscript"), "done");
    assert_eq!(state(&answer, "sweep"), "done");
    assert_eq!(answer["findings"], json!([]));
    std::os::unix::fs::symlink(
        "/dev/null",
        world.path("/etc/systemd/system/time-shift-sweep.timer"),
    )
    .unwrap();
    world
        .cli(&["doctor"])
        .says(&["time-shift-sweep.timer is masked; the last was 0 s ago"]);
    let copy = "/var/lib/vz/snippets/time-shift";
    let snippet = world.read(copy);
    fs::write(world.path(copy), "#!/bin/sh\n").unwrap();
    assert_eq!(state(&doctor(0), "hookscript"), "open");
    fs::write(world.path(copy), snippet).unwrap();

    fs::remove_file(world.path("/usr/libexec/time-shift/time-shift-hook")).unwrap();
    let answer = doctor(1);
    assert_eq!(state(&answer, "hook"), "missing");
    world.write(CONFIG, "x = 1\n");
    let answer = doctor(1);
    assert_eq!(state(&answer, "config.toml"), "missing");
    assert_eq!(answer["findings"][0]["code"], "CONFIG_INVALID");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_want_them_e3() {
    let world = world();
    world.write(LOCAL, "version = 2\n");
    let escape = '\u{1b}';
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = world.command("/usr/libexec/time-shift/time-shift");
        command.args(arguments).envs(variables.iter().copied());
        Run::of(&mut command).out
    };
    for plain in [
        run(&["check"], &[("TERM", "xterm")]),
        run(&["check", "--color", "never"], &[("TERM", "xterm")]),
    ] {
        assert!(!plain.contains(escape), "{plain}");
    }
    let always = run(&["check", "--color", "always"], &[("NO_COLOR", "1")]);
    assert!(
        always.starts_with("\u{1b}[1;31m/etc/time-shift/"),
        "{always}"
    );
    assert!(always.ends_with("\u{1b}[0m\n"), "{always}");
    let painted = run(&["check", "--json", "--color", "always"], &[]);
    assert!(!painted.contains(escape), "{painted}");
    assert_eq!(world.cli(&["check", "--color", "blue"]).code, Some(2));
}

#[test]
fn version_says_what_scripts_ask_for_e2() {
    let world = World::new();
    let version = json(&world.cli(&["version", "--json"]), 0);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (&version["name"], &version["allowlist"], &version["snippet"]),
        (&json!("time-shift"), &json!(1), &json!(1))
    );
    let short = format!("time-shift {}", env!("CARGO_PKG_VERSION"));
    world.cli(&["version"]).one_line(0, &[&short]);
}

#[test]
fn what_is_mistyped_gets_a_suggestion_e3() {
    let world = world();
    let run = world.cli(&["statsu"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("'status'"), "{run:?}");
    let run = world.cli(&["check", "--jsn"]);
    assert!(run.err.contains("'--json'"), "{run:?}");
    world.write(
        LOCAL,
        allow(TARGET).replace("assign = \"test\"\n", "any-tag = true\nconfirm = true\n"),
    );
    world.vm(100, "tags: ts-tesst\n");
    let run = world.cli(&["plan", "100"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.out.contains("did you mean ts-test?"), "{run:?}");
    for arguments in [
        ["assign", "100", "tesst", "--yes"].as_slice(),
        &["approve", "100", "--profile", "tesst"],
    ] {
        let run = world.cli(arguments);
        assert!(run.code.is_some_and(|code| code != 0), "{run:?}");
        run.says(&["has no profile tesst; it has test; did you mean test?"]);
    }
    // A slip in the name of an action is no server to be asked.
    for (word, action) in [
        ("pim", "pin"),
        ("refrehs", "refresh"),
        ("Pin", "pin"),
        ("unpn", "unpin"),
    ] {
        let run = world.cli(&["cert", word, "192.0.2.1"]);
        assert_eq!(run.code, Some(2), "{run:?}");
        run.says(&[
            &format!("did you mean `time-shift cert {action}`?"),
            &format!("{word}:443"),
        ]);
    }
}

#[test]
fn on_a_narrow_terminal_nothing_is_wider_than_it_e3() {
    let commands = "[[host-command]]\nname = \"pve-get\"\npath = \"/usr/bin/pvesh\"\n\
                    args = [\"get\", \"{path}\", \"{parameters}\", \"--output-format=json\"]\n";
    let list = allow(TARGET).replace("assign = ", "confirm = true\nassign = ");
    let world = World::with_vm(HOOKSCRIPT, &format!("{list}{commands}"));
    let run = world.cli(&["approve", "100", "--reason", &"because ".repeat(8)]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let shown = |columns: u32, arguments: &str, variables: &str| {
        let call = format!(
            "stty cols {columns} && {variables} exec /usr/libexec/time-shift/time-shift {arguments}"
        );
        let mut command = world.command("bash");
        command
            .args(["-c", &call])
            .env("TERM", "xterm")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        Session::of(&command, "").shown
    };
    for arguments in [
        "command list",
        "command explain pve-get",
        "plan 100 --why",
        "approvals",
        "audit show",
    ] {
        let text = shown(50, &format!("--color never {arguments}"), "PAGER=cat");
        assert!(text.lines().count() > 1, "{arguments}: {text}");
        for line in text.lines() {
            assert!(
                line.chars().count() <= 50,
                "{arguments}: {line:?} in {text}"
            );
        }
        // What does not fit is not lost.
        let wide = shown(500, &format!("--color never {arguments}"), "PAGER=cat");
        let words = |text: &str| -> Vec<String> {
            let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            words.retain(|word| word.chars().all(|c| c.is_ascii_lowercase()) && word.len() > 2);
            words.sort_unstable();
            words.dedup();
            words
        };
        let narrow = words(&text);
        let lost: Vec<String> = words(&wide)
            .into_iter()
            .filter(|word| !narrow.contains(word))
            .collect();
        assert_eq!(lost, [""; 0], "{arguments}: lost in {text}");
    }
    let escape = '\u{1b}';
    assert!(shown(100, "plan 100 --why", "").contains(escape));
    assert!(!shown(100, "plan 100 --why", "NO_COLOR=1").contains(escape));
}
