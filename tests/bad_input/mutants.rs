//! The example of the installed allowlist, changed in one line at a time: none of these files permits
//! anything, and each is refused for the line that was changed.
use super::*;

const SHIPPED: &str = include_str!("../../etc/allowlist.toml");

/// The example with every key there is, without what explains it.
fn example() -> Vec<String> {
    let lines = SHIPPED.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        Some(_) => "",
        None => line,
    });
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Each with the number of the line, from 1, that is wrong in it.
fn mutants() -> Vec<(usize, Vec<String>)> {
    let lines = example();
    let mut mutants = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut put = |wrong: usize, new: &[String]| {
            let mut text = lines.clone();
            text.splice(at..=at, new.iter().cloned());
            mutants.push((wrong, text));
        };
        let Some((key, _)) = line.split_once(" = ") else {
            let misspelt = line.replacen("[", "[x", 1).replace("[x[", "[[x");
            put(at + 1, &[misspelt]);
            continue;
        };
        put(at + 1, &[line.replacen(&key[..2], &key[..1], 1)]);
        put(at + 2, &[line.clone(), line.clone()]);
        for value in ["1.5", "[[]]", ""] {
            put(at + 1, &[format!("{key} = {value}")]);
        }
    }
    mutants
}

#[test]
fn two_hundred_files_with_one_wrong_line_are_refused_for_that_line_b1() {
    let world = world();
    let plan = || -> serde_json::Value {
        let run = world.cli(&["plan", "100", "--json"]);
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    };
    world.write(LOCAL, example().join("\n"));
    assert_ne!(plan()["reason"], "ALLOWLIST_INVALID", "{}", plan());
    let mutants = mutants();
    for (line, text) in &mutants {
        let text = text.join("\n");
        world.write(LOCAL, &text);
        let answer = plan();
        assert_eq!(answer["decision"], "deny", "line {line}:\n{text}");
        assert_eq!(
            answer["reason"], "ALLOWLIST_INVALID",
            "line {line}:\n{text}"
        );
        let run = world.cli(&["check", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        let found = found.as_array().unwrap();
        assert_eq!(run.code, Some(1), "line {line}:\n{text}");
        assert!(
            found
                .iter()
                .any(|finding| finding["file"] == LOCAL && finding["line"] == *line),
            "line {line}: {found:#?}\n{text}"
        );
    }
    println!(
        "{} mutated allowlists: all refused for the line that was changed, none permitted",
        mutants.len()
    );
    assert!(mutants.len() >= 200, "{}", mutants.len());
}
