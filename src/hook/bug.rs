//! What becomes of a bug of ours.
use crate::system;
use crate::voice::complain;

/// A bug of ours must not keep a VM from starting: say so and end well. Should the VM be stopped at
/// that moment, its guardian continues it.
pub(super) fn never_die_of_a_bug() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" at {at}"));
        complain(&format!(
            "internal error{place}; the VM's clock may not be set; please report this"
        ));
        system::exit_at_once(0);
    }));
}
