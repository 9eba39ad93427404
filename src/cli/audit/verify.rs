//! `time-shift audit verify`: whether the trail is as it was written.
use serde::Serialize;

use super::entries::is_older;
use super::lines::{Flow, each_line};
use super::unfinished::{Unfinished, unfinished, unfinished_lately};
use crate::audit::{Hash, Log, LogFile, Proof, Report, Sealer, open_logs_for_proof};
use crate::cli::arguments::audit::{Verify, Witness};
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::Timestamp;
use crate::system;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    ok: bool,
    chains: Vec<Report>,
    unfinished: Vec<Unfinished>,
}

/// How far back intents without an outcome are looked for, if nothing else is said.
const UNFINISHED_DAYS: i64 = 7;

pub(super) fn run(config: &Config, options: &Verify) -> Result<Exit, Failure> {
    let since = options.since.map(|since| since.as_time()).transpose()?;
    let (sealer, logs) = open_logs_for_proof(&config.paths.log, &config.paths.data)?;
    let mut chains = Vec::new();
    for files in logs {
        let witnesses = witnesses(&options.seal, files.log);
        let head = files.head;
        chains.push(prove(
            &sealer,
            files.log,
            files.files,
            head,
            witnesses,
            since,
        ));
    }
    let ok = chains
        .iter()
        .all(|chain| chain.faults.is_empty() && chain.more == 0);
    let answer = Answer {
        ok,
        unfinished: match since {
            Some(_) => unfinished(config, since, system::now()?.real)?,
            None => unfinished_lately(config, UNFINISHED_DAYS)?,
        },
        chains,
    };
    if options.json {
        put_json(&answer)?;
    } else {
        put(&text(&answer))?;
    }
    Ok(if ok { Exit::Done } else { Exit::Failed })
}

fn witnesses(seals: &[Witness], log: Log) -> Vec<(u64, Hash)> {
    let of_this = seals.iter().filter(|seal| seal.log == log);
    of_this.map(|seal| (seal.seq, seal.hash)).collect()
}

fn prove(
    sealer: &Sealer,
    log: Log,
    files: Vec<LogFile>,
    head: Option<(u64, Hash)>,
    witnesses: Vec<(u64, Hash)>,
    since: Option<Timestamp>,
) -> Report {
    let mut proof = Proof::new(sealer, log, witnesses);
    // Only from the oldest end: with a clock that went back, a file may look older than one before it.
    for file in files.into_iter().skip_while(|file| is_older(file, since)) {
        proof.file(&file.name);
        let read = each_line(&file, |line, whole| {
            proof.line(line, whole);
            Flow::Next
        });
        if let Err(why) = read {
            complain(&why);
            proof.unreadable("the rest of this file cannot be read");
        }
    }
    proof.end(head)
}

fn text(answer: &Answer) -> String {
    let mut text = String::new();
    for chain in &answer.chains {
        for fault in &chain.faults {
            text.push_str(&format!("{fault}\n"));
        }
        if chain.more > 0 {
            text.push_str(&format!("{}: {} more\n", chain.log.file_name(), chain.more));
        }
        for note in &chain.notes {
            text.push_str(&format!("{}: note: {note}\n", chain.log.file_name()));
        }
        let name = chain.log.file_name();
        let good = chain.faults.is_empty() && chain.more == 0;
        let verdict = if good {
            "unbroken"
        } else {
            "NOT AS IT WAS WRITTEN"
        };
        text.push_str(&match chain.range {
            Some((first, last)) => format!(
                "{name}: {} records, {first} to {last}: {verdict}\n",
                chain.records
            ),
            None if good => format!("{name}: no records\n"),
            None => format!("{name}: no records left: {verdict}\n"),
        });
    }
    for intent in &answer.unfinished {
        text.push_str(&format!("{intent}\n"));
    }
    text
}
