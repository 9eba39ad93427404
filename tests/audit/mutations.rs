//! Every change of the files of a trail is found. D4.
use std::fs;
use std::io::Read;

use crate::node::{Node, pack, seen};

/// How many changes are tried; the numbers that choose them are always the same.
const COUNT: u64 = 2000;

/// A sequence of numbers that looks random (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % limit
    }
}

fn content(node: &Node, file: &str) -> Vec<u8> {
    let bytes = fs::read(node.path(&format!("log/{file}"))).unwrap();
    if !file.ends_with(".gz") {
        return bytes;
    }
    let mut content = Vec::new();
    let mut unpacker = flate2::read::GzDecoder::new(bytes.as_slice());
    unpacker.read_to_end(&mut content).unwrap();
    content
}

fn put(node: &Node, file: &str, content: &[u8]) {
    let path = node.path(&format!("log/{file}"));
    if file.ends_with(".gz") {
        pack(content, &path);
    } else {
        fs::write(path, content).unwrap();
    }
}

fn lines(content: &[u8]) -> Vec<Vec<u8>> {
    content
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// Changes one file, never back to what it was. Says what it did.
fn mutate(content: &mut Vec<u8>, kind: usize, dice: &mut Dice) -> String {
    let mut lines = lines(content);
    let count = lines.len();
    let said = match kind {
        0 => {
            let (at, bit) = (dice.below(content.len()), dice.below(8));
            content[at] ^= 1 << bit;
            return format!("bit {bit} of byte {at} flipped");
        }
        1 => {
            let at = dice.below(count);
            let some = 1 + dice.below(3.min(count - at));
            lines.drain(at..at + some);
            format!("{some} lines lost at {at}")
        }
        2 => {
            let (from, to) = (dice.below(count), dice.below(count + 1));
            let line = lines[from].clone();
            lines.insert(to, line);
            format!("line {from} again at {to}")
        }
        3 => {
            let one = dice.below(count);
            let other = (one + 1 + dice.below(count - 1)) % count;
            lines.swap(one, other);
            format!("lines {one} and {other} swapped")
        }
        4 => {
            let from = dice.below(count);
            let some = 1 + dice.below(2.min(count - from));
            let moved: Vec<_> = lines.drain(from..from + some).collect();
            let mut to = dice.below(lines.len() + 1);
            if to == from {
                to = if from == 0 { lines.len() } else { 0 };
            }
            for line in moved.into_iter().rev() {
                lines.insert(to, line);
            }
            format!("{some} lines moved from {from} to {to}")
        }
        _ => {
            let length = content.len();
            content.truncate(length - 1 - dice.below(length));
            return format!("cut from {length} to {} bytes", content.len());
        }
    };
    *content = lines.concat();
    said
}

#[test]
fn a_file_that_was_emptied_is_found_also_where_it_is_the_oldest_d4() {
    let original = Node::with_history();
    let node = original.copy();
    for log in ["audit.log", "command-audit.log", "time-shift.log"] {
        for end in [".1", ".2.gz"] {
            let file = format!("{log}{end}");
            let before = content(&original, &file);
            put(&node, &file, &[]);
            let run = node.audit(&["verify"]);
            assert_eq!(run.code, Some(1), "{file}: {run:?}");
            let says = format!("{file}:0: truncated: the file has no record in it");
            assert!(run.out.contains(&says), "{file}: {run:?}");
            put(&node, &file, &before);
        }
    }
    assert_eq!(node.faults(), [""; 0]);
}

#[test]
fn two_thousand_of_two_thousand_changes_are_found_d4() {
    let original = Node::with_history();
    assert_eq!(original.faults(), [""; 0]);
    let mut dice = Dice(1);
    let node = original.copy();
    let mut found = 0;
    let mut missed = Vec::new();
    for number in 0..COUNT {
        let logs = ["audit.log", "command-audit.log", "time-shift.log"];
        let file = format!(
            "{}{}",
            logs[dice.below(3)],
            ["", ".1", ".2.gz"][dice.below(3)]
        );
        let before = content(&original, &file);
        let mut changed = before.clone();
        let kind = usize::try_from(number % 6).unwrap();
        let said = mutate(&mut changed, kind, &mut dice);
        assert_ne!(before, changed, "{said}");
        put(&node, &file, &changed);
        let run = node.audit(&["verify"]);
        let named = run
            .out
            .lines()
            .any(|line| line.starts_with("audit") || line.contains(".log"));
        if run.code == Some(1) && named && run.out.contains("NOT AS IT WAS WRITTEN") {
            found += 1;
        } else {
            missed.push(format!("{file}: {said}: {run:?}"));
        }
        put(&node, &file, &before);
    }
    seen(&format!("{found} of {COUNT} changes found"));
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert_eq!(
        node.faults(),
        [""; 0],
        "and nothing where nothing was changed"
    );
}

#[test]
fn each_kind_of_change_has_its_name_and_place() {
    let original = Node::with_history();
    let changed = |file: &str, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let node = original.copy();
        let mut lines = lines(&content(&node, file));
        change(&mut lines);
        put(&node, file, &lines.concat());
        node.faults()
    };
    let flip = |lines: &mut Vec<Vec<u8>>| lines[3][40] ^= 1;
    assert_eq!(changed("audit.log", &flip), ["audit.log:4 changed"]);
    assert_eq!(changed("audit.log.1", &flip), ["audit.log.1:4 changed"]);
    assert_eq!(
        changed("time-shift.log.2.gz", &flip),
        ["time-shift.log.2.gz:4 changed"]
    );
    let lose = |lines: &mut Vec<Vec<u8>>| {
        lines.drain(2..4);
    };
    assert_eq!(changed("audit.log.1", &lose), ["audit.log.1:3 removed"]);
    let first = |lines: &mut Vec<Vec<u8>>| {
        lines.remove(0);
    };
    assert_eq!(
        changed("audit.log.2.gz", &first),
        ["audit.log.2.gz:1 removed"]
    );
    assert_eq!(changed("audit.log.1", &first), ["audit.log.1:1 removed"]);
    let forge = |lines: &mut Vec<Vec<u8>>| lines.insert(5, b"{\"event\":\"denied\"}\n".to_vec());
    assert_eq!(changed("audit.log", &forge), ["audit.log:6 inserted"]);
    let double = |lines: &mut Vec<Vec<u8>>| lines.insert(5, lines[1].clone());
    assert_eq!(changed("audit.log", &double), ["audit.log:6 inserted"]);
    let late = |lines: &mut Vec<Vec<u8>>| {
        let line = lines.remove(2);
        lines.insert(6, line);
    };
    assert_eq!(changed("audit.log", &late), ["audit.log:7 reordered"]);
    assert_eq!(
        changed("audit.log.1", &|lines| lines.swap(0, 1)),
        ["audit.log.1:2 reordered"]
    );
    let cut = |lines: &mut Vec<Vec<u8>>| lines.truncate(6);
    assert_eq!(changed("audit.log", &cut), ["audit.log:6 truncated"]);
    assert_eq!(changed("audit.log.1", &cut), ["audit.log.1:6 truncated"]);
    let torn = |lines: &mut Vec<Vec<u8>>| lines[7].truncate(50);
    assert_eq!(
        changed("audit.log", &torn),
        ["audit.log:8 torn", "audit.log:8 truncated"]
    );
    assert_eq!(
        changed("audit.log", &|lines| lines[7].push(b'x')),
        ["audit.log:9 torn"]
    );
    // From one file to the next.
    let node = original.copy();
    let (mut old, mut new) = (
        lines(&content(&node, "audit.log.1")),
        lines(&content(&node, "audit.log")),
    );
    old.push(new.remove(0));
    put(&node, "audit.log.1", &old.concat());
    put(&node, "audit.log", &new.concat());
    assert_eq!(
        node.faults(),
        ["audit.log.1:9 reordered", "audit.log:1 reordered"]
    );
    // A record of another file, with the same key.
    let node = original.copy();
    let mut mixed = lines(&content(&node, "audit.log"));
    mixed[4] = lines(&content(&node, "time-shift.log"))[4].clone();
    put(&node, "audit.log", &mixed.concat());
    assert_eq!(node.faults(), ["audit.log:5 changed"]);
}

#[test]
fn a_whole_file_that_is_gone_is_missed() {
    for (file, found) in [
        ("audit.log", "audit.log.1:8 truncated"),
        ("audit.log.1", "audit.log.2.gz:8 truncated"),
    ] {
        let node = Node::with_history();
        fs::remove_file(node.path(&format!("log/{file}"))).unwrap();
        assert_eq!(node.faults(), [found]);
        // And when the trail has gone on.
        node.write(100, "later");
        assert_eq!(node.faults(), [found]);
    }
}
