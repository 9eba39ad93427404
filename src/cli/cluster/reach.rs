//! What those that are asked have: clusters and VMs.
use super::hosts::Asked;
use super::login::attempt;
use super::own;
use super::stop::Stop;
use crate::api::{Cluster, HostGuest, Kind};
use crate::cli::token::sessions;
use crate::cli::{Exit, complain};
use crate::config::Config;

/// A cluster, and who of those that are asked is in it.
pub(super) struct Member {
    pub(super) cluster: Cluster,
    /// Places in [`Reach::asked`].
    pub(super) asked: Vec<usize>,
    /// Whether this host is a node of it, so that what is known here is about its VMs.
    pub(super) is_own: bool,
}

/// A VM and who is asked about it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) guest: HostGuest,
    /// Place in [`Reach::asked`].
    pub(super) asked: usize,
    /// Place in [`Reach::clusters`].
    pub(super) cluster: usize,
}

/// All that is asked and what it has.
pub(super) struct Reach {
    pub(super) asked: Vec<Asked>,
    pub(super) clusters: Vec<Member>,
    pub(super) guests: Vec<Found>,
    /// Whether somebody did not answer.
    pub(super) partly: bool,
}

impl Reach {
    /// Whether what is known on this host about that number is about this VM.
    pub(super) fn is_own(&self, found: &Found) -> bool {
        let member = self.clusters.get(found.cluster);
        member.is_some_and(|member| member.is_own)
    }
}

/// Why somebody who was asked said nothing.
struct Silence {
    host: String,
    stop: Stop,
}

/// Logs in where that is needed, and asks.
fn ask(config: &Config, one: &Asked) -> Result<(Cluster, Vec<HostGuest>), Stop> {
    let api = one.api.as_ref();
    if let Some(login) = &one.login {
        attempt(config, login, || api.enter())?;
    }
    let answers = Cluster::ask(api).and_then(|cluster| Ok((cluster, HostGuest::list(api)?)));
    answers.map_err(|error| match &one.kept {
        // A ticket that is not taken any more would fail every command until somebody logs out.
        Some(name) if error.kind == Kind::NoLogin => match sessions(config).forget(name) {
            Ok(()) => format!("{error}; the ticket is forgotten: do it again").into(),
            Err(kept) => format!("{error}; and the ticket cannot be forgotten: {kept}").into(),
        },
        _ => error.into(),
    })
}

/// Asks all what VMs they have. Hosts of one cluster have the same ones: the first that answers is
/// believed, and one that is called like a node is asked about what is on that.
pub(super) fn look(config: &Config, asked: Vec<Asked>) -> Result<Reach, Stop> {
    let answers: Vec<Result<_, Silence>> = std::thread::scope(|scope| {
        let threads: Vec<_> = asked
            .iter()
            .map(|one| (one, scope.spawn(move || ask(config, one))))
            .collect();
        let silence = |one: &Asked, stop: Stop| Silence {
            host: one.api.name().to_owned(),
            stop,
        };
        let joined = threads.into_iter().map(|(one, thread)| {
            let answer = thread.join();
            let answer = answer.unwrap_or_else(|_| Err("it was given up".into()));
            answer.map_err(|stop| silence(one, stop))
        });
        joined.collect()
    });
    let mut clusters: Vec<Member> = Vec::new();
    let mut lists: Vec<Vec<HostGuest>> = Vec::new();
    let mut silent: Vec<Silence> = Vec::new();
    for (place, (answer, one)) in answers.into_iter().zip(&asked).enumerate() {
        match answer {
            Ok((cluster, guests)) => match clusters.iter_mut().find(|one| one.cluster.is(&cluster))
            {
                Some(known) => {
                    known.is_own |= one.is_here;
                    known.asked.push(place);
                }
                None => {
                    clusters.push(Member {
                        is_own: own::is(config, &cluster, one.is_here),
                        cluster,
                        asked: vec![place],
                    });
                    lists.push(guests);
                }
            },
            Err(silence) => silent.push(silence),
        }
    }
    for silence in &silent {
        complain(&silence.stop.1);
    }
    if clusters.is_empty() {
        let exits = || silent.iter().map(|silence| silence.stop.0);
        let exit = exits().find(|exit| *exit != Exit::Unreachable);
        return Err(Stop(
            exit.unwrap_or(Exit::Unreachable),
            "no host could be asked, and nothing was done".to_owned(),
        ));
    }
    let mut guests = Vec::new();
    for (place, (member, list)) in clusters.iter().zip(lists).enumerate() {
        for guest in list {
            let by_name = member.asked.iter().find(|at| {
                let one = asked.get(**at);
                one.is_some_and(|one| one.api.name() == guest.node.as_str())
            });
            let first = member.asked.first();
            if let Some(at) = by_name.or(first) {
                guests.push(Found {
                    guest,
                    asked: *at,
                    cluster: place,
                });
            }
        }
    }
    // A node that is down is no news to its cluster.
    let of_a_cluster = |silence: &Silence| {
        let mut nodes = clusters.iter().flat_map(|member| &member.cluster.nodes);
        let known = nodes.any(|(node, _)| node.as_str() == silence.host);
        known && silence.stop.0 == Exit::Unreachable
    };
    Ok(Reach {
        partly: !silent.iter().all(of_a_cluster),
        asked,
        clusters,
        guests,
    })
}
