//! What goes wrong while the worker waits or sets: the agent, its guest, the VM.
use super::*;

/// An ordinary start of a guest with this kernel argument.
fn started<'w>(world: &'w World, argument: &str) -> Guest<'w> {
    let options = [&OPTIONS[..], &["--append", argument]].concat();
    world.start(100, &options).0
}

#[test]
fn an_agent_that_comes_late_is_waited_for_a3() {
    let world = world("");
    let guest = started(&world, "lab.agent-delay=8");
    guest.booted();
    sleep(Duration::from_secs(3));
    assert_eq!(keep(&world).unwrap()["stage"], "waiting");
    until(&world, "kept");
    offset_is(&guest, intended(&world));
}

#[test]
fn an_agent_that_dies_while_it_sets_is_waited_for_and_asked_again_a3_f3() {
    let world = world("");
    let guest = started(&world, "lab.hwclock=kills");
    let keep = until(&world, "kept");
    assert_eq!(keep["agent"]["verified"], true, "{keep}");
    offset_is(&guest, intended(&world));
}

#[test]
fn an_agent_that_dies_between_two_requests_is_waited_for_a6_f3() {
    let world = world("");
    let guest = kept(&world);
    let before = intended(&world);
    moved_inside(&world, "2019-05-01 12:00:00");
    // The one that is killed does not answer any more.
    let mut agent = guest.agent();
    let arguments = json!({"path": "/bin/killall", "arg": ["-9", "qemu-ga"]});
    agent.call("guest-exec", arguments);
    drop(agent);
    let run = world.cli(&["sync", "100"]);
    run.one_line(0, &["clock set through the guest agent"]);
    offset_is(&guest, before);
}

#[test]
fn without_hwclock_it_is_said_what_to_install_a3_a10() {
    let world = without_worker("");
    let guest = started(&world, "lab.hwclock=none");
    guest.booted();
    let run = world.cli(&["worker", "100"]);
    let keep = keep(&world).unwrap();
    let remark = keep["remark"].as_str().unwrap();
    assert!(remark.contains("util-linux-extra"), "{keep}");
    if keep["stage"] == "kept" {
        // Newer agents set the clock and complain.
        assert_eq!(run.code, Some(0), "{run:?}");
        return;
    }
    run.one_line(1, &["VM 100", "not set", "util-linux-extra"]);
    assert_eq!(keep["stage"], "gave-up");
    let outcome = records(&world, "outcome").pop().unwrap();
    assert_eq!(outcome["verified"], false);
    // Somebody may install it: that is looked at again, and not said each time.
    let daemon = Daemon::listen(&world);
    assert_eq!(swept(&world)["unreachable"], 1);
    assert!(daemon.said().is_empty());
    let status = world.cli(&["status"]);
    status.says(&["gave-up"]);
}

/// A guest whose file systems another client has frozen.
fn frozen(world: &World) -> Guest<'_> {
    let disk = world.path("/run/lab/disk");
    std::fs::write(disk, vec![0; 8 * 1024 * 1024]).unwrap();
    let drive = "file=/run/lab/disk,format=raw,if=virtio";
    let (guest, _, _) = world.start(100, &[&OPTIONS[..], &["--", "-drive", drive]].concat());
    let mut other = guest.agent();
    other.run(
        "insmod /modules/virtio_blk.ko; mke2fs /dev/vda && mkdir -p /mnt && mount -t ext2 /dev/vda \
         /mnt || mount -t ext4 /dev/vda /mnt",
    );
    assert_eq!(other.call("guest-fsfreeze-freeze", json!({})), 1);
    guest
}

#[test]
fn a_guest_that_a_backup_has_frozen_is_waited_for_a3() {
    let world = without_worker("");
    let guest = frozen(&world);
    let thawed = Instant::now() + Duration::from_secs(3);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            sleep(thawed - Instant::now());
            guest.agent().call("guest-fsfreeze-thaw", json!({}));
        });
        let run = world.cli(&["worker", "100"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(Instant::now() > thawed);
    });
    assert_eq!(keep(&world).unwrap()["stage"], "kept");
    offset_is(&guest, intended(&world));
}

#[test]
fn a_vm_that_is_killed_while_it_is_worked_on_leaves_nothing_f3() {
    let world = without_worker("");
    let guest = frozen(&world);
    let daemon = Daemon::listen(&world);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| world.cli(&["worker", "100"]));
        // It waits for the thaw.
        wait_until("it has begun", || {
            records(&world, "intent").len() == 1 && keep(&world).is_some()
        });
        sleep(Duration::from_secs(2));
        guest.kill();
        world.hook(100, "post-stop").silent();
        let run = worker.join().unwrap();
        assert_eq!(run.code, Some(0), "{run:?}");
    });
    // That a VM stops is nothing that somebody should act on.
    let said = daemon.said();
    assert!(said.is_empty(), "{said:?}");
    swept(&world);
    assert!(keep(&world).is_none() && world.note(100).is_none());
}
