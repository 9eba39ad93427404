//! What is known about a server, for people.
use super::show::Found;
use crate::cert::{Certificate, Reading};
use crate::cli::style::pairs;
use crate::model::{CalendarSecond, Peer, Standing, Validity};

/// A server, its certificate, a date, and what a browser will mind at that date.
pub(super) fn server(peer: &Peer, found: &Found) -> String {
    let mut text = format!("{peer} ({}, {})\n", found.protocol.as_str(), found.suite);
    let mut lines = Vec::new();
    if let Some(leaf) = found.certificates.first() {
        lines.extend(certificate(leaf));
        lines.push(("state", state(found.state, &leaf.validity)));
    }
    lines.push(("chain", chain(&found.certificates)));
    if let Some(date) = found.date {
        lines.push((
            "date",
            format!("{date} (a guest's, at which all of it is valid)"),
        ));
    }
    if let Some(conflict) = &found.no_date {
        lines.push(("no date", conflict.clone()));
    }
    if let Some(http) = &found.http {
        lines.push(("page", http.text.clone()));
    }
    text.push_str(&pairs(&lines));
    text.push_str(&minded(found));
    text
}

fn minded(found: &Found) -> String {
    let at = match found.date {
        Some(date) => format!("At {date}"),
        None => "Whatever the date".to_owned(),
    };
    if found.remarks.is_empty() {
        return format!(
            "{at} a browser in the guest minds nothing about it, if it trusts the issuer.\n"
        );
    }
    let mut text = format!("{at} a browser in the guest still minds:\n");
    for remark in &found.remarks {
        text.push_str(&format!(
            "  {}: {}\n    {}\n",
            remark.code, remark.text, remark.advice
        ));
    }
    text
}

/// A certificate's own lines.
pub(super) fn certificate(leaf: &Certificate) -> Vec<(&'static str, String)> {
    vec![
        ("subject", leaf.subject.to_string()),
        ("issuer", leaf.issuer.to_string()),
        ("serial", leaf.serial.to_string()),
        ("key", leaf.key.to_string()),
        ("signature", leaf.signature.clone()),
        ("not before", leaf.validity.not_before.to_string()),
        ("not after", leaf.validity.not_after.to_string()),
        ("SHA-256", leaf.sha256.with_colons()),
    ]
}

/// What somebody has to agree to who pins it.
pub(super) fn to_pin(
    reading: &Reading,
    validity: &Validity,
    date: Option<CalendarSecond>,
) -> String {
    let mut lines = certificate(&reading.leaf);
    if !reading.others.is_empty() {
        lines.push(("all valid", validity.to_string()));
    }
    lines.extend(date.map(|date| ("date", date.to_string())));
    pairs(&lines)
}

fn state(standing: Standing, validity: &Validity) -> String {
    match standing {
        Standing::Valid => "valid".to_owned(),
        Standing::Expired => format!("expired since {}", validity.not_after),
        Standing::NotYet => format!("not valid before {}", validity.not_before),
        Standing::Never => "never valid: it ends before it begins".to_owned(),
    }
}

fn chain(certificates: &[Certificate]) -> String {
    let count = match certificates.len() {
        1 => "1 certificate".to_owned(),
        count => format!("{count} certificates"),
    };
    match certificates.first().is_some_and(|leaf| leaf.self_signed) {
        true => format!("{count}, self-signed"),
        false => count,
    }
}
