//! When a VM was made, as its config says (`meta: creation-qemu=9.2.0,ctime=1732406400`).

/// Seconds since 1970 at which the VM was made; none where the config does not say. A restore from a backup
/// brings the old one along.
#[must_use]
pub fn created(config: &[u8]) -> Option<i64> {
    let lines = config.split(|byte| *byte == b'\n');
    // What follows the first section is about snapshots.
    let mut current = lines.take_while(|line| !line.starts_with(b"["));
    let meta = current.find_map(|line| line.strip_prefix(b"meta:"))?;
    let meta = std::str::from_utf8(meta).ok()?;
    let mut parts = meta.trim().split(',');
    let ctime = parts.find_map(|part| part.trim().strip_prefix("ctime="))?;
    let digits = (1..=12).contains(&ctime.len()) && ctime.bytes().all(|c| c.is_ascii_digit());
    ctime.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_current_config_says_when() {
        let at = |text: &str| created(text.as_bytes());
        assert_eq!(
            at("name: a\nmeta: creation-qemu=9.2.0,ctime=1732406400\n"),
            Some(1_732_406_400)
        );
        for none in [
            "",
            "name: a\n",
            "meta: creation-qemu=9.2.0\n",
            "meta: ctime=-1\n",
            "meta: ctime=1e9\n",
            "meta: ctime=9999999999999\n",
            "[snap]\nmeta: ctime=1732406400\n",
        ] {
            assert_eq!(at(none), None, "{none}");
        }
        assert_eq!(created(b"meta: \xff,ctime=1\n"), None);
    }
}
