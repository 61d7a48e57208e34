//! A spin lock that owns what it guards.
#![expect(unsafe_code, reason = "wraps KSPIN_LOCK")]

use core::cell::UnsafeCell;
use core::fmt;

use super::nt;
use crate::irql::{AtMost, Dispatch, Irql, Locked};

/// A value behind a `KSPIN_LOCK`, which [`initialise`](Self::initialise) has to see first, where it
/// lies for good.
///
/// Access is by closure and not by guard: guards may be dropped out of order and would then
/// restore the wrong IRQL, closures nest by construction. Inside, foreign calls and allocations do
/// not compile or are against the house rules (see [`crate::irql`]).
pub struct SpinLock<T> {
    word: UnsafeCell<usize>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// Locks `value` away.
    pub const fn new(value: T) -> Self {
        Self {
            word: UnsafeCell::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Makes the lock ready for use where it lies now: before anybody else sees it, and once.
    pub fn initialise(&self) {
        // SAFETY: the word is a spin lock's, and nobody has taken it yet.
        unsafe { nt::KeInitializeSpinLock(self.word.get()) };
    }

    /// Raises to DISPATCH, takes the lock and runs `work`.
    pub fn with<L, R>(
        &self,
        _irql: &mut Irql<L>,
        work: impl FnOnce(&mut T, &mut Irql<Locked>) -> R,
    ) -> R
    where
        L: AtMost<Dispatch>,
    {
        // SAFETY: the word is a spin lock, and the level is at most DISPATCH.
        let old_irql = unsafe { nt::KeAcquireSpinLockRaiseToDpc(self.word.get()) };
        let result = self.locked(work);
        // SAFETY: taken above, at this level.
        unsafe { nt::KeReleaseSpinLock(self.word.get(), old_irql) };
        result
    }

    /// Takes the lock while another is held: only for the inner lock of the documented order.
    pub fn with_inner<R>(
        &self,
        _irql: &mut Irql<Locked>,
        work: impl FnOnce(&mut T, &mut Irql<Locked>) -> R,
    ) -> R {
        // SAFETY: the word is a spin lock, and a held lock means DISPATCH.
        unsafe { nt::KeAcquireSpinLockAtDpcLevel(self.word.get()) };
        let result = self.locked(work);
        // SAFETY: taken above, at this level.
        unsafe { nt::KeReleaseSpinLockFromDpcLevel(self.word.get()) };
        result
    }

    /// The value, through exclusive access to the lock itself.
    pub const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn locked<R>(&self, work: impl FnOnce(&mut T, &mut Irql<Locked>) -> R) -> R {
        // SAFETY: the lock is held.
        let value = unsafe { &mut *self.value.get() };
        // SAFETY: holding the lock means DISPATCH.
        let mut irql = unsafe { Irql::assume() };
        work(value, &mut irql)
    }
}

impl<T> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpinLock")
    }
}
