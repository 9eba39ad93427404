//! The API on a node, as root: through pvesh, without any login.
use std::path::Path as FilePath;

use serde_json::Value;

use super::error::{Error, Kind};
use super::{Api, Method, Path};
use crate::allowlist::{Allowlist, PVE_CREATE, PVE_GET, PVE_SET};
use crate::exec::{ExecError, Output};
use crate::model::Deny;
use crate::policy::{HostPermit, HostValues, authorize_host_command};

/// Where Proxmox VE has it.
const PROGRAM: &str = "/usr/bin/pvesh";
/// How many at once; each is a Perl process of some 100 MB.
const LANES: usize = 2;

/// What runs a command that is permitted.
pub type Runner = dyn Fn(&HostPermit, Method) -> Result<Output, ExecError> + Send + Sync;

/// pvesh on this node: by the commands `pve-get`, `pve-set` and `pve-create` of the allowlist.
pub struct Pvesh {
    allowlist: Allowlist,
    agreed: Vec<Method>,
    runner: Box<Runner>,
}

impl Pvesh {
    /// Whether this is a node.
    #[must_use]
    pub fn is_here() -> bool {
        FilePath::new(PROGRAM).exists()
    }

    /// The one of this node, by the commands of an allowlist. `agreed`: those to which a person has agreed
    /// where they want it.
    #[must_use]
    pub fn new(allowlist: Allowlist, agreed: Vec<Method>, runner: Box<Runner>) -> Pvesh {
        Pvesh {
            allowlist,
            agreed,
            runner,
        }
    }

    /// The command of the allowlist for this kind of request.
    #[must_use]
    pub fn command(method: Method) -> &'static str {
        match method {
            Method::Get => PVE_GET,
            Method::Post => PVE_CREATE,
            Method::Put => PVE_SET,
        }
    }

    fn permit(
        &self,
        method: Method,
        path: &Path,
        parameters: &[(&str, &str)],
    ) -> Result<HostPermit, Deny> {
        // A value is an argument of its own that begins with no dash.
        let parameters = parameters.iter();
        let parameters: Vec<String> = parameters
            .map(|(name, value)| format!("--{name}={value}"))
            .collect();
        let path = path.decoded();
        let values = HostValues {
            path: Some(&path),
            parameters: &parameters,
        };
        let agreed = self.agreed.contains(&method);
        authorize_host_command(&self.allowlist, Pvesh::command(method), values, agreed)
    }

    fn read(method: Method, said: &Output) -> Result<Value, Error> {
        let unknown = |text: &str| Error::new(Kind::Unknown, "pvesh", text);
        if said.timed_out {
            return Err(unknown(
                "it had not ended in time (`timeout` of its [[host-command]])",
            ));
        }
        if said.truncated {
            return Err(unknown(
                "it said more than is kept; raise the `output-limit` of its [[host-command]]",
            ));
        }
        if said.code != Some(0) {
            let complaint = String::from_utf8_lossy(&said.err);
            let is_of_json = is_of_json(&complaint) && method != Method::Get;
            if is_of_json && complaint.contains(READER) {
                return Ok(Value::Null);
            }
            if is_of_json {
                return Err(unknown(complaint.trim()));
            }
            let why = complaint.trim().replace('\n', "; ");
            return Err(match said.code {
                // What Proxmox VE says is all that is known.
                Some(_) if !why.is_empty() => Error::new(Kind::Refused(500), "pvesh", &why),
                _ => unknown(&said.to_string()),
            });
        }
        let output = String::from_utf8_lossy(&said.out);
        if output.trim().is_empty() {
            return Ok(Value::Null);
        }
        // A task's own lines come before its name.
        let last = output.trim().lines().last().unwrap_or_default();
        let parsed = serde_json::from_str(&output).or_else(|error| {
            let task = last.trim_matches('"');
            match task.starts_with("UPID:") {
                true => Ok(Value::String(task.to_owned())),
                false => Err(error),
            }
        });
        parsed.map_err(|error| {
            let kind = match method {
                Method::Get => Kind::Refused(500),
                _ => Kind::Unknown,
            };
            Error::new(
                kind,
                "pvesh",
                &format!("it said something that is no JSON: {error}"),
            )
        })
    }
}

/// Who reads what pvesh says on another node. There it runs itself by ssh and, once that has succeeded, wants
/// JSON of it. Changes answer with nothing, or with a task's lines before its name: then the complaint of
/// the JSON reader is all that there is, and means that the change was made (`PVE::CLI::pvesh`,
/// `proxy_handler`). From elsewhere it says nothing about that.
const READER: &str = "PVE/CLI/pvesh.pm";

fn is_of_json(complaint: &str) -> bool {
    let of_json = ["malformed JSON string", "garbage after JSON"];
    of_json.iter().any(|words| complaint.starts_with(words))
}

impl Api for Pvesh {
    fn call(
        &self,
        method: Method,
        path: &Path,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Error> {
        let permit = self.permit(method, path, parameters);
        let permit =
            permit.map_err(|deny| Error::new(Kind::NotSent, "pvesh", &deny.to_string()))?;
        match (self.runner)(&permit, method) {
            Ok(said) => Pvesh::read(method, &said),
            Err(error) => {
                let kind = match error {
                    ExecError::Refused(_)
                    | ExecError::Denied { .. }
                    | ExecError::NotOnRecord(_) => Kind::NotSent,
                    _ => Kind::Unknown,
                };
                Err(Error::new(kind, "pvesh", &error.to_string()))
            }
        }
    }

    fn name(&self) -> &str {
        "pvesh"
    }

    fn shown(&self, method: Method, path: &Path, parameters: &[(&str, &str)]) -> String {
        match self.permit(method, path, parameters) {
            Ok(permit) => permit.invocation().to_string(),
            Err(deny) => deny.to_string(),
        }
    }

    fn lanes(&self) -> usize {
        LANES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(success: bool, output: &str, complaint: &str) -> Result<Value, Error> {
        let said = Output {
            code: Some(if success { 0 } else { 255 }),
            signal: None,
            out: output.into(),
            err: complaint.into(),
            truncated: false,
            timed_out: false,
        };
        Pvesh::read(Method::Post, &said)
    }

    #[test]
    fn what_pvesh_says_is_read() {
        assert_eq!(said(true, "[1]\n", "").unwrap(), serde_json::json!([1]));
        assert_eq!(said(true, "", "").unwrap(), Value::Null);
        let task = "UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:";
        for output in [
            format!("\"{task}\"\n"),
            format!("a line\n\"{task}\"\n"),
            format!("a\n{task}\n"),
        ] {
            assert_eq!(said(true, &output, "").unwrap(), task);
        }
        assert_eq!(said(true, "a line\n", "").unwrap_err().kind, Kind::Unknown);
        let refused =
            said(false, "", "400 Parameter verification failed.\ntags: no\n").unwrap_err();
        assert!(refused.to_string().contains("tags: no"), "{refused}");
        let unread = "malformed JSON string, neither tag, array, object, number, string or atom, at character \
                      offset 0 (before \"(end of string)\") at /usr/share/perl5/PVE/CLI/pvesh.pm line 125.\n";
        assert_eq!(said(false, "", unread).unwrap(), Value::Null);
        let elsewhere = said(false, "", &unread.replace("CLI/pvesh.pm", "QMPClient.pm"));
        assert_eq!(elsewhere.unwrap_err().kind, Kind::Unknown);
        let quoted = said(false, "", "no such tag: malformed JSON string").unwrap_err();
        assert_eq!(quoted.kind, Kind::Refused(500));
    }
}
