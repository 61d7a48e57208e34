//! The last 256 events, for crash dumps.
//!
//! Any IRQL, no lock: a writer takes the next place with one atomic increment. A reader that
//! finds a place being written sees a record whose sequence number does not match, and skips it;
//! a dump has no such readers.
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use super::event::{Event, MAX_FIELDS};

/// How many events are kept.
pub const LENGTH: usize = 256;

/// The driver's ring: `dmusmini::trace::ring::RING` to a debugger.
pub static RING: Ring = Ring::new();

/// A ring of events.
#[derive(Debug)]
pub struct Ring {
    next: AtomicU32,
    places: [Place; LENGTH],
}

/// One event: its sequence number (from 1), its code, its fields.
#[derive(Debug)]
struct Place {
    sequence: AtomicU32,
    code: AtomicU32,
    fields: [AtomicU32; MAX_FIELDS],
}

impl Ring {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: AtomicU32::new(0),
            places: [const {
                Place {
                    sequence: AtomicU32::new(0),
                    code: AtomicU32::new(0),
                    fields: [const { AtomicU32::new(0) }; MAX_FIELDS],
                }
            }; LENGTH],
        }
    }

    /// Adds an event.
    pub fn push(&self, event: Event) {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let Some(place) = self.place(sequence) else {
            return;
        };
        // Ordering: a reader must not take half of this record for the one before or after.
        place.sequence.store(0, Ordering::Release);
        place.code.store(u32::from(event.code()), Ordering::Relaxed);
        for (target, field) in place.fields.iter().zip(event.fields()) {
            target.store(field.map_or(0, |field| field.bits), Ordering::Relaxed);
        }
        place.sequence.store(sequence, Ordering::Release);
    }

    /// The events that are kept, oldest first.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        let last = self.next.load(Ordering::Acquire);
        let count = u32::try_from(LENGTH).unwrap_or(u32::MAX);
        (0..count).filter_map(move |age| {
            let sequence = last.wrapping_sub(count).wrapping_add(age).wrapping_add(1);
            self.read(sequence)
        })
    }

    fn read(&self, sequence: u32) -> Option<Event> {
        let place = self.place(sequence)?;
        if place.sequence.load(Ordering::Acquire) != sequence {
            return None;
        }
        let code = u16::try_from(place.code.load(Ordering::Relaxed)).ok()?;
        let mut bits = [0; MAX_FIELDS];
        for (target, field) in bits.iter_mut().zip(&place.fields) {
            *target = field.load(Ordering::Relaxed);
        }
        core::sync::atomic::fence(Ordering::Acquire);
        if place.sequence.load(Ordering::Relaxed) != sequence {
            return None;
        }
        Event::decode(code, bits)
    }

    fn place(&self, sequence: u32) -> Option<&Place> {
        let index = usize::try_from(sequence.wrapping_sub(1)).ok()?;
        self.places.get(index.checked_rem(LENGTH)?)
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn keeps_the_last_256_in_order() {
        let ring = Ring::new();
        assert_eq!(ring.events().count(), 0);
        for pin in 0..300 {
            ring.push(Event::StreamOpened { pin });
        }
        let kept: Vec<Event> = ring.events().collect();
        let expected: Vec<Event> = (44..300).map(|pin| Event::StreamOpened { pin }).collect();
        assert_eq!(kept, expected);
    }
}
