//! An NTP server for one guest: chronyd with the host's time, which it never sets.
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::fake::wait_until;
use super::world::lab;

/// A running server, reached by its guest alone: it is in the network namespace of the guest's QEMU,
/// where 10.0.2.2 leads. Dropped, it is gone, and the guest's questions find nobody.
#[derive(Debug)]
pub struct Ntp {
    chronyd: Child,
}

impl Ntp {
    /// Starts a server beside the QEMU with this process number; `folder` gets its files. Returns
    /// when it listens.
    #[track_caller]
    pub(super) fn serve(qemu: i32, folder: &Path) -> Ntp {
        fs::create_dir_all(folder).unwrap();
        let config = folder.join("chrony.conf");
        // No command port and no command socket: nobody controls it, and nothing is in /run.
        let text = format!(
            "local stratum 1\nallow all\ncmdport 0\nbindcmdaddress /\npidfile {}/pid\n",
            folder.display()
        );
        fs::write(&config, text).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let chronyd = Command::new("nsenter")
            .arg(format!("--net=/proc/{qemu}/ns/net"))
            .arg(lab().join("debian/chronyd"))
            // -x leaves the host's clock alone.
            .args(["-x", "-d", "-u", "root", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let ntp = Ntp { chronyd };
        let sockets = format!("/proc/{}/net/udp", ntp.chronyd.id());
        wait_until("an NTP server listens", || {
            // While it is not in its namespace yet, these are the host's.
            same_network(qemu, ntp.chronyd.id())
                && fs::read_to_string(&sockets).is_ok_and(|text| text.contains(":007B "))
        });
        ntp
    }
}

fn same_network(qemu: i32, server: u32) -> bool {
    let network = |pid: String| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    network(qemu.to_string()) == network(server.to_string())
}

impl Drop for Ntp {
    fn drop(&mut self) {
        let _ = self.chronyd.kill();
        let _ = self.chronyd.wait();
    }
}
