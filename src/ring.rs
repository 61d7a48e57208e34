//! A single-producer single-consumer ring: the service routine writes, the capture stream reads.
//!
//! No lock and no waiting on either side, so the producer may run at device IRQL (style: the locks'
//! table). Each half has one owner, which the types enforce: neither can be cloned, and using one
//! takes `&mut`. The memory is allocated once and goes away with the second half.
//!
//! A full ring refuses the newest value and the producer counts it (mpu401.md section 4).
#![expect(
    unsafe_code,
    reason = "slots are shared between two halves whose indices keep them apart"
)]

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use crate::mem::{Buffer, OutOfMemory};
use sync::{AtomicBool, AtomicUsize, Ordering, UnsafeCell, fence};

/// The ring had no room; the value comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

/// Makes a ring of at least `capacity` slots, rounded up to a power of two.
///
/// # Errors
///
/// [`OutOfMemory`] when the pool has no room.
pub fn ring<T: Copy>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), OutOfMemory> {
    let capacity = capacity
        .max(1)
        .checked_next_power_of_two()
        .ok_or(OutOfMemory)?;
    let slots = Buffer::try_from_fn(capacity, |_| UnsafeCell::new(MaybeUninit::uninit()))?;
    let shared = Shared::allocate(slots)?;
    // INVARIANT: the two halves, once each, at equal positions: nothing is in the ring.
    Ok((
        Producer {
            shared,
            written: 0,
            read: 0,
        },
        Consumer {
            shared,
            read: 0,
            written: 0,
        },
    ))
}

/// The half that writes.
///
/// # Invariants
///
/// `written` is the shared counter of that name, which only this half stores. `read` is a value the
/// consumer's counter has had, so `written - read` is at least what the ring holds.
pub struct Producer<T: Copy> {
    shared: NonNull<Shared<T>>,
    written: usize,
    read: usize,
}

/// The half that reads.
///
/// # Invariants
///
/// `read` is the shared counter of that name, which only this half stores. `written` is a value the
/// producer's counter has had, so the slots from `read` to `written` hold values.
pub struct Consumer<T: Copy> {
    shared: NonNull<Shared<T>>,
    read: usize,
    written: usize,
}

/// # Invariants
///
/// The counters run freely and wrap; `written - read` is at most the number of slots, a power of
/// two. Slots from `read` to `written` (modulo their number) hold values and belong to the
/// consumer; the others belong to the producer.
struct Shared<T> {
    slots: Buffer<UnsafeCell<MaybeUninit<T>>>,
    written: AtomicUsize,
    read: AtomicUsize,
    /// One half is gone: the next one to go frees the memory.
    orphaned: AtomicBool,
}

impl<T: Copy> Producer<T> {
    /// Appends a value.
    ///
    /// # Errors
    ///
    /// [`Full`] hands the value back when there is no room.
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        // SAFETY: a half's memory lives until both halves are gone.
        let shared = unsafe { self.shared.as_ref() };
        if self.written.wrapping_sub(self.read) >= shared.slots.len() {
            // Ordering: acquire pairs with the consumer's release, so its read of the slot is over.
            self.read = shared.read.load(Ordering::Acquire);
            if self.written.wrapping_sub(self.read) >= shared.slots.len() {
                return Err(Full(value));
            }
        }
        let Some(slot) = shared.slot(self.written) else {
            return Err(Full(value));
        };
        slot.with_mut(|slot| {
            // SAFETY: by the invariant a slot outside `read..written` belongs to the producer.
            unsafe { slot.write(MaybeUninit::new(value)) };
        });
        self.written = self.written.wrapping_add(1);
        // Ordering: release publishes the slot's value together with the counter.
        shared.written.store(self.written, Ordering::Release);
        Ok(())
    }
}

impl<T: Copy> Consumer<T> {
    /// The oldest value, which stays in the ring.
    pub fn peek(&mut self) -> Option<T> {
        // SAFETY: a half's memory lives until both halves are gone.
        let shared = unsafe { self.shared.as_ref() };
        if self.read == self.written {
            // Ordering: acquire pairs with the producer's release, so the slot's value is there.
            self.written = shared.written.load(Ordering::Acquire);
            if self.read == self.written {
                return None;
            }
        }
        shared.slot(self.read)?.with(|slot| {
            // SAFETY: by the invariant a slot within `read..written` belongs to the consumer.
            let value = unsafe { slot.read() };
            // SAFETY: and it holds a value, which may be copied out any number of times.
            Some(unsafe { value.assume_init() })
        })
    }

    /// Takes the oldest value.
    pub fn pop(&mut self) -> Option<T> {
        let value = self.peek()?;
        self.read = self.read.wrapping_add(1);
        // SAFETY: a half's memory lives until both halves are gone.
        let shared = unsafe { self.shared.as_ref() };
        // Ordering: release gives the slot back only after its value was copied.
        shared.read.store(self.read, Ordering::Release);
        Some(value)
    }

    /// Throws away all that is in the ring now.
    pub fn clear(&mut self) {
        // SAFETY: a half's memory lives until both halves are gone.
        let shared = unsafe { self.shared.as_ref() };
        // Ordering: as in `peek` and `pop`; no slot is touched in between.
        self.written = shared.written.load(Ordering::Acquire);
        self.read = self.written;
        shared.read.store(self.read, Ordering::Release);
    }
}

impl<T> Shared<T> {
    #[expect(
        clippy::cast_ptr_alignment,
        reason = "the allocator honours the layout it is given"
    )]
    fn allocate(slots: Buffer<UnsafeCell<MaybeUninit<T>>>) -> Result<NonNull<Self>, OutOfMemory> {
        // SAFETY: the structure has counters in it, so its layout's size is not zero.
        let raw = unsafe { alloc(Layout::new::<Self>()) };
        let shared = NonNull::new(raw.cast::<Self>()).ok_or(OutOfMemory)?;
        let value = Self {
            slots,
            written: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            orphaned: AtomicBool::new(false),
        };
        // SAFETY: just allocated with this type's layout, and not yet initialised.
        unsafe { shared.as_ptr().write(value) };
        Ok(shared)
    }

    fn slot(&self, position: usize) -> Option<&UnsafeCell<MaybeUninit<T>>> {
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get(position & mask)
    }

    /// One half lets go.
    ///
    /// # Safety
    ///
    /// `shared` came from [`Shared::allocate`]; each half calls this once and then never uses it.
    unsafe fn release(shared: NonNull<Self>) {
        // SAFETY: the caller is one of the halves, so the memory is still there.
        let orphaned = unsafe { &(*shared.as_ptr()).orphaned };
        // Ordering: release hands this half's accesses to the other one, which frees the memory.
        if !orphaned.swap(true, Ordering::Release) {
            return;
        }
        // Ordering: acquire takes over the accesses of the half that went first.
        fence(Ordering::Acquire);
        // SAFETY: both halves are gone, and the value was initialised at allocation.
        unsafe { ptr::drop_in_place(shared.as_ptr()) };
        // SAFETY: allocated by `allocate` with the same layout.
        unsafe { dealloc(shared.as_ptr().cast(), Layout::new::<Self>()) };
    }
}

impl<T: Copy> Drop for Producer<T> {
    fn drop(&mut self) {
        // SAFETY: the producer's one release.
        unsafe { Shared::release(self.shared) };
    }
}

impl<T: Copy> Drop for Consumer<T> {
    fn drop(&mut self) {
        // SAFETY: the consumer's one release.
        unsafe { Shared::release(self.shared) };
    }
}

impl<T: Copy> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl<T: Copy> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

// SAFETY: a half is used by one thread at a time, and the protocol keeps the two apart.
unsafe impl<T: Copy + Send> Send for Producer<T> {}
// SAFETY: as above.
unsafe impl<T: Copy + Send> Send for Consumer<T> {}
// SAFETY: nothing can be done through a shared reference to a half but print its own counter.
unsafe impl<T: Copy + Send> Sync for Producer<T> {}
// SAFETY: as above.
unsafe impl<T: Copy + Send> Sync for Consumer<T> {}

/// What the ring shares memory with: `core`'s primitives, or loom's models of them.
mod sync {
    #[cfg(not(loom))]
    pub(super) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
    #[cfg(loom)]
    pub(super) use loom::{
        cell::UnsafeCell,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    };

    /// `core`'s cell with the closures of loom's.
    #[cfg(not(loom))]
    #[derive(Debug)]
    pub(super) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    #[cfg(not(loom))]
    impl<T> UnsafeCell<T> {
        pub(super) const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        pub(super) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get().cast_const())
        }

        pub(super) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn values_come_out_in_order_and_the_newest_is_refused() {
        let (mut producer, mut consumer) = ring(4).unwrap();
        assert_eq!(consumer.pop(), None);
        for value in 0..4 {
            producer.push(value).unwrap();
        }
        assert_eq!(producer.push(4), Err(Full(4)));
        assert_eq!((consumer.peek(), consumer.peek()), (Some(0), Some(0)));
        assert_eq!(consumer.pop(), Some(0));
        producer.push(5).unwrap();
        let rest: Vec<_> = core::iter::from_fn(|| consumer.pop()).collect();
        assert_eq!(rest, [1, 2, 3, 5]);
    }

    #[test]
    fn capacity_is_rounded_up_to_a_power_of_two() {
        for (asked, made) in [(0, 1), (1, 1), (2, 2), (3, 4), (5, 8)] {
            let (mut producer, _consumer) = ring(asked).unwrap();
            let room = (0..100).take_while(|&value| producer.push(value).is_ok());
            assert_eq!(room.count(), made);
        }
        assert!(ring::<u8>(usize::MAX).is_err());
    }

    #[test]
    fn clear_empties_and_leaves_all_the_room() {
        let (mut producer, mut consumer) = ring(4).unwrap();
        for round in 0..3 {
            producer.push(round).unwrap();
            producer.push(round).unwrap();
            consumer.clear();
            assert_eq!(consumer.pop(), None);
        }
        for value in 0..4 {
            producer.push(value).unwrap();
        }
        assert_eq!(consumer.pop(), Some(0));
    }

    #[test]
    fn either_half_may_go_first() {
        let (mut producer, consumer) = ring(2).unwrap();
        drop(consumer);
        producer.push(1).unwrap();
        drop(producer);
        let (mut producer, mut consumer) = ring(2).unwrap();
        producer.push(7).unwrap();
        drop(producer);
        assert_eq!((consumer.pop(), consumer.pop()), (Some(7), None));
    }

    #[test]
    fn two_threads_agree() {
        let count: u32 = if cfg!(miri) { 200 } else { 200_000 };
        let (mut producer, mut consumer) = ring(8).unwrap();
        let writer = std::thread::spawn(move || {
            for value in 0..count {
                while producer.push(value).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        for expected in 0..count {
            let value = loop {
                match consumer.pop() {
                    Some(value) => break value,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(value, expected);
        }
        writer.join().unwrap();
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::thread;
    use std::vec::Vec;

    /// Every interleaving of a producer that overflows and a consumer that keeps up or not: what
    /// comes out is what went in, in order, with the refused values missing and nothing else.
    #[test]
    fn nothing_is_lost_torn_or_reordered() {
        loom::model(|| {
            let (mut producer, mut consumer) = ring(2).unwrap();
            let writer = thread::spawn(move || {
                let accepted: Vec<u32> = (1..=4)
                    .filter(|&value| producer.push(value).is_ok())
                    .collect();
                accepted
            });
            let mut seen = Vec::new();
            for _ in 0..3 {
                seen.extend(consumer.pop());
            }
            let accepted = writer.join().unwrap();
            while let Some(value) = consumer.pop() {
                seen.push(value);
            }
            assert_eq!(seen, accepted);
            assert!(accepted.starts_with(&[1, 2]));
        });
    }

    /// The halves may be dropped at any moment, in either order.
    #[test]
    fn memory_goes_with_the_second_half() {
        loom::model(|| {
            let (mut producer, mut consumer) = ring(1).unwrap();
            let writer = thread::spawn(move || {
                let _ = producer.push(9);
            });
            assert!(matches!(consumer.pop(), None | Some(9)));
            drop(consumer);
            writer.join().unwrap();
        });
    }

    /// `clear` against a running producer takes a prefix, never a value that is half written.
    #[test]
    fn clear_takes_a_prefix() {
        loom::model(|| {
            let (mut producer, mut consumer) = ring(2).unwrap();
            let writer = thread::spawn(move || {
                let _ = producer.push(1);
                let _ = producer.push(2);
            });
            consumer.clear();
            writer.join().unwrap();
            let mut rest = Vec::new();
            while let Some(value) = consumer.pop() {
                rest.push(value);
            }
            assert!([1, 2].ends_with(&rest));
        });
    }
}
