//! What is written where.
use super::*;
use crate::allowlist::parse;

const HEAD: &str = r#"version = 1 # of the format

# What we need for old firmware.
[profiles.idrac-2016]
target = "2016-06-15T12:00:00Z"
[profiles.ten-years]
target = "-10y"

"#;

const BOUNDS: &str = "earliest = \"2010-01-01\"\nlatest = \"2037-12-31\"\nmax-shift = \"20y\"\n";

fn file(rules: &str) -> String {
    format!("{HEAD}{}", rules.replace("BOUNDS\n", BOUNDS))
}

fn vmid(number: u32) -> VmId {
    VmId::try_from(number).unwrap()
}

fn profile(name: &str) -> ProfileName {
    ProfileName::parse(name).unwrap()
}

fn assigned(text: &str, number: u32, name: &str, source: &Source) -> Result<String, ReviseError> {
    let list = parse(text).unwrap();
    let revision = assign(text, &list, vmid(number), &profile(name), source)?;
    Ok(revision.map_or_else(|| text.to_owned(), |revision| revision.text))
}

fn unassigned(text: &str, number: u32, off: Off) -> String {
    let list = parse(text).unwrap();
    let revision = unassign(text, &list, vmid(number), off).unwrap();
    revision.map_or_else(|| text.to_owned(), |revision| revision.text)
}

const SHARED: &str = r#"# The lab.
[[allow]] # all of it
vmids = [
    100, # the old console
    "200-299", # the lab
    300, # the last one
]
# both are needed
profiles = ["idrac-2016", "ten-years"]
assign = "idrac-2016" # by default
BOUNDS
confirm = true
"#;

#[test]
fn a_vm_that_shares_its_rule_gets_a_copy_of_it() {
    let copy = |number: u32| {
        format!(
            "\n[[allow]]\nvmids = [{number}]\nprofiles = [\"idrac-2016\", \"ten-years\"]\n{BOUNDS}\
             confirm = true\nassign = \"ten-years\"\n"
        )
    };
    let text = file(SHARED);
    for (number, from, to) in [
        (
            250,
            "    \"200-299\",",
            "    \"200-249\",\n    \"251-299\",",
        ),
        (200, "    \"200-299\",", "    \"201-299\","),
        (299, "    \"200-299\",", "    \"200-298\","),
        (100, "\n    100, # the old console", " # the old console"),
        (300, "\n    300, # the last one", " # the last one"),
    ] {
        let new = assigned(&text, number, "ten-years", &Source::TheOnlyRule).unwrap();
        let taken_out = match number {
            // A comment behind an entry that went stays where it was.
            100 => text.replacen("[\n    100, # the old console", "[ # the old console", 1),
            300 => text.replacen(
                "# the lab\n    300, # the last one",
                "# the lab\n     # the last one",
                1,
            ),
            _ => text.replacen(from, to, 1),
        };
        assert_eq!(new, format!("{taken_out}{}", copy(number)), "{number}");
    }
    let narrow = text.replace("200-299", "200-201");
    let new = assigned(&narrow, 200, "ten-years", &Source::TheOnlyRule).unwrap();
    assert!(new.contains("    201, # the lab"), "{new}");
}

#[test]
fn a_vm_alone_in_its_rule_has_its_assign_written_over() {
    let text = file(&SHARED.replace("    \"200-299\", # the lab\n    300, # the last one\n", ""));
    let new = assigned(&text, 100, "ten-years", &Source::TheOnlyRule).unwrap();
    let wanted = text.replace(
        "assign = \"idrac-2016\" # by",
        "assign = \"ten-years\" # by",
    );
    assert_eq!(new, wanted);
    let by_tag = unassigned(&text, 100, Off::OfTheAssignment);
    assert_eq!(
        by_tag,
        text.replace("assign = \"idrac-2016\" # by default\n", "")
    );
    // And back: the key comes at the end of its table.
    let again = assigned(&by_tag, 100, "ten-years", &Source::TheOnlyRule).unwrap();
    assert_eq!(again, format!("{by_tag}assign = \"ten-years\"\n"));
}

#[test]
fn what_is_so_already_is_left_alone() {
    let text = file(SHARED);
    let list = parse(&text).unwrap();
    let same = assign(
        &text,
        &list,
        vmid(250),
        &profile("idrac-2016"),
        &Source::TheOnlyRule,
    );
    assert_eq!(same, Ok(None));
    assert_eq!(unassign(&text, &list, vmid(500), Off::OfItsRule), Ok(None));
    let by_tag = file(&SHARED.replace("assign = \"idrac-2016\" # by default\n", ""));
    let list = parse(&by_tag).unwrap();
    assert_eq!(
        unassign(&by_tag, &list, vmid(250), Off::OfTheAssignment),
        Ok(None)
    );
}

#[test]
fn a_vm_without_a_rule_joins_the_only_one_that_assigns_the_profile() {
    let text = file(SHARED);
    let new = assigned(&text, 400, "idrac-2016", &Source::TheOnlyRule).unwrap();
    let wanted = text.replace("300, # the last one\n", "300, # the last one\n    400\n");
    // The list ended in a comma, and still does.
    assert_eq!(new, wanted.replace("    400\n", "    400,\n"));
    let one_line = file(
        "[[allow]]\nvmids = [100]\nprofiles = [\"ten-years\"]\nassign = \"ten-years\"\nBOUNDS\n",
    );
    let new = assigned(&one_line, 101, "ten-years", &Source::TheOnlyRule).unwrap();
    assert_eq!(new, one_line.replace("[100]", "[100, 101]"));
    // A twin of the rule is joined instead of made once more, and left again.
    let split = assigned(&text, 250, "ten-years", &Source::TheOnlyRule).unwrap();
    let both = assigned(&split, 251, "ten-years", &Source::TheOnlyRule).unwrap();
    assert!(both.contains("vmids = [250, 251]"), "{both}");
    let back = assigned(&both, 251, "idrac-2016", &Source::TheOnlyRule).unwrap();
    assert!(back.contains("vmids = [250]"), "{back}");
}

#[test]
fn bounds_come_from_a_rule_that_is_named_or_are_said() {
    let other = "[[allow]]\nvmids = [500]\nprofiles = [\"idrac-2016\"]\nassign = \"idrac-2016\"\nearliest = \"2015-01-01\"\nlatest = \"2017-01-01\"\nmax-shift = \"12y\"\n";
    let text = file(&format!("{SHARED}{other}"));
    let several = assigned(&text, 400, "idrac-2016", &Source::TheOnlyRule).unwrap_err();
    assert_eq!(
        several,
        ReviseError::SeveralRules {
            profile: profile("idrac-2016"),
            lines: vec![10, 23],
        }
    );
    let like = assigned(&text, 400, "idrac-2016", &Source::RuleOf(vmid(500))).unwrap();
    assert_eq!(like, text.replace("[500]", "[500, 400]"));
    let not_like = assigned(&text, 400, "ten-years", &Source::RuleOf(vmid(500)));
    assert!(matches!(not_like, Err(ReviseError::NotLike { .. })));
    let none = assigned(&text, 400, "ten-years", &Source::TheOnlyRule);
    assert_eq!(none, Err(ReviseError::NoBounds(profile("ten-years"))));
    let bounds = Source::Bounds(Bounds {
        earliest: "2000-01-01".to_owned(),
        latest: "2040-01-01".to_owned(),
        max_shift: "11y".to_owned(),
    });
    let new = assigned(&text, 400, "ten-years", &bounds).unwrap();
    assert_eq!(
        new,
        format!(
            "{text}\n[[allow]]\nvmids = [400]\nprofiles = [\"ten-years\"]\nassign = \"ten-years\"\n\
             earliest = \"2000-01-01\"\nlatest = \"2040-01-01\"\nmax-shift = \"11y\"\n"
        )
    );
    // The first rule of a file.
    let first = assigned(HEAD, 400, "ten-years", &bounds).unwrap();
    assert!(first.starts_with(HEAD.trim_end()), "{first}");
    let wrong = Source::Bounds(Bounds {
        earliest: "2000-01-01\"\nany-tag = true #".to_owned(),
        latest: "2040-01-01".to_owned(),
        max_shift: "11y".to_owned(),
    });
    let refused = assigned(&text, 400, "ten-years", &wrong);
    assert!(
        matches!(refused, Err(ReviseError::Invalid(_))),
        "{refused:?}"
    );
}

#[test]
fn what_would_be_unsafe_is_refused() {
    let one = "[[allow]]\nvmids = [500]\nprofiles = [\"idrac-2016\"]\nassign = \"idrac-2016\"\nBOUNDS\n\
               uuid = \"4c4c4544-0042-3510-8052-b4c04f4a3132\"\n";
    let text = file(one);
    let only = Source::TheOnlyRule;
    assert!(matches!(
        assigned(&text, 400, "idrac-2016", &only),
        Err(ReviseError::Bound { .. })
    ));
    assert!(matches!(
        assigned(&text, 500, "ten-years", &only),
        Err(ReviseError::NotListed { .. })
    ));
    assert!(matches!(
        assigned(&text, 500, "nothing", &only),
        Err(ReviseError::UnknownProfile { .. })
    ));
    let like = Source::RuleOf(vmid(500));
    let two = file(&format!("{SHARED}{one}"));
    assert!(matches!(
        assigned(&two, 250, "ten-years", &like),
        Err(ReviseError::HasARule { .. })
    ));
    let inline = file("").replace(
        "version = 1",
        "allow = [{vmids = [100], profiles = [\"ten-years\"], earliest = \"2010-01-01\", latest = \
         \"2037-12-31\", max-shift = \"20y\"}]\nversion = 1",
    );
    assert!(matches!(
        assigned(&inline, 100, "ten-years", &only),
        Err(ReviseError::Layout(_))
    ));
}

#[test]
fn a_rule_that_nobody_is_left_in_goes_and_the_heading_above_it_stays() {
    let text = file(&format!(
        "# Heading.\n\n# About VM 500.\n[[allow]]\nvmids = [500]\nprofiles = [\"ten-years\"]\nBOUNDS\n\n{SHARED}"
    ));
    let new = unassigned(&text, 500, Off::OfItsRule);
    let wanted = file(&format!("# Heading.\n\n# About VM 500.\n\n{SHARED}"));
    assert_eq!(new, wanted);
    let last = file(
        "# The only one.\n[[allow]]\nvmids = [500]\nprofiles = [\"ten-years\"]\nBOUNDS\n# The end.\n",
    );
    let new = unassigned(&last, 500, Off::OfItsRule);
    assert_eq!(new, file("# The only one.\n# The end.\n"));
    let shared = file(SHARED);
    let new = unassigned(&shared, 299, Off::OfItsRule);
    assert_eq!(new, shared.replace("200-299", "200-298"));
}

#[test]
fn a_file_from_windows_stays_one() {
    let text = format!("\u{feff}{}", file(SHARED).replace('\n', "\r\n"));
    let new = assigned(&text, 250, "ten-years", &Source::TheOnlyRule).unwrap();
    assert!(new.starts_with('\u{feff}'));
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
}
