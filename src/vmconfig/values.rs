//! The forms a value of Proxmox VE's configs can have: booleans, lists, property strings.
use super::facts::{Arch, MachineKind, OsType};
use crate::model::Tag;

/// How many tags are kept, far more than a VM can sensibly have.
pub(super) const MOST_TAGS: usize = 256;

/// Perl's `\s` in bytes; unlike `is_ascii_whitespace` it has the vertical tab.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The bytes without the spaces around them.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if !is_space(*first) {
            break;
        }
        bytes = rest;
    }
    while let [rest @ .., last] = bytes {
        if !is_space(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// `check_type` takes one pair of quotes off a string that has no format of its own.
pub(super) fn unquote(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// A boolean, in any case of letters.
pub(super) fn boolean(value: &[u8]) -> Option<bool> {
    let is_one_of = |words: [&str; 4]| {
        words
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
    };
    if is_one_of(["1", "on", "yes", "true"]) {
        Some(true)
    } else if is_one_of(["0", "off", "no", "false"]) {
        Some(false)
    } else {
        None
    }
}

/// Why a property string is not one: Proxmox VE skips its whole line.
struct Malformed;

/// The value of `key` in a property string (`a=1,b=2`), as `parse_property_string` of pve-common
/// finds it. `default` says that `key` is the one that may stand without its name.
fn property<'a>(value: &'a [u8], key: &[u8], default: bool) -> Result<Option<&'a [u8]>, Malformed> {
    let mut found = None;
    for part in value.split(|byte| *byte == b',') {
        let mut sides = part.splitn(2, |byte| *byte == b'=');
        let (name, text) = match (sides.next(), sides.next()) {
            (Some([]) | None, None) => continue,
            (Some(text), None) if text.iter().copied().all(is_space) => continue,
            (Some(text), None) if default => (key, text),
            (Some([]) | None, Some(_)) | (_, Some([]) | None) => return Err(Malformed),
            (Some(name), Some(text)) => (name, text),
        };
        if name == key && found.replace(text).is_some() {
            return Err(Malformed);
        }
    }
    Ok(found)
}

/// Whether the agent is enabled: `1`, `enabled=1,type=virtio`.
pub(super) fn agent(value: &[u8]) -> Option<bool> {
    property(value, b"enabled", true)
        .ok()
        .flatten()
        .and_then(boolean)
}

/// The family of the machine type, if one is named: `q35,viommu=intel`, `type=pc-i440fx-9.0`. The
/// outer `None` is a malformed value; a valid one without a type still replaces an earlier line.
pub(super) fn machine(value: &[u8]) -> Option<Option<MachineKind>> {
    let kind = |name: &[u8]| {
        if name.windows(3).any(|part| part == b"q35") {
            MachineKind::Q35
        } else if name == b"pc" || name.starts_with(b"pc-") {
            MachineKind::Pc
        } else if name == b"virt" || name.starts_with(b"virt-") || name.starts_with(b"virt+") {
            MachineKind::Virt
        } else {
            MachineKind::Other
        }
    };
    property(value, b"type", true)
        .ok()
        .map(|name| name.map(kind))
}

/// The uuid of `smbios1`, if it has one. The outer `None` is a malformed value.
pub(super) fn smbios_uuid(value: &[u8]) -> Option<Option<&[u8]>> {
    let uuid = property(value, b"uuid", false).ok()?;
    if uuid.is_none_or(is_uuid) {
        Some(uuid)
    } else {
        None
    }
}

/// `[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}`
fn is_uuid(text: &[u8]) -> bool {
    let mut groups = text.split(|byte| *byte == b'-');
    let all_fit = [8, 4, 4, 4, 12].into_iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| group.len() == length && group.iter().all(u8::is_ascii_hexdigit))
    });
    all_fit && groups.next().is_none()
}

/// The tags of a list separated by `;`, `,` or spaces, each once, and whether some were too many.
pub(super) fn tags(value: &[u8]) -> (Vec<Tag>, bool) {
    let mut tags = Vec::new();
    for part in value.split(|byte| matches!(byte, b';' | b',') || is_space(*byte)) {
        let parsed = std::str::from_utf8(part)
            .ok()
            .and_then(|text| Tag::parse(text).ok());
        let Some(tag) = parsed.filter(|tag| !tags.contains(tag)) else {
            continue;
        };
        if tags.len() >= MOST_TAGS {
            return (tags, true);
        }
        tags.push(tag);
    }
    (tags, false)
}

/// The operating system; `windows_version` of qemu-server takes any `win` with a number.
pub(super) fn ostype(value: &[u8]) -> OsType {
    match value {
        b"l24" | b"l26" => OsType::Linux,
        b"solaris" => OsType::Solaris,
        b"w2k" | b"wxp" | b"w2k3" => OsType::Windows { version: 5 },
        b"wvista" | b"w2k8" => OsType::Windows { version: 6 },
        _ => value
            .strip_prefix(b"win")
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .filter(|version| *version >= 5)
            .map_or(OsType::Other, |version| OsType::Windows { version }),
    }
}

/// The processor.
pub(super) fn arch(value: &[u8]) -> Arch {
    match value {
        b"x86_64" => Arch::X86_64,
        b"aarch64" => Arch::Aarch64,
        _ => Arch::Other,
    }
}

/// Whether QEMU options have an `-rtc`, or a `-readconfig` whose file can have one, with one dash or two,
/// as a shell would split them. It may say yes to such a word inside a quoted text: the answer is a warning, so better once too often.
pub(super) fn moves_clock(args: &[u8]) -> bool {
    args.split(|byte| is_space(*byte)).any(|word| {
        let unquoted = || {
            word.iter()
                .copied()
                .filter(|byte| !matches!(byte, b'"' | b'\'' | b'\\'))
        };
        let options: [&[u8]; 4] = [b"-rtc", b"--rtc", b"-readconfig", b"--readconfig"];
        options
            .iter()
            .any(|option| unquoted().eq(option.iter().copied()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_proxmox_reads_them() {
        for yes in ["1", "on", "yes", "true", "TRUE", "On"] {
            assert_eq!(boolean(yes.as_bytes()), Some(true), "{yes}");
        }
        for no in ["0", "off", "no", "false", "NO"] {
            assert_eq!(boolean(no.as_bytes()), Some(false), "{no}");
        }
        for neither in ["", "2", "01", "y", "enabled"] {
            assert_eq!(boolean(neither.as_bytes()), None, "{neither}");
        }
    }

    #[test]
    fn the_agent_is_on_in_every_form_that_proxmox_writes() {
        let on = [
            "1",
            "enabled=1",
            "enabled=1,type=virtio",
            "1,fstrim_cloned_disks=1",
            "type=isa,1",
            "fstrim_cloned_disks=1,enabled=yes",
            "1,freeze-fs-on-backup=0",
            ",1,",
        ];
        for text in on {
            assert_eq!(agent(text.as_bytes()), Some(true), "{text}");
        }
        assert_eq!(agent(b"0,type=virtio"), Some(false));
        for bad in [
            "type=virtio",
            "1,1",
            "1,enabled=0",
            "1,=x",
            "1,type=",
            "2",
            "agent=1",
        ] {
            assert_eq!(agent(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn machine_types_fall_into_their_families() {
        let families = [
            ("pc", MachineKind::Pc),
            ("pc-i440fx-9.0+pve0", MachineKind::Pc),
            ("pc-8.1.pxe", MachineKind::Pc),
            ("q35", MachineKind::Q35),
            ("type=q35", MachineKind::Q35),
            ("pc-q35-9.0+pve0,viommu=intel", MachineKind::Q35),
            ("viommu=virtio,type=pc-q35-9.2+pve1", MachineKind::Q35),
            ("virt", MachineKind::Virt),
            ("virt-9.0+pve0", MachineKind::Virt),
            ("microvm", MachineKind::Other),
            ("pcx", MachineKind::Other),
        ];
        for (text, family) in families {
            assert_eq!(machine(text.as_bytes()), Some(Some(family)), "{text}");
        }
        assert_eq!(machine(b"viommu=virtio"), Some(None));
        assert_eq!(machine(b"q35,type=pc"), None);
    }

    #[test]
    fn only_a_whole_uuid_is_one() {
        let good = b"9E1F1B2C-0000-4abc-8def-0123456789ab";
        assert!(is_uuid(good));
        assert_eq!(
            smbios_uuid(&[b"base64=1,uuid=", &good[..]].concat()),
            Some(Some(&good[..]))
        );
        assert_eq!(smbios_uuid(b"base64=1,serial=QQ=="), Some(None));
        for bad in [
            "uuid=1",
            "uuid=9e1f1b2c-0000-4abc-8def-0123456789ab-",
            "uuid=",
            "x,uuid=1",
        ] {
            assert_eq!(smbios_uuid(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn tags_are_split_like_proxmox_splits_lists() {
        let names = |text: &str| {
            let (tags, cut) = tags(text.as_bytes());
            (
                tags.iter().map(Tag::as_str).collect::<Vec<_>>().join("|"),
                cut,
            )
        };
        assert_eq!(
            names("a;b,c d;;a; ts-x"),
            ("a|b|c|d|ts-x".to_owned(), false)
        );
        assert_eq!(names("-a;b!;B;\u{e4};_c"), ("B|_c".to_owned(), false));
        let many: Vec<String> = (0..=MOST_TAGS).map(|number| number.to_string()).collect();
        assert!(names(&many.join(";")).1);
        assert!(!names(&many[1..].join(";")).1);
    }

    #[test]
    fn an_rtc_option_is_found_however_it_is_quoted() {
        for text in [
            "-rtc base=utc",
            "-m 1 --rtc base=utc",
            "'-rtc' base=utc",
            "\"--rtc\" x",
            "-readconfig /root/x",
        ] {
            assert!(moves_clock(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "-rtcx",
            "rtc",
            "-device rtc",
            "-global mc146818rtc.lost_tick_policy=slew",
        ] {
            assert!(!moves_clock(text.as_bytes()), "{text}");
        }
    }
}
