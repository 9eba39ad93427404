//! The facts that have to hold, and that no text makes a validator panic.
use std::fmt::Display;

use proptest::prelude::*;

use super::*;
use crate::model::*;

type Read = fn(&str) -> Option<String>;

/// The name of each validator, and what it makes of a text: what it prints if it takes it.
fn all() -> Vec<(&'static str, Read)> {
    fn shown<T: Display, E>(result: Result<T, E>) -> Option<String> {
        result.ok().map(|value| value.to_string())
    }
    vec![
        ("vmid", |text| shown(VmId::parse(text.as_bytes()))),
        ("phase", |text| shown(Phase::parse(text.as_bytes()))),
        ("node", |text| shown(NodeName::parse(text))),
        ("vm name", |text| shown(VmName::parse(text))),
        ("host", |text| shown(Host::parse(text))),
        ("hostname", |text| shown(HostName::parse(text))),
        ("zone", |text| shown(Zone::parse(text))),
        ("port", |text| shown(Port::parse(text))),
        ("unix user", |text| shown(UserName::parse(text))),
        ("user", |text| shown(PveUser::parse(text))),
        ("token", |text| shown(PveToken::parse(text))),
        ("caller", |text| shown(PveCaller::parse(text))),
        ("api token", |text| {
            is_api_token(text).then(|| text.to_owned())
        }),
        ("github", |text| {
            is_github_token(text).then(|| text.to_owned())
        }),
        ("path", |text| shown(AbsolutePath::parse(text))),
        ("file name", |text| shown(FileName::parse(text))),
        ("tag", |text| shown(Tag::parse(text))),
        ("profile", |text| shown(ProfileName::parse(text))),
        ("secret's name", |text| shown(TokenName::parse(text))),
        ("date", |text| shown(Timestamp::parse(text))),
        ("target", |text| shown(ClockTarget::parse(text))),
        ("upid", |text| {
            Upid::parse(text).map(|upid| upid.to_string())
        }),
    ]
}

fn taken(by: &str, text: &str) -> bool {
    let all = all();
    let (_, read) = all.iter().find(|(name, _)| *name == by).unwrap();
    read(text).is_some()
}

const UUID: &str = "3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";

#[test]
fn what_is_right_is_taken_b8() {
    let github = format!("ghp_{}", "aB3d5F7h9".repeat(4));
    let api = format!("root@pam!ci={UUID}");
    let label = "a".repeat(63);
    for (by, text) in [
        ("vmid", "100"),
        ("vmid", "999999999"),
        ("phase", "pre-start"),
        ("node", "pve-01"),
        ("vm name", "web.2016"),
        ("host", "fe80::1%eth0"),
        ("host", "[fe80::1%eth0]"),
        ("host", "::1"),
        ("host", "10.0.0.20"),
        ("host", "proxmox-node01.local"),
        ("hostname", "proxmox-node01.local"),
        ("hostname", "1e100.net"),
        ("hostname", "3com"),
        ("hostname", &label),
        ("port", "65535"),
        ("port", "1"),
        ("unix user", "www-data"),
        ("unix user", "EXAMPLE\\alice"),
        ("user", "root@pam"),
        ("user", "a@example.com@ad-1"),
        ("token", "root@pam!ci"),
        ("caller", "root@pam"),
        ("caller", "root@pam!ci"),
        ("api token", &api),
        ("github", &github),
        ("path", "/usr/bin/timedatectl"),
        ("path", "/a..b"),
        ("file name", "pve-ssl.pem"),
        ("tag", "ts-idrac-2016"),
        ("profile", "idrac-2016"),
        ("date", "2016-06-15"),
        ("target", "-10y"),
    ] {
        assert!(taken(by, text), "{by}: {text}");
    }
}

#[test]
fn what_is_wrong_is_refused_b8() {
    let long_label = "a".repeat(64);
    let long_name = vec!["a"; 128].join(".");
    let long_user = format!("{}@pam", "a".repeat(61));
    let short = format!("ghp_{}", "a".repeat(35));
    let long_path = format!("/{}", "a/".repeat(2_048));
    for (by, texts) in [
        (
            "vmid",
            &["99", "1000000000", "0100", "+100", "١٠٠", "1e3"][..],
        ),
        (
            "host",
            &[
                "256.1.1.1",
                "010.0.0.1",
                "999.999.999.999",
                "10.1",
                "1",
                "0x7f.1",
                "0x7f000001",
                "fe80::1%",
                "fe80::1%a/b",
                "fe80::1%abcdefghijklmnop",
                "[10.0.0.1]",
                "[::1",
                "::1]",
                "[a]",
                ":::",
                "1::2::3",
                "a:443",
                "a%eth0",
            ],
        ),
        (
            "hostname",
            &[
                "999.999.999.999",
                "10.0.0.1",
                "-a",
                "a-",
                "a..b",
                ".a",
                "a_b",
                ".",
                "a..",
                "ä.local",
                "a b",
                &long_label,
                &long_name,
            ],
        ),
        (
            "port",
            &[
                "",
                "0",
                "65536",
                "0x50",
                "8_0",
                "80 ",
                " 80",
                "+80",
                "080",
                "٨٠",
                "99999999999",
            ],
        ),
        ("unix user", &["alice:x", "a b", "ä"]),
        (
            "user",
            &[
                "user@pve!token",
                "root",
                "@pam",
                "root@",
                "root@p",
                "root@1pam",
                "ro/ot@pam",
                "ro:ot@pam",
                "ro ot@pam",
                "`id`@pam",
                "a;b@pam",
                &long_user,
            ],
        ),
        (
            "token",
            &[
                "root@pam",
                "root@pam!",
                "root@pam!x",
                "root!ci",
                "a!b@pam!ci",
            ],
        ),
        ("caller", &["root@pam!", "root"]),
        (
            "api token",
            &[
                "root@pam!ci",
                "root@pam!ci=",
                "root@pam!ci=3f1b8f9e",
                "ci=3f1b8f9e",
            ],
        ),
        (
            "github",
            &[&short, "ghx_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
        ),
        (
            "path",
            &[
                "",
                "/",
                "usr/bin/x",
                "./x",
                "/a/",
                "/a//b",
                "/a/./b",
                "/a/../b",
                "/..",
                "/a\0b",
                &long_path,
            ],
        ),
        ("file name", &["", ".", "..", "a/b", "/", "a\0", "-a"]),
        ("tag", &["", "-a", ".a", "a b", "a;b"]),
        ("profile", &["", "A", "a.b"]),
        ("date", &["2016-6-15", "2016-02-30", "٢٠١٦-06-15", "today"]),
    ] {
        for text in texts {
            assert!(!taken(by, text), "{by}: {text:?}");
        }
    }
    for (by, read) in all() {
        for text in [
            "",
            "-rf",
            "`id`",
            "a && b",
            "$(id)",
            "a\nb",
            "a;b",
            "a|b",
            "../../etc/passwd",
        ] {
            assert_eq!(
                read(text).filter(|_| !(by == "path" || by == "file name")),
                None,
                "{by}: {text:?}"
            );
        }
    }
}

#[test]
fn nothing_with_a_line_end_is_taken_b8() {
    let api = format!("root@pam!ci={UUID}");
    for good in [
        "100",
        "pre-start",
        "a",
        "::1",
        "443",
        "root@pam",
        "root@pam!ci",
        "/a",
        "2016-06-15",
        "-10y",
        &api,
        "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:",
    ] {
        assert!(all().iter().any(|(_, read)| read(good).is_some()), "{good}");
        for text in [
            format!("{good}\n"),
            format!("\n{good}"),
            format!("{good}\r"),
            format!("{good}\0"),
        ] {
            for (by, read) in all() {
                assert_eq!(read(&text), None, "{by}: {text:?}");
            }
        }
    }
}

#[test]
fn two_ways_to_write_the_same_host_are_the_same_b8() {
    for (text, shown, with_port) in [
        (
            "Proxmox-Node01.LOCAL.",
            "proxmox-node01.local",
            "proxmox-node01.local",
        ),
        ("FE80:0:0::1%vmbr0", "fe80::1%vmbr0", "[fe80::1%vmbr0]"),
        ("[::1]", "::1", "[::1]"),
        ("10.0.0.20", "10.0.0.20", "10.0.0.20"),
    ] {
        let host = Host::parse(text).unwrap();
        assert_eq!(
            (host.to_string().as_str(), host.before_port().as_str()),
            (shown, with_port)
        );
        assert_eq!(Host::parse(&host.before_port()).unwrap(), host);
    }
    assert_eq!(
        Host::parse("fe80::1%eth0").unwrap().address(),
        "fe80::1".parse().ok()
    );
    assert_eq!(PveToken::parse("a@pve!ci").unwrap().user(), "a@pve");
    assert_eq!((Port::HTTPS.get(), Port::PVE.get()), (443, 8006));
}

/// What each validator may print differently: hosts, times and targets have more than one form.
const FOLDS: &[&str] = &["host", "hostname", "date", "target"];

fn holds(text: &str) -> Result<(), TestCaseError> {
    for (by, read) in all() {
        let Some(printed) = read(text) else { continue };
        if !FOLDS.contains(&by) {
            prop_assert_eq!(&printed, text, "{}", by);
        }
        prop_assert_eq!(read(&printed), Some(printed.clone()), "{}", by);
        prop_assert!(!printed.contains(char::is_control), "{}: {:?}", by, printed);
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_make_one_panic_and_what_is_taken_prints_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = VmId::parse(&bytes);
        let _ = Phase::parse(&bytes);
        holds(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn the_same_for_what_looks_right(
        text in "[a-zA-Z0-9]{0,6}([.:@!/_%=+-][a-zA-Z0-9]{0,6}){0,5}|[0-9]{1,3}(\\.[0-9]{1,3}){3}|\\[?[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(%[a-z0-9]{1,16})?\\]?|[0-9]{1,6}",
    ) {
        holds(&text)?;
    }

    #[test]
    fn every_address_and_port_is_taken(v4 in any::<[u8; 4]>(), v6 in any::<[u16; 8]>(), port in 1..=u16::MAX) {
        let v4 = core::net::Ipv4Addr::from(v4);
        let v6 = core::net::Ipv6Addr::from(v6);
        prop_assert_eq!(Host::parse(&v4.to_string()), Ok(Host::V4(v4)));
        prop_assert_eq!(Host::parse(&v6.to_string()), Ok(Host::V6(v6, None)));
        prop_assert_eq!(Port::parse(&port.to_string()).map(Port::get), Ok(port));
    }
}
