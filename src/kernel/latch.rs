//! "Somebody is at it": lets one caller at a time do a job, and none of the requests be forgotten.
//!
//! Who wins [`Latch::begin`] does the job, and again for as long as [`Latch::end`] says that it was
//! asked for meanwhile. Nobody waits, at any level.
#![forbid(unsafe_code)]

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU8, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const AGAIN: u8 = 2;

/// One job's latch.
///
/// # Invariants
///
/// `state` is idle when and only when nobody is between a successful `begin` and the `end` that
/// says "done". Only that caller leaves "again".
#[derive(Debug)]
pub struct Latch {
    state: AtomicU8,
}

impl Latch {
    /// A latch that nobody holds.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(IDLE),
        }
    }

    /// A latch that nobody holds. Loom's atomics cannot be made at compile time.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(IDLE),
        }
    }

    /// Asks for the job: `true` for whoever is to do it now. Otherwise somebody is at it, and will
    /// do it once more.
    pub fn begin(&self) -> bool {
        // Ordering: acquire takes over what the job's last run wrote; release hands this request's
        // reason to the run that will see it.
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                Some(if state == IDLE { BUSY } else { AGAIN })
            });
        before == Ok(IDLE)
    }

    /// The job was done: `true` when nobody asked again meanwhile, and the latch is open then.
    pub fn end(&self) -> bool {
        // Ordering: as in `begin`.
        let done = self
            .state
            .compare_exchange(BUSY, IDLE, Ordering::AcqRel, Ordering::Acquire);
        if done.is_err() {
            // INVARIANT: only `AGAIN` is left to be found, and only this caller leaves it. A swap
            // and not a store: it must see the reason of whoever asked last.
            self.state.swap(BUSY, Ordering::AcqRel);
        }
        done.is_ok()
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_once_more_for_all_who_asked_meanwhile() {
        let latch = Latch::new();
        assert!(latch.begin());
        assert!(!latch.begin() && !latch.begin());
        assert!(!latch.end());
        assert!(latch.end());
        assert!(latch.begin() && latch.end());
    }
}
