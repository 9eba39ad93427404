//! What was done to a secret, for people and for scripts.
use serde::Serialize;

use super::super::arguments::token::Json;
use super::super::{Failure, put, put_json};
use crate::model::TokenName;
use crate::token::Kind;

/// As `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Done<'a> {
    secret: &'a TokenName,
    /// `added`, `imported`, `rotated` or `removed`.
    done: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    /// What is left to do by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl<'a> Done<'a> {
    pub(super) fn new(secret: &'a TokenName, done: &'static str) -> Done<'a> {
        Done {
            secret,
            done,
            kind: None,
            next: None,
        }
    }

    pub(super) fn of(self, kind: Kind) -> Done<'a> {
        Done {
            kind: Some(kind),
            ..self
        }
    }

    /// Says it in JSON, or in these words.
    pub(super) fn put(&self, output: &Json, text: &str) -> Result<(), Failure> {
        match output.json {
            true => put_json(self),
            false => put(text),
        }
    }
}
