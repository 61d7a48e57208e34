//! Who may bring the chip up or down: a change of power, which waits for its turn, or a stream, which
//! does without.
//!
//! Changes of power come one at a time, from PnP and the power manager. A stream that is opened, or
//! set running, may try a chip again meanwhile; that is bounded, so a change of power waits for it.
//! While one has the turn (all through D3, and from removal on) no stream tries anything.

use core::sync::atomic::{AtomicBool, Ordering};

use super::rundown::Rundown;
use crate::irql::{Irql, Passive};

/// A turn.
///
/// # Invariants
///
/// `attempts` has run down while `taken` is set. `busy` is set by the one attempt that is under way.
#[derive(Debug)]
pub struct Turn {
    attempts: Rundown,
    busy: AtomicBool,
    taken: AtomicBool,
}

impl Turn {
    /// A turn that nobody has.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            attempts: Rundown::new(),
            busy: AtomicBool::new(false),
            taken: AtomicBool::new(false),
        }
    }

    /// Makes the turn ready for use where it lies now.
    pub fn initialise(&self) {
        self.attempts.initialise();
    }

    /// Does `job`, which must be bounded, unless the turn is taken or another attempt is under way:
    /// nobody waits here, and [`take`](Self::take) waits for `job`.
    pub fn attempt<R>(
        &self,
        irql: &mut Irql<Passive>,
        job: impl FnOnce(&mut Irql<Passive>) -> R,
    ) -> Option<R> {
        let _in_use = self.attempts.enter()?;
        // Who comes second writes nothing: the flag is the first one's alone.
        let claim = self
            .busy
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        if claim.is_err() {
            return None;
        }
        let result = job(irql);
        self.busy.store(false, Ordering::Release);
        Some(result)
    }

    /// Whether a change of power has the turn, or waits for it: an attempt that is under way had better
    /// end.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    /// Waits until no attempt is under way, and lets none begin until [`give`](Self::give). Callers of
    /// the two are serialised: PnP and power requests are.
    pub fn take(&self, irql: &Irql<Passive>) {
        if !self.taken.swap(true, Ordering::AcqRel) {
            self.attempts.wait(irql);
        }
    }

    /// Lets streams try again.
    pub fn give(&self, irql: &Irql<Passive>) {
        if self.taken.swap(false, Ordering::AcqRel) {
            self.attempts.reopen(irql);
        }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}
