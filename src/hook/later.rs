//! pre-stop, post-stop, and the second net that every later run is.
use super::Exit;
use super::context::Context;
use crate::audit::{Event, Record};
use crate::guest::{Qemu, Rescue, rescue};
use crate::model::Printable;
use crate::sources::{Guest, config_path, find_guest};
use crate::state::{Note, Stage};

/// Before a VM is stopped: nothing but the second net.
pub(super) fn pre_stop(context: &mut Context<'_>) -> Exit {
    if let Ok(Some(note)) = context.store.load(context.call.vmid) {
        context.voice.call(note.name.clone());
        second_net(context, &note);
    }
    Exit::Done
}

/// After a VM has stopped: its shift is over.
pub(super) fn post_stop(context: &mut Context<'_>) -> Exit {
    if let Ok(Some(note)) = context.store.load(context.call.vmid) {
        context.voice.call(note.name.clone());
        context.record(&Record {
            name: note.name.as_ref(),
            profile: Some(note.grant.profile()),
            ..Record::new(Event::Ended, note.vmid)
        });
    }
    if let Err(error) = context.store.remove(context.call.vmid) {
        context.voice.warn(
            "state",
            &format!("the state of the last start was not removed: {error}"),
        );
    }
    Exit::Done
}

/// Continues a VM that an earlier run stopped and, killed together with its guardian, left so.
pub(super) fn second_net(context: &Context<'_>, note: &Note) {
    let stopped = match (note.stage, note.generation) {
        (Stage::Stopping, Some(stopped)) => stopped,
        (Stage::Interrupted, _) => {
            let text = "an earlier run was killed while it set the RTC; the VM ran on, and whether the \
                        RTC was set was not recorded: look at the guest's clock";
            return told(context, note, text);
        }
        _ => return,
    };
    let Ok(qemu) = Qemu::find(&context.config.paths.qemu_server, note.vmid) else {
        return;
    };
    let config = config_path(&context.config, note.vmid, None);
    // A lock means that something else is at work on the VM, which may be what paused it.
    match find_guest(&context.config, note.vmid, None) {
        Ok(Guest::Qemu(facts)) if facts.lock.is_none() => {}
        _ => return,
    }
    let text = match rescue(&qemu, stopped, &config, context.deadline) {
        Ok(Rescue::NotNeeded) => return,
        Ok(Rescue::Continued) => {
            let note = Note {
                stage: Stage::Interrupted,
                ..note.clone()
            };
            if let Err(error) = context.store.save(&note) {
                let text = format!("the VM runs again, which was not noted: {error}");
                context.voice.alarm("state", &text);
            }
            "an earlier run was killed while the VM was paused for its RTC; it has been continued"
                .to_owned()
        }
        Err(error) => format!(
            "an earlier run was killed while the VM was paused for its RTC, and it could not be \
             continued: {error}; run: qm resume {}",
            note.vmid
        ),
    };
    told(context, note, &text);
}

fn told(context: &Context<'_>, note: &Note, text: &str) {
    context.voice.alarm(Event::Rescue.code(), text);
    context.record(&Record {
        name: note.name.as_ref(),
        text: Some(Printable::sentence(text)),
        ..Record::new(Event::Rescue, note.vmid)
    });
}
