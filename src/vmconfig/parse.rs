//! Reads the current part of a VM's config, as `parse_vm_config` of qemu-server does.
use super::facts::{Arch, MachineKind, OsType, RtcBase, VmFacts};
use super::values;
use crate::model::{Printable, RtcZone};

/// Reads the config up to its first section (`[PENDING]`, `[special:...]`, a snapshot).
///
/// Never fails: a line or value that Proxmox VE would warn about and skip is skipped, and of two
/// lines with the same key the last valid one counts.
#[must_use]
pub fn parse(bytes: &[u8]) -> VmFacts {
    let mut current = Current::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if is_section(line) {
            break;
        }
        if let Some((key, value)) = key_and_value(line) {
            current.take(key, value);
        }
    }
    current.into_facts()
}

/// Reads the section `[PENDING]`: what becomes part of the config when the VM is started next, without
/// what is going to be removed. None where nothing is pending.
#[must_use]
pub fn parse_pending(bytes: &[u8]) -> Option<VmFacts> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    // Proxmox VE writes it first, and reads the name in any letters.
    let first = lines.find(|line| is_section(line))?;
    if !first.to_ascii_lowercase().starts_with(b"[pending]") {
        return None;
    }
    let mut pending = Current::default();
    for (key, value) in lines
        .take_while(|line| !is_section(line))
        .filter_map(key_and_value)
    {
        pending.take(key, value);
    }
    Some(pending.into_facts())
}

/// The length of the longest key that matters, `hookscript`: in a long description no colon is
/// looked for beyond it.
const LONGEST_KEY: usize = 10;

/// `^\[([^\]]*)\]\s*$`: also a section this program has never heard of ends the current config.
fn is_section(line: &[u8]) -> bool {
    line.first() == Some(&b'[')
        && line
            .iter()
            .position(|byte| *byte == b']')
            .and_then(|end| line.get(end.saturating_add(1)..))
            .is_some_and(|rest| rest.iter().copied().all(values::is_space))
}

/// `^([a-z][a-z_\-]*\d*):\s*(.+?)\s*$`, so neither a comment nor an indented line.
fn key_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line
        .iter()
        .take(LONGEST_KEY.saturating_add(1))
        .position(|byte| *byte == b':')?;
    let (key, rest) = line.split_at_checked(colon)?;
    let value = values::trim(rest.get(1..)?);
    if value.is_empty() {
        None
    } else {
        Some((key, value))
    }
}

/// The values of the lines read so far, each the last valid one.
#[derive(Default)]
struct Current<'a> {
    name: Option<&'a [u8]>,
    ostype: Option<&'a [u8]>,
    localtime: Option<bool>,
    startdate: Option<&'a [u8]>,
    agent: Option<bool>,
    tags: Option<&'a [u8]>,
    hookscript: Option<&'a [u8]>,
    args: Option<&'a [u8]>,
    machine: Option<Option<MachineKind>>,
    arch: Option<&'a [u8]>,
    bios: Option<&'a [u8]>,
    lock: Option<&'a [u8]>,
    template: Option<bool>,
    freeze: Option<bool>,
    vmstate: bool,
    smbios_uuid: Option<Option<&'a [u8]>>,
    kvm: Option<bool>,
}

/// Replaces the value unless the new one is invalid: Proxmox VE skips such a line.
fn keep<T>(slot: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *slot = new;
    }
}

impl<'a> Current<'a> {
    fn take(&mut self, key: &[u8], value: &'a [u8]) {
        match key {
            b"args" => self.args = Some(value),
            // `check_type` refuses every other value with a carriage return inside.
            _ if value.contains(&b'\r') => {}
            b"name" => self.name = Some(value),
            b"tags" => self.tags = Some(value),
            b"hookscript" => self.hookscript = Some(value),
            b"vmstate" => self.vmstate = true,
            b"ostype" => self.ostype = Some(values::unquote(value)),
            b"startdate" => self.startdate = Some(values::unquote(value)),
            b"arch" => self.arch = Some(values::unquote(value)),
            b"bios" => self.bios = Some(values::unquote(value)),
            b"lock" => self.lock = Some(values::unquote(value)),
            b"localtime" => keep(&mut self.localtime, values::boolean(value)),
            b"template" => keep(&mut self.template, values::boolean(value)),
            b"freeze" => keep(&mut self.freeze, values::boolean(value)),
            b"kvm" => keep(&mut self.kvm, values::boolean(value)),
            b"agent" => keep(&mut self.agent, values::agent(value)),
            b"machine" => keep(&mut self.machine, values::machine(value)),
            b"smbios1" => keep(&mut self.smbios_uuid, values::smbios_uuid(value)),
            _ => {}
        }
    }

    fn into_facts(self) -> VmFacts {
        let ostype = self.ostype.map_or(OsType::Other, values::ostype);
        let local = self.localtime.unwrap_or(ostype.is_windows());
        let startdate = self.startdate.filter(|date| *date != b"now");
        let arch = self.arch.map_or(Arch::X86_64, values::arch);
        let (tags, tags_cut) = self.tags.map_or((Vec::new(), false), values::tags);
        VmFacts {
            name: self.name.map(Printable::new),
            ostype,
            rtc_base: match (startdate, local) {
                (Some(_), _) => RtcBase::Startdate,
                (None, true) => RtcBase::Localtime,
                (None, false) => RtcBase::Utc,
            },
            zone: if local { RtcZone::Local } else { RtcZone::Utc },
            startdate: startdate.map(Printable::new),
            agent: self.agent.unwrap_or(false),
            tags,
            tags_cut,
            hookscript: self.hookscript.map(Printable::new),
            args: self.args.map(Printable::new),
            args_move_clock: self.args.is_some_and(values::moves_clock),
            machine: self.machine.flatten().unwrap_or(match arch {
                Arch::X86_64 => MachineKind::Pc,
                Arch::Aarch64 => MachineKind::Virt,
                Arch::Other => MachineKind::Other,
            }),
            arch,
            ovmf: self.bios == Some(b"ovmf"),
            lock: self.lock.map(Printable::new),
            template: self.template.unwrap_or(false),
            freeze: self.freeze.unwrap_or(false),
            vmstate: self.vmstate,
            smbios_uuid: self
                .smbios_uuid
                .flatten()
                .map(|uuid| String::from_utf8_lossy(uuid).to_ascii_lowercase()),
            kvm: self.kvm.unwrap_or(arch == Arch::X86_64),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_takes_its_rtc_for_local_time_unless_told_otherwise() {
        let all = [
            "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11",
        ];
        for ostype in all {
            let facts = parse(format!("ostype: {ostype}\n").as_bytes());
            assert_eq!(
                (facts.zone, facts.rtc_base),
                (RtcZone::Local, RtcBase::Localtime)
            );
            let facts = parse(format!("localtime: 0\nostype: {ostype}\n").as_bytes());
            assert_eq!((facts.zone, facts.rtc_base), (RtcZone::Utc, RtcBase::Utc));
            assert!(facts.is_windows(), "{ostype}");
        }
        for ostype in [
            "l24", "l26", "solaris", "other", "windows", "win", "win4", "Win10",
        ] {
            let facts = parse(format!("ostype: {ostype}\n").as_bytes());
            assert_eq!(
                (facts.zone, facts.rtc_base),
                (RtcZone::Utc, RtcBase::Utc),
                "{ostype}"
            );
        }
        assert_eq!(parse(b"ostype: l26\nlocaltime: 1").zone, RtcZone::Local);
    }

    #[test]
    fn a_startdate_moves_the_rtc_but_not_how_the_guest_reads_it() {
        let facts = parse(b"ostype: win10\nstartdate: 2016-6-15T12:00:00\n");
        assert_eq!(
            (facts.zone, facts.rtc_base),
            (RtcZone::Local, RtcBase::Startdate)
        );
        assert_eq!(facts.startdate, Some(Printable::from("2016-6-15T12:00:00")));
        let facts = parse(b"startdate: now\n");
        assert_eq!((facts.startdate, facts.rtc_base), (None, RtcBase::Utc));
    }

    #[test]
    fn what_is_pending_is_read_by_itself() {
        let pending = |text: &str| parse_pending(text.as_bytes());
        let text = "args: -S\n[PENDING]\nstartdate: 2016-06-15\ndelete: args\n[snap]\nargs: -rtc base=utc\n";
        let facts = pending(text).unwrap();
        assert_eq!(facts.startdate, Some(Printable::from("2016-06-15")));
        assert!(!facts.args_move_clock);
        assert_eq!(parse(text.as_bytes()).startdate, None);
        assert!(
            pending("[pending] \nargs: --rtc base=utc")
                .unwrap()
                .args_move_clock
        );
        for nothing in [
            "",
            "startdate: 2016-06-15\n",
            "[snap]\n[PENDING]\nstartdate: 2016-06-15\n",
        ] {
            assert_eq!(pending(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_last_valid_line_of_a_key_counts() {
        assert!(parse(b"agent: 0\nagent: 1\n").agent);
        assert!(!parse(b"agent: 1\nagent: 0\n").agent);
        assert!(parse(b"agent: 1\nagent: perhaps\n").agent);
        assert_eq!(
            parse(b"name: a\nname: b\n").name,
            Some(Printable::from("b"))
        );
        assert_eq!(
            parse(b"machine: q35\nmachine: viommu=virtio\n").machine,
            MachineKind::Pc
        );
    }

    #[test]
    fn what_proxmox_skips_is_skipped() {
        let skipped: [&[u8]; 9] = [
            b" ostype: win10",
            b"#ostype: win10",
            b"#ostype%3A win10",
            b"ostype : win10",
            b"Ostype: win10",
            b"ostype:",
            b"ostype: win10\rx",
            b"xostype: win10",
            b"ostype win10",
        ];
        for line in skipped {
            assert_eq!(parse(line), VmFacts::default(), "{line:?}");
        }
        for line in ["ostype:win10", "ostype:\t win10 \t", "ostype: \"win10\""] {
            assert!(parse(line.as_bytes()).is_windows(), "{line}");
        }
    }

    #[test]
    fn only_a_whole_bracketed_line_is_a_section() {
        for header in [
            "[PENDING]",
            "[special:cloudinit]",
            "[snap-1]",
            "[?]",
            "[]",
            "[x] \t",
        ] {
            let text = format!("name: a\n{header}\nname: b\n");
            assert_eq!(
                parse(text.as_bytes()).name,
                Some(Printable::from("a")),
                "{header}"
            );
        }
        for line in ["[x", "[x]y", "[a]b]", " [x]", "#[x]"] {
            let text = format!("name: a\n{line}\nname: b\n");
            assert_eq!(
                parse(text.as_bytes()).name,
                Some(Printable::from("b")),
                "{line}"
            );
        }
    }

    #[test]
    fn the_machine_follows_the_processor_where_it_is_not_set() {
        let kind = |text: &str| parse(text.as_bytes()).machine;
        assert_eq!(kind(""), MachineKind::Pc);
        assert_eq!(
            kind("machine: viommu=virtio\narch: aarch64"),
            MachineKind::Virt
        );
        assert_eq!(kind("arch: riscv64"), MachineKind::Other);
        assert!(parse(b"").kvm && !parse(b"arch: aarch64").kvm && !parse(b"kvm: off").kvm);
        assert!(!parse(b"arch: aarch64\nmachine: q35").is_x86());
    }

    #[test]
    fn hibernation_needs_both_marks() {
        assert!(parse(b"lock: suspended\nvmstate: local:9/vm-9-state.raw\n").hibernated());
        assert!(!parse(b"lock: suspended\n").hibernated());
        assert!(!parse(b"lock: suspending\nvmstate: local:9/vm-9-state.raw\n").hibernated());
        assert!(!parse(b"vmstate: local:9/vm-9-state.raw\n").hibernated());
    }

    /// Lines made of the pieces that matter, so that the properties meet more than noise.
    fn config() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "(ostype|agent|machine|tags|smbios1|args|lock|localtime): ?[ -~]{0,30}",
            "(localtime|freeze|kvm|template): (1|0|on|off|YES|no|true|x)",
            "#[ -~]{0,20}",
            "[ -Z^-~]{0,20}",
        ];
        proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn nothing_after_a_section_header_changes_a_fact(
            main in config(),
            header in "\\[[^\\]\n]{0,12}\\]",
            rest in config(),
        ) {
            let whole = format!("{main}\n{header}\n{rest}");
            prop_assert_eq!(parse(whole.as_bytes()), parse(main.as_bytes()));
        }

        #[test]
        fn line_ends_do_not_matter(main in config()) {
            let facts = parse(main.as_bytes());
            prop_assert_eq!(&parse(format!("{main}\n").as_bytes()), &facts);
            prop_assert_eq!(&parse(main.replace('\n', "\r\n").as_bytes()), &facts);
        }
    }
}
