//! How many requests are under way at once: a counter that is waited for.
use std::sync::{Condvar, Mutex, PoisonError};

/// Connections to all hosts together.
pub(super) const TOTAL: usize = 10;
/// Connections to one host.
pub(super) const PER_HOST: usize = 5;

/// All connections of this program.
pub(super) static ALL: Gate = Gate::new(TOTAL);

/// Lets a number of threads through at once.
#[derive(Debug)]
pub(super) struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One that was let through, until it is dropped.
pub(super) struct Pass<'a>(&'a Gate);

/// The connections that each of so many hosts may have, those that are kept open counted, too: together
/// never more than [`TOTAL`] while there are no more hosts than that.
pub(super) fn share(hosts: usize) -> usize {
    TOTAL.checked_div(hosts).unwrap_or(TOTAL).clamp(1, PER_HOST)
}

impl Gate {
    pub(super) const fn new(size: usize) -> Gate {
        Gate {
            free: Mutex::new(size),
            freed: Condvar::new(),
        }
    }

    pub(super) fn pass(&self) -> Pass<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .freed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_sub(1);
        Pass(self)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(1);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn hosts_share_ten_connections() {
        let shares: Vec<usize> = (0..13).map(share).collect();
        assert_eq!(shares, [5, 5, 5, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn no_more_pass_at_once_than_may() {
        let gate = Gate::new(3);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let _pass = gate.pass();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}
