//! Run-down protection: who takes something away at PASSIVE waits for those who still use it at
//! DISPATCH, and nobody counts foreign references under a lock.
#![expect(unsafe_code, reason = "wraps EX_RUNDOWN_REF")]

use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use super::nt;
use crate::irql::{Irql, Passive};

/// An `EX_RUNDOWN_REF`, which [`initialise`](Rundown::initialise) has to see first, where it lies for
/// good. Not for service routines: its functions are for DISPATCH and below.
///
/// Until then nobody may begin a use, and there is none to wait for: what never got to its place, because
/// there was no memory for it, is dropped like anything else.
pub struct Rundown {
    word: UnsafeCell<usize>,
    ready: AtomicBool,
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
            ready: AtomicBool::new(false),
        }
    }

    /// Makes the protection ready for use where it lies now: before anybody else sees it, and once.
    pub fn initialise(&self) {
        // SAFETY: the word is a run-down reference's, and nobody uses it yet.
        unsafe { nt::ExInitializeRundownProtection(self.word.get()) };
        self.ready.store(true, Ordering::Release);
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Begins a use, at DISPATCH or below; none once [`wait`](Self::wait) was called.
    pub fn enter(&self) -> Option<InUse<'_>> {
        if !self.is_ready() {
            return None;
        }
        // SAFETY: the word is a run-down reference, initialised.
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
        if !self.is_ready() {
            return;
        }
        // SAFETY: the word is a run-down reference, initialised, and waiting is allowed at PASSIVE.
        unsafe { nt::ExWaitForRundownProtectionRelease(self.word.get()) };
    }

    /// Lets uses begin again after a [`wait`](Self::wait).
    pub fn reopen(&self, _irql: &Irql<Passive>) {
        if !self.is_ready() {
            return;
        }
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
