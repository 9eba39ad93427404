//! `time-shift audit explain`: what a code means.
use serde::Serialize;

use crate::audit::{Event, Kind as FaultKind};
use crate::cli::arguments::audit::Explain;
use crate::cli::{Exit, Failure, put, put_json};
use crate::judge::WARNINGS;
use crate::model::{DenyReason, Printable};
use crate::report::Code;
use crate::strict::nearest;
use crate::trace::Kind as Unusual;

/// What a code means, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Meaning {
    code: &'static str,
    kind: Kind,
    /// The file that has the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'static str>,
    explanation: &'static str,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Event,
    Denial,
    Finding,
    Warning,
    Syslog,
    Anomaly,
    Fault,
}

/// What is only said in syslog.
const SYSLOG: [(&str, &str); 3] = [
    (
        "seal",
        "How far a log of the trail is, for a system's log that keeps it elsewhere: audit verify --seal checks the \
         files against it.",
    ),
    (
        "lost",
        "The system's log did not take so many messages. The records that they were about are in the trail.",
    ),
    (
        "anomaly",
        "Something in the trail is unusual: time-shift audit anomalies shows it with its records.",
    ),
];

pub(super) fn run(options: &Explain) -> Result<Exit, Failure> {
    let meaning = meaning(&options.code).ok_or_else(|| unknown(&options.code))?;
    if options.json {
        put_json(&meaning)?;
        return Ok(Exit::Done);
    }
    let kind = match (meaning.kind, meaning.file) {
        (Kind::Event, file) => format!("event, in {}", file.unwrap_or_default()),
        (Kind::Denial, _) => "reason of a denial".to_owned(),
        (Kind::Finding, _) => "finding of check".to_owned(),
        (Kind::Warning, _) => "warning of plan and check".to_owned(),
        (Kind::Syslog, _) => "event, in syslog only".to_owned(),
        (Kind::Anomaly, _) => "anomaly".to_owned(),
        (Kind::Fault, _) => "fault that audit verify finds".to_owned(),
    };
    put(&format!(
        "{} ({kind})\n{}\n",
        meaning.code, meaning.explanation
    ))?;
    Ok(Exit::Done)
}

fn meaning(code: &str) -> Option<Meaning> {
    let same = |known: &str| known.eq_ignore_ascii_case(code);
    if let Some(event) = Event::ALL.iter().find(|event| event.code() == code) {
        return Some(Meaning {
            code: event.code(),
            kind: Kind::Event,
            file: Some(event.log().file_name()),
            explanation: event.explanation(),
        });
    }
    let denial = DenyReason::ALL.iter().find(|reason| same(reason.code()));
    let denial = denial.map(|reason| (reason.code(), Kind::Denial, reason.explanation()));
    let finding = Code::ALL.iter().find(|finding| same(finding.as_str()));
    let finding = finding.map(|finding| (finding.as_str(), Kind::Finding, finding.explanation()));
    let warning = WARNINGS.iter().find(|(code, _)| same(code));
    let warning = warning.map(|(code, meaning)| (*code, Kind::Warning, *meaning));
    let syslog = SYSLOG.iter().find(|(code, _)| same(code));
    let syslog = syslog.map(|(code, meaning)| (*code, Kind::Syslog, *meaning));
    let anomaly = Unusual::ALL.iter().find(|kind| same(kind.as_str()));
    let anomaly = anomaly.map(|kind| (kind.as_str(), Kind::Anomaly, kind.explanation()));
    let fault = FaultKind::ALL.iter().find(|kind| same(kind.as_str()));
    let fault = fault.map(|kind| (kind.as_str(), Kind::Fault, kind.explanation()));
    let found = denial.or(finding).or(warning);
    let (code, kind, explanation) = found.or(syslog).or(anomaly).or(fault)?;
    Some(Meaning {
        code,
        kind,
        file: None,
        explanation,
    })
}

fn unknown(code: &str) -> Failure {
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.code()).collect();
    let reasons: Vec<&str> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
    let findings: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let warnings: Vec<&str> = WARNINGS.iter().map(|(code, _)| *code).collect();
    let syslog: Vec<&str> = SYSLOG.iter().map(|(code, _)| *code).collect();
    let anomalies: Vec<&str> = Unusual::ALL.iter().map(|kind| kind.as_str()).collect();
    let faults: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let all = [
        &events, &reasons, &findings, &warnings, &syslog, &anomalies, &faults,
    ];
    let all = all.into_iter().flatten().copied();
    if let Some(near) = nearest(code, all) {
        let code = Printable::from(code);
        return Failure(format!("there is no code {code}; did you mean {near}?"));
    }
    Failure(format!(
        "no such code; events: {}; reasons: {}; findings: {}; warnings: {}; in syslog: {}; anomalies: {}; \
         faults: {}",
        events.join(", "),
        reasons.join(", "),
        findings.join(", "),
        warnings.join(", "),
        syslog.join(", "),
        anomalies.join(", "),
        faults.join(", ")
    ))
}
