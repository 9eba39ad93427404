//! What `time-shift cert` prints and ends with.
use serde_json::Value;

use super::servers::{Server, fingerprint};
use super::{read, run};

#[test]
fn a_server_is_shown_with_a_date_and_what_a_browser_minds() {
    let server = Server::openssl("rsa-1024-sha1", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]);
    let run = run(&["cert", &server.name()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        " (TLS 1.0, TLS_",
        "  subject     CN=rsa-1024-sha1, O=Lab\n",
        "  key         RSA 1024\n",
        "  not after   2016-07-15T12:00:00Z\n",
        &fingerprint("rsa-1024-sha1"),
        "  state       expired since 2016-07-15T12:00:00Z\n",
        "  chain       1 certificate, self-signed\n",
        "  date        2016-06-15T12:00:00Z",
        "At 2016-06-15T12:00:00Z a browser in the guest still minds:\n",
    ]);
    let codes: Vec<_> = run
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": "))
        .collect();
    let codes: Vec<&str> = codes
        .into_iter()
        .map(|(code, _)| code)
        .filter(|code| !code.contains(' '))
        .collect();
    assert_eq!(
        codes,
        ["old-tls", "sha1-signature", "short-key", "self-signed"]
    );
}

fn remarks(found: &Value) -> Vec<&str> {
    let remarks = found["remarks"].as_array().unwrap();
    remarks
        .iter()
        .map(|remark| remark["code"].as_str().unwrap())
        .collect()
}

#[test]
fn what_is_old_about_a_server_is_told_from_its_choice() {
    let rc4 = Server::old("3.0", "rc4");
    assert_eq!(
        remarks(&read(&rc4.name(), &[])),
        ["sslv3", "rc4-only", "self-signed"]
    );
    let des = Server::old("3.2", "3des");
    assert_eq!(
        remarks(&read(&des.name(), &[])),
        ["old-tls", "3des-only", "self-signed"]
    );
    let with = |suites: &str| {
        let options = ["-tls1_2", "-serverpref", "-cipher", suites];
        let server = Server::openssl("rsa", &options);
        let found = read(&server.name(), &[]);
        remarks(&found).join(" ")
    };
    assert_eq!(
        with("DHE-RSA-AES128-SHA:@SECLEVEL=0"),
        "dhe-only self-signed"
    );
    // One that prefers an old suite and has newer ones too is not "only".
    let both = "DHE-RSA-AES128-SHA:AES128-SHA:@SECLEVEL=0";
    assert_eq!(with(both), "self-signed");
    let pss = ["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"];
    let pss = Server::openssl("pss-sha1", &pss);
    assert_eq!(
        remarks(&read(&pss.name(), &[])),
        ["sha1-signature", "self-signed"]
    );
    let chain = Server::openssl("chain", &["-tls1_2"]);
    assert_eq!(remarks(&read(&chain.name(), &[])), [""; 0]);
    let by_name = format!("localhost:{}", chain.port);
    assert_eq!(remarks(&read(&by_name, &[])), ["name-mismatch"]);
}

#[test]
fn several_servers_get_one_date_or_the_pair_that_excludes_it() {
    let (old, long, new) = (
        Server::openssl("chain", &["-tls1_2"]),
        Server::openssl("rsa-1024-sha1", &["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"]),
        Server::openssl("future", &["-tls1_2"]),
    );
    let both = run(&["cert", "--margin", "1d", &old.name(), &long.name()]);
    assert_eq!(both.code, Some(0), "{both:?}");
    both.says(&["A date for all that were read: 2016-07-14T12:00:00Z\n"]);
    let none = run(&["cert", &old.name(), &new.name()]);
    assert_eq!(none.code, Some(1), "{none:?}");
    none.says(&[
        "there is no date at which all certificates are valid",
        &format!(
            "{}'s chain certificate 1 (CN=Lab issuer, O=Lab) is over on 2016-07-15T12:00:00Z",
            old.name()
        ),
        &format!(
            "before {}'s certificate begins on 2090-01-01T00:00:00Z",
            new.name()
        ),
    ]);
}

#[test]
fn a_server_without_tls_is_named_as_such() {
    let clear = super::hostile::Hostile::says(b"HTTP/1.0 400 Bad Request\r\n\r\n".to_vec());
    run(&["cert", &clear.name]).one_line(1, &["clear text; is this the right port?"]);
}
