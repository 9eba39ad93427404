//! Who is asked: the hosts of config.toml, or pvesh of this node.
use super::stop::Stop;
use super::{local, note, second};
use crate::api::{Api, Client, Credentials, Method, Ticket};
use crate::audit::Event;
use crate::cli::arguments::cluster::{Hosts, Selection};
use crate::cli::token::{Prompt, exit_of, note_failure, sessions, store};
use crate::cli::{Exit, Failure, complain};
use crate::config::{ApiHost, Config, HostTrust, Login, ROOT};
use crate::model::{NodeName, PveUser, TokenName};
use crate::token::{Error, Kind, Secret, Store, fetch};

/// The word for this node's pvesh.
const PVESH: &str = "pvesh";

/// Somebody who is asked.
pub(super) struct Asked {
    pub(super) api: Box<dyn Api>,
    /// As whom.
    pub(super) identity: String,
    /// Whether a hookscript may be set by them.
    pub(super) may_set_hookscripts: bool,
    /// The login that a password of the store is going to be used for, if one is.
    pub(super) login: Option<String>,
    /// The login of which the ticket was kept, if one was.
    pub(super) kept: Option<String>,
    /// Whether it is this node's own pvesh.
    pub(super) is_here: bool,
}

/// Those that are asked, without asking anything yet. Everything that is wrong with a host, a token or a
/// selection is said here, before any connection. `needs`: how it is going to be asked, besides by reading.
pub(super) fn open(
    config: &Config,
    options: &Hosts,
    selection: &Selection,
    needs: Method,
) -> Result<Vec<Asked>, Stop> {
    if let Some(why) = selection.fault() {
        return Err(Stop(Exit::Usage, why));
    }
    let known = |name: &NodeName| config.api.iter().find(|host| host.name == *name);
    let mut hosts: Vec<&ApiHost> = Vec::new();
    let mut pvesh = options.hosts.is_empty() && config.api.is_empty();
    for name in &options.hosts {
        match known(name) {
            Some(host) if hosts.iter().any(|other| other.name == host.name) => {}
            Some(host) => hosts.push(host),
            None if name.as_str() == PVESH => pvesh = true,
            None => return Err(unknown(config, name).into()),
        }
    }
    if options.hosts.is_empty() {
        hosts.extend(&config.api);
    }
    let mut asked = Vec::new();
    if pvesh {
        asked.push(Asked {
            api: Box::new(local::pvesh(config, needs)?),
            identity: "root of this node".to_owned(),
            may_set_hookscripts: true,
            login: None,
            kept: None,
            is_here: true,
        });
    }
    let store = store(config);
    let mut prompt = None;
    for host in &hosts {
        asked.push(client(
            config,
            host,
            hosts.len(),
            options,
            &store,
            &mut prompt,
        )?);
    }
    if options.verbose {
        for one in &asked {
            complain(&format!("asks {} as {}", one.api.name(), one.identity));
        }
    }
    Ok(asked)
}

/// That there is no such host, and which there are.
pub(super) fn unknown(config: &Config, name: &NodeName) -> Failure {
    let names: Vec<&str> = config.api.iter().map(|host| host.name.as_str()).collect();
    Failure(match names.is_empty() {
        true => format!("there is no host {name}: config.toml has no [[api.host]]"),
        false => format!(
            "there is no host {name} in config.toml; there are: {}",
            names.join(" ")
        ),
    })
}

fn client(
    config: &Config,
    host: &ApiHost,
    hosts: usize,
    options: &Hosts,
    store: &Store,
    prompt: &mut Option<Prompt>,
) -> Result<Asked, Stop> {
    let mut secret = |name: &TokenName| -> Result<Secret, Stop> {
        let ask = match prompt {
            Some(ask) => ask,
            None => prompt.insert(Prompt::new(&options.passphrase).map_err(|error| token(&error))?),
        };
        let secret = fetch(store, name, ask).map_err(|error| {
            note_failure(config, name, &error);
            token(&error)
        })?;
        let text = format!("secret {name} is used to log in at {}", host.name);
        note(config, Event::SecretUsed, &text)?;
        Ok(secret)
    };
    let (mut login, mut used) = (None, None);
    let (credentials, identity, may_set_hookscripts) = match &host.login {
        Login::Token(name) => {
            let token = secret(name)?;
            Kind::ApiToken
                .check(token.expose())
                .map_err(|error| format!("secret {name}, the token for {}: {error}", host.name))?;
            // A user's name may have a `=` of its own.
            let id = token.expose().rsplit_once('=').map_or("", |(id, _)| id);
            let identity = format!("{id} (token)");
            (Credentials::Token(token), identity, false)
        }
        Login::Ticket {
            user,
            password,
            totp,
        } => {
            let name = session(host, user);
            let kept = sessions(config).kept(&name);
            let kept = kept.and_then(|line| Ticket::of_line(&line));
            let (password, seed) = match &kept {
                Some(_) => (None, None),
                None => (
                    password.as_ref().map(&mut secret).transpose()?,
                    totp.as_ref().map(&mut secret).transpose()?,
                ),
            };
            let state = match (&kept, &password) {
                (Some(_), _) => {
                    used = Some(name);
                    "logged in"
                }
                (None, Some(_)) => {
                    login = Some(name);
                    "password"
                }
                (None, None) => "not logged in",
            };
            let identity = format!("{user} ({state})");
            let codes = totp.as_ref().zip(seed);
            let credentials = Credentials::Ticket {
                user: user.as_str().to_owned(),
                kept,
                password,
                second: codes.map(|(name, seed)| second::codes(config, name, seed)),
            };
            (credentials, identity, user.as_str() == ROOT)
        }
    };
    unchecked(config, host)?;
    let cluster_ca = config.paths.pve.join("pve-root-ca.pem");
    let client = Client::new(host, credentials, &cluster_ca, hosts)?;
    Ok(Asked {
        api: Box::new(client),
        identity,
        may_set_hookscripts,
        login,
        kept: used,
        is_here: false,
    })
}

fn token(error: &Error) -> Stop {
    Stop(exit_of(error), error.to_string())
}

/// Says, and writes down, that a host is believed whoever it is.
pub(super) fn unchecked(config: &Config, host: &ApiHost) -> Result<(), Failure> {
    if host.trust != HostTrust::Nothing {
        return Ok(());
    }
    let text = format!(
        "warning: {}: its certificate is not checked (verify = false), so whoever answers at {}:{} is \
         believed and is given the login",
        host.name,
        host.address.before_port(),
        host.port
    );
    complain(&text);
    note(config, Event::Note, &text)
}

/// The name under which a ticket is kept.
pub(super) fn session(host: &ApiHost, user: &PveUser) -> String {
    format!("{user}@{}:{}", host.address.before_port(), host.port)
}
