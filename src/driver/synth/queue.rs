//! Events in the order of their time, first come first served among equals.
//!
//! Contract sections 6.8 and 9.4: with DONT_HOLD_FOR_SEQUENCING the port passes events on as they
//! come, so a stream sorts them itself, and keeps them in master-clock time until their frame is
//! rendered: the map from time to frames moves meanwhile. A binary heap over memory allocated when
//! the stream is opened: no event costs more than a logarithm under the lock, however hostile
//! their order, and nothing is allocated. Any IRQL.
#![forbid(unsafe_code)]

use crate::mem::{Buffer, OutOfMemory, pool_bytes};
use crate::time::RefTime;

/// A bounded priority queue.
#[derive(Debug)]
pub struct Queue<T> {
    /// The heap: `len` entries, each not later than the two at twice its number plus 1 and 2.
    heap: Buffer<Option<Entry<T>>>,
    len: usize,
    arrivals: u64,
}

/// One event in the queue.
#[derive(Debug)]
struct Entry<T> {
    time: RefTime,
    arrival: u64,
    item: T,
}

impl<T> Entry<T> {
    const fn key(&self) -> (i64, u64) {
        (self.time.0, self.arrival)
    }
}

impl<T> Queue<T> {
    /// Room for `capacity` items. PASSIVE.
    pub fn try_new(capacity: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            heap: Buffer::try_from_fn(capacity, |_| None)?,
            len: 0,
            arrivals: 0,
        })
    }

    /// What room for `capacity` items takes of the pool.
    #[must_use]
    pub const fn pool_bytes_for(capacity: usize) -> u64 {
        pool_bytes(capacity.saturating_mul(size_of::<Option<Entry<T>>>()))
    }

    /// How many items wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item; it comes back when the queue is full.
    pub fn push(&mut self, time: RefTime, item: T) -> Result<(), T> {
        if self.len >= self.heap.len() {
            return Err(item);
        }
        let entry = Entry {
            time,
            arrival: self.arrivals,
            item,
        };
        self.arrivals = self.arrivals.wrapping_add(1);
        let hole = self.rise(self.len, entry.key());
        self.put(hole, entry);
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    /// The earliest item and its time.
    #[must_use]
    pub fn peek(&self) -> Option<(RefTime, &T)> {
        let first = self.heap.first()?.as_ref()?;
        Some((first.time, &first.item))
    }

    /// Takes the earliest item.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let moved = self.heap.get_mut(last)?.take()?;
        self.len = last;
        if last == 0 {
            return Some(moved.item);
        }
        let first = self.heap.first_mut()?.take();
        let hole = self.sink(moved.key());
        self.put(hole, moved);
        first.map(|entry| entry.item)
    }

    /// Takes an item, whichever is at hand.
    pub fn pop_any(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let entry = self.heap.get_mut(last)?.take()?;
        self.len = last;
        Some(entry.item)
    }

    fn key(&self, index: usize) -> Option<(i64, u64)> {
        self.heap.get(index)?.as_ref().map(Entry::key)
    }

    fn put(&mut self, index: usize, entry: Entry<T>) {
        if let Some(place) = self.heap.get_mut(index) {
            *place = Some(entry);
        }
    }

    /// Moves an entry, whose place is then a hole.
    fn shift(&mut self, from: usize, to: usize) {
        let entry = self.heap.get_mut(from).and_then(Option::take);
        if let Some(place) = self.heap.get_mut(to) {
            *place = entry;
        }
    }

    /// Moves the hole at `index` towards the front, to where an entry of this key belongs.
    fn rise(&mut self, mut index: usize, key: (i64, u64)) -> usize {
        while index > 0 {
            let parent = index.wrapping_sub(1) >> 1;
            if self.key(parent) <= Some(key) {
                break;
            }
            self.shift(parent, index);
            index = parent;
        }
        index
    }

    /// Moves the hole at the front away from there, to where an entry of this key belongs.
    fn sink(&mut self, key: (i64, u64)) -> usize {
        let mut index = 0_usize;
        loop {
            let left = index.wrapping_mul(2).wrapping_add(1);
            // An empty place has no key.
            let Some(mut least) = self.key(left) else {
                return index;
            };
            let mut child = left;
            if let Some(right) = self.key(left.wrapping_add(1))
                && right < least
            {
                child = left.wrapping_add(1);
                least = right;
            }
            if key <= least {
                return index;
            }
            self.shift(child, index);
            index = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn a_full_queue_gives_back() {
        let mut queue = Queue::try_new(2).unwrap();
        assert_eq!(queue.push(RefTime(5), 'a'), Ok(()));
        assert_eq!(queue.push(RefTime(3), 'b'), Ok(()));
        assert_eq!(queue.push(RefTime(1), 'c'), Err('c'));
        assert_eq!(queue.peek(), Some((RefTime(3), &'b')));
        assert_eq!(
            (queue.pop(), queue.pop(), queue.pop()),
            (Some('b'), Some('a'), None)
        );
        assert!(queue.is_empty());
    }

    #[test]
    fn items_in_any_order_are_all_items() {
        let mut queue = Queue::try_new(9).unwrap();
        for time in [5, 3, 9, 1, 7] {
            queue.push(RefTime(time), time).unwrap();
        }
        assert_eq!(queue.pop(), Some(1));
        let mut all: Vec<_> = core::iter::from_fn(|| queue.pop_any()).collect();
        all.sort_unstable();
        assert_eq!(all, [3, 5, 7, 9]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 }))]

        /// Against a stable sort, with pops in between.
        #[test]
        fn sorts_stably(steps in prop::collection::vec(prop::option::weighted(0.7, -20_i64..20), 0..200)) {
            let mut queue = Queue::try_new(64).unwrap();
            let mut model: Vec<(i64, usize)> = Vec::new();
            for (arrival, step) in steps.into_iter().enumerate() {
                if let Some(time) = step {
                    let pushed = queue.push(RefTime(time), arrival);
                    prop_assert_eq!(pushed.is_ok(), model.len() < 64);
                    if pushed.is_ok() {
                        model.push((time, arrival));
                        model.sort_by_key(|&(time, _)| time);
                    }
                } else {
                    let expected = (!model.is_empty()).then(|| model.remove(0).1);
                    prop_assert_eq!(queue.pop(), expected);
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
