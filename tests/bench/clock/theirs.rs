//! The same guest under libvirt, whose daemon runs in this world and nowhere else.
//!
//! The world's own /etc, /run and /var are what it sees and writes. It and its QEMU end when
//! tests/bench/run ends all that has this world as its /.
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::ours::timed;
use super::truth::Second;

const VIRSH: &str = "/usr/bin/virsh";
const URI: &str = "qemu:///system";
const SECOND: &str = "/run/lab/theirs.second";
const SOCKET: &str = "/run/libvirt/libvirt-sock";

/// All of it as root, and nothing that would want a systemd.
const QEMU_CONF: &str = "\
user = \"root\"
group = \"root\"
security_driver = \"none\"
cgroup_controllers = []
namespaces = []
stdio_handler = \"file\"
";

const LIBVIRTD_CONF: &str = "\
auth_unix_rw = \"none\"
log_outputs = \"3:file:/run/lab/libvirtd.log\"
";

/// In what matters as tests/lab/qemu starts it.
const DOMAIN: &str = "\
<domain type='qemu'>
  <name>theirs</name>
  <memory unit='MiB'>256</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/lab/mini/vmlinuz</kernel>
    <initrd>/lab/mini/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet cryptomgr.notests lab.second</cmdline>
  </os>
  <features><acpi/></features>
  <clock offset='utc'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='/run/lab/theirs.serial'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='unix'>
      <source mode='bind' path='/run/lab/theirs.second'/>
      <target type='virtio' name='lab.second'/>
    </channel>
  </devices>
</domain>
";

/// Starts the daemon and the guest. Why not, where there is no libvirt or it does not work here.
pub(super) fn start() -> Result<Second, String> {
    for program in [VIRSH, "/usr/sbin/libvirtd"] {
        if !Path::new(program).exists() {
            return Err(format!("{program} is not installed"));
        }
    }
    write_files();
    // A network of its own, since a driver for networks may be among what is installed.
    run(&["/usr/bin/unshare", "--net", "/usr/sbin/libvirtd", "-d"])?;
    let begun = Instant::now();
    while !Path::new(SOCKET).exists() {
        if begun.elapsed() > Duration::from_secs(20) {
            return Err("libvirtd does not come up".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    run(&[VIRSH, "-c", URI, "create", "/run/lab/theirs.xml"])?;
    Ok(Second::connect(Path::new(SECOND)))
}

/// What is compared.
pub(super) fn set_now() -> Duration {
    timed(VIRSH, &["-c", URI, "domtime", "theirs", "--now"]).0
}

/// The version.
pub(super) fn version() -> String {
    let output = Command::new(VIRSH).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().trim().to_owned()
}

fn write_files() {
    for folder in [
        "/etc/libvirt",
        "/run/libvirt",
        "/var/lib/libvirt",
        "/var/log/libvirt",
        "/var/cache/libvirt",
    ] {
        fs::create_dir_all(folder).unwrap();
    }
    // Its driver looks for them before it reads that it shall do without.
    for (file, line) in [
        ("/etc/passwd", "libvirt-qemu:x:64055:64055::/:/bin/false"),
        ("/etc/group", "libvirt-qemu:x:64055:"),
        ("/etc/group", "kvm:x:64056:"),
    ] {
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    for (path, text) in [
        ("/etc/libvirt/qemu.conf", QEMU_CONF),
        ("/etc/libvirt/libvirtd.conf", LIBVIRTD_CONF),
        ("/run/lab/theirs.xml", DOMAIN),
    ] {
        fs::write(path, text).unwrap();
    }
}

/// Its streams go to a file, since a daemon would keep a pipe open.
fn run(argv: &[&str]) -> Result<(), String> {
    let path = "/run/lab/libvirt.said";
    let out = OpenOptions::new().create(true).append(true).open(path);
    let out = out.unwrap();
    let (program, arguments) = argv.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(out.try_clone().unwrap()).stderr(out);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            let said = fs::read_to_string(path).unwrap_or_default();
            let last = said.trim().lines().last().unwrap_or_default();
            Err(format!("{}: {last}", argv.join(" ")))
        }
        Err(error) => Err(format!("{}: {error}", argv.join(" "))),
    }
}

/// Ends the guest, so that it does not disturb what is measured next.
pub(super) fn end() {
    if Path::new(SOCKET).exists() {
        let _ = run(&[VIRSH, "-c", URI, "destroy", "theirs"]);
    }
}
