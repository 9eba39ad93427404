//! What an operator reads about an allowlist with errors.
use super::*;

const PROFILE: &str = "[profiles.a]\ntarget = \"now\"\n";
const RULE: &str = "[[allow]]\nvmids = [100]\nprofiles = [\"a\"]\nearliest = \"2010-01-01\"\n\
                    latest = \"2037-12-31\"\nmax-shift = \"20y\"\n";
const COMMAND: &str = "[[guest-command]]\nname = \"c\"\npath = \"/bin/c\"\n";

fn said(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(_) => vec!["valid".to_owned()],
        Err(findings) => findings.iter().map(Finding::to_string).collect(),
    }
}

/// What is said about the base file after `from` was replaced by `to` in it.
fn said_with(from: &str, to: &str) -> String {
    let base = format!("version = 1\n{PROFILE}{RULE}{COMMAND}");
    assert_eq!(base.matches(from).count(), 1, "{from}");
    let all = said(&base.replace(from, to));
    assert_eq!(all.len(), 1, "{to}: {all:?}");
    all.concat()
}

#[test]
fn an_operator_reads_all_errors_of_a_file_at_once() {
    let text = r#"version = 1
[profiles.idrac-2016]
target = 2016-06-15T12:00:00Z
tolerence = "250ms"
hold = "31d"

[profiles.Old]
target = "now"

[profiles.future]
target = "2040-01-01"
stages = ["rtc", "rtc"]
on-denied = "stop"

[[allow]]
vmids = [99, "100", "300-200", "400-499", 450]
profiles = ["idrac-2016", "idrac-2061", "future"]
assign = "future2"
earliest = "2010-01-01"
latest = "2037-12-31"
max-shift = "20"
comfirm = true

[[allow]]
vmids = ["480-520"]
profiles = ["future"]
profiles = ["idrac-2016"]
earliest = "2010-01-01"
latest = "2037-12-31"
max-shift = "20y"

[[guest-command]]
name = "stop"
path = "../bin/sh"
args = ["-c", "date\nid"]
undo = "start"
"#;
    let expected = r#"line 3, column 10: `target` must be a string, like "2016-06-15T12:00:00Z", "-10y", "now" or "cert:HOST", not a datetime without quotes; write "2016-06-15T12:00:00Z"
line 4, column 1: unknown key `tolerence`; did you mean `tolerance`? a profile may have: description, target, anchor, margin, stages, align, tolerance, time-service, hold, agent-wait, on-undo, restore-after, on-denied, on-failure, guest-commands
line 5, column 8: `hold`: `31d`: it must be at most 30d
line 7, column 1: `Old`: a profile's name has 1 to 60 of the characters a-z 0-9 - _ and starts with a letter or digit
line 12, column 18: an entry of `stages`: "rtc" is listed twice
line 13, column 13: `on-denied`: `stop` is not known; it must be "start" or "block"
line 16, column 10: an entry of `vmids`: `99`: a VMID is a whole number from 100 to 999999999, written in digits only
line 16, column 14: an entry of `vmids`: write 100 without quotes; only a range is a string
line 16, column 21: an entry of `vmids`: `300-200` is reversed; write "200-300"
line 16, column 43: VMIDs 450 are covered twice: this rule has 400-499 in line 16
line 17, column 27: there is no profile `idrac-2061`; did you mean `idrac-2016`?
line 18, column 10: `assign`: `future2` is not among this rule's `profiles`
line 21, column 13: `max-shift`: `20`: a calendar span is written like "20y", "6mo", "2w" or "90d", without a sign
line 22, column 1: unknown key `comfirm`; did you mean `confirm`? an [[allow]] rule may have: vmids, profiles, assign, earliest, latest, max-shift, stages, confirm, any-tag, uuid, pve-users
line 25, column 10: VMIDs 480-520 are covered twice: another rule has 400-499 in line 16
line 26, column 13: profile `future` (line 10) has the target 2040-01-01T12:00:00Z, which lies after `latest` (2037-12-31T23:59:59Z)
line 27, column 1: `profiles` is already set further up; keep one of the two
line 34, column 8: `path`: `../bin/sh`: a path is absolute: it starts with `/` or `C:\`
line 35, column 15: an entry of `args`: `date\u{a}id` has a control character (NUL, newline ...)
line 36, column 8: there is no [[guest-command]] `start`"#;
    let said = said(text).join("\n");
    assert_eq!(said, expected, "{said}");
}

#[test]
fn the_version_is_required_and_known() {
    assert_eq!(
        said(""),
        ["line 1, column 1: `version` is missing: this file needs it"]
    );
    for other in ["0", "2", "-1", "1_0", "0x1", "01"] {
        assert!(said_with("version = 1", &format!("version = {other}")).starts_with("line 1, "));
    }
    assert_eq!(
        said_with("version = 1", "version = \"1\""),
        "line 1, column 11: `version` must be the number 1, not a string"
    );
}

#[test]
fn each_value_out_of_its_range_is_refused() {
    for (from, to, expected) in [
        (
            "target = \"now\"",
            "target = \"yesterday\"",
            "line 3, column 10: `target`: `yesterday`: a target is",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nanchor = \"2026-01-01\"",
            "line 4, column 10: `anchor` makes sense only",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nstages = []",
            "line 4, column 10: `stages` is empty",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\ntolerance = \"0s\"",
            "line 4, column 13: `tolerance`: `0s`: it must be more",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\ntolerance = \"61m\"",
            "line 4, column 13: `tolerance`: `61m`: it must be more",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nhold = \"30d 1ns\"",
            "line 4, column 8: `hold`: `30d 1ns`: it must be at most",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nrestore-after = \"0m\"",
            "line 4, column 17: `restore-after`: `0m`",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nmargin = \"7d\"",
            "line 4, column 10: `margin` makes sense only with a certificate",
        ),
        (
            "target = \"now\"",
            "target = \"cert:10.0.0.20\"\nmargin = \"3651d\"",
            "line 4, column 10: `margin`: `3651d`: it must be at most",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nrestore-after = \"366d\"",
            "line 4, column 17: `restore-after`: `366d`",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nguest-commands = [\"c\", \"c\"]",
            "line 4, column 24: an entry of `guest-commands`: `c` is listed",
        ),
        (
            "target = \"now\"",
            "target = \"now\"\nguest-commands = [\"cc\"]",
            "line 4, column 19: there is no [[guest-command]] `cc`",
        ),
        (
            "vmids = [100]",
            "vmids = []",
            "line 5, column 9: `vmids` is empty; it must be a list like",
        ),
        (
            "vmids = [100]",
            "vmids = [1000000000]",
            "line 5, column 10: an entry of `vmids`: `1000000000`: a VMID",
        ),
        (
            "vmids = [100]",
            "vmids = [\"100-200-300\"]",
            "line 5, column 10: an entry of `vmids`: `100-200-300` is no",
        ),
        (
            "vmids = [100]",
            "vmids = [\"50-200\"]",
            "line 5, column 10: an entry of `vmids`: `50-200` is no range",
        ),
        (
            "vmids = [100]",
            "vmids = [\"100 - 200\"]",
            "line 5, column 10: an entry of `vmids`: `100 - 200` is no",
        ),
        (
            "vmids = [100]",
            "vmids = [100, 100]",
            "line 5, column 15: VMIDs 100 are covered twice: this rule has 100",
        ),
        (
            "profiles = [\"a\"]",
            "profiles = [\"a\", \"a\"]",
            "line 6, column 18: an entry of `profiles`: `a` is listed twice",
        ),
        (
            "earliest = \"2010-01-01\"",
            "earliest = \"2038-01-01\"",
            "line 7, column 12: `earliest` (2038-01-01T00:00:00Z) lies",
        ),
        (
            "max-shift = \"20y\"",
            "max-shift = \"0d\"",
            "line 9, column 13: `max-shift` must be more than zero",
        ),
        (
            "max-shift = \"20y\"",
            "max-shift = \"-20y\"",
            "line 9, column 13: `max-shift`: `-20y`: a calendar span is",
        ),
        (
            "max-shift = \"20y\"",
            "max-shift = \"20y\"\nuuid = \"1\"",
            "line 10, column 8: `uuid`: `1`: a uuid has 8-4-4-4-12",
        ),
        (
            "max-shift = \"20y\"",
            "max-shift = \"20y\"\nstages = [\"rtc\"]",
            "line 6, column 13: profile `a` (line 2) wants the stage \"agent\"",
        ),
        (
            "path = \"/bin/c\"",
            "path = \"/bin/../c\"",
            "line 12, column 8: `path`: `/bin/../c`: a path has no `..`",
        ),
        (
            "path = \"/bin/c\"",
            "path = \"/bin/c\"\ntimeout = \"0s\"",
            "line 13, column 11: `timeout`: `0s`",
        ),
        (
            "path = \"/bin/c\"",
            "path = \"/bin/c\"\ntimeout = \"301s\"",
            "line 13, column 11: `timeout`: `301s`",
        ),
        (
            "path = \"/bin/c\"",
            "path = \"/bin/c\"\nundo = \"c\"",
            "line 13, column 8: `undo`: a command cannot undo itself",
        ),
        (
            "path = \"/bin/c\"",
            "path = \"/bin/c\"\nargs = [\"a\\u0000\"]",
            "line 13, column 9: an entry of `args`: `a\\u{0}` has",
        ),
        (
            "name = \"c\"",
            "name = \"C\"",
            "line 11, column 8: `name`: `C`: a command's name has",
        ),
    ] {
        let said = said_with(from, to);
        assert!(said.starts_with(expected), "{to}:\n{said}\n{expected}");
    }
}

#[test]
fn a_fixed_target_has_to_lie_within_the_bounds_of_every_rule_that_lists_it() {
    for (target, good) in [
        ("2010-01-01T00:00:00Z", true),
        ("2009-12-31T23:59:59.999999999Z", false),
        ("2037-12-31T23:59:59.999999999Z", true),
        ("2038-01-01T00:00:00Z", false),
        ("-100y", true),
        ("cert:host", true),
    ] {
        for anchor in ["", "anchor = \"2026-01-01\"\n"] {
            if !anchor.is_empty() && target == "-100y" {
                continue;
            }
            let text = format!("version = 1\n[profiles.a]\ntarget = \"{target}\"\n{anchor}{RULE}");
            assert_eq!(parse(&text).is_ok(), good, "{text}");
        }
    }
}

#[test]
fn overlaps_are_found_whatever_the_order_and_neighbours_are_not_overlaps() {
    let rule = |vmids: &str| RULE.replace("[100]", vmids);
    for (one, other, good) in [
        ("[\"100-199\"]", "[\"200-299\"]", true),
        ("[\"100-200\"]", "[\"200-299\"]", false),
        ("[\"200-299\"]", "[\"100-200\"]", false),
        ("[\"100-999\"]", "[150, \"200-300\"]", false),
        ("[\"100-999\", 2000]", "[\"1000-1999\"]", true),
        ("[100, 300]", "[200, 400]", true),
        ("[\"100-110\", \"300-310\"]", "[\"105-106\"]", false),
    ] {
        let text = format!("version = 1\n{PROFILE}{}{}", rule(one), rule(other));
        assert_eq!(parse(&text).is_ok(), good, "{one} {other}");
    }
}

#[test]
fn a_range_inside_a_wide_one_is_found_behind_others() {
    let text = format!(
        "version = 1\n{PROFILE}{}",
        RULE.replace("[100]", "[\"100-900\", 200, 300, 901]")
    );
    let said = said(&text);
    assert_eq!(said.len(), 2);
    assert!(
        said.iter()
            .all(|text| text.contains("this rule has 100-900 in line 5")),
        "{said:?}"
    );
}

#[test]
fn a_command_is_there_once() {
    let said = said(&format!("version = 1\n{COMMAND}{COMMAND}"));
    assert_eq!(
        said,
        ["line 6, column 8: a guest-command `c` is already in line 3"]
    );
}

#[test]
fn a_profile_with_an_error_is_not_an_unknown_profile() {
    let said = said(&format!(
        "version = 1\n[profiles.a]\ntarget = \"x\"\n{RULE}"
    ));
    assert_eq!(said.len(), 1);
}

#[test]
fn what_a_later_version_may_know_is_unknown_now() {
    for table in ["[[container]]", "[later]"] {
        assert!(
            said(&format!("version = 1\n{table}\n"))
                .concat()
                .contains("unknown key"),
            "{table}"
        );
    }
}

#[test]
fn a_role_is_somebodys_and_permits_something_b5() {
    const ROLE: &str = "[[role]]\nname = \"r\"\nusers = [\"alice\"]\nverbs = [\"view\"]\n";
    let said_with = |from: &str, to: &str| said(&format!("version = 1\n{ROLE}").replace(from, to));
    assert_eq!(said_with("", ""), ["valid"]);
    for (from, to, error) in [
        (
            "users = [\"alice\"]\n",
            "",
            "line 2, column 1: this [[role]] is nobody's: it needs `users` or `groups`",
        ),
        (
            "[\"alice\"]",
            "[]",
            "line 4, column 9: `users` is empty; it must be a list of user names",
        ),
        (
            "\"alice\"",
            "\"-rf\"",
            "line 4, column 10: an entry of `users`: `-rf`: a user or group has 1 to 256 letters, digits and \
             _ - . @ \\ $ and starts with a letter, digit or _",
        ),
        (
            "\"alice\"",
            "\"alice\", \"alice\"",
            "line 4, column 19: an entry of `users`: `alice` is listed twice",
        ),
        (
            "\"view\"",
            "\"veiw\"",
            "line 5, column 10: an entry of `verbs`: `veiw` is not known; it must be \"view\", \"sync\", \
             \"shift\", \"restore\", \"approve\", \"assign\", \"token\", \"audit\", \"cluster\" or \"admin\"",
        ),
        (
            "\"view\"",
            "\"view\", \"view\"",
            "line 5, column 18: an entry of `verbs`: `view` is listed twice",
        ),
        (
            "verbs = [\"view\"]\n",
            "",
            "line 2, column 1: `verbs` is missing: a [[role]] needs it",
        ),
    ] {
        assert_eq!(said_with(from, to), [error]);
    }
    let twice = said(&format!("version = 1\n{ROLE}{ROLE}"));
    assert_eq!(twice, ["line 7, column 8: a role `r` is already in line 2"]);
}

#[test]
fn a_broken_file_with_many_names_is_not_searched_for_what_might_be_meant() {
    // For each unknown name all others would be compared, though nothing of it is said.
    let name = |kind: char, number: usize| format!("{kind}{number:053}");
    let profiles: String = (0..1_000)
        .map(|number| format!("[profiles.{}]\n", name('p', number)))
        .collect();
    let wanted: Vec<String> = (0..1_600)
        .map(|number| format!("\"{}\"", name('q', number)))
        .collect();
    let text = format!(
        "version = 1\nx = y\n{profiles}[[allow]]\nprofiles = [{}]\n",
        wanted.join(", ")
    );
    let findings = parse(&text).unwrap_err();
    assert_eq!(findings[0].line, 2);
    assert!(
        !findings
            .iter()
            .any(|finding| finding.text.contains("there is no profile"))
    );
}

#[test]
fn a_list_of_what_is_denied_has_an_end() {
    let entries = |count: usize| -> String {
        (0..count)
            .map(|number| format!("\"x{number}\", "))
            .collect()
    };
    for key in ["programs", "arguments"] {
        let text = |count| format!("version = 1\n[deny]\n{key} = [{}]\n", entries(count));
        assert!(parse(&text(500)).is_ok());
        let findings = parse(&text(501)).unwrap_err();
        let said = findings[0].to_string();
        assert!(
            said.contains(&format!("`{key}` has 501 entries; there may be 500")),
            "{said}"
        );
    }
}
