//! The commands that an allowlist permits: what is shown of them, and what makes a file invalid.
use super::*;

const COMMANDS: &str = r#"
[[host-command]]
name = "host-time"
path = "/usr/bin/timedatectl"
args = ["show", "a b"]
confirm = true
[[host-command]]
name = "mine"
path = "/opt/mine"
[[guest-command]]
name = "stop-chrony"
path = "/usr/bin/systemctl"
args = ["stop", "chrony.service"]
os = "linux"
does = "stop"
output-limit = 10
"#;

fn node(commands: &str) -> World {
    World::with_vm(HOOKSCRIPT, &format!("{}{commands}", allow(TARGET)))
}

#[test]
fn each_command_is_listed_with_what_it_runs_b3() {
    let world = node(COMMANDS);
    let run = world.cli(&["command", "list"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines: Vec<Vec<&str>> = run
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 4, "{}", run.out);
    assert_eq!(
        lines[1],
        [
            "host-time",
            "host",
            "/usr/bin/timedatectl",
            "show",
            "\"a",
            "b\""
        ]
    );
    assert_eq!(
        lines[3],
        [
            "stop-chrony",
            "guest",
            "/usr/bin/systemctl",
            "stop",
            "chrony.service"
        ]
    );
    let rows = json(&world.cli(&["command", "list", "--json"]), 0);
    assert_eq!(rows[0]["args"], json!(["show", "a b"]));
    assert_eq!(rows[0]["confirm"], true);
    assert_eq!(rows[2]["output-limit"], 10);
    assert_eq!(rows[2]["does"], "stop");
    let run = node("").cli(&["command", "list"]);
    assert_eq!(run.code, Some(0));
    assert!(run.out.contains("none is ever run"), "{run:?}");
}

#[test]
fn a_command_is_explained_with_the_state_of_its_program_b3() {
    let world = node(COMMANDS);
    let run = world.cli(&["command", "explain", "host-time"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["there, and root's alone"]);
    assert!(
        run.out.contains("somebody has to agree each time"),
        "{run:?}"
    );

    let run = world.cli(&["command", "explain", "mine"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("/opt/mine does not exist"), "{run:?}");
    fs::create_dir_all(world.path("/opt")).unwrap();
    world.write("/opt/mine", "#!/bin/sh\n");
    let mode = |bits| {
        fs::set_permissions(world.path("/opt/mine"), fs::Permissions::from_mode(bits)).unwrap();
    };
    mode(0o777);
    let rows = json(&world.cli(&["command", "explain", "mine", "--json"]), 1);
    let problem = rows[0]["problem"].as_str().unwrap();
    assert!(problem.contains("chmod go-w /opt/mine"), "{problem}");
    mode(0o755);
    json(&world.cli(&["command", "explain", "mine", "--json"]), 0);

    fs::remove_file(world.path("/opt/mine")).unwrap();
    std::os::unix::fs::symlink("/bin/bash", world.path("/opt/mine")).unwrap();
    let rows = json(&world.cli(&["command", "explain", "mine", "--json"]), 1);
    let problem = rows[0]["problem"].as_str().unwrap();
    assert!(problem.contains("it leads to `/usr/bin/bash`"), "{problem}");

    let run = world.cli(&["command", "explain", "nothing"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("has no command nothing"), "{run:?}");
    assert_eq!(world.cli(&["command", "explain", "A;b"]).code, Some(2));
}

#[test]
fn a_file_whose_commands_hit_its_deny_list_allows_nothing_b3() {
    for (commands, why) in [
        (
            "[[host-command]]\nname = \"x\"\npath = \"/bin/bash\"\n",
            "`bash*` is on the built-in deny list",
        ),
        (
            "[[guest-command]]\nname = \"x\"\npath = \"/usr/bin/date\"\nargs = [\"$(id)\"]\n",
            "`$(`, which is on the built-in deny list",
        ),
        (
            "[[host-command]]\nname = \"x\"\npath = \"/usr/bin/chronyc\"\n[deny]\nprograms = [\"chron*\"]\n",
            "has `chron*` among its `programs`",
        ),
        (
            "[[host-command]]\nname = \"x\"\npath = \"/usr/bin/date\"\nargs = [\"--set\"]\n[deny]\n\
             arguments = [\"--set\"]\n",
            "has `--set` among its `arguments`",
        ),
        (
            "[[host-command]]\nname = \"x\"\npath = \"/usr/bin/date\"\nargs = [\"/nodes{path}\"]\n",
            "braces are for {path} and {parameters}, each an argument of its own",
        ),
        (
            "[[host-command]]\nname = \"x\"\npath = \"/usr/bin/../bin/date\"\n",
            "a path is absolute and plain",
        ),
    ] {
        let world = node(commands);
        let text = world.read(LOCAL);
        let key = if why.contains("arguments") || why.contains("brace") || why.contains("$(") {
            "args = "
        } else {
            "path = "
        };
        let line = text.lines().position(|line| line.starts_with(key)).unwrap() + 1;
        let run = world.cli(&["check"]);
        assert_eq!(run.code, Some(1), "{commands}");
        assert!(
            run.out.contains(&format!("{LOCAL}:{line}:")),
            "{commands}: {run:?}"
        );
        assert!(run.out.contains(why), "{commands}: {run:?}");
        let run = world.cli(&["plan", "100"]);
        assert_eq!(run.code, Some(3), "{commands}: {run:?}");
    }
}
