//! Events in the order of their time, in memory allocated once.
//!
//! Events mostly arrive in order: those go to a ring, at the cost of one write. One that is
//! earlier than the ring's last goes to a heap. The next event is the earlier of both heads;
//! events of the same frame keep the order of their arrival. Both parts have room for the whole
//! capacity, so an arrival is refused only when the queue is full, and the caller counts that.
#![forbid(unsafe_code)]

use crate::mem::{Buffer, OutOfMemory};
use crate::midi::Message;
use crate::time::SampleTime;

/// A message on its way to a channel group, or to all (0).
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) at: SampleTime,
    pub(super) group: u16,
    pub(super) message: Message,
    /// Counts arrivals; wraps, which [`earlier`] allows for.
    arrival: u32,
}

#[derive(Debug)]
pub(super) struct Queue {
    ring: Buffer<Option<Event>>,
    first: usize,
    in_ring: usize,
    /// The latest event of the ring.
    last: SampleTime,
    heap: Buffer<Option<Event>>,
    in_heap: usize,
    arrivals: u32,
}

/// The queue has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Queue {
    pub(super) fn try_new(capacity: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            ring: Buffer::try_filled(capacity, None)?,
            first: 0,
            in_ring: 0,
            last: SampleTime(i64::MIN),
            heap: Buffer::try_filled(capacity, None)?,
            in_heap: 0,
            arrivals: 0,
        })
    }

    pub(super) fn push(
        &mut self,
        at: SampleTime,
        group: u16,
        message: Message,
    ) -> Result<(), Full> {
        if self.in_ring.saturating_add(self.in_heap) >= self.ring.len() {
            return Err(Full);
        }
        let event = Event {
            at,
            group,
            message,
            arrival: self.arrivals,
        };
        self.arrivals = self.arrivals.wrapping_add(1);
        if self.in_ring == 0 || at >= self.last {
            let capacity = self.ring.len();
            let end = self.first.wrapping_add(self.in_ring);
            let end = if end >= capacity {
                end.wrapping_sub(capacity)
            } else {
                end
            };
            if let Some(slot) = self.ring.get_mut(end) {
                *slot = Some(event);
            }
            self.in_ring = self.in_ring.saturating_add(1);
            self.last = at;
        } else {
            if let Some(slot) = self.heap.get_mut(self.in_heap) {
                *slot = Some(event);
            }
            self.in_heap = self.in_heap.saturating_add(1);
            self.sift_up();
        }
        Ok(())
    }

    /// How many more events fit.
    pub(super) fn room(&self) -> usize {
        let used = self.in_ring.saturating_add(self.in_heap);
        self.ring.len().saturating_sub(used)
    }

    /// When the next event is due.
    pub(super) fn next_time(&self) -> Option<SampleTime> {
        Some(self.head()?.0.at)
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let (event, from_ring) = self.head()?;
        if from_ring {
            let next = self.first.wrapping_add(1);
            self.first = if next >= self.ring.len() { 0 } else { next };
            self.in_ring = self.in_ring.saturating_sub(1);
        } else {
            self.in_heap = self.in_heap.saturating_sub(1);
            let moved = self.heap.get(self.in_heap).copied().flatten();
            if let Some(top) = self.heap.first_mut() {
                *top = moved;
            }
            self.sift_down();
        }
        Some(event)
    }

    /// The clock went back from `from` to `to`: what was due by then is due now, in its order; what
    /// was not keeps its time.
    pub(super) fn go_back(&mut self, from: SampleTime, to: SampleTime) {
        if self.in_ring == 0 && self.in_heap == 0 {
            // What lies in the places is over.
            return;
        }
        let way = from.0.saturating_sub(to.0);
        let moved = |at: SampleTime| {
            if at < from {
                SampleTime(at.0.saturating_sub(way))
            } else {
                at
            }
        };
        for event in self.ring.iter_mut().chain(self.heap.iter_mut()).flatten() {
            event.at = moved(event.at);
        }
        self.last = moved(self.last);
    }

    pub(super) fn clear(&mut self) {
        self.in_ring = 0;
        self.in_heap = 0;
    }

    /// The next event, and whether the ring has it.
    fn head(&self) -> Option<(Event, bool)> {
        let ring = (self.in_ring > 0).then(|| self.ring.get(self.first).copied().flatten());
        let heap = (self.in_heap > 0).then(|| self.heap.first().copied().flatten());
        match (ring.flatten(), heap.flatten()) {
            (Some(ring), Some(heap)) if earlier(&heap, &ring) => Some((heap, false)),
            (Some(ring), _) => Some((ring, true)),
            (None, Some(heap)) => Some((heap, false)),
            (None, None) => None,
        }
    }

    fn heap_earlier(&self, a: usize, b: usize) -> bool {
        let event = |index: usize| self.heap.get(index).and_then(Option::as_ref);
        match (event(a), event(b)) {
            (Some(a), Some(b)) => earlier(a, b),
            _ => false,
        }
    }

    /// As the slice's own, which panics where this does nothing.
    fn swap(&mut self, a: usize, b: usize) {
        if let (Some(&one), Some(&other)) = (self.heap.get(a), self.heap.get(b)) {
            if let Some(slot) = self.heap.get_mut(a) {
                *slot = other;
            }
            if let Some(slot) = self.heap.get_mut(b) {
                *slot = one;
            }
        }
    }

    /// Brings the last event of the heap to its place.
    fn sift_up(&mut self) {
        let mut index = self.in_heap.saturating_sub(1);
        while index > 0 {
            let parent = (index - 1) / 2;
            if !self.heap_earlier(index, parent) {
                return;
            }
            self.swap(index, parent);
            index = parent;
        }
    }

    /// Brings the first event of the heap to its place.
    fn sift_down(&mut self) {
        let mut index = 0;
        loop {
            let left = 2 * index + 1;
            if left >= self.in_heap {
                return;
            }
            let right = left + 1;
            let take_right = right < self.in_heap && self.heap_earlier(right, left);
            let child = if take_right { right } else { left };
            if !self.heap_earlier(child, index) {
                return;
            }
            self.swap(child, index);
            index = child;
        }
    }
}

/// Earlier in time, or of the same time and there first.
fn earlier(a: &Event, b: &Event) -> bool {
    match a.at.cmp(&b.at) {
        core::cmp::Ordering::Less => true,
        core::cmp::Ordering::Greater => false,
        // No two events in the queue are 2^31 arrivals apart in practice; if they were, only
        // their order within one frame would suffer.
        core::cmp::Ordering::Equal => a.arrival.wrapping_sub(b.arrival) > u32::MAX / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::Channel;
    use std::vec::Vec;

    fn program(number: u8) -> Message {
        Message::Program {
            channel: Channel::DRUMS,
            program: number,
        }
    }

    #[test]
    fn any_order_comes_out_by_time_and_arrival() {
        let mut queue = Queue::try_new(500).unwrap();
        let mut state = 7_u32;
        let mut expected = Vec::new();
        for round in 0..10_u8 {
            for n in 0..45 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = i64::from(state >> 26) + 64 * i64::from(round);
                queue.push(SampleTime(at), n, program(round)).unwrap();
                expected.push((at, round, n));
            }
            // Some leave in between.
            expected.sort_by_key(|&(at, ..)| at);
            for _ in 0..20 {
                let event = queue.pop().unwrap();
                let (at, round, n) = expected.remove(0);
                assert_eq!((event.at, event.group), (SampleTime(at), n));
                assert_eq!(event.message, program(round));
            }
        }
        while let Some(event) = queue.pop() {
            let (at, _, n) = expected.remove(0);
            assert_eq!((event.at, event.group), (SampleTime(at), n));
        }
        assert!(expected.is_empty());
    }

    #[test]
    fn a_clock_that_goes_back_leaves_the_order() {
        let mut queue = Queue::try_new(10).unwrap();
        for (group, at) in (0..).zip([900, 1500, 800, 950, 1200, 2000]) {
            queue.push(SampleTime(at), group, program(0)).unwrap();
        }
        queue.go_back(SampleTime(1000), SampleTime(0));
        queue.push(SampleTime(0), 9, program(0)).unwrap();
        let order = core::iter::from_fn(|| queue.pop());
        let order: Vec<_> = order.map(|event| (event.group, event.at.0)).collect();
        let late = [(2, -200), (0, -100), (3, -50), (9, 0)];
        let rest = [(4, 1200), (1, 1500), (5, 2000)];
        assert_eq!(order, [&late[..], &rest].concat());
    }

    #[test]
    fn a_full_queue_refuses() {
        let mut queue = Queue::try_new(3).unwrap();
        for at in [5, 4, 3] {
            queue.push(SampleTime(at), 0, program(0)).unwrap();
        }
        assert_eq!(queue.push(SampleTime(9), 0, program(0)), Err(Full));
        assert_eq!(queue.pop().unwrap().at, SampleTime(3));
        queue.push(SampleTime(9), 0, program(0)).unwrap();
        queue.clear();
        assert!(queue.pop().is_none());
        assert!(
            Queue::try_new(0)
                .unwrap()
                .push(SampleTime(0), 0, program(0))
                .is_err()
        );
    }
}
