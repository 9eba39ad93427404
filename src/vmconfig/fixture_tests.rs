//! Whole configs, in the form Proxmox VE writes them, and all that is to be known from them.
use super::{Arch, MachineKind, OsType, RtcBase, VmFacts, parse};
use crate::model::{Printable, RtcZone, Tag};

fn text(text: &str) -> Option<Printable> {
    Some(Printable::from(text))
}

fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| Tag::parse(name).unwrap()).collect()
}

#[test]
fn a_linux_vm_with_uefi_whose_description_looks_like_keys() {
    let facts = VmFacts {
        name: text("build-01"),
        ostype: OsType::Linux,
        agent: true,
        tags: tags(&["prod", "ts-idrac-2016"]),
        hookscript: text("local:snippets/time-shift"),
        machine: MachineKind::Q35,
        ovmf: true,
        smbios_uuid: Some("5b3d8a5e-2f5b-4c1b-9f0d-0a1b2c3d4e5f".to_owned()),
        ..VmFacts::default()
    };
    assert_eq!(parse(include_bytes!("fixtures/linux-q35.conf")), facts);
    assert!(facts.is_x86() && !facts.is_windows() && !facts.hibernated());
}

#[test]
fn a_windows_vm_whose_args_move_the_clock() {
    let facts = VmFacts {
        name: text("desk-11"),
        ostype: OsType::Windows { version: 11 },
        rtc_base: RtcBase::Localtime,
        zone: RtcZone::Local,
        agent: true,
        args: text("-rtc base=2016-06-15T12:00:00 -device vmcoreinfo"),
        args_move_clock: true,
        machine: MachineKind::Q35,
        ovmf: true,
        smbios_uuid: Some("77a8f0b2-3c41-4d55-8b1c-6f9d3a1e2b4c".to_owned()),
        ..VmFacts::default()
    };
    assert_eq!(parse(include_bytes!("fixtures/windows-11.conf")), facts);
    assert!(facts.is_windows());
}

#[test]
fn a_hibernated_vm() {
    let facts = VmFacts {
        name: text("sleeper"),
        ostype: OsType::Linux,
        lock: text("suspended"),
        vmstate: true,
        smbios_uuid: Some("aa0c2a3e-95c1-4c2e-a7f6-27d0b1f0a111".to_owned()),
        ..VmFacts::default()
    };
    assert_eq!(parse(include_bytes!("fixtures/hibernated.conf")), facts);
    assert!(facts.hibernated());
}

#[test]
fn pending_changes_special_sections_and_snapshots_are_not_the_current_config() {
    let facts = VmFacts {
        name: text("db-02"),
        ostype: OsType::Linux,
        tags: tags(&["db"]),
        smbios_uuid: Some("1c7e5d0e-6b0f-4a8d-bf11-8d8f7a6b5c4d".to_owned()),
        ..VmFacts::default()
    };
    assert_eq!(parse(include_bytes!("fixtures/sections.conf")), facts);
}

#[test]
fn an_arm_template() {
    let facts = VmFacts {
        name: text("arm-lab"),
        ostype: OsType::Linux,
        agent: true,
        machine: MachineKind::Virt,
        arch: Arch::Aarch64,
        ovmf: true,
        template: true,
        smbios_uuid: Some("0e6c3d8a-5a70-4bb3-9c32-f1f4e6a2d9b8".to_owned()),
        kvm: false,
        ..VmFacts::default()
    };
    assert_eq!(parse(include_bytes!("fixtures/aarch64.conf")), facts);
    assert!(!facts.is_x86());
}

#[test]
fn an_empty_config_says_what_proxmox_assumes() {
    let facts = VmFacts::default();
    assert_eq!(
        (facts.ostype, facts.machine),
        (OsType::Other, MachineKind::Pc)
    );
    assert_eq!((facts.zone, facts.rtc_base), (RtcZone::Utc, RtcBase::Utc));
    assert!(facts.kvm && facts.is_x86() && !facts.agent && !facts.freeze && facts.tags.is_empty());
}
