//! Answers as servers cut them, and as no server should.
use proptest::prelude::*;

use super::*;

const DER: &[u8] = include_bytes!("../fixtures/expired.der");

fn sized(width: usize, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[8 - width..], content].concat()
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind], &sized(3, content)[..]].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1], &sized(2, content)[..]].concat()
}

fn server_hello() -> Vec<u8> {
    let content = [&[3, 1][..], &[7; 32], &[0], &[0, 5], &[0]].concat();
    message(SERVER_HELLO, &content)
}

fn certificates(chain: &[&[u8]]) -> Vec<u8> {
    let list: Vec<u8> = chain.iter().flat_map(|der| sized(3, der)).collect();
    message(CERTIFICATE, &sized(3, &list))
}

/// All at once.
fn take(bytes: &[u8]) -> Result<Progress, ReadError> {
    Inbox::default().take(bytes)
}

fn done(chain: &[&[u8]]) -> Progress {
    Progress::Done {
        protocol: Protocol::Tls10,
        suite: 5,
        chain: chain.iter().map(|der| der.to_vec()).collect(),
    }
}

#[test]
fn several_messages_in_a_record_are_taken_apart() {
    let both = [server_hello(), certificates(&[DER, DER])].concat();
    assert_eq!(take(&record(22, &both)), Ok(done(&[DER, DER])));
    // With warnings and a HelloRequest in between.
    let mixed = [
        record(21, &[1, 112]),
        record(22, &message(HELLO_REQUEST, &[])),
        record(22, &server_hello()),
        record(22, &certificates(&[DER])),
    ];
    assert_eq!(take(&mixed.concat()), Ok(done(&[DER])));
}

#[test]
fn a_chain_of_the_largest_size_is_read_byte_by_byte_and_nothing_larger() {
    let tenth = vec![0x30; (BYTES_LIMIT - 30) / 10];
    let chain: Vec<&[u8]> = vec![&tenth; CHAIN_LIMIT];
    let all = [server_hello(), certificates(&chain)].concat();
    let bytes: Vec<u8> = all.iter().flat_map(|byte| record(22, &[*byte])).collect();
    let mut inbox = Inbox::default();
    let mut last = Progress::Hungry;
    for byte in bytes {
        assert_eq!(last, Progress::Hungry);
        last = inbox.take(&[byte]).unwrap();
    }
    assert_eq!(last, done(&chain));

    let larger = vec![0x30; BYTES_LIMIT];
    let all = [server_hello(), certificates(&[&larger])].concat();
    let records: Vec<u8> = all
        .chunks(16_000)
        .flat_map(|part| record(22, part))
        .collect();
    assert!(matches!(take(&records), Err(ReadError::TooMuch(_))));
    let many = [server_hello(), certificates(&[DER; CHAIN_LIMIT + 1])].concat();
    assert!(matches!(
        take(&record(22, &many)),
        Err(ReadError::TooMuch(_))
    ));
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_kept_for_them() {
    // 16 MB are announced.
    let huge = [&server_hello()[..], &[CERTIFICATE, 0xff, 0xff, 0xff]].concat();
    assert!(matches!(
        take(&record(22, &huge)),
        Err(ReadError::TooMuch(_))
    ));
    let huge = [SERVER_HELLO, 0xff, 0xff, 0xff];
    assert!(matches!(
        take(&record(22, &huge)),
        Err(ReadError::TooMuch(_))
    ));
    // A record, the list, and a certificate in it that are longer or shorter than they say.
    assert!(matches!(
        take(&[22, 3, 1, 0xff, 0xff]),
        Err(ReadError::NotTls(_))
    ));
    let good = certificates(&[DER]);
    for at in [4, 5, 6, 7, 8, 9] {
        for change in [1, 0xff] {
            let mut bad = good.clone();
            bad[at] = bad[at].wrapping_add(change);
            let all = record(22, &[server_hello(), bad].concat());
            assert!(take(&all).is_err(), "{at} {change}");
        }
    }
}

#[test]
fn endless_records_come_to_an_end() {
    for endless in [
        record(22, &[]),
        record(21, &[1, 0]),
        record(22, &message(HELLO_REQUEST, &[])),
    ] {
        let mut inbox = Inbox::default();
        let ended = (0..1_000_000).find_map(|_| inbox.take(&endless).err());
        assert!(matches!(ended, Some(ReadError::TooMuch(_))), "{ended:?}");
        assert!(inbox.raw.capacity() + inbox.messages.capacity() < 200_000);
    }
}

#[test]
fn whatever_is_no_tls_is_named() {
    for (bytes, part) in [
        (&b"HTTP/1.0 400 Bad Request\r\n"[..], "clear text"),
        (b"SSH-2.0-x\r\n", "clear text"),
        (&[0x80, 0x2e, 4, 0, 1], "SSLv2"),
        (&[22, 4, 0, 0, 1, 1], "something else"),
        (&[0, 0, 0], "something else"),
    ] {
        let error = take(bytes).unwrap_err();
        assert!(
            matches!(error, ReadError::NotTls(_)) && error.to_string().contains(part),
            "{error}"
        );
    }
    assert_eq!(take(&record(21, &[2, 40])), Err(ReadError::Alert(40)));
    for early in [
        record(22, &certificates(&[DER])),
        record(22, &[server_hello(), message(14, &[])].concat()),
        record(22, &[server_hello(), certificates(&[])].concat()),
        [record(22, &server_hello()), record(20, &[1])].concat(),
    ] {
        assert_eq!(take(&early), Err(ReadError::NoCertificate));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn how_an_answer_is_cut_makes_no_difference(
        cuts in proptest::collection::vec(1_usize..400, 1..60), parts in proptest::collection::vec(1_usize..400, 1..60)
    ) {
        let all = [server_hello(), certificates(&[DER, DER])].concat();
        let mut rest = &all[..];
        let mut bytes = Vec::new();
        for cut in cuts.iter().cycle() {
            let (part, after) = rest.split_at((*cut).min(rest.len()));
            bytes.extend(record(22, part));
            rest = after;
            if rest.is_empty() { break; }
        }
        let mut inbox = Inbox::default();
        let mut rest = &bytes[..];
        let mut last = Progress::Hungry;
        for part in parts.iter().cycle() {
            let (part, after) = rest.split_at((*part).min(rest.len()));
            last = inbox.take(part).unwrap();
            rest = after;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(last, done(&[DER, DER]));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = take(&bytes);
        let _ = take(&record(22, &bytes));
        let _ = take(&[record(22, &server_hello()), record(22, &message(CERTIFICATE, &bytes))].concat());
        let _ = take(&record(22, &message(SERVER_HELLO, &bytes)));
    }

    #[test]
    fn no_change_of_an_answer_makes_the_reader_panic(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = record(22, &[server_hello(), certificates(&[DER, DER])].concat());
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = take(&bytes);
    }
}
