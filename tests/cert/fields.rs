//! What is said of a certificate, beside what openssl says of the same one; chains and dates at the ends.
use std::process::Command;

use serde_json::Value;

use super::hostile::{Hostile, answer, certificates};
use super::servers::{Server, certificate, key, project};
use super::support::Run;
use super::{read, run};

/// What openssl says about a certificate by this option.
fn openssl(name: &str, option: &str) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["x509", "-noout", "-dateopt", "iso_8601", option, "-in"])
        .arg(certificate(name));
    let said = Run::of(&mut command).out;
    let value = said
        .split_once('=')
        .map_or(said.as_str(), |(_, value)| value);
    value.trim().replace(" = ", "=")
}

/// What stands in `text` between two words.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0.trim()
}

#[test]
fn each_field_is_what_openssl_says() {
    for name in ["rsa", "ec", "rsa-1024-sha1", "future", "year-2055", "chain"] {
        let server = Server::openssl(name, &["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"]);
        let found = read(&server.name(), &[]);
        let leaf = &found["certificates"][0];
        let is = |field: &str, value: &str| assert_eq!(leaf[field], value, "{name}: {leaf}");
        is("subject", &openssl(name, "-subject"));
        is("issuer", &openssl(name, "-issuer"));
        let serial = leaf["serial"].as_str().unwrap().replace(':', "");
        assert_eq!(serial.to_uppercase(), openssl(name, "-serial"), "{name}");
        is("not-before", &openssl(name, "-startdate").replace(' ', "T"));
        is("not-after", &openssl(name, "-enddate").replace(' ', "T"));
        let sha256 = super::servers::fingerprint(name);
        is("sha256", &sha256.replace(':', "").to_lowercase());
        let text = openssl(name, "-text");
        is("signature", between(&text, "Signature Algorithm: ", "\n"));
        let bits = between(&text, "Public-Key: (", " bit)");
        assert_eq!(leaf["key"]["bits"].to_string(), bits, "{name}");
        let kind = between(&text, "Public Key Algorithm: ", "\n");
        let ours = match leaf["key"]["kind"].as_str().unwrap() {
            "RSA" => "rsaEncryption",
            "EC" => "id-ecPublicKey",
            other => other,
        };
        assert_eq!(ours, kind, "{name}");
        assert_eq!(leaf["self-signed"], name != "chain", "{name}");

        // The same for people.
        let shown = run(&["cert", &server.name()]);
        let line = |label: &str, value: &str| shown.says(&[&format!("  {label:<10}  {value}\n")]);
        line("subject", &openssl(name, "-subject"));
        line("issuer", &openssl(name, "-issuer"));
        line("serial", leaf["serial"].as_str().unwrap());
        line(
            "key",
            &format!("{} {bits}", leaf["key"]["kind"].as_str().unwrap()),
        );
        line("signature", leaf["signature"].as_str().unwrap());
        line("not before", leaf["not-before"].as_str().unwrap());
        line("not after", leaf["not-after"].as_str().unwrap());
        line("SHA-256", &sha256);
        let state = match name {
            "rsa-1024-sha1" => "expired since 2016-07-15T12:00:00Z",
            "chain" => "expired since 2018-01-01T00:00:00Z",
            "future" => "not valid before 2090-01-01T00:00:00Z",
            _ => "valid",
        };
        line("state", state);
        let chain = match name {
            "chain" => "2 certificates",
            _ => "1 certificate, self-signed",
        };
        line("chain", chain);
        shown.says(&[&format!(
            "  date        {} (a guest's",
            found["date"].as_str().unwrap()
        )]);
    }
}

#[test]
fn what_a_browser_minds_is_told_with_what_to_do_in_the_guest() {
    for server in [
        Server::old("3.0", "rc4"),
        Server::old("3.2", "3des"),
        Server::openssl("rsa-1024-sha1", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]),
        Server::openssl("chain", &["-tls1_2"]),
    ] {
        // The chain's is for 127.0.0.1.
        let name = format!("localhost:{}", server.port);
        let found = read(&name, &[]);
        let remarks = found["remarks"].as_array().unwrap();
        assert!(!remarks.is_empty(), "{found}");
        let shown = run(&["cert", &name]);
        let date = found["date"].as_str().unwrap();
        shown.says(&[&format!("At {date} a browser in the guest still minds:\n")]);
        for remark in remarks {
            let word = |key: &str| remark[key].as_str().unwrap();
            assert!(word("do").len() > 20, "{remark}");
            let lines = format!("  {}: {}\n    {}\n", word("code"), word("text"), word("do"));
            shown.says(&[&lines]);
        }
    }
    let fine = Server::openssl("chain", &["-tls1_2"]);
    run(&["cert", &fine.name()]).says(&[
        "At 2016-06-15T12:00:00Z a browser in the guest minds nothing about it, if it trusts the issuer.\n",
    ]);
}

#[test]
fn a_server_with_several_names_is_asked_for_the_one_that_is_meant() {
    for version in ["-tls1_2", "-tls1_3"] {
        let (cert, key) = (certificate("ec"), key("ec"));
        let named = ["-servername", "localhost", "-cert2", cert.to_str().unwrap()];
        let named = [&[version][..], &named, &["-key2", key.to_str().unwrap()]].concat();
        let server = Server::openssl("rsa", &named);
        let subject = |host: &str| {
            let found = read(&format!("{host}:{}", server.port), &[]);
            found["certificates"][0]["subject"].clone()
        };
        assert_eq!(subject("localhost"), "CN=ec, O=Lab", "{version}");
        assert_eq!(subject("127.0.0.1"), "CN=rsa, O=Lab", "{version}");
    }
}

#[test]
fn ten_certificates_are_read_and_eleven_are_refused_in_tls_1_2_and_1_3() {
    let issuer = std::fs::read_to_string(certificate("issuer")).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        for (count, code) in [(9, 0), (10, 1)] {
            let file = certificate(&format!("{count}-issuers"));
            std::fs::write(&file, issuer.repeat(count)).unwrap();
            let others = ["-cert_chain", file.to_str().unwrap()];
            let server = Server::openssl("rsa", &[&[version][..], &others].concat());
            let shown = run(&["cert", &server.name()]);
            assert_eq!(shown.code, Some(1), "{shown:?}");
            match code {
                // Read, though there is no date for all: the issuer is over before the server's begins.
                0 => shown.says(&[
                    "  chain       10 certificates",
                    "  no date     there is no date",
                ]),
                _ => shown.says(&["11 certificates", "at most 10"]),
            }
        }
    }
}

/// A server with one of the certificates of the library's own tests.
fn fixture(name: &str) -> Hostile {
    let file = project().join(format!("src/cert/fixtures/{name}.der"));
    Hostile::says(answer(&certificates(&[std::fs::read(file).unwrap()])))
}

#[test]
fn the_ends_of_the_calendar_and_a_window_that_ends_before_it_begins_are_handled() {
    let found = |name: &str| -> Value { read(&fixture(name).name, &[]) };
    for (name, not_before, not_after, state, date) in [
        // UTCTime to its last second; GeneralizedTime; "no well-defined expiration date".
        (
            "year-2049",
            "1950-01-01T00:00:00Z",
            "2049-12-31T23:59:59Z",
            "valid",
            "2049-12-01T23:59:59Z",
        ),
        (
            "year-2055",
            "2026-01-01T00:00:00Z",
            "2055-01-01T00:00:00Z",
            "valid",
            "2054-12-02T00:00:00Z",
        ),
        (
            "no-end",
            "2026-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "valid",
            "9999-12-01T23:59:59Z",
        ),
    ] {
        let found = found(name);
        let leaf = &found["certificates"][0];
        assert_eq!(leaf["not-before"], not_before, "{found}");
        assert_eq!(leaf["not-after"], not_after, "{found}");
        assert_eq!(found["state"], state, "{found}");
        assert_eq!(found["date"], date, "{found}");
    }
    let never = fixture("negative");
    let shown = run(&["cert", &never.name]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    shown.says(&[
        "  state       never valid: it ends before it begins\n",
        "  no date     there is no date at which ",
        "Whatever the date a browser in the guest still minds:\n",
    ]);
}
