//! How full the chip is, when to come back to it, and when it counts as dead.
//!
//! Follows mpu401.md sections 3 and 8. The chip says only "one more" or "not now".
//!
//! **Resting.** A chip that just refused a byte is full. How much that is shows when it is filled
//! from idle: what it took, less what can have left meanwhile. From then on the timer is set to
//! come back, however late, before that much is sent. So a deep FIFO costs few wake-ups, and none
//! runs dry. A chip without one has room for the next byte within one byte time and holds two, and
//! the timer comes up to a millisecond late: every other wake-up finds its wire idle already, however
//! short the rest.
//!
//! **Standing still.** A chip without a FIFO that refuses a byte takes one when the byte on the wire
//! ends, which is known while the wire was busy since the byte was written. When that is at most
//! [`LONGEST_STALL`] away, it is worth waiting for once a wake-up: the chip then holds a whole byte
//! time more until the next.
#![forbid(unsafe_code)]

use super::super::spec::{
    BYTE_TIME, LONGEST_STALL, RETRY, SHORTEST_BYTE_TIME, SHORTEST_REST, TIMER_LATENESS,
    ZERO_PROGRESS_LIMIT,
};
use super::{GaveUp, Next};
use crate::time::RefTime;

/// The most bytes that any known chip can hold, FIFO and shift register.
const DEEPEST: u32 = 65;
/// The longest filling that says something about the depth: after it the two clocks may be three
/// bytes apart.
const LEARNING: RefTime = RefTime(1_000_000);

/// The pace of one chip.
#[derive(Debug)]
pub(super) struct Pace {
    /// A lower bound of what the chip holds when it is full, as seen since the last reset.
    depth: u32,
    /// When the chip will have sent what it took, if it runs at the nominal rate.
    busy_until: RefTime,
    /// When it was last filled from idle, and how many bytes it took since.
    filling_since: RefTime,
    filled: u32,
    /// Attempts without progress in a row, and the time of the last that counted.
    failures: u32,
    failed_at: RefTime,
    dead: bool,
}

impl Pace {
    /// A chip that was just reset.
    pub(super) const fn new() -> Self {
        Self {
            depth: 0,
            busy_until: RefTime(i64::MIN),
            filling_since: RefTime(i64::MIN),
            filled: 0,
            failures: 0,
            failed_at: RefTime(i64::MIN),
            dead: false,
        }
    }

    /// How long the chip still needs to send what it has taken.
    pub(super) fn backlog(&self, now: RefTime) -> RefTime {
        let left = self.busy_until.0.saturating_sub(now.0);
        RefTime(left.clamp(0, time_of(DEEPEST, BYTE_TIME).0))
    }

    /// The chip took a byte.
    pub(super) fn taken(&mut self, now: RefTime) {
        self.dead = false;
        self.failures = 0;
        if self.busy_until < now {
            self.busy_until = now;
            self.filling_since = now;
            self.filled = 0;
        }
        let end = self.busy_until.0.saturating_add(BYTE_TIME.0);
        self.busy_until = RefTime(end);
        self.filled = self.filled.saturating_add(1);
    }

    /// How soon a chip without much of a FIFO, which has just refused a byte, takes one for sure, if
    /// that is worth standing still for.
    pub(super) fn room_within(&self, now: RefTime) -> Option<RefTime> {
        let shallow = self.rest() == SHORTEST_REST && self.failures == 0;
        let wait = self.busy_until.0.saturating_sub(now.0);
        let wait = wait.checked_rem(BYTE_TIME.0)?.max(1);
        (shallow && wait <= LONGEST_STALL.0).then_some(RefTime(wait))
    }

    /// The chip did not take a byte, after it took `sent` in this step.
    pub(super) fn refused(&mut self, sent: u32, now: RefTime) -> Next {
        if self.dead {
            return Next::GaveUp(GaveUp::Before);
        }
        if sent > 0 {
            self.full(now);
            return Next::Rest(self.rest());
        }
        if now.0.saturating_sub(self.failed_at.0) >= RETRY.0 {
            self.failures = self.failures.saturating_add(1);
            self.failed_at = now;
        }
        if self.failures >= ZERO_PROGRESS_LIMIT {
            self.dead = true;
            return Next::GaveUp(GaveUp::JustNow);
        }
        // One refusal is ordinary: somebody called early. After that the chip is late.
        Next::Rest(if self.failures > 1 {
            RETRY
        } else {
            self.rest().min(RETRY)
        })
    }

    /// The chip is full: learn what that means.
    fn full(&mut self, now: RefTime) {
        let elapsed = now.0.saturating_sub(self.filling_since.0);
        if elapsed < LEARNING.0 {
            let left = elapsed
                .checked_div(SHORTEST_BYTE_TIME.0)
                .and_then(|left| u32::try_from(left).ok())
                .unwrap_or(u32::MAX);
            let held = self.filled.saturating_sub(left.saturating_add(1));
            self.depth = self.depth.max(held.min(DEEPEST));
        }
        // Our idea of the chip's clock may be off in either direction; its depth bounds by how much.
        let least = now.0.saturating_add(time_of(self.depth, BYTE_TIME).0);
        let most = now.0.saturating_add(time_of(DEEPEST, BYTE_TIME).0);
        self.busy_until = RefTime(self.busy_until.0.max(least).min(most));
    }

    /// How long a full chip keeps the wire busy for sure, less the timer's lateness and two bytes.
    fn rest(&self) -> RefTime {
        let held = time_of(self.depth.saturating_sub(2), SHORTEST_BYTE_TIME);
        RefTime(held.0.saturating_sub(TIMER_LATENESS.0)).max(SHORTEST_REST)
    }
}

/// How long so many bytes take.
fn time_of(bytes: u32, each: RefTime) -> RefTime {
    RefTime(each.0.saturating_mul(i64::from(bytes)))
}
