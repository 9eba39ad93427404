//! What config.toml may say, and what an operator reads if it says something else.
use super::*;
use crate::model::Port;

const SHIPPED: &str = include_str!("../../etc/config.toml");

/// What `parse` has to say about a text, line by line.
fn said(text: &str) -> String {
    let findings = parse(text).unwrap_err();
    findings
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect()
}

#[test]
fn an_empty_file_and_the_shipped_one_are_the_defaults() {
    assert_eq!(parse(""), Ok(Config::default()));
    assert_eq!(parse(" \r\n# nothing\n"), Ok(Config::default()));
    assert_eq!(parse(SHIPPED), Ok(Config::default()));
    assert_eq!(parse("[paths]\n[hook]\n[syslog]\n"), Ok(Config::default()));
}

#[test]
fn the_commented_lines_of_the_shipped_file_are_valid_and_the_defaults() {
    let lines = SHIPPED.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        _ => line,
    });
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let mut config = parse(&text).unwrap();
    // A host has to be made up.
    let host = config.api.remove(0);
    assert_eq!(config, Config::default());
    assert_eq!(
        (host.port, host.trust),
        (
            Port::PVE,
            HostTrust::CaFile("/etc/pve/pve-root-ca.pem".into())
        )
    );
    let times = (host.connect_timeout.as_secs(), host.timeout.as_secs());
    assert_eq!(times, (10, 30));
    let keys = text
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#'))
        .count();
    assert_eq!(keys, 25, "every key is shown");
}

#[test]
fn every_key_changes_what_it_names() {
    let config = parse(
        "[paths]\nallowlist = \"/a\"\ncluster-allowlist = \"/b\"\npve = \"/c\"\nqemu-server = \"/d\"\n\
         state = \"/e\"\ndata = \"/f\"\nlog = \"/g\"\nsyslog = \"/h\"\nlocaltime = \"/i\"\n\
         [hook]\non-unreadable = \"block\"\npost-start-limit = \"1500ms\"\n\
         [syslog]\nenabled = false\nformat = \"rfc5424\"\nfacility = \"local7\"\n",
    )
    .unwrap();
    let paths = config.paths;
    let all = [
        paths.allowlist,
        paths.cluster_allowlist,
        paths.pve,
        paths.qemu_server,
        paths.state,
        paths.data,
        paths.log,
        paths.syslog,
        paths.localtime,
    ];
    assert_eq!(
        all.map(|path| path.to_str().unwrap().to_owned()).concat(),
        "/a/b/c/d/e/f/g/h/i"
    );
    assert_eq!(config.hook.on_unreadable, OnTrouble::Block);
    assert_eq!(config.hook.post_start_limit, Duration::from_millis(1_500));
    assert!(!config.syslog.enabled);
    assert_eq!(config.syslog.format, SyslogFormat::Rfc5424);
    assert_eq!(config.syslog.facility.code(), 23);
}

#[test]
fn an_operator_reads_all_errors_at_once() {
    let text = "[paths]\nalowlist = \"/a\"\nlog = \"var/log\"\nstate = \"/run/../x\"\ndata = \"\"\n\
                pve = \"/a\\nb\"\n[hook]\non-unreadable = \"stop\"\npost-start-limit = \"10m\"\n\
                [syslog]\nenabled = \"yes\"\nfacility = \"kern\"\n[hok]\n";
    assert_eq!(
        said(text),
        "line 2, column 1: unknown key `alowlist`; did you mean `allowlist`? [paths] may have: \
         allowlist, cluster-allowlist, pve, qemu-server, state, data, log, syslog, program, localtime\n\
         line 3, column 7: `log`: `var/log`: a path starts with `/`\n\
         line 4, column 9: `state`: `/run/../x`: a path has no `..`\n\
         line 5, column 8: `data` is empty; it must be an absolute path in quotes\n\
         line 6, column 7: `pve`: `/a\\u{a}b` has a control character (NUL, newline ...)\n\
         line 8, column 17: `on-unreadable`: `stop` is not known; it must be \"start\" or \"block\"\n\
         line 9, column 20: `post-start-limit`: `10m`: it must be from 100ms to 10s\n\
         line 11, column 11: `enabled` must be true or false (without quotes), not a string\n\
         line 12, column 12: `facility`: `kern` is not known; it must be \"daemon\", \"auth\", \"authpriv\", \
         \"user\", \"local0\", \"local1\", \"local2\", \"local3\", \"local4\", \"local5\", \"local6\" or \
         \"local7\"\n\
         line 13, column 2: unknown key `hok`; did you mean `hook`? this file may have: paths, hook, \
         syslog, api\n"
    );
}

#[test]
fn the_limit_of_post_start_includes_its_edges() {
    let limit = |text: &str| parse(&format!("[hook]\npost-start-limit = \"{text}\"\n"));
    for good in ["100ms", "10s"] {
        assert!(limit(good).is_ok(), "{good}");
    }
    for bad in ["99ms", "10001ms", "0s", "-1s", "3", ""] {
        assert!(limit(bad).is_err(), "{bad}");
    }
}
