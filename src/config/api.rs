//! The hosts whose Proxmox VE API is asked. No secret is in the file: it names those that
//! `time-shift token` keeps.
use std::path::PathBuf;
use std::time::Duration;

// Only the form of an address: nothing here connects to one.
use core::net::Ipv6Addr;

use crate::model::{Fingerprint, Host, NodeName, Peer, Port, PveUser, TokenName};
use crate::strict::{Table, Value, quoted};

/// A host whose API is asked: a node, or any way into its cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiHost {
    /// What it is called here. Where that is a node's name, what is on that node is asked there.
    pub name: NodeName,
    /// Where it is.
    pub address: Host,
    /// Its port.
    pub port: Port,
    /// How somebody is known there.
    pub login: Login,
    /// By what the host is known.
    pub trust: HostTrust,
    /// The proxy (HTTP, CONNECT) by which it is reached.
    pub proxy: Option<Peer>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a request may take, its repetitions included.
    pub timeout: Duration,
}

/// How somebody is known to a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// By the API token that this secret is.
    Token(TokenName),
    /// By a ticket, which `time-shift login` gets, or the password that is kept.
    Ticket {
        /// The user, like `root@pam`.
        user: PveUser,
        /// The secret that is the password.
        password: Option<TokenName>,
        /// The secret that is the seed of the second factor.
        totp: Option<TokenName>,
    },
}

/// By what a host is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostTrust {
    /// By the authorities that the system trusts and, on a node, its cluster's own.
    System,
    /// By an authority in this file.
    CaFile(PathBuf),
    /// By the SHA-256 of its certificate, whoever signed that.
    Fingerprint(Fingerprint),
    /// By nothing: whoever answers is believed.
    Nothing,
}

/// The one user who may set a hookscript.
pub const ROOT: &str = "root@pam";

/// Reads the host of an address as a person writes it; what is not its own business (a port, a path, a
/// login) is refused by name.
fn parse_host(text: &str) -> Result<Host, String> {
    let fault = if text.contains("://") || text.contains(['/', '?', '#']) {
        "it must be a host alone: no https://, no path"
    } else if text.contains('@') {
        "it must be a host alone: who logs in is `user` or `token`"
    } else if text.contains('%') {
        "an address with a zone cannot be asked over HTTPS"
    } else if !text.starts_with('[') && text.parse::<Ipv6Addr>().is_ok() {
        "an IPv6 address is written in brackets, like [2001:db8::1]"
    } else if !text.starts_with('[') && text.contains(':') {
        "the port has a key of its own: `port`"
    } else {
        return Host::parse(text).map_err(|error| error.to_string());
    };
    Err(fault.to_owned())
}

/// Reads a proxy, whose port has to be said: each has another.
fn parse_proxy(text: &str) -> Result<Peer, &'static str> {
    let wrong = "a proxy is written HOST:PORT, like proxy.lan:3128";
    let named = text
        .rsplit_once(':')
        .is_some_and(|(_, port)| Port::parse(port).is_ok());
    let peer = Peer::parse(text)
        .ok()
        .filter(|_| named && !text.contains('%'));
    peer.ok_or(wrong)
}

/// Reads a user who logs in.
fn parse_user(text: &str) -> Result<PveUser, String> {
    if text.contains('!') {
        return Err("that is a token's name; a token is given by `token = \"SECRET\"`".to_owned());
    }
    PveUser::parse(text).map_err(|error| error.to_string())
}

/// Reads the `[[api.host]]` tables.
pub(super) fn read(table: &mut Table<'_>) -> Vec<ApiHost> {
    let mut names: Vec<NodeName> = Vec::new();
    table.or("host", Vec::new(), |value| {
        value.list("[[api.host]] tables", true, |value| {
            value.table("an [[api.host]]", |table| read_host(table, &mut names))
        })
    })
}

fn read_host(table: &mut Table<'_>, names: &mut Vec<NodeName>) -> Option<ApiHost> {
    const CONNECT: Duration = Duration::from_secs(10);
    const WHOLE: Duration = Duration::from_secs(30);
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(300);
    let name = table.required("name", |value| {
        let name = value.parsed("a name in quotes", NodeName::parse)?;
        if names.contains(&name) {
            return value.refuse(format!(
                "{}: there is a host of that name already",
                quoted(name.as_str())
            ));
        }
        names.push(name.clone());
        Some(name)
    });
    let address = table.required("address", |value| {
        value.parsed("a host in quotes", parse_host)
    });
    let port = table.or("port", Some(Port::PVE), |value| {
        match Port::parse(value.source()) {
            Ok(port) if value.is_integer() => Some(Some(port)),
            Ok(_) => value.wrong_type("a number"),
            Err(error) => value.refuse(error),
        }
    });
    let secret =
        |value: Value<'_>| value.parsed("the name of a secret in quotes", TokenName::parse);
    let token = table.optional("token", secret);
    let user = table.optional("user", |value| value.parsed("a user in quotes", parse_user));
    let password = table.optional("password", secret);
    let totp = table.optional("totp", secret);
    let mark = table.mark();
    let reader = table.reader();
    let login = match (token, user) {
        (Some(token), None) if password.is_none() && totp.is_none() => Some(Login::Token(token)),
        (None, Some(user)) => Some(Login::Ticket {
            user,
            password,
            totp,
        }),
        (Some(_), _) => {
            reader.error(
                mark,
                "an [[api.host]] with a `token` has no `user`, `password` or `totp`: the token says who it is"
                    .to_owned(),
            );
            None
        }
        (None, None) => {
            reader.error(
                mark,
                "an [[api.host]] needs `token` (the name of a secret) or `user` (like \"root@pam\")"
                    .to_owned(),
            );
            None
        }
    };
    let ca_file = table.optional("ca-file", |value| super::paths::read_path(&value));
    let fingerprint = table.optional("fingerprint", |value| {
        value.parsed("a SHA-256 fingerprint in quotes", Fingerprint::parse)
    });
    let verify = table.or("verify", true, |value| value.boolean());
    let trust = match (ca_file, fingerprint, verify) {
        (None, None, true) => Some(HostTrust::System),
        (Some(path), None, true) => Some(HostTrust::CaFile(path)),
        (None, Some(print), true) => Some(HostTrust::Fingerprint(print)),
        (None, None, false) => Some(HostTrust::Nothing),
        _ => {
            reader.error(
                mark,
                "an [[api.host]] has one of `ca-file`, `fingerprint` and `verify = false`"
                    .to_owned(),
            );
            None
        }
    };
    let proxy = table.optional("proxy", |value| {
        value.parsed("a proxy in quotes", parse_proxy)
    });
    let connect_timeout = table.or("connect-timeout", CONNECT, |value| {
        value.duration(SHORTEST..=LONGEST, "from 100ms to 5m")
    });
    let timeout = table.or("timeout", WHOLE, |value| {
        value.duration(SHORTEST..=LONGEST, "from 100ms to 5m")
    });
    Some(ApiHost {
        name: name?,
        address: address?,
        port: port?,
        login: login?,
        trust: trust?,
        proxy,
        connect_timeout,
        timeout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const PRINT: &str = "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef";

    fn hosts(text: &str) -> Vec<ApiHost> {
        parse(text).unwrap().api
    }

    fn said(text: &str) -> String {
        let findings = parse(text).unwrap_err();
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_host_has_defaults_and_every_key_changes_one() {
        let host =
            &hosts("[[api.host]]\nname = \"pve1\"\naddress = \"PVE1.lan\"\ntoken = \"t\"\n")[0];
        assert_eq!(host.address.to_string(), "pve1.lan");
        assert_eq!((host.port, &host.trust), (Port::PVE, &HostTrust::System));
        assert_eq!(host.connect_timeout, Duration::from_secs(10));
        assert_eq!(host.timeout, Duration::from_secs(30));
        let all = format!(
            "[[api.host]]\nname = \"a\"\naddress = \"[2001:DB8::1]\"\nport = 443\nuser = \"root@pam\"\n\
             password = \"p\"\ntotp = \"s\"\nproxy = \"[::1]:3128\"\nfingerprint = \"{PRINT}\"\nconnect-timeout = \"1s\"\n\
             timeout = \"2s\"\n[[api.host]]\nname = \"b\"\naddress = \"10.0.0.1\"\nuser = \"x@pve\"\n\
             verify = false\n"
        );
        let hosts = hosts(&all);
        assert_eq!(hosts[0].address.before_port(), "[2001:db8::1]");
        assert_eq!(hosts[0].port, Port::HTTPS);
        assert!(
            matches!(hosts[0].trust, HostTrust::Fingerprint(print) if print.to_string() == PRINT.to_lowercase())
        );
        let proxy = hosts[0].proxy.as_ref().map(ToString::to_string);
        assert_eq!(proxy.as_deref(), Some("[::1]:3128"));
        assert_eq!(
            (&hosts[1].trust, &hosts[1].proxy),
            (&HostTrust::Nothing, &None)
        );
    }

    #[test]
    fn a_bad_host_is_refused_by_what_is_wrong_with_it() {
        let with = |line: &str| {
            let name = if line.contains("name =") {
                ""
            } else {
                "name = \"a\"\n"
            };
            let address = if line.contains("address") {
                ""
            } else {
                "address = \"a.b\"\n"
            };
            let token = if line.contains("token") || line.contains("user") {
                ""
            } else {
                "token = \"t\"\n"
            };
            said(&format!("[[api.host]]\n{name}{address}{token}{line}\n"))
        };
        for (line, says) in [
            ("address = \"https://a\"", "no https://"),
            ("address = \"a/b\"", "no path"),
            ("address = \"root@a\"", "who logs in"),
            ("address = \"2001:db8::1\"", "in brackets"),
            ("address = \"[a]\"", "an IPv6 address like"),
            ("address = \"[fe80::1%vmbr0]\"", "a zone"),
            ("address = \"a:8006\"", "`port`"),
            ("address = \"300.1.1.1\"", "a host is a name"),
            ("address = \"a b\"", "a host is a name"),
            ("address = \"-a\"", "a host is a name"),
            ("port = 0", "1 to 65535"),
            ("port = 65536", "1 to 65535"),
            ("port = \"8006\"", "1 to 65535"),
            ("user = \"root\"", "USER@REALM"),
            ("user = \"root@pam!x\"", "a token's name"),
            ("token = \"root@pam!x=3f1b8f9e\"", "a secret's name"),
            ("fingerprint = \"12:34\"", "64 hexadecimal digits"),
            ("verify = false\nca-file = \"/a\"", "one of `ca-file`"),
            ("user = \"a@b.c\"\ntoken = \"t\"", "the token says who"),
            ("timeout = \"0s\"", "from 100ms"),
            ("proxy = \"http://a:1\"", "HOST:PORT"),
            ("proxy = \"proxy.lan\"", "HOST:PORT"),
            ("proxy = \"me:pw@a:1\"", "HOST:PORT"),
            ("fingerprnt = 1", "did you mean `fingerprint`"),
        ] {
            let said = with(line);
            assert!(said.contains(says), "{line}: {said}");
        }
        let neither = said("[[api.host]]\nname = \"a\"\naddress = \"a\"\n");
        assert!(neither.contains("needs `token`"), "{neither}");
        let host = "[[api.host]]\nname = \"a\"\naddress = \"a\"\ntoken = \"t\"\n";
        let twice = said(&host.repeat(2));
        assert!(twice.contains("of that name already"), "{twice}");
    }
}
