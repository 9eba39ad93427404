//! One cell of the matrix: a machine's start in a year, and what its clocks show once it has booted.
use std::fmt;

use jiff::Timestamp;

use crate::debian::Debian;
use crate::support::{Clocks, TestMonitor, World, allow};

/// Longest from the target to the guest's first line: OVMF under software emulation takes 7 s alone,
/// and other guests boot beside it.
const BOOT: i64 = 100;

/// A machine, apart from the year that it is to boot in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Setup<'d> {
    /// Whose QEMU and firmware.
    pub(super) debian: &'d Debian,
    /// QEMU's machine type.
    pub(super) machine: &'static str,
    /// UEFI rather than SeaBIOS.
    pub(super) ovmf: bool,
    /// How many vCPUs.
    pub(super) vcpus: u8,
}

impl Setup<'_> {
    /// The firmware's name.
    pub(super) fn firmware(&self) -> &'static str {
        if self.ovmf { "OVMF" } else { "SeaBIOS" }
    }

    /// The config of such a VM.
    fn config(&self) -> String {
        let bios = if self.ovmf { "bios: ovmf\n" } else { "" };
        format!(
            "{bios}cores: {}\nmachine: {}\nostype: other\n",
            self.vcpus, self.machine
        )
    }

    /// The options of `tests/lab/qemu` for it.
    fn options(&self) -> Vec<String> {
        let mut options = vec!["-m".to_owned(), self.machine.to_owned()];
        options.extend(["--smp".to_owned(), self.vcpus.to_string()]);
        options.extend(self.ovmf.then(|| "--ovmf".to_owned()));
        options
    }
}

impl fmt::Display for Setup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (firmware, debian) = (self.firmware(), &self.debian.version);
        let (machine, vcpus) = (self.machine, self.vcpus);
        write!(
            f,
            "{machine}, {firmware}, {vcpus} vCPU, QEMU of Debian {debian}"
        )
    }
}

/// What became of a start.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    target: Timestamp,
    /// Whether policy permitted the target; if so the hook set the RTC, else the test did.
    permitted: bool,
    /// The RTC as QEMU has it once the guest has booted, so after the firmware.
    rtc: Timestamp,
    /// What the guest made of it.
    guest: Clocks,
}

impl Outcome {
    fn is_shortly_after_target(&self, time: Timestamp) -> bool {
        (0..=BOOT).contains(&(time.as_second() - self.target.as_second()))
    }

    /// All clocks show the target: QEMU's RTC, the same as the guest reads it, the guest's own.
    fn right(&self) -> bool {
        let guests_rtc = fields(&self.guest.rtc);
        [self.rtc, guests_rtc, self.guests_time()]
            .into_iter()
            .all(|time| self.is_shortly_after_target(time))
    }

    fn guests_time(&self) -> Timestamp {
        Timestamp::from_second(self.guest.epoch).unwrap()
    }

    /// Right where policy permits it, and wrong where policy refuses it: too strict is wrong, too.
    pub(super) fn agrees_with_policy(&self) -> bool {
        self.permitted == self.right()
    }

    /// For the matrix: `yes`, or `no` and the year that the guest, and the RTC where it differs, show.
    pub(super) fn cell(&self) -> String {
        let year = |time: Timestamp| time.to_zoned_datetime(jiff::tz::TimeZone::UTC).year();
        let (guest, rtc) = (year(self.guests_time()), year(self.rtc));
        let shown = if guest == rtc {
            guest.to_string()
        } else {
            format!("{guest} (RTC {rtc})")
        };
        match (self.permitted, self.right()) {
            (true, true) => "yes".to_owned(),
            (false, false) => format!("no: {shown}"),
            (true, false) => format!("WRONG: {shown}"),
            (false, true) => "TOO STRICT".to_owned(),
        }
    }
}

/// Starts a VM with this target. Policy is asked by way of the hook; a time that it refuses is written
/// to the RTC all the same, to see what would have come of it.
pub(super) fn boot(setup: &Setup<'_>, target: &str) -> Outcome {
    let target: Timestamp = target.parse().unwrap();
    let world = World::based_on(&setup.debian.base);
    world.vm(100, &setup.config());
    let allowlist = allow(&target.to_string());
    world.write("/etc/time-shift/allowlist.toml", allowlist);

    let before = world.hook(100, "pre-start");
    let permitted = world.note(100).is_some();
    let said = if permitted {
        "the guest is to boot at"
    } else {
        "MACHINE_CANNOT_HOLD"
    };
    // Beyond 2038 a second line says what some guests cannot.
    assert_eq!(before.code, Some(0), "{before:?}");
    before.says(&[said]);
    let options = setup.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let guest = world.launch(100, &options);
    if !permitted {
        write_rtc(&mut guest.monitor(), target);
    }
    let after = world.hook(100, "post-start");
    if permitted {
        after.one_line(0, &["RTC set to", "read back as"]);
        assert_eq!(world.note(100).unwrap()["rtc"]["verified"], true);
    } else {
        after.silent();
    }
    let read_back = fields(&guest.monitor().rtc());
    let clocks = guest.booted();
    let outcome = Outcome {
        target,
        permitted,
        rtc: fields(&guest.monitor().rtc()),
        guest: clocks,
    };
    assert!(
        outcome.is_shortly_after_target(read_back),
        "{setup}: read back at once as {read_back}, not {target}"
    );
    outcome
}

/// The RTC's fields, taken for UTC.
fn fields(text: &str) -> Timestamp {
    format!("{text}Z").parse().unwrap()
}

/// Writes `time` to the RTC as it comes up (24 hours, BCD), without any of the program's own code.
/// The vCPUs are stopped, as the firmware uses the same index register.
fn write_rtc(monitor: &mut TestMonitor, time: Timestamp) {
    let time = time.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let bcd = |value: i16| u8::try_from(value / 10 * 16 + value % 10).unwrap();
    monitor.call("stop", serde_json::json!({}));
    let status_b = monitor.register(0x0b);
    assert_eq!(status_b & 0x06, 0x02, "24 hours and BCD");
    monitor.set_register(0x0b, status_b | 0x80);
    for (register, value) in [
        (0x00, i16::from(time.second())),
        (0x02, i16::from(time.minute())),
        (0x04, i16::from(time.hour())),
        (0x07, i16::from(time.day())),
        (0x08, i16::from(time.month())),
        (0x09, time.year() % 100),
        (0x32, time.year() / 100),
    ] {
        monitor.set_register(register, bcd(value));
    }
    monitor.set_register(0x0b, status_b);
    // Where a vCPU that was between its own two accesses does no harm.
    monitor.human("o /b 0x70 0xd");
    monitor.call("cont", serde_json::json!({}));
}
