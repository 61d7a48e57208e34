//! Run-down protection: who takes something away at PASSIVE waits for those who still use it at
//! DISPATCH, and nobody counts foreign references under a lock.
#![expect(unsafe_code, reason = "wraps EX_RUNDOWN_REF")]

use core::cell::UnsafeCell;
use core::fmt;

use super::nt;
use crate::irql::{Irql, Passive};

/// An `EX_RUNDOWN_REF`, which [`initialise`](Rundown::initialise) has to see first, where it lies for
/// good. Not for service routines: its functions are for DISPATCH and below.
pub struct Rundown {
    word: UnsafeCell<usize>,
}

// SAFETY: the word is only touched by the interlocked run-down routines.
unsafe impl Sync for Rundown {}
// SAFETY: as above.
unsafe impl Send for Rundown {}

/// One use of what is protected.
#[derive(Debug)]
pub struct InUse<'a> {
    rundown: &'a Rundown,
}

impl Rundown {
    /// Protection that nobody uses yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            word: UnsafeCell::new(0),
        }
    }

    /// Makes the protection ready for use where it lies now: before anybody else sees it, and once.
    pub fn initialise(&self) {
        // SAFETY: the word is a run-down reference's, and nobody uses it yet.
        unsafe { nt::ExInitializeRundownProtection(self.word.get()) };
    }

    /// Begins a use, at DISPATCH or below; none once [`wait`](Self::wait) was called.
    pub fn enter(&self) -> Option<InUse<'_>> {
        // SAFETY: the word is a run-down reference.
        let entered = unsafe { nt::ExAcquireRundownProtection(self.word.get()) };
        // Lazily: a use that is made and thrown away would end one that was never begun.
        (entered != 0).then(|| InUse { rundown: self })
    }

    /// Ends a use whose [`InUse`] was forgotten.
    ///
    /// # Safety
    ///
    /// One [`InUse`] of this protection was forgotten, and is ended by this call.
    pub unsafe fn leave(&self) {
        // SAFETY: acquired in `enter`, by the caller's promise.
        unsafe { nt::ExReleaseRundownProtection(self.word.get()) };
    }

    /// Waits until all uses have ended, and lets no new one begin until
    /// [`reopen`](Self::reopen).
    pub fn wait(&self, _irql: &Irql<Passive>) {
        // SAFETY: the word is a run-down reference, and waiting is allowed at PASSIVE.
        unsafe { nt::ExWaitForRundownProtectionRelease(self.word.get()) };
    }

    /// Lets uses begin again after a [`wait`](Self::wait).
    pub fn reopen(&self, _irql: &Irql<Passive>) {
        // SAFETY: the word is a run-down reference that has run down.
        unsafe { nt::ExReInitializeRundownProtection(self.word.get()) };
    }
}

impl Default for Rundown {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        // SAFETY: acquired in `enter`.
        unsafe { nt::ExReleaseRundownProtection(self.rundown.word.get()) };
    }
}

impl fmt::Debug for Rundown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rundown")
    }
}
