//! How much is done in one go: under one hold of a lock, in one call at DISPATCH, for one block.
//!
//! Counted in instructions of the machine that docs/benchmarks.md was measured on, of which it does
//! [`A_NANOSECOND`]; every step says beforehand what it costs at most, and an owner of work stops where
//! it is used up. The costs were measured with callgrind on the worst input of each kind (`dmusmini-bench
//! instructions` has the rows) and rounded up.
#![forbid(unsafe_code)]

/// Instructions a nanosecond: `dmusmini-bench flood` does 8.6 to 10.9 of them there (3.36 million in
/// 0.39 ms with 1,024 voices, 6.82 million in 0.64 ms with 4,000 events besides, 8.35 million in 0.77 ms
/// with an event a frame).
pub const A_NANOSECOND: u32 = 8;

/// What is left of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    left: u32,
    spent: u32,
}

impl Work {
    /// So many instructions.
    #[must_use]
    pub const fn new(instructions: u32) -> Self {
        Self {
            left: instructions,
            spent: 0,
        }
    }

    /// What one hold of a lock may take of it.
    #[must_use]
    pub fn hold(&self) -> Self {
        Self::new(self.left.min(HOLD))
    }

    /// Does something that costs so much, which may be more than is left.
    pub const fn spend(&mut self, cost: u32) {
        self.left = self.left.saturating_sub(cost);
        self.spent = self.spent.saturating_add(cost);
    }

    /// A hold has ended: what was done in it, and taking the lock, counts. Never nothing, so that
    /// whoever goes on until the work is over comes to an end.
    pub const fn end_hold(&mut self, hold: &Self) {
        self.spend(LOCK.saturating_add(hold.spent));
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.left == 0
    }

    /// What is left.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// What was done.
    #[must_use]
    pub const fn spent(&self) -> u32 {
        self.spent
    }
}

/// One hold of a lock: 12 us, which leaves most of what a hold may take to the one step that goes
/// beyond it, and to memory that is not at hand.
pub const HOLD: u32 = 12_500 * A_NANOSECOND;
/// One call at DISPATCH that is not `Render`: 0.5 ms of the one that it may take.
pub const CALL: u32 = 500_000 * A_NANOSECOND;
/// Events for a second of sound: 0.18 ms in 10 ms, which leaves 0.32 ms to what they do in the
/// synthesizer (`synth::mix`).
pub const SECOND: u32 = 18_000_000 * A_NANOSECOND;
/// To take a lock and let go of it.
pub const LOCK: u32 = 400;
/// To sort an event in, and to give it back where there is no room.
pub const ARRIVAL: u32 = 600;
/// To take an event out of the queue, and to give it back.
pub const DEPARTURE: u32 = 800;
/// To hand a message to the synthesizer.
pub const MESSAGE: u32 = 200;
/// To look at one byte.
pub const BYTE: u32 = 14;
/// To look at [`CHUNK`] bytes at once.
pub const CHUNK_COST: u32 = 24;
/// Bytes that are looked at at once.
pub const CHUNK: usize = 16;
/// To copy [`CHUNK`] bytes of a part.
pub const COPY: u32 = 16;
/// To find an event's group in use.
pub const GROUP: u32 = 100;
/// To allocate the state of more groups and make it ready.
pub const GROUP_MEMORY: u32 = 12_000;
/// To free what a synthesizer no longer needs.
pub const FREE: u32 = 4000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends() {
        let mut work = Work::new(3 * HOLD);
        let mut holds = 0;
        while !work.is_over() {
            let mut hold = work.hold();
            assert!(hold.left() <= HOLD);
            if holds == 1 {
                // One step beyond what the hold had.
                hold.spend(2 * HOLD);
                assert!(hold.is_over());
            }
            // Even those in which nothing was done count.
            work.end_hold(&hold);
            holds += 1;
            assert!(holds <= 3 * HOLD / LOCK);
        }
        assert!(work.spent() >= 3 * HOLD);
    }
}
