//! `time-shift audit explain`: what a code means.
use serde::Serialize;

use crate::audit::Event;
use crate::cli::arguments::audit::Explain;
use crate::cli::{Exit, Failure, put, put_json};
use crate::judge::WARNINGS;
use crate::model::DenyReason;
use crate::report::Code;

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
}

pub(super) fn run(options: &Explain) -> Result<Exit, Failure> {
    let meaning = meaning(&options.code).ok_or_else(unknown)?;
    if options.json {
        put_json(&meaning)?;
        return Ok(Exit::Done);
    }
    let kind = match (meaning.kind, meaning.file) {
        (Kind::Event, file) => format!("event, in {}", file.unwrap_or_default()),
        (Kind::Denial, _) => "reason of a denial".to_owned(),
        (Kind::Finding, _) => "finding of check".to_owned(),
        (Kind::Warning, _) => "warning of plan and check".to_owned(),
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
    let (code, kind, explanation) = denial.or(finding).or(warning)?;
    Some(Meaning {
        code,
        kind,
        file: None,
        explanation,
    })
}

fn unknown() -> Failure {
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.code()).collect();
    let reasons: Vec<&str> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
    let findings: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let warnings: Vec<&str> = WARNINGS.iter().map(|(code, _)| *code).collect();
    Failure(format!(
        "no such code; events: {}; reasons: {}; findings: {}; warnings: {}",
        events.join(", "),
        reasons.join(", "),
        findings.join(", "),
        warnings.join(", ")
    ))
}
