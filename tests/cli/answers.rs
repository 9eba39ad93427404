//! What commands that change something answer to a script: one JSON value on standard output, and what is for
//! people on standard error (E3).
use super::*;

const RULES: &str = r#"version = 1
[profiles.old]
target = "2016-06-15T12:00:00Z"
stages = ["rtc"]
[profiles.new]
target = "2030-01-01"
stages = ["rtc"]
[[allow]]
vmids = [100, 101]
profiles = ["old", "new"]
assign = "old"
earliest = "1970-01-01"
latest = "2105-12-31"
max-shift = "100y"
"#;

/// What standard output has, whatever standard error says.
#[track_caller]
fn answer(run: &Run, code: i32) -> Value {
    assert_eq!(run.code, Some(code), "{run:?}");
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn who_changes_the_allowlist_by_a_script_reads_what_became_different() {
    let world = World::with_vm(HOOKSCRIPT, RULES);
    let sha256 = |world: &World| {
        let shown = json(&world.cli(&["allowlist", "show", "--json"]), 0);
        shown["sha256"].as_str().unwrap().to_owned()
    };
    let before = sha256(&world);

    // Nobody can be asked, and who could be would see what he agrees to.
    let run = world.cli(&["assign", "100", "new", "--json"]);
    let refused = answer(&run, 2);
    assert_eq!(refused["installed"], false);
    assert_eq!(refused["sha256"], before);
    assert!(
        run.err.contains("~ assigned profile: old -> new"),
        "{run:?}"
    );
    assert_eq!(world.read(LOCAL), RULES);

    let done = json(&world.cli(&["assign", "100", "new", "--yes", "--json"]), 0);
    assert_eq!(done["installed"], true);
    assert_eq!(done["file"], LOCAL);
    assert_eq!(done["sha256"], sha256(&world));
    let how = done["how"].as_str().unwrap();
    assert!(
        how.starts_with("VM 100: it gets a copy of its rule"),
        "{how}"
    );
    let vms = &done["effect"]["changes"]["vms"];
    assert_eq!(vms[0]["vmids"], "100");
    assert_eq!(vms[0]["changes"][0]["text"], "assigned profile: old -> new");

    let again = json(&world.cli(&["assign", "100", "new", "--json"]), 0);
    assert_eq!(again["installed"], false);
    assert_eq!(again["how"], "VM 100: it has profile new already");

    let off = json(&world.cli(&["unassign", "100", "--yes", "--json"]), 0);
    assert_eq!(off["installed"], true);
    let off = json(&world.cli(&["unassign", "100", "--json"]), 0);
    assert_eq!(off["how"], "VM 100: no rule names it");

    world.write("/root/new.toml", RULES);
    let install = ["allowlist", "install", "/root/new.toml", "--yes", "--json"];
    let back = json(&world.cli(&install), 0);
    assert_eq!(
        (&back["installed"], &back["sha256"]),
        (&json!(true), &json!(before))
    );
    assert_eq!(json(&world.cli(&install), 0)["installed"], false);
}

#[test]
fn approvals_that_a_script_gives_and_withdraws_are_told_to_it() {
    let world = World::with_vm(HOOKSCRIPT, &format!("{}confirm = true\n", allow(TARGET)));
    let given = world.cli(&["approve", "100", "--for", "30m", "--reason", "x", "--json"]);
    let given = answer(&given, 0);
    assert_eq!(given["left_seconds"], 1800);
    let listed = json(&world.cli(&["approvals", "--json"]), 0);
    for key in ["vmid", "profile", "state", "since", "by", "reason"] {
        assert_eq!(given[key], listed[0][key], "{key}");
    }
    let withdrawn = answer(&world.cli(&["revoke", "100", "--json"]), 0);
    assert_eq!(withdrawn, json!([{"vmid": 100, "withdrawn": true}]));
    let withdrawn = answer(&world.cli(&["revoke", "100", "--json"]), 1);
    assert_eq!(withdrawn, json!([{"vmid": 100, "withdrawn": false}]));
}

#[test]
fn a_code_is_explained_to_a_script() {
    let world = World::new();
    for (code, kind) in [
        ("intent", "event"),
        ("no_rule", "denial"),
        ("NO_HOOKSCRIPT", "finding"),
    ] {
        let meaning = json(&world.cli(&["audit", "explain", code, "--json"]), 0);
        assert_eq!(meaning["kind"], kind);
        assert!(meaning["code"].as_str().unwrap().eq_ignore_ascii_case(code));
        assert!(meaning["explanation"].as_str().unwrap().len() > 10);
        assert_eq!(meaning["file"].is_string(), kind == "event");
    }
}
