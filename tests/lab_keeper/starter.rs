//! A rule for certain users of Proxmox VE, long after the start. B5, D7.
use super::*;

const LIST: &str = "/etc/time-shift/allowlist.toml";

/// Says who logged in, as the kernel keeps it for what is run next.
fn login(world: &World, uid: u32) {
    world.write("/.loginuid", uid.to_string());
}

#[test]
fn who_started_it_covers_it_and_whoever_else_touches_it_is_asked_for_b5() {
    let world = world("");
    let everybodys = world.read(LIST);
    let only = |users: &str| world.write(LIST, format!("{everybodys}pve-users = [{users}]\n"));
    world.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/tmp:/bin/sh\n",
    );
    world.write("/etc/group", "root:x:0:\nadm:x:4:\nalice:x:1000:\n");
    let roles =
        "[[role]]\nname = \"r\"\nusers = [\"alice\"]\nverbs = [\"sync\", \"shift\", \"restore\"]\n";
    only(&format!("\"root@pam\"]\n{roles}#"));
    // Nobody logged in, and no task: root@pam.
    let guest = kept(&world);
    assert_eq!(
        world.note(100).unwrap()["grant"]["started-by"],
        json!(["root@pam"])
    );
    let intended = intended(&world);
    offset_is(&guest, intended);
    assert_eq!(swept(&world)["right"], 1);

    // alice has the role; the rule is not for her.
    login(&world, 1000);
    let refused = ["PVE_USER_NOT_ALLOWED", "alice@pam is behind it"];
    let shift = ["shift", "100", "2012-01-01", "--yes"];
    for arguments in [&shift[..], &["sync", "100"]] {
        let run = world.cli(arguments);
        run.one_line(3, &refused);
        let last = world.audit().pop().unwrap();
        assert_eq!(last["reason"], "PVE_USER_NOT_ALLOWED", "{last}");
        assert_eq!(last["actor"], "login:1000", "{last}");
    }
    offset_is(&guest, intended);
    login(&world, u32::MAX);
    assert_eq!(world.cli(&["sync", "100"]).code, Some(0));

    // With the rule hers, what somebody else started is not kept, and what she chooses is.
    only(&format!("\"alice@pam\"]\n{roles}#"));
    login(&world, 1000);
    let run = world.cli(&shift);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        world.note(100).unwrap()["grant"]["started-by"],
        json!(["alice@pam"])
    );
    login(&world, u32::MAX);
    assert_eq!(swept(&world)["right"], 1);
    only(&format!("\"bob@pve\"]\n{roles}#"));
    assert_eq!(swept(&world)["right"], 0);
    assert_eq!(keep(&world).unwrap()["stage"], "denied");
    // The real time is everybody's who has the role.
    login(&world, 1000);
    let run = world.cli(&["restore", "100", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    offset_is(&guest, 0);
}
