//! The second factor from the store: codes of TOTP, each for one login.
//!
//! Proxmox VE takes a code once, counts its second use as a failure, and takes no code at all after eight of
//! these. So the step of the last code is kept, and who comes within the same one waits for the next.
use std::time::Duration;

use crate::api::{SecondFactor, TOTP_STEP, totp_code};
use crate::cli::complain;
use crate::config::Config;
use crate::model::TokenName;
use crate::system::{self, Deadline, Dir, FileError};
use crate::token::Secret;

/// How long the steps that others use are waited for.
const PATIENCE: Duration = Duration::from_secs(150);
const LIMIT: usize = 64;

/// The codes of a seed.
pub(super) fn codes(config: &Config, name: &TokenName, seed: Secret) -> SecondFactor {
    let (state, name) = (config.paths.state.clone(), name.clone());
    Box::new(move || {
        let folder = Dir::open_or_make(&state, 0o700)
            .and_then(|_| Dir::open_or_make(&state.join("totp"), 0o700));
        let folder = folder.map_err(|error| error.to_string())?;
        let at = step(&folder, &name)?;
        let code = totp_code(&seed, at.saturating_mul(TOTP_STEP));
        let code = code.ok_or_else(|| format!("the secret {name} is no seed of TOTP"))?;
        Secret::copy_of(&code).map_err(|error| error.to_string())
    })
}

/// A step that nobody has used, now.
fn step(folder: &Dir, name: &TokenName) -> Result<i64, String> {
    let deadline = Deadline::after(PATIENCE);
    let mut said = false;
    loop {
        let now = system::now().map_err(|error| format!("this host's clock: {error}"))?;
        let now = now.real.floor_seconds();
        match take(folder, name, now, deadline).map_err(|error| error.to_string())? {
            None => return Ok(now.div_euclid(TOTP_STEP)),
            Some(_) if deadline.passed() => {
                return Err(format!("others use all codes of {name}"));
            }
            Some(wait) => {
                if !said {
                    complain(&format!(
                        "waits for the next code of {name}: each is good for one login"
                    ));
                }
                said = true;
                deadline.sleep(Duration::from_secs(wait));
            }
        }
    }
}

/// Takes the step of `now`, in seconds since 1970, or says in how many seconds the next one is free.
fn take(
    folder: &Dir,
    name: &TokenName,
    now: i64,
    deadline: Deadline,
) -> Result<Option<u64>, FileError> {
    let file = format!("{name}.step");
    let _alone = folder.lock(&format!(".{file}.lock"), deadline)?;
    let last = match folder.read(&file, LIMIT) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().parse::<i64>().ok(),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error),
    };
    let this = now.div_euclid(TOTP_STEP);
    // One that lies further ahead is of a clock that was wrong.
    let used = last.filter(|last| (this..=this.saturating_add(1)).contains(last));
    if let Some(used) = used {
        let free = used.saturating_add(1).saturating_mul(TOTP_STEP);
        return Ok(Some(u64::try_from(free.saturating_sub(now)).unwrap_or(1)));
    }
    folder.replace(&file, this.to_string().as_bytes(), 0o600)?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_code_is_for_one_login_and_a_clock_that_was_wrong_keeps_nobody_out() {
        let path = std::env::temp_dir().join(format!("time-shift-totp.{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let folder = Dir::open(&path).unwrap();
        let (one, other) = (TokenName::parse("one"), TokenName::parse("other"));
        let (one, other) = (one.unwrap(), other.unwrap());
        let take = |name, now| {
            let deadline = Deadline::after(Duration::from_secs(1));
            take(&folder, name, now, deadline).unwrap()
        };
        assert_eq!(take(&one, 3_000), None);
        assert_eq!(take(&one, 3_000), Some(30));
        assert_eq!(take(&one, 3_029), Some(1));
        assert_eq!(take(&other, 3_029), None);
        assert_eq!(take(&one, 3_030), None);
        // A step back of a second is waited out, one of an hour is not.
        assert_eq!(take(&one, 3_029), Some(31));
        assert_eq!(take(&one, 0), None);
        std::fs::remove_dir_all(&path).unwrap();
    }
}
