//! `time-shift audit explain`: what a code means.
use crate::audit::Event;
use crate::cli::arguments::audit::Explain;
use crate::cli::{Exit, Failure, put};
use crate::judge::WARNINGS;
use crate::model::DenyReason;
use crate::report::Code;

pub(super) fn run(options: &Explain) -> Result<Exit, Failure> {
    let code = options.code.as_str();
    if let Some(event) = Event::ALL.iter().find(|event| event.code() == code) {
        let file = event.log().file_name();
        put(&format!(
            "{code} (event, in {file})\n{}\n",
            event.explanation()
        ))?;
        return Ok(Exit::Done);
    }
    let same = |reason: &&DenyReason| reason.code().eq_ignore_ascii_case(code);
    if let Some(reason) = DenyReason::ALL.iter().find(same) {
        put(&format!(
            "{reason} (reason of a denial)\n{}\n",
            reason.explanation()
        ))?;
        return Ok(Exit::Done);
    }
    let same = |known: &&Code| known.as_str().eq_ignore_ascii_case(code);
    if let Some(finding) = Code::ALL.iter().find(same) {
        put(&format!(
            "{finding} (finding of check)\n{}\n",
            finding.explanation()
        ))?;
        return Ok(Exit::Done);
    }
    let same = |known: &&(&str, &str)| known.0.eq_ignore_ascii_case(code);
    if let Some((name, meaning)) = WARNINGS.iter().find(same) {
        put(&format!("{name} (warning of plan and check)\n{meaning}\n"))?;
        return Ok(Exit::Done);
    }
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.code()).collect();
    let reasons: Vec<&str> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
    let findings: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let warnings: Vec<&str> = WARNINGS.iter().map(|(code, _)| *code).collect();
    Err(Failure(format!(
        "no such code; events: {}; reasons: {}; findings: {}; warnings: {}",
        events.join(", "),
        reasons.join(", "),
        findings.join(", "),
        warnings.join(", ")
    )))
}
