//! Getting to a server: what stands on the command line, its addresses, and how long it may take.
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use super::network::{DEAD, Network};
use super::run;
use super::support::Run;

/// Where the one server of this run was reached.
#[track_caller]
fn reached(run: &Run) -> String {
    let answer: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let server = &answer["servers"][0];
    assert_eq!(server["state"], "valid", "{answer}");
    server["address"].as_str().unwrap().to_owned()
}

#[test]
fn https_is_the_port_where_none_is_named() {
    let network = Network::new("127.0.0.1 idrac.lab\n");
    let _server = network.server("127.0.0.1:443");
    for host in ["127.0.0.1", "idrac.lab", "iDRAC.Lab.", "127.0.0.1:443"] {
        let run = network.run(&["cert", "--json", host]);
        assert_eq!(reached(&run), "127.0.0.1:443", "{host}");
    }
}

#[test]
fn an_ipv6_address_stands_in_brackets_and_may_have_a_zone() {
    let Ok(_) = TcpListener::bind("[::1]:0") else {
        // This machine has no IPv6.
        return;
    };
    let network = Network::new("");
    let _server = network.server("[::]:8443");
    let run = network.run(&["cert", "--json", "[::1]:8443"]);
    assert_eq!(reached(&run), "[::1]:8443");
    let run = network.run(&["cert", "--json", "[fe80::77%lo]:8443"]);
    assert_eq!(reached(&run), "[fe80::77%1]:8443");
    let missing = network.run(&["cert", "[fe80::77]:8443"]);
    missing.one_line(5, &["its interface is missing, as in [fe80::77%vmbr0]"]);
    let unknown = network.run(&["cert", "[fe80::77%nosuch0]:8443"]);
    unknown.one_line(5, &["this machine has no interface nosuch0"]);
}

#[test]
fn all_addresses_of_a_name_are_tried() {
    let hosts =
        format!("127.0.0.2 two.lab\n127.0.0.3 two.lab\n{DEAD} dead.lab\n10.9.9.1 dead.lab\n");
    let network = Network::new(&hosts);
    let nobody = network.run(&["cert", "two.lab"]);
    nobody.one_line(
        5,
        &[
            "127.0.0.2:443: Connection refused",
            "; 127.0.0.3:443: Connection refused",
        ],
    );
    let second = network.server("127.0.0.3:443");
    assert_eq!(
        reached(&network.run(&["cert", "--json", "two.lab"])),
        "127.0.0.3:443"
    );
    drop(second);
    let _alive = network.server("10.9.9.1:443");
    let run = network.run(&["cert", "--json", "dead.lab"]);
    assert_eq!(reached(&run), "10.9.9.1:443");
    // The dead one was tried, and took what it may.
    assert!(run.took > Duration::from_secs(4), "{run:?}");
}

#[test]
fn a_connection_may_take_five_seconds_and_all_of_them_ten() {
    let many: String = (2..12)
        .map(|last| format!("10.9.9.{last} many.lab\n"))
        .collect();
    let network = Network::new(&many);
    // What a busy machine adds.
    let busy = Duration::from_secs(4);
    let ten = Duration::from_secs(9)..Duration::from_secs(10) + busy;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let one = network.run(&["cert", DEAD]);
            one.one_line(5, &["10.9.9.9:443: no answer"]);
            let five = Duration::from_secs(5);
            assert!((five..five + busy).contains(&one.took), "{one:?}");
        });
        scope.spawn(|| {
            let all = network.run(&["cert", "many.lab"]);
            assert_eq!(all.code, Some(5), "{all:?}");
            assert!(ten.contains(&all.took), "{all:?}");
        });
        // Whose name server says nothing for half a minute.
        scope.spawn(|| {
            let slow = network.run(&["cert", "slow.example"]);
            slow.one_line(5, &["slow.example:443", "no answer in time"]);
            assert!(ten.contains(&slow.took), "{slow:?}");
        });
    });
}

#[test]
fn what_is_mistyped_is_named_and_nobody_is_asked() {
    for (typed, part) in [
        ("", "a server is written HOST or HOST:PORT"),
        ("https://10.0.0.20/", "only the host and the port of a URL"),
        ("::1", "an IPv6 address stands in brackets"),
        ("fe80::1%vmbr0", "an IPv6 address stands in brackets"),
        (
            "[::1",
            "brackets are around an IPv6 address and nothing else",
        ),
        (
            "[10.0.0.20]:443",
            "brackets are around an IPv6 address and nothing else",
        ),
        (
            "[fe80::1%]",
            "brackets are around an IPv6 address and nothing else",
        ),
        ("10.0.0.20:", "a port is a number from 1 to 65535"),
        ("10.0.0.20:99999", "a port is a number from 1 to 65535"),
        ("10.0.0.20:https", "a port is a number from 1 to 65535"),
        ("[::1]443", "a port is a number from 1 to 65535"),
        ("10.0.0.256", "a server is written HOST or HOST:PORT"),
        ("root@idrac", "a server is written HOST or HOST:PORT"),
        ("10.0.0.20 443", "a server is written HOST or HOST:PORT"),
    ] {
        for command in [
            &["cert"][..],
            &["cert", "pin", "--yes"],
            &["cert", "refresh", "--yes"],
        ] {
            let run = run(&[command, &[typed]].concat());
            assert_eq!(run.code, Some(2), "{run:?}");
            run.says(&[
                part,
                "like idrac.example:443, 10.0.0.20 or [fe80::1%vmbr0]:443",
            ]);
        }
    }
}

#[test]
fn who_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = listener.local_addr().unwrap().to_string();
    drop(listener);
    let refused = run(&["cert", &name]);
    refused.one_line(5, &[&name, "cannot be reached", "refused"]);
    let nobody = run(&["cert", "nobody.invalid"]);
    nobody.one_line(5, &["nobody.invalid:443: its name was not resolved: "]);
}
