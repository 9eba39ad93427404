//! The whole program from top to bottom: an event about a VM becomes a decision, the decision a
//! plan, the plan is written down, carried out on the guest's clock, read back and recorded.
use super::Exit;
use super::call::Call;
use super::context::Context;
use super::{later, planned, rtc};
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::judge::{Judgement, judge};
use crate::model::{Deny, DenyReason, OnTrouble, Phase};
use crate::policy::Wish;
use crate::sources::{CONFIG_PATH, Guest, find_guest, load_allowlist_for, load_config, request};
use crate::system;

/// Runs one phase.
pub fn run(call: &Call) -> Exit {
    match load_config(CONFIG_PATH.as_ref()) {
        Ok(config) => {
            let mut context = Context::new(call, config);
            match call.phase {
                Phase::PreStart => pre_start(&mut context),
                Phase::PostStart => rtc::post_start(&mut context),
                Phase::PreStop => later::pre_stop(&mut context),
                Phase::PostStop => later::post_stop(&mut context),
            }
        }
        Err(error) => {
            // Not even the paths are known: say so where Proxmox VE listens, and do nothing.
            let context = Context::new(call, Config::default());
            if call.phase == Phase::PreStart {
                // An earlier start's note must not be carried out for this one.
                let _ = context.store.remove(call.vmid);
            }
            let deny = Deny::new(DenyReason::ConfigInvalid, error.to_string());
            context.voice.warn("denied", &planned::sentence(&deny));
            Exit::Done
        }
    }
}

/// Before QEMU is launched: decide, write down, leave a note for post-start.
fn pre_start(context: &mut Context<'_>) -> Exit {
    let Call {
        vmid,
        migrated_from,
        ..
    } = context.call;
    // Whatever an earlier start left is about another process. A folder that is not usable is
    // reported where the new note is written.
    let _ = context.store.remove(*vmid);

    let facts = match find_guest(&context.config, *vmid, migrated_from.as_ref()) {
        Ok(Guest::Qemu(facts)) => facts,
        Ok(Guest::Container) => {
            context.voice.warn(
                "container",
                "a container has its host's clock, so there is nothing to set; take this hookscript off \
                 it",
            );
            return Exit::Done;
        }
        Ok(Guest::Nobody) => {
            context.voice.warn(
                "no-config",
                "there is no config of this VM here, so nothing is done",
            );
            return Exit::Done;
        }
        Err(error) => {
            let deny = Deny::new(DenyReason::VmConfigUnreadable, error.to_string());
            return planned::denied(context, &deny, None);
        }
    };
    context.voice.call(facts.name.clone());
    let kind = facts.start_kind(migrated_from.is_some());

    let loaded = match load_allowlist_for(&context.config, *vmid) {
        Ok(loaded) => loaded,
        Err(not_loaded) => {
            let block = context.config.hook.on_unreadable == OnTrouble::Block
                && not_loaded.deny.reason != DenyReason::AllowlistMissing;
            return planned::denied(context, &not_loaded.deny.blocking(block), kind);
        }
    };
    let request = request(&context.config, *vmid, &facts, &loaded, Wish::Profile);
    let now = match system::now() {
        Ok(now) => now,
        Err(error) => {
            let deny = Deny::new(
                DenyReason::TimeOutOfRange,
                format!("the host's clock: {error}"),
            );
            return planned::denied(context, &deny, kind);
        }
    };

    match judge(&request, &facts, &loaded.allowlist, now) {
        Judgement::NotConcerned => Exit::Done,
        Judgement::Denied(deny) => planned::denied(context, &deny, kind),
        Judgement::Permitted(authorized) => {
            let record = Record {
                name: facts.name.as_ref(),
                start_kind: kind,
                allowlist_sha256: Some(&loaded.sha256),
                ..Record::new(Event::Intent, *vmid)
            };
            planned::permitted(context, &authorized, record, &facts, now)
        }
    }
}
