//! `plan --why`: every check of a decision, with its values. Point by point what would have to change.
use super::*;

fn checks(world: &World, code: i32) -> Vec<(String, String, String)> {
    let answer = json(&world.cli(&["plan", "100", "--why", "--json"]), code);
    let checks = answer["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks
        .map(|check| {
            (
                text(&check["check"]),
                text(&check["verdict"]),
                text(&check["text"]),
            )
        })
        .collect()
}

#[test]
fn every_check_is_shown_with_its_values_b2() {
    let world = world();
    let shown = checks(&world, 0);
    let names: Vec<&str> = shown.iter().map(|(name, _, _)| name.as_str()).collect();
    let all = [
        "rule",
        "profile",
        "uuid",
        "pve-users",
        "approval",
        "stages",
        "target",
        "earliest",
        "latest",
        "max-shift",
        "machine",
    ];
    assert_eq!(names, all);
    assert!(shown.iter().all(|(_, verdict, _)| verdict == "passed"));
    assert_eq!(shown[0].2, "allowlist line 5 names this VM");
    assert_eq!(shown[1].2, "test (line 2), assigned by the rule");
    world.cli(&["plan", "100", "--why"]).says(&[
        "Checks, by /etc/time-shift/allowlist.toml:",
        "  ok    earliest   not before 1970-01-01T00:00:00Z",
    ]);
    // Without it nothing of this is there.
    assert_eq!(plan(&world, &["100"], 0).get("checks"), None);
}

#[test]
fn all_that_stands_against_it_is_shown_and_not_only_the_first_b2() {
    let world = world();
    let list = allow(TARGET)
        .replace("2105-12-31", "2015-12-31")
        .replace("100y", "5y")
        .replace("target = \"2016-06-15T12:00:00Z\"", "target = \"-10y\"");
    world.write(LOCAL, format!("{list}confirm = true\n"));
    let failed: Vec<(String, String)> = checks(&world, 3)
        .into_iter()
        .filter(|(_, verdict, _)| verdict == "failed")
        .map(|(name, _, text)| (name, text))
        .collect();
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["approval", "latest", "max-shift"]);
    assert!(failed[0].1.contains("time-shift approve 100"), "{failed:?}");
    assert!(
        failed[1].1.contains("allows nothing after 2015-12-31"),
        "{failed:?}"
    );
    assert!(failed[2].1.contains(" allows at most "), "{failed:?}");
    let run = world.cli(&["plan", "100", "--why"]);
    assert_eq!(run.code, Some(3));
    assert!(
        run.out.contains("  DENY  latest     TOO_LATE: "),
        "{}",
        run.out
    );
}
