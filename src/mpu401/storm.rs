//! When an interrupt is too much, and when it may come again: the policy.
//!
//! A level-triggered line that stays asserted keeps calling the service routine, which can neither
//! quieten nor mask it. Two things tell of it, counted in windows of 50 ms ([`spec`]): more bytes
//! than the wire can carry (the chip says "data ready" without an end), and thousands of calls that
//! find nothing (the output of the chip, or of somebody on the same line, is stuck). An honest chip
//! at its busiest gives 223 bytes and 223 calls in that time.
//!
//! Then the interrupt's end is asked for, once, and from there on the service routine asks for nothing
//! but that, now and then: a deferred call with each interrupt would keep PASSIVE, where the end is
//! made, from ever coming.
//!
//! So the interrupt is given up, which happens elsewhere, at PASSIVE, and the chip is polled: that
//! loses nothing that the wire can carry, only exactness. Once the chip has been quiet for a second
//! the interrupt is connected again; if it storms again within a minute it rests twice as long. What
//! asserts the line cannot be seen from here while it is not connected, so for a line without data
//! the rest is just that time.
//!
//! [`spec`]: super::spec
#![forbid(unsafe_code)]

use super::spec::{
    LONGEST_STORM_REST, STORM_BYTES, STORM_CALLS, STORM_FORGIVEN, STORM_REMINDER, STORM_REST,
    STORM_WINDOW,
};
use crate::time::RefTime;

/// The watch over one interrupt.
#[derive(Debug)]
pub struct StormWatch {
    phase: Phase,
    window: RefTime,
    bytes: u32,
    empty_calls: u32,
    /// How long the line rests after the next storm, if that comes soon.
    rest: RefTime,
    connected_at: RefTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Interrupts come, as many as should.
    Calm,
    /// Too many: so many more calls until the end is asked for again.
    Storm(u32),
    /// There is no connection, and the chip has been quiet since then.
    Resting(RefTime),
    /// It has been quiet for long enough.
    Rested,
}

/// What one call of the service routine says of the interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It is as it should be.
    Calm,
    /// It storms: ask for the change that is [wanted](StormWatch::wanted), and for nothing else.
    Ask,
    /// It storms, and that was asked for: ask for nothing at all.
    Asked,
}

/// What is to be done about the connection, at PASSIVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Disconnect, then say so by [`StormWatch::disconnected`].
    Disconnect,
    /// Say so by [`StormWatch::connecting`], then connect.
    Connect,
}

impl Default for StormWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl StormWatch {
    /// A watch over an interrupt that never stormed.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Phase::Calm,
            window: RefTime(i64::MIN),
            bytes: 0,
            empty_calls: 0,
            rest: STORM_REST,
            connected_at: RefTime(i64::MIN),
        }
    }

    /// The service routine was called and read so many bytes; whether that makes, or prolongs, a
    /// storm.
    pub fn interrupted(&mut self, bytes: usize, stuck: bool, now: RefTime) -> Notice {
        self.count(bytes, now);
        if bytes == 0 {
            self.empty_calls = self.empty_calls.saturating_add(1);
        }
        let storms = stuck || self.bytes > STORM_BYTES || self.empty_calls > STORM_CALLS;
        let (phase, notice) = match self.phase {
            Phase::Calm if storms => (Phase::Storm(STORM_REMINDER), Notice::Ask),
            Phase::Storm(0) => (Phase::Storm(STORM_REMINDER), Notice::Ask),
            Phase::Storm(left) => (Phase::Storm(left.saturating_sub(1)), Notice::Asked),
            phase @ (Phase::Calm | Phase::Resting(_) | Phase::Rested) => (phase, Notice::Calm),
        };
        self.phase = phase;
        notice
    }

    /// Somebody looked at the chip and read so many bytes; whether the interrupt may come again.
    pub fn looked(&mut self, bytes: usize, stuck: bool, now: RefTime) -> bool {
        if let Phase::Resting(since) = self.phase {
            self.count(bytes, now);
            if stuck || self.bytes > STORM_BYTES {
                self.phase = Phase::Resting(now);
            } else if now.0.saturating_sub(since.0) >= self.rest.0 {
                self.phase = Phase::Rested;
            }
        }
        self.phase == Phase::Rested
    }

    /// What is to be done about the connection.
    #[must_use]
    pub const fn wanted(&self) -> Option<Change> {
        match self.phase {
            Phase::Calm | Phase::Resting(_) => None,
            Phase::Storm(_) => Some(Change::Disconnect),
            Phase::Rested => Some(Change::Connect),
        }
    }

    /// The chip must be looked at, for its line rests.
    #[must_use]
    pub const fn is_resting(&self) -> bool {
        matches!(self.phase, Phase::Resting(_) | Phase::Rested)
    }

    /// There is no connection any more, or none could be made.
    pub fn disconnected(&mut self, now: RefTime) {
        let soon = now.0.saturating_sub(self.connected_at.0) < STORM_FORGIVEN.0;
        // The first connection was no reconnection.
        self.rest = if soon && self.connected_at.0 != i64::MIN {
            RefTime(self.rest.0.saturating_mul(2).min(LONGEST_STORM_REST.0))
        } else {
            STORM_REST
        };
        self.phase = Phase::Resting(now);
    }

    /// A connection that rested is about to be made again.
    pub const fn connecting(&mut self, now: RefTime) {
        self.connected_at = now;
        self.phase = Phase::Calm;
        self.begin_anew();
    }

    /// The chip begins anew: what was counted belongs to the past, but not that it stormed, nor a rest.
    pub const fn begin_anew(&mut self) {
        self.window = RefTime(i64::MIN);
    }

    /// How long the line rests, or rested last.
    #[must_use]
    pub const fn rest(&self) -> RefTime {
        self.rest
    }

    fn count(&mut self, bytes: usize, now: RefTime) {
        if now.0.saturating_sub(self.window.0) >= STORM_WINDOW.0 {
            self.window = now;
            self.bytes = 0;
            self.empty_calls = 0;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpu401::spec::SHORTEST_BYTE_TIME;

    const SECOND: i64 = 10_000_000;

    /// Calls the routine until it storms; how often that was.
    fn storm(watch: &mut StormWatch, bytes: usize, every: i64, now: &mut i64) -> Option<u32> {
        (1..=10_000).find(|_| {
            *now += every;
            watch.interrupted(bytes, false, RefTime(*now)) == Notice::Ask
        })
    }

    #[test]
    fn an_honest_chip_never_storms() {
        // A byte a call, a full FIFO first; and a full drain whenever the deepest FIFO is full.
        for (bytes, every) in [(1, SHORTEST_BYTE_TIME.0), (64, 64 * SHORTEST_BYTE_TIME.0)] {
            let mut watch = StormWatch::new();
            let mut now = SECOND;
            assert_eq!(watch.interrupted(64, false, RefTime(now)), Notice::Calm);
            assert_eq!(storm(&mut watch, bytes, every, &mut now), None);
        }
        // Nor does a neighbour on the line that interrupts 30,000 times a second.
        assert_eq!(storm(&mut StormWatch::new(), 0, 333, &mut 0), None);
    }

    #[test]
    fn storms_end_after_a_bounded_number_of_calls() {
        let calls = |bytes, every| storm(&mut StormWatch::new(), bytes, every, &mut 0);
        assert_eq!(calls(64, 1_300), Some(9));
        assert_eq!(calls(63, 1_300), Some(9));
        assert_eq!(calls(1, 100), Some(513));
        assert_eq!(calls(0, 40), Some(2_001));
        let stuck = StormWatch::new().interrupted(0, true, RefTime(0));
        assert_eq!(stuck, Notice::Ask);
    }

    #[test]
    fn what_was_counted_before_a_new_beginning_makes_no_storm() {
        let mut watch = StormWatch::new();
        for _ in 0..8 {
            assert_eq!(watch.interrupted(64, false, RefTime(0)), Notice::Calm);
        }
        watch.begin_anew();
        assert_eq!(watch.interrupted(64, false, RefTime(1)), Notice::Calm);
    }

    #[test]
    fn a_storm_is_the_same_until_it_was_dealt_with() {
        let mut watch = StormWatch::new();
        assert_eq!(watch.interrupted(64, true, RefTime(0)), Notice::Ask);
        // Asked for once; and again now and then, in case that nobody could hear it.
        let mut next = || watch.interrupted(0, false, RefTime(SECOND));
        for _ in 0..3 {
            assert!((0..STORM_REMINDER).all(|_| next() == Notice::Asked));
            assert_eq!(next(), Notice::Ask);
        }
        assert_eq!(watch.wanted(), Some(Change::Disconnect));
        assert!(!watch.is_resting() && !watch.looked(0, false, RefTime(90 * SECOND)));
        watch.disconnected(RefTime(SECOND));
        assert_eq!(watch.wanted(), None);
        assert!(watch.is_resting());
    }

    #[test]
    fn a_second_of_quiet_brings_the_interrupt_back() {
        let mut watch = StormWatch::new();
        watch.interrupted(64, true, RefTime(0));
        watch.disconnected(RefTime(0));
        // Stuck, flooded, then honest traffic.
        assert!(!watch.looked(0, true, RefTime(SECOND)));
        for look in 0..100 {
            let now = RefTime(SECOND + look * 10_000);
            assert!(!watch.looked(64, false, now));
        }
        let quiet = SECOND + 100 * 10_000;
        let back = (0..1_000)
            .map(|look| quiet + look * 10_000)
            .find(|&now| watch.looked(3, false, RefTime(now)));
        assert!((quiet + SECOND - 600_000..=quiet + SECOND).contains(&back.unwrap()));
        assert_eq!(watch.wanted(), Some(Change::Connect));
        watch.connecting(RefTime(back.unwrap()));
        assert_eq!(watch.wanted(), None);
        assert!(!watch.is_resting());
    }

    #[test]
    fn rests_double_up_to_a_minute_and_are_forgotten_after_one() {
        let mut watch = StormWatch::new();
        let mut now = 0;
        let mut rests = std::vec::Vec::new();
        for _ in 0..9 {
            assert_eq!(watch.interrupted(0, true, RefTime(now)), Notice::Ask);
            watch.disconnected(RefTime(now));
            rests.push(watch.rest().0 / SECOND);
            now += watch.rest().0;
            assert!(!watch.looked(0, false, RefTime(now - 1)));
            assert!(watch.looked(0, false, RefTime(now)));
            watch.connecting(RefTime(now));
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        now += STORM_FORGIVEN.0;
        assert_eq!(watch.interrupted(0, true, RefTime(now)), Notice::Ask);
        watch.disconnected(RefTime(now));
        assert_eq!(watch.rest(), STORM_REST);
    }
}
