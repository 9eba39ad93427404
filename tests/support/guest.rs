//! A guest in a world, judged by what it writes to its own serial port.
use std::thread;
use std::time::{Duration, Instant};

use super::monitor::TestMonitor;
use super::world::World;

/// How long a guest may take to its first line. OVMF under software emulation takes 7 s alone.
const BOOT_LIMIT: Duration = Duration::from_secs(90);

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
        let begun = Instant::now();
        loop {
            if let Some(clocks) = first_clocks(&self.serial()) {
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

    /// A session with the guest's monitor, as another client would have it.
    pub fn monitor(&self) -> TestMonitor {
        TestMonitor::connect(
            &self
                .world
                .path(&format!("/run/qemu-server/{}.qmp", self.vmid)),
        )
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

fn first_clocks(serial: &str) -> Option<Clocks> {
    // A line counts only once its end is there.
    let at = serial.find("LAB date=")?;
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
