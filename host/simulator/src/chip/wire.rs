//! A MIDI wire: bytes one after the other, each 320 us long by its sender's own clock.

use std::collections::VecDeque;

/// Fractions of a 100 ns unit, so that clocks may differ by less than one unit a byte.
const FRACTION: u32 = 16;
/// One byte at exactly 31,250 baud, in fractions.
const BYTE: u64 = 3_200 << FRACTION;

/// A byte that has been on a wire; times in 100 ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flown {
    /// The byte.
    pub byte: u8,
    /// When its start bit began.
    pub start: u64,
    /// When its stop bit ended: the moment it is in the receiver.
    pub end: u64,
}

/// A sender's shift register with the bytes that wait for it.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    byte_time: u64,
    waiting: VecDeque<Waiting>,
    /// The byte on the wire; times in fractions.
    flying: Option<(u8, u64, u64)>,
    /// When the wire was last free, in fractions.
    free_at: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    byte: u8,
    not_before: u64,
}

impl Sender {
    /// A sender whose clock is `ppm` parts per million slow (fast, if negative).
    pub(crate) fn new(ppm: i32) -> Self {
        let byte_time = i128::from(BYTE) * (1_000_000 + i128::from(ppm)) / 1_000_000;
        Self {
            byte_time: u64::try_from(byte_time).expect("a clock that runs forwards"),
            waiting: VecDeque::new(),
            flying: None,
            free_at: 0,
        }
    }

    /// Queues a byte that may leave at `not_before` at the earliest.
    pub(crate) fn queue(&mut self, byte: u8, not_before: u64) {
        self.waiting.push_back(Waiting {
            byte,
            not_before: not_before << FRACTION,
        });
    }

    /// Bytes that have not begun to leave.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Throws away what has not begun to leave.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Moves the wire on to `now` and returns the next byte that arrived by then.
    pub(crate) fn arrived(&mut self, now: u64) -> Option<Flown> {
        let now = now << FRACTION;
        self.launch(now);
        let (byte, start, end) = self.flying.filter(|&(_, _, end)| end <= now)?;
        self.flying = None;
        self.free_at = end;
        self.launch(now);
        Some(Flown {
            byte,
            start: start >> FRACTION,
            end: end >> FRACTION,
        })
    }

    /// When the next byte arrives, as far as is known, in 100 ns units.
    pub(crate) fn next_arrival(&self) -> Option<u64> {
        let end = match (self.flying, self.waiting.front()) {
            (Some((_, _, end)), _) => end,
            (None, Some(next)) => next.not_before.max(self.free_at) + self.byte_time,
            (None, None) => return None,
        };
        Some((end >> FRACTION) + u64::from(end & ((1 << FRACTION) - 1) != 0))
    }

    fn launch(&mut self, now: u64) {
        if self.flying.is_some() {
            return;
        }
        let Some(&next) = self.waiting.front() else {
            return;
        };
        let start = next.not_before.max(self.free_at);
        if start <= now {
            self.waiting.pop_front();
            self.flying = Some((next.byte, start, start + self.byte_time));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(sender: &mut Sender, until: u64) -> Vec<Flown> {
        std::iter::from_fn(|| sender.arrived(until)).collect()
    }

    #[test]
    fn bytes_follow_each_other_without_a_gap() {
        let mut sender = Sender::new(0);
        for byte in 0..3 {
            sender.queue(byte, 1_000);
        }
        assert_eq!(sender.next_arrival(), Some(4_200));
        let flown = all(&mut sender, 10_599);
        assert_eq!(
            flown,
            [
                Flown {
                    byte: 0,
                    start: 1_000,
                    end: 4_200
                },
                Flown {
                    byte: 1,
                    start: 4_200,
                    end: 7_400
                },
            ]
        );
        assert_eq!(all(&mut sender, 10_600).len(), 1);
        assert_eq!(sender.next_arrival(), None);
    }

    #[test]
    fn clocks_drift_exactly() {
        // 100 ppm slow: after a million bytes 320 s have become 320.032 s.
        let mut sender = Sender::new(100);
        for _ in 0..1_000_000 {
            sender.queue(0, 0);
        }
        let last = all(&mut sender, u64::MAX >> 17).pop().unwrap();
        let drift = last.end - 3_200_000_000;
        assert!((319_990..=320_000).contains(&drift), "{drift}");
    }
}
