//! The programs that are compared and the files that they read: two VMs and two allowlists.
use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The hook: what the table calls it, and where it is.
pub(crate) const HOOK: (&str, &str) =
    ("time-shift-hook", "/usr/libexec/time-shift/time-shift-hook");
/// The hookscript in front of it.
pub(crate) const SHIM: (&str, &str) = ("hooks/time-shift", "/var/lib/vz/snippets/time-shift");
/// All that do a hook's duty.
pub(crate) const PROGRAMS: [(&str, &str); 4] = [
    HOOK,
    SHIM,
    ("Perl", "/var/lib/vz/snippets/hook.pl"),
    ("Python", "/var/lib/vz/snippets/hook.py"),
];

const NOTE: &str = "/run/time-shift/100.json";
const SAVED_NOTE: &str = "/run/bench/100.note";

/// What pmxcfs holds in a file, and so the largest allowlist that is read.
const LARGEST: usize = 1024 * 1024;

/// Which allowlist is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Allowlist {
    /// One rule.
    Small,
    /// 10,000 rules, filled up with comments to the last byte that is read.
    Large,
}

thread_local! {
    static IN_FORCE: Cell<Option<Allowlist>> = const { Cell::new(None) };
}

const PROFILE: &str =
    "version = 1\n[profiles.p]\ntarget = \"2016-06-15T12:00:00Z\"\nstages = [\"rtc\"]\n";

fn rule(vmid: usize, assign: bool) -> (String, String) {
    let assigned = if assign {
        ("assign = \"p\"\n", ",\"assign\":\"p\"")
    } else {
        ("", "")
    };
    (
        format!(
            "[[allow]]\nvmids=[{vmid}]\nprofiles=[\"p\"]\n{}earliest=\"2010-01-01\"\nlatest=\"2037-12-31\"\n\
             max-shift=\"20y\"\n",
            assigned.0
        ),
        format!(
            "{{\"vmids\":[{vmid}],\"profiles\":[\"p\"]{},\"earliest\":\"2010-01-01\",\
             \"latest\":\"2037-12-31\",\"max-shift\":\"20y\"}}",
            assigned.1
        ),
    )
}

/// An allowlist in TOML and the same in JSON.
fn allowlist(rules: usize) -> (String, String) {
    let mut toml = PROFILE.to_owned();
    let profile = "{\"target\":\"2016-06-15T12:00:00Z\",\"stages\":[\"rtc\"]}";
    let mut json = format!("{{\"version\":1,\"profiles\":{{\"p\":{profile}}},\"allow\":[");
    for number in 0..rules {
        // The VM that is asked for stands in the middle.
        let vmid = if number == rules / 2 {
            100
        } else {
            1000 + number
        };
        let (in_toml, in_json) = rule(vmid, vmid == 100);
        toml.push_str(&in_toml);
        write!(json, "{}{in_json}", if number == 0 { "" } else { "," }).unwrap();
    }
    json.push_str("]}\n");
    (toml, json)
}

fn paths(which: Allowlist) -> [String; 2] {
    let name = if which == Allowlist::Small {
        "small"
    } else {
        "large"
    };
    ["toml", "json"].map(|end| format!("/etc/time-shift/{name}.{end}"))
}

/// Writes all of it.
pub(crate) fn write() {
    for vmid in [100, 101] {
        let config = format!(
            "agent: 1\nboot: order=scsi0\ncores: 2\nmachine: q35\nmemory: 2048\nname: vm{vmid}\n\
             net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nostype: other\nscsi0: local-lvm:vm-{vmid}-disk-0,size=8G\n\
             scsihw: virtio-scsi-single\nsmbios1: uuid=4c4c4544-0042-3510-8052-b4c04f4a3132\n"
        );
        fs::write(format!("/etc/pve/qemu-server/{vmid}.conf"), config).unwrap();
    }
    fs::create_dir_all("/run/bench").unwrap();
    fs::create_dir_all("/var/log/bench").unwrap();
    for (which, rules) in [(Allowlist::Small, 1), (Allowlist::Large, 10_000)] {
        let (mut toml, json) = allowlist(rules);
        while which == Allowlist::Large && toml.len() < LARGEST {
            let room = LARGEST - toml.len();
            let comment = "#".repeat(room.min(100) - 1);
            writeln!(toml, "{comment}").unwrap();
        }
        for (path, text) in paths(which).iter().zip([toml, json]) {
            fs::write(path, text).unwrap();
        }
    }
}

/// Puts an allowlist in force.
pub(crate) fn use_allowlist(which: Allowlist) {
    if IN_FORCE.replace(Some(which)) == Some(which) {
        return;
    }
    for path in paths(which) {
        let end = Path::new(&path).extension().unwrap().to_str().unwrap();
        let new = format!("/etc/time-shift/new.{end}");
        fs::hard_link(&path, &new).unwrap();
        fs::rename(&new, format!("/etc/time-shift/allowlist.{end}")).unwrap();
        // rename(2) does nothing where both names are the same file.
        let _ = fs::remove_file(&new);
    }
}

/// Keeps the hook's note, as pre-start left it before QEMU was launched.
pub(crate) fn save_note() {
    fs::copy(NOTE, SAVED_NOTE).unwrap();
}

/// Puts the kept note back, so that post-start has the same to do again.
pub(crate) fn restore_note() {
    put_note(NOTE, &fs::read(SAVED_NOTE).unwrap());
}

/// Writes a note as the hook does.
pub(crate) fn put_note(path: &str, note: &[u8]) {
    let new = "/run/bench/new";
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)
        .unwrap();
    std::io::Write::write_all(&mut file, note).unwrap();
    fs::rename(new, path).unwrap();
}
