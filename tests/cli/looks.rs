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
    world.write(
        "/etc/systemd/system/timers.target.wants/time-shift-sweep.timer",
        "",
    );
    let answer = doctor(0);
    assert_eq!(state(&answer, "allowlist"), "done");
    assert_eq!(state(&answer, "hookscript"), "done");
    assert_eq!(state(&answer, "sweep"), "done");
    assert_eq!(answer["findings"], json!([]));

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
        allow(TARGET).replace("assign = \"test\"\n", "any-tag = true\n"),
    );
    world.vm(100, "tags: ts-tesst\n");
    let run = world.cli(&["plan", "100"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.out.contains("did you mean ts-test?"), "{run:?}");
}
