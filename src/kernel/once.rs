//! A cell that is filled once, at initialisation, and read from any level afterwards.
#![expect(unsafe_code, reason = "publishes a value through an atomic flag")]

use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

const EMPTY: u8 = 0;
const FILLING: u8 = 1;
const FULL: u8 = 2;

/// A cell that is filled once.
///
/// # Invariants
///
/// `value` is written only by whoever moved `state` from empty to filling, and read only when it
/// is full.
pub struct SetOnce<T> {
    state: AtomicU8,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is published with Release and only shared afterwards.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    /// An empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(None),
        }
    }

    /// Fills the cell.
    ///
    /// # Errors
    ///
    /// The value comes back when the cell is filled already.
    pub fn set(&self, value: T) -> Result<&T, T> {
        let claim =
            self.state
                .compare_exchange(EMPTY, FILLING, Ordering::Acquire, Ordering::Relaxed);
        if claim.is_err() {
            return Err(value);
        }
        let place = self.value.get();
        // SAFETY: the claim makes this thread the only one to touch the value, which is `None`.
        unsafe { place.write(Some(value)) };
        // Ordering: Release, so that who sees "full" sees the value.
        self.state.store(FULL, Ordering::Release);
        // Borrowed afresh and shared: what comes out of an exclusive borrow would end with the first
        // access by somebody else, such as a service routine.
        // SAFETY: a full cell is never written again.
        match unsafe { &*place } {
            Some(value) => Ok(value),
            // SAFETY: written above.
            None => unsafe { core::hint::unreachable_unchecked() },
        }
    }

    /// The value, if the cell is full.
    pub fn get(&self) -> Option<&T> {
        // Ordering: Acquire, pairs with the Release in `set`.
        if self.state.load(Ordering::Acquire) != FULL {
            return None;
        }
        // SAFETY: a full cell is never written again.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// Empties the cell.
    pub fn take(&mut self) -> Option<T> {
        *self.state.get_mut() = EMPTY;
        self.value.get_mut().take()
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_filled_once() {
        let mut cell = SetOnce::new();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.set(1), Ok(&1));
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(cell.get(), Some(&1));
        assert_eq!(cell.take(), Some(1));
        assert_eq!(cell.set(3), Ok(&3));
    }
}
