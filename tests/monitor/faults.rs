//! What a monitor that does not behave is answered with.
use super::*;

#[test]
fn a_monitor_that_is_not_there_is_said() {
    let world = started("");
    let _fake = world.fake(100, &["listen=no"]);
    let run = world.hook(100, "post-start");
    run.one_line(
        0,
        &["RTC not set: /run/qemu-server/100.qmp: the socket does not exist"],
    );
    let world = started("");
    let _fake = world.fake(100, &["listen=stale"]);
    let run = world.hook(100, "post-start");
    run.one_line(
        0,
        &["RTC not set: /run/qemu-server/100.qmp: nobody listens on the socket"],
    );
    let world = started("");
    let _fake = world.fake(100, &["listen=no"]);
    fs::write(world.path("/run/qemu-server/100.qmp"), "a file").unwrap();
    world
        .hook(100, "post-start")
        .one_line(0, &["RTC not set: /run/qemu-server/100.qmp: "]);
}

#[test]
fn a_monitor_that_another_client_holds_is_waited_for_until_the_deadline() {
    let world = started("");
    let fake = world.fake(100, &[]);
    let holder = std::os::unix::net::UnixStream::connect(world.path("/run/qemu-server/100.qmp"));
    let run = world.hook(100, "post-start");
    run.one_line(0, &["RTC not set", "another program holds the monitor"]);
    assert!(
        run.took > Duration::from_millis(550) && run.took < Duration::from_secs(2),
        "{run:?}"
    );
    drop(holder);
    wait_until("both hang up", || fake.count("EOF") == 2);
    assert_eq!(fake.commands(), ["EOF", "EOF"]);
}

#[test]
fn what_comes_instead_of_a_greeting_is_told_apart() {
    for (kind, said) in [
        ("none", "no greeting in time"),
        ("rubbish", "what was sent is not QMP"),
        ("deep", "what was sent is not QMP"),
        ("flood", "more was sent than any answer can need"),
        ("close", "QEMU hung up"),
        ("events", "what came first is no QMP greeting"),
    ] {
        let commands = fails(&[&format!("greeting={kind}")], said);
        assert_eq!(commands, [""; 0], "{kind}");
    }
}

#[test]
fn a_fault_before_stop_touches_nothing() {
    let faults = [
        (
            "error",
            "QEMU refused (GenericError): no \\u{1b}[31mred\\u{a}line",
        ),
        ("wrong-id", "an answer came to something that was not asked"),
        ("text-id", "an answer came to something that was not asked"),
        ("rubbish", "what was sent is not QMP"),
        ("deep", "what was sent is not QMP"),
        ("flood", "more was sent than any answer can need"),
        ("events", "more was sent than any answer can need"),
        ("silent", "no answer in time"),
        ("close", "QEMU hung up"),
        ("late=1500", "no answer in time"),
    ];
    for (kind, said) in faults {
        for question in QUESTIONS {
            if kind == "error" && question == "qom-get" {
                continue; // No RTC, which has a test of its own.
            }
            let commands = fails(&[&format!("fault={question}:{kind}")], said);
            only_asked(&commands);
            assert_eq!(commands.last().unwrap(), question, "{kind}");
        }
    }
    for question in &QUESTIONS[1..] {
        for (kind, said) in [
            ("null", "what was sent is not QMP"),
            ("text", "an answer is not of the"),
        ] {
            only_asked(&fails(&[&format!("fault={question}:{kind}")], said));
        }
    }
}

#[test]
fn a_vm_that_does_not_stop_is_not_written_to() {
    let commands = fails(
        &["fault=stop:error"],
        "the VM was not stopped: QEMU refused",
    );
    assert_eq!(commands[5..], ["stop"]);
    for state in ["io-error", "shutdown", "postmigrate", "guest-panicked"] {
        let said = format!("QEMU's state after stop was {state}, so nothing was done");
        let commands = fails(&[&format!("after-stop={state}")], &said);
        assert_eq!(commands[5..], ["stop", "query-status"]);
    }
    let said = "QEMU's state after stop was running, so nothing was done";
    let commands = fails(&["after-stop=running"], said);
    assert_eq!(commands[5..], ["stop", "query-status"]);
}

#[test]
fn a_vm_that_somebody_paused_just_before_stop_is_theirs_to_continue() {
    let world = started("");
    let (run, commands) = post_start(&world, &["stop-event=no"]);
    run.says(&["RTC set to"]);
    never_continued(&commands);
    assert_eq!(stage(&world), "rtc-set");
    // It stands, so nobody may be told that it runs.
    assert!(!run.log().contains("running"), "{run:?}");
    run.says(&["paused"]);
}

#[test]
fn a_fault_while_the_vm_stands_continues_it_by_cont_alone() {
    for (fault, said) in [
        (
            "i:text",
            "QEMU did not take a register write: gar\\u{1b}bage",
        ),
        ("i#2:error", "QEMU refused"),
        (
            "o:text",
            "QEMU did not take a register write: gar\\u{1b}bage",
        ),
        ("o:error", "QEMU refused"),
        ("o#9:text", "QEMU did not take a register write"),
        ("o#16:error", "QEMU refused"),
        ("qom-get#2:error", "QEMU refused"),
        ("qom-get#2:text", "an answer is not"),
    ] {
        continued(&fails(&[&format!("fault={fault}")], said));
    }
}

#[test]
fn a_read_back_that_differs_is_an_alarm_and_recorded_as_such() {
    let world = started("");
    let (run, commands) = post_start(&world, &["rtc=stuck"]);
    run.says(&[
        "read back as 2026-11-24",
        "THAT IS NOT WHAT WAS SET",
        "look at the guest's clock",
    ]);
    assert_eq!(run.out, "");
    continued(&commands);
    let note = world.note(100).unwrap();
    assert_eq!(
        (&note["stage"], &note["rtc"]["verified"]),
        (&"rtc-set".into(), &false.into())
    );
    assert_eq!(world.audit().pop().unwrap()["verified"], false);
}

#[test]
fn a_vm_that_does_not_run_after_cont_is_shouted_about() {
    for arguments in [["after-cont=io-error"], ["fault=cont:error"]] {
        let world = started("");
        let (run, commands) = post_start(&world, &arguments);
        run.says(&["RTC not set", "THE VM MAY STILL BE PAUSED", "qm resume"]);
        assert_eq!(run.out, "");
        let conts = commands.iter().filter(|command| *command == "cont").count();
        assert_eq!(conts, 1, "{commands:?}");
    }
    // Another state when it is to be continued: not ours to continue.
    let world = started("");
    let (run, commands) = post_start(&world, &["fault=query-status#3:late=1"]);
    run.says(&["RTC set to"]);
    continued(&commands);
}

#[test]
fn what_cannot_be_read_while_the_vm_stands_ends_with_cont_all_the_same() {
    for fault in [
        "i:null",
        "o#9:deep",
        "qom-get#2:rubbish",
        "query-status#3:rubbish",
    ] {
        let world = started("");
        let (run, commands) = post_start(&world, &[&format!("fault={fault}")]);
        // The hook reads on where it can, and sets the clock if only the way back was disturbed.
        let failed = run.log().contains("RTC not set");
        assert_eq!(failed, fault != "query-status#3:rubbish", "{run:?}");
        assert_eq!(stage(&world), if failed { "failed" } else { "rtc-set" });
        continued(&commands);
    }
    // Where it is not known whether the VM stands, the guardian is left to it.
    for fault in ["stop:rubbish", "query-status#2:text-id"] {
        let world = started("");
        let fake = world.fake(100, &[&format!("fault={fault}")]);
        let run = world.hook(100, "post-start");
        run.one_line(0, &["RTC not set", "a guardian process continues the VM"]);
        // Until the guardian has noted that it runs again, the next run would look.
        wait_until("the guardian is done", || stage(&world) == "failed");
        continued(&sent(&fake));
    }
}

#[test]
fn a_monitor_that_is_lost_while_the_vm_stands_promises_nothing() {
    for fault in [
        "stop:close",
        "query-status#2:close",
        "i:close",
        "o#9:close",
        "query-status#3:close",
        "stop:flood",
    ] {
        let world = started("");
        let fake = world.fake(100, &[&format!("fault={fault}")]);
        let run = world.hook(100, "post-start");
        assert_eq!(run.code, Some(0), "{run:?}");
        run.says(&["RTC not set"]);
        // The guardian held the same connection, so it cannot continue the VM. Either the hook has
        // continued it over a new one, or it says how to.
        let told = run.log().contains("MAY STILL BE PAUSED") && run.log().contains("qm resume");
        assert!(fake.count("cont") == 1 || told, "{fault}: {run:?}");
    }
}

#[test]
fn a_qemu_that_ends_while_it_stands_is_said() {
    for fault in ["stop:exit", "i:exit"] {
        let world = started("");
        let _fake = world.fake(100, &[&format!("fault={fault}")]);
        let run = world.hook(100, "post-start");
        run.one_line(0, &["RTC not set", "QEMU hung up; it may have ended"]);
    }
}
