//! What the clients of one synthesizer device may hold of the kernel's memory, all together.
//!
//! One budget a device: downloads, the copies of downloads under way, the state of channel groups
//! and the bytes of waiting events count against it, whichever pin they are for. Code that
//! allocates for a client reserves first, and gives back what it reserved when the memory is freed
//! or the allocation failed.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::class;
use crate::com::{Object, ObjectRef, Status};

/// The bytes of one device. Any level, no lock.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    used: AtomicU64,
}

class!(Budget);

impl Budget {
    /// A budget of which nothing is used.
    #[must_use]
    pub const fn new(limit_bytes: u64) -> Self {
        Self {
            limit: limit_bytes,
            used: AtomicU64::new(0),
        }
    }

    /// A budget to be shared. PASSIVE level.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn create(limit_bytes: u64) -> Result<ObjectRef<Self>, Status> {
        Object::try_new(Self::new(limit_bytes)).map_err(|_| Status::INSUFFICIENT_RESOURCES)
    }

    /// Takes `bytes` out of what is free, or nothing.
    ///
    /// Two steps and no loop: of two that race for the last bytes both may be refused, but neither
    /// ever waits for the other, and what all hold together is never above the limit.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> bool {
        // First without a trace, so that what can never fit is in the way of no other caller.
        if bytes > self.free() {
            return false;
        }
        // No overflow: each summand is at most the limit, which is far below 2^64.
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before
            .checked_add(bytes)
            .is_some_and(|used| used <= self.limit);
        if !fits {
            self.release(bytes);
        }
        fits
    }

    /// Gives back what [`try_reserve`](Self::try_reserve) took.
    pub fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes that are reserved.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that can be reserved at all.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that can still be reserved.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.limit.saturating_sub(self.used())
    }
}

/// Bytes that stay reserved until the owner of the memory has gone: as its last field, so that the
/// memory is freed before.
#[derive(Debug)]
pub struct Debt {
    budget: ObjectRef<Budget>,
    bytes: AtomicU64,
}

impl Debt {
    /// Nothing yet.
    #[must_use]
    pub const fn new(budget: ObjectRef<Budget>) -> Self {
        Self {
            budget,
            bytes: AtomicU64::new(0),
        }
    }

    /// What the bytes are reserved from.
    #[must_use]
    pub const fn budget(&self) -> &ObjectRef<Budget> {
        &self.budget
    }

    /// Says how much it is in the end.
    pub fn settle(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        self.budget.release(self.bytes.load(Ordering::Relaxed));
    }
}

/// Reserved bytes that go back when this is dropped.
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a Budget,
    bytes: Cell<u64>,
}

impl<'a> Reservation<'a> {
    /// Reserves `bytes`.
    #[must_use]
    pub fn of(budget: &'a Budget, bytes: u64) -> Option<Self> {
        // Made only when it holds: its drop releases.
        budget.try_reserve(bytes).then(|| Self {
            budget,
            bytes: Cell::new(bytes),
        })
    }

    /// Reserves more; whether there was as much.
    #[must_use]
    pub fn grow(&self, bytes: u64) -> bool {
        let fits = self.budget.try_reserve(bytes);
        if fits {
            self.bytes.set(self.bytes.get().saturating_add(bytes));
        }
        fits
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&self, bytes: u64) {
        let surplus = self.bytes.get().saturating_sub(bytes);
        self.budget.release(surplus);
        self.bytes.set(self.bytes.get().saturating_sub(surplus));
    }

    /// Keeps the bytes reserved: the owner of the memory releases them.
    pub fn keep(self) {
        self.bytes.set(0);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.release(self.bytes.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_reached_and_not_passed() {
        let budget = Budget::new(100);
        for bytes in [0, 1, 98, 1] {
            assert!(budget.try_reserve(bytes), "{bytes}");
        }
        assert_eq!(
            (budget.used(), budget.free(), budget.limit()),
            (100, 0, 100)
        );
        assert!(budget.try_reserve(0));
        for bytes in [1, 100, 101, u64::MAX] {
            assert!(!budget.try_reserve(bytes), "{bytes}");
            assert_eq!(budget.used(), 100);
        }
        budget.release(1);
        assert!(!budget.try_reserve(2));
        assert!(budget.try_reserve(1));
        budget.release(100);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_reservation_gives_back_what_it_does_not_keep() {
        let budget = Budget::new(100);
        assert!(Reservation::of(&budget, 101).is_none());
        assert_eq!(budget.used(), 0, "a refusal releases nothing");
        let held = Reservation::of(&budget, 40).unwrap();
        assert!(held.grow(60) && !held.grow(1));
        held.shrink_to(100);
        held.shrink_to(30);
        assert_eq!(budget.used(), 30);
        drop(held);
        assert_eq!(budget.used(), 0);
        Reservation::of(&budget, 7).unwrap().keep();
        assert_eq!(budget.used(), 7);
    }

    #[test]
    fn those_who_race_never_hold_more_than_the_limit() {
        let budget = Budget::new(1000);
        let held = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for bytes in [7_u64, 300, 450, 999] {
                let (budget, held) = (&budget, &held);
                scope.spawn(move || {
                    for _ in 0..2000 {
                        if budget.try_reserve(bytes) {
                            let all = held.fetch_add(bytes, Ordering::SeqCst) + bytes;
                            assert!(all <= 1000, "{all}");
                            held.fetch_sub(bytes, Ordering::SeqCst);
                            budget.release(bytes);
                        }
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }
}
