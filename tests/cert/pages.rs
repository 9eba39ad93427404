//! `time-shift cert --http`: what is behind a server.
use super::servers::Server;
use super::{read, run};

/// The page of a server: its status and the words about it.
fn page(server: &Server) -> (Option<u64>, String) {
    let page = read(&server.name(), &["--http"])["http"].clone();
    let text = page["text"].as_str().unwrap().to_owned();
    (page["status"].as_u64(), text)
}

#[test]
fn what_is_alive_is_said_to_be() {
    for (status, alive) in [
        (200, true),
        (301, true),
        (302, true),
        (401, true),
        (403, true),
        (404, false),
        (503, false),
    ] {
        let words = match alive {
            true => format!("status {status}: it is alive"),
            false => format!("status {status}"),
        };
        assert_eq!(page(&Server::page(status)), (Some(status), words));
    }
    let server = Server::page(401);
    let shown = run(&["cert", "--http", &server.name()]);
    shown.says(&["  page        status 401: it is alive\n"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Server::openssl("ec", &[version, "-www"]);
        assert_eq!(page(&server).0, Some(200), "{version}");
    }
}

#[test]
fn a_page_that_cannot_be_asked_for_is_explained() {
    let old = page(&Server::old("3.1", "rc4"));
    assert_eq!(old.0, None);
    assert!(old.1.starts_with("not asked: it speaks TLS 1.0"), "{old:?}");
    let old = Server::openssl("rsa", &["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"]);
    let old = page(&old);
    assert!(
        old.0.is_none() && old.1.contains("no suite in common"),
        "{old:?}"
    );
}

#[test]
fn what_is_no_page_is_said_to_be_none() {
    // What was asked, from its end to its beginning.
    let other = page(&Server::openssl("ec", &["-tls1_2", "-rev"]));
    assert_eq!(
        other,
        (
            None,
            "no answer: the connection broke: its answer is no HTTP".to_owned()
        )
    );
    // Zeros without end, and no end of a line among them.
    let mut endless = Server::openssl("ec", &["-tls1_2"]);
    endless.says_zeros();
    let endless = page(&endless);
    assert_eq!(
        endless,
        (
            None,
            "no answer: the connection broke: its answer is no HTTP".to_owned()
        )
    );
}

#[test]
fn the_page_is_waited_for_within_the_ten_seconds_and_with_others_at_once() {
    // They shake hands and say nothing.
    let silent: [Server; 3] = std::array::from_fn(|_| Server::openssl("ec", &["-tls1_2"]));
    let names = silent.each_ref().map(Server::name);
    let shown = run(&["cert", "--http", &names[0], &names[1], &names[2]]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let words = "page        no answer: it accepts connections and does not answer in time\n";
    assert_eq!(shown.out.matches(words).count(), 3, "{shown:?}");
    assert!(shown.took.as_secs() < 15, "{shown:?}");
}
