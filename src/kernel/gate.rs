//! Who may still come, at any level: what run-down protection is at DISPATCH and below, for device
//! IRQL too.
//!
//! A [`Gate`] is passed in a few instructions, so whoever shuts it waits for those who are inside by
//! looking again.
#![forbid(unsafe_code)]

#[cfg(not(loom))]
use core::sync::atomic::{AtomicUsize, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicUsize, Ordering};

const SHUT: usize = 1;
const INSIDE: usize = 2;

/// A gate.
///
/// # Invariants
///
/// `word` is the number of those inside, times `INSIDE`, and `SHUT`.
#[derive(Debug)]
pub struct Gate {
    word: AtomicUsize,
}

impl Gate {
    /// A gate that is shut.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            word: AtomicUsize::new(SHUT),
        }
    }

    /// A gate that is shut. Loom's atomics cannot be made at compile time.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicUsize::new(SHUT),
        }
    }

    /// Does `work`, which must be short, unless the gate is shut.
    pub fn pass<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        // Ordering: acquire, so that who passes sees what was done before the gate was opened.
        let before = self.word.fetch_add(INSIDE, Ordering::Acquire);
        let result = (before & SHUT == 0).then(work);
        // Ordering: release hands the work's effects to whoever shuts the gate.
        self.word.fetch_sub(INSIDE, Ordering::Release);
        result
    }

    /// Lets everybody pass.
    pub fn open(&self) {
        // Ordering: release, as `pass` says.
        self.word.fetch_and(!SHUT, Ordering::Release);
    }

    /// Lets nobody pass, and waits until nobody is inside; `look_again` spends a moment.
    pub fn shut(&self, mut look_again: impl FnMut()) {
        // Ordering: acquire takes over the work of those who have left.
        let mut word = self.word.fetch_or(SHUT, Ordering::Acquire);
        while word & !SHUT != 0 {
            look_again();
            word = self.word.load(Ordering::Acquire);
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_a_shut_gate() {
        let gate = Gate::new();
        assert_eq!(gate.pass(|| 1), None);
        gate.open();
        assert_eq!(gate.pass(|| gate.pass(|| 2)), Some(Some(2)));
        gate.shut(|| panic!("nobody is inside"));
        assert_eq!(gate.pass(|| 3), None);
    }
}
