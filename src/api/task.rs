//! The tasks that the API names: how they are doing, and what they said.
use serde_json::Value;

use super::answers::{odd, text};
use super::error::Error;
use super::{Api, Method, Path};
use crate::model::{NodeName, Printable, Upid, VmId};

/// How a task ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TaskEnd {
    /// It runs.
    Running,
    /// It did what it was to do.
    Done,
    /// It did, with warnings.
    Warned(Printable),
    /// It failed.
    Failed(Printable),
}

impl TaskEnd {
    /// Asks how a task is doing.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ask(api: &dyn Api, node: &NodeName, task: &Upid) -> Result<TaskEnd, Error> {
        let answer = api.call(Method::Get, &Path::task_status(node, task), &[])?;
        match text(&answer, "status") {
            Some("running") => Ok(TaskEnd::Running),
            Some("stopped") => Ok(match text(&answer, "exitstatus") {
                Some("OK") => TaskEnd::Done,
                Some(other) if other.starts_with("WARNINGS") => TaskEnd::Warned(other.into()),
                Some(other) => TaskEnd::Failed(other.into()),
                None => TaskEnd::Failed("it ended, and how is not known".into()),
            }),
            _ => Err(odd(api, "no state of a task")),
        }
    }

    /// Looks for the last task of a VM that began at `since` (seconds since 1970) or later and does one of
    /// `kinds`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn find(
        api: &dyn Api,
        node: &NodeName,
        vmid: VmId,
        kinds: &[&str],
        since: i64,
    ) -> Result<Option<Upid>, Error> {
        let (vmid, since) = (vmid.to_string(), since.to_string());
        // Those that run and those that have ended.
        let query = [
            ("vmid", vmid.as_str()),
            ("since", &since),
            ("source", "all"),
        ];
        let answer = api.call(Method::Get, &Path::tasks(node), &query)?;
        let tasks = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let begun = |task: &&Value| task.get("starttime").and_then(Value::as_i64);
        let task = tasks
            .iter()
            .filter(|task| text(task, "type").is_some_and(|kind| kinds.contains(&kind)))
            .max_by_key(begun);
        Ok(task.and_then(|task| Upid::parse(text(task, "upid")?)))
    }

    /// The lines of a task that are this program's.
    ///
    /// # Errors
    /// [`Error`].
    pub fn our_lines(api: &dyn Api, node: &NodeName, task: &Upid) -> Result<Vec<Printable>, Error> {
        let answer = api.call(
            Method::Get,
            &Path::task_log(node, task),
            &[("limit", "500")],
        )?;
        let lines = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let lines = lines.iter().filter_map(|line| text(line, "t"));
        Ok(lines
            .filter(|line| line.contains("time-shift"))
            .map(Printable::sentence)
            .collect())
    }
}
