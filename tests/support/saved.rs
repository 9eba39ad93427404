//! Saving a VM, RAM and all, and going on from there.
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::guest::Guest;

/// Where a saved VM is, seen from its world.
const STATE: &str = "/run/lab/state.qcow2";

/// Saves a running VM, RAM and all, as the snapshot `snap` of a new disk image.
pub fn save(guest: &Guest<'_>) {
    let mut monitor = guest.monitor();
    let file = json!({"driver": "file", "filename": STATE});
    for options in [
        json!({"driver": "file", "filename": STATE, "size": 0}),
        json!({"driver": "qcow2", "file": "below", "size": 1_048_576}),
    ] {
        if options["driver"] == "qcow2" {
            let mut below = file.clone();
            below["node-name"] = json!("below");
            monitor.call("blockdev-add", below);
        }
        monitor.call(
            "blockdev-create",
            json!({"job-id": "make", "options": options}),
        );
        while monitor.call("query-jobs", json!({}))[0]["status"] != "concluded" {
            sleep(Duration::from_millis(5));
        }
        monitor.call("job-dismiss", json!({"id": "make"}));
    }
    monitor.call("blockdev-del", json!({"node-name": "below"}));
    let disk = json!({"driver": "qcow2", "node-name": "disk", "file": file});
    monitor.call("blockdev-add", disk);
    assert_eq!(monitor.human("savevm snap"), "");
}

/// Options for `tests/lab/qemu` that go on from what was saved.
pub fn resumed<'a>(options: &[&'a str]) -> Vec<&'a str> {
    const DISK: &str =
        "driver=qcow2,node-name=disk,file.driver=file,file.filename=/run/lab/state.qcow2";
    let mut all = options.to_vec();
    all.extend(["--", "-blockdev", DISK, "-loadvm", "snap"]);
    all
}
