//! The date of a target that is a certificate: within what is pinned and what the rule allows.
use std::time::Duration;

use super::decide::Wish;
use crate::allowlist::{Allowlist, Rule};
use crate::model::{
    CalendarSecond, ClockTarget, Deny, DenyReason, Peer, Pin, TimeError, Timestamp, Validity, VmId,
};

/// What is pinned for the servers that are asked for.
#[derive(Clone, Debug, Default)]
pub struct Pins(Vec<(Peer, Result<Pin, String>)>);

impl Pins {
    /// Adds what was found for a server: a pin, none, or one that is of no use, for this reason.
    pub fn add(&mut self, peer: Peer, found: Result<Option<Pin>, String>) {
        if let Some(found) = found.transpose() {
            self.0.push((peer, found));
        }
    }

    /// The pin of a server.
    fn of(&self, peer: &Peer) -> Result<&Pin, Deny> {
        let deny = |why: &str| {
            Deny::new(
                DenyReason::CertificateNotPinned,
                format!("the target is cert:{peer}, and {why}"),
            )
        };
        match self.0.iter().find(|(known, _)| known == peer) {
            Some((_, Ok(pin))) => Ok(pin),
            Some((_, Err(why))) => Err(deny(why)),
            None => Err(deny(&format!(
                "no certificate is pinned for that server; run: time-shift cert pin {peer}"
            ))),
        }
    }
}

/// The servers whose pins the decision about a VM may depend on.
#[must_use]
pub fn asks_for_pins(vmid: VmId, allowlist: &Allowlist, wish: Wish<'_>) -> Vec<Peer> {
    let rule = allowlist.rule_for(vmid);
    let names = rule.map(|rule| match &rule.assign {
        Some(assigned) => std::slice::from_ref(assigned),
        None => rule.profiles.as_slice(),
    });
    let profiles = names.unwrap_or_default().iter();
    let own = profiles
        .filter_map(|name| allowlist.profiles.get(name))
        .map(|profile| &profile.target);
    let wished = match wish {
        Wish::Target { target, .. } => Some(target),
        Wish::Profile | Wish::Now => None,
    };
    own.chain(wished)
        .filter_map(|target| match target {
            ClockTarget::Certificate(peer) => Some(peer.clone()),
            _ => None,
        })
        .collect()
}

/// The date for a target that is a certificate; none for another target. A certificate proves nothing,
/// so the date lies within the rule's bounds, too, and `margin` before the end of both.
pub(super) fn date(
    target: &ClockTarget,
    pins: &Pins,
    rule: &Rule,
    margin: Duration,
) -> Result<Option<Timestamp>, Deny> {
    let ClockTarget::Certificate(peer) = target else {
        return Ok(None);
    };
    let pin = pins.of(peer)?;
    let out_of_range = |error: TimeError| {
        let text = format!("the date of cert:{peer} cannot be calculated: {error}");
        Deny::new(DenyReason::TimeOutOfRange, text)
    };
    let bounds = Validity {
        not_before: CalendarSecond::not_before(rule.earliest).map_err(out_of_range)?,
        not_after: CalendarSecond::of(rule.latest).map_err(out_of_range)?,
    };
    let Some(date) = pin.validity.and(bounds).date(margin) else {
        let (reason, bound, than) = match pin.validity.not_after < bounds.not_before {
            true => (DenyReason::TooEarly, rule.earliest, "before"),
            false => (DenyReason::TooLate, rule.latest, "after"),
        };
        return Err(Deny::new(
            reason,
            format!(
                "the certificate pinned for {peer} is valid from {}, and the rule (allowlist line {}) allows \
                 nothing {than} {bound}",
                pin.validity, rule.line
            ),
        ));
    };
    date.timestamp().map(Some).map_err(out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowlist;
    use crate::model::{Fingerprint, Printable};

    fn rule(earliest: &str, latest: &str) -> Rule {
        let text = format!(
            "version = 1\n[profiles.a]\ntarget = \"cert:10.0.0.20\"\n[[allow]]\nvmids = [100]\n\
             profiles = [\"a\"]\nearliest = \"{earliest}\"\nlatest = \"{latest}\"\nmax-shift = \"99y\"\n"
        );
        allowlist::parse(&text)
            .unwrap()
            .rule_for(VmId::parse(b"100").unwrap())
            .unwrap()
            .clone()
    }

    fn of(from: &str, to: &str, rule: &Rule) -> Result<String, String> {
        let peer = Peer::parse("10.0.0.20").unwrap();
        let second = |text: &str| format!("{text}T00:00:00Z").try_into().unwrap();
        let pin = Pin {
            version: Pin::VERSION,
            peer: peer.clone(),
            sha256: vec![Fingerprint::new([0; 32])],
            subject: Printable::default(),
            validity: Validity {
                not_before: second(from),
                not_after: second(to),
            },
            pinned: Timestamp::parse("2026-11-24").unwrap(),
            by: Printable::default(),
        };
        let mut pins = Pins::default();
        pins.add(peer.clone(), Ok(Some(pin)));
        match date(
            &ClockTarget::Certificate(peer),
            &pins,
            rule,
            Validity::MARGIN,
        ) {
            Ok(date) => Ok(date.unwrap().to_string()),
            Err(deny) => Err(deny.to_string()),
        }
    }

    #[test]
    fn the_date_lies_within_the_certificate_and_the_rule() {
        let wide = rule("2010-01-01", "2037-12-31");
        assert_eq!(
            of("2014-01-01", "2017-07-15", &wide).unwrap(),
            "2017-06-15T00:00:00Z"
        );
        // The rule ends first: a month before that, so that the guest does not run out of it at once.
        assert_eq!(
            of("2014-01-01", "9999-12-31", &wide).unwrap(),
            "2037-12-01T23:59:59Z"
        );
        let narrow = rule("2016-06-01", "2016-06-10");
        assert_eq!(
            of("2014-01-01", "2017-07-15", &narrow).unwrap(),
            "2016-06-06T00:00:00Z"
        );
        assert_eq!(
            of("2009-01-01", "2010-01-01", &wide).unwrap(),
            "2010-01-01T00:00:00Z"
        );
    }

    #[test]
    fn outside_the_rule_there_is_no_date() {
        let wide = rule("2010-01-01", "2037-12-31");
        let early = of("2008-01-01", "2009-12-31", &wide).unwrap_err();
        assert!(
            early.starts_with("TOO_EARLY") && early.contains("nothing before 2010-01-01"),
            "{early}"
        );
        let late = of("2038-01-01", "2050-01-01", &wide).unwrap_err();
        assert!(
            late.starts_with("TOO_LATE") && late.contains("nothing after 2037-12-31"),
            "{late}"
        );
    }
}
