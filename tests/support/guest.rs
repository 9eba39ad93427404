//! A guest in a world, judged by what it writes to its own serial port.
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::agent::TestAgent;
use super::monitor::TestMonitor;
use super::ntp::Ntp;
use super::world::World;

/// How long a guest may take to its first line. OVMF under software emulation takes 7 s alone, a
/// reboot of the Debian guest the same in CPU time, and two minutes where many others share it.
const BOOT_LIMIT: Duration = Duration::from_secs(240);

/// A running guest.
#[derive(Debug)]
pub struct Guest<'w> {
    world: &'w World,
    vmid: u32,
}

/// What a guest said about its clocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clocks {
    /// The system clock in UTC, like `2016-06-15T12:00:02Z`.
    pub date: String,
    /// The same in seconds since 1970.
    pub epoch: i64,
    /// The fields of the RTC, as the kernel reads them.
    pub rtc: String,
}

impl Clocks {
    /// Makes sure that both clocks show `time`, or up to `limit` seconds after it.
    #[track_caller]
    pub fn show(&self, time: &str, limit: i64) {
        let rtc: jiff::Timestamp = format!("{}Z", self.rtc).parse().unwrap();
        for shown in [self.epoch, rtc.as_second()] {
            let late = shown - time.parse::<jiff::Timestamp>().unwrap().as_second();
            assert!((0..=limit).contains(&late), "{time} in {self:?}");
        }
    }
}

impl<'w> Guest<'w> {
    pub(super) fn new(world: &'w World, vmid: u32) -> Guest<'w> {
        Guest { world, vmid }
    }

    /// Everything the guest has written so far.
    pub fn serial(&self) -> String {
        let path = self.world.path(&format!("/run/lab/{}.serial", self.vmid));
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
    }

    /// Waits for the guest to boot and returns what its clocks showed then.
    #[track_caller]
    pub fn booted(&self) -> Clocks {
        self.boot(1)
    }

    /// The same for its `number`th boot, from 1.
    #[track_caller]
    pub fn boot(&self, number: usize) -> Clocks {
        self.clocks("LAB date=", number)
    }

    /// What the kernel had found before systemd started, in the Debian guest's `number`th boot.
    #[track_caller]
    pub fn kernel(&self, number: usize) -> Clocks {
        self.clocks("LAB kernel date=", number)
    }

    #[track_caller]
    fn clocks(&self, mark: &str, number: usize) -> Clocks {
        let begun = Instant::now();
        loop {
            if let Some(clocks) = find_clocks(&self.serial(), mark, number) {
                return clocks;
            }
            assert!(
                begun.elapsed() < BOOT_LIMIT,
                "the guest does not boot: {}",
                self.serial()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// How far the guest's clock is ahead of the host's now, in seconds, to about one second:
    /// taken from the next line that the guest writes.
    #[track_caller]
    pub fn ahead(&self) -> i64 {
        let ticks = |serial: &str| serial.matches("LAB tick").count();
        let (begun, seen) = (Instant::now(), ticks(&self.serial()));
        loop {
            let serial = self.serial();
            if let (true, Some(epoch)) = (ticks(&serial) > seen, last_epoch(&serial)) {
                return epoch - jiff::Timestamp::now().as_second();
            }
            assert!(begun.elapsed() < BOOT_LIMIT, "no tick: {serial}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal to QEMU.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Kills QEMU, as an out-of-memory killer would, and returns when it is gone.
    pub fn kill(&self) {
        let process = format!("/proc/{}/cmdline", self.pid());
        self.signal(Signal::SIGKILL);
        // One that nobody has waited for yet has no command line any more.
        while std::fs::read(&process).is_ok_and(|line| !line.is_empty()) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A session with the guest's monitor, as another client would have it.
    pub fn monitor(&self) -> TestMonitor {
        TestMonitor::connect(
            &self
                .world
                .path(&format!("/run/qemu-server/{}.qmp", self.vmid)),
        )
    }

    /// A session with the guest's agent, once it answers.
    #[track_caller]
    pub fn agent(&self) -> TestAgent {
        TestAgent::connect(
            &self
                .world
                .path(&format!("/run/qemu-server/{}.qga", self.vmid)),
        )
    }

    /// An NTP server that only the Debian guest reaches, with the host's time.
    #[track_caller]
    pub fn serve_ntp(&self) -> Ntp {
        let folder = self.world.path(&format!("/run/lab/{}.ntp", self.vmid));
        Ntp::serve(self.pid(), &folder)
    }

    /// QEMU's process number.
    pub fn pid(&self) -> i32 {
        self.world
            .read(&format!("/run/qemu-server/{}.pid", self.vmid))
            .trim()
            .parse()
            .unwrap()
    }
}

/// The time of the last complete tick.
fn last_epoch(serial: &str) -> Option<i64> {
    let (complete, _) = serial.rsplit_once('\n')?;
    let (_, tick) = complete.rsplit_once("LAB tick epoch=")?;
    tick.split_ascii_whitespace().next()?.parse().ok()
}

fn find_clocks(serial: &str, mark: &str, number: usize) -> Option<Clocks> {
    let (at, _) = serial.match_indices(mark).nth(number - 1)?;
    // A line counts only once its end is there.
    let (line, _) = serial.get(at..)?.split_once('\n')?;
    let value = |name: &str| {
        let rest = line.split_once(name)?.1;
        rest.split_ascii_whitespace().next().map(str::to_owned)
    };
    Some(Clocks {
        date: value("date=")?,
        epoch: value("epoch=")?.parse().ok()?,
        rtc: value("rtc=")?,
    })
}
