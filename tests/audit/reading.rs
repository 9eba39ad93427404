//! What people and other systems read out of the trail. D2, D5, D6.
use crate::node::Node;

#[test]
fn show_filters_and_says_what_it_cannot_read() {
    let node = Node::with_history();
    let run = node.audit(&["show", "--vmid", "101", "--event", "denied"]);
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 9), "{run:?}");
    run.says(&["TIME", "VMID", "day 1, record 7", "101"]);
    assert!(!run.out.contains("day 0"), "{run:?}");
    assert!(
        !run.out.contains('\u{1b}'),
        "colours are for terminals: {run:?}"
    );
    let all = node.audit(&["show", "--json"]);
    assert_eq!(all.out.lines().count(), 72);
    let denied = node.audit(&["show", "--json", "--denied", "--since", "1h"]);
    assert_eq!(denied.out.lines().count(), 24);
    let none = node.audit(&["show", "--since", "2200-01-01"]);
    assert_eq!(
        (none.code, none.out.as_str()),
        (Some(0), "no such records\n")
    );
    std::fs::write(node.path("log/audit.log"), "\0\u{1b}[31m\n{}\n").unwrap();
    let run = node.audit(&["show"]);
    run.says(&["audit.log: 2 lines are no records; see time-shift audit verify"]);
}

#[test]
fn every_code_is_explained() {
    let node = Node::new();
    node.audit(&["explain", "intent"])
        .says(&["intent (event, in audit.log)\nA rule permits"]);
    node.audit(&["explain", "NO_RULE"])
        .says(&["NO_RULE (reason of a denial)\nNo rule"]);
    let run = node.audit(&["explain", "x\u{1b}[31m"]);
    assert_eq!(run.code, Some(1));
    run.says(&["no such code; events: intent, "]);
}
