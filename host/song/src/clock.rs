//! From ticks to time.

use midly::{Fps, Timing};

/// Microseconds a quarter note before the first tempo event: 120 quarters a minute.
const DEFAULT_TEMPO: u64 = 500_000;

/// A clock that is moved tick by tick and never rounds before it is read.
pub(crate) struct Clock {
    /// 100-ns units, times `divisor`.
    scaled: u128,
    divisor: u128,
    /// 100-ns units a tick, times `divisor`.
    tick: u64,
    follows_tempo: bool,
    now: u64,
}

impl Clock {
    /// A clock at tick 0; none if the header's division is zero.
    pub(crate) fn new(timing: Timing) -> Option<Self> {
        let (divisor, tick, follows_tempo) = match timing {
            Timing::Metrical(quarter) => (u128::from(quarter.as_int()), 10 * DEFAULT_TEMPO, true),
            Timing::Timecode(fps, subframe) => {
                // 30 drop-frame is 30000/1001 frames a second.
                let (frames, seconds) = match fps {
                    Fps::Fps24 => (24, 1),
                    Fps::Fps25 => (25, 1),
                    Fps::Fps29 => (30_000, 1_001),
                    Fps::Fps30 => (30, 1),
                };
                (frames * u128::from(subframe), 10_000_000 * seconds, false)
            }
        };
        (divisor > 0).then_some(Self {
            scaled: 0,
            divisor,
            tick,
            follows_tempo,
            now: 0,
        })
    }

    /// Runs to `tick`, which must not lie in the past.
    pub(crate) fn run_to(&mut self, tick: u64) {
        let ticks = tick.saturating_sub(self.now);
        self.scaled += u128::from(ticks) * u128::from(self.tick);
        self.now = tick;
    }

    /// From now on a quarter note lasts `microseconds`. Timecode has no tempo.
    pub(crate) fn set_tempo(&mut self, microseconds: u32) {
        if self.follows_tempo {
            self.tick = 10 * u64::from(microseconds);
        }
    }

    /// The time in 100-ns units, rounded to the nearest.
    pub(crate) fn time(&self) -> i64 {
        i64::try_from((self.scaled + self.divisor / 2) / self.divisor).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use midly::num::u15;

    #[test]
    fn tempo_changes_take_effect_where_they_stand() {
        let mut clock = Clock::new(Timing::Metrical(u15::new(96))).unwrap();
        clock.run_to(96);
        assert_eq!(clock.time(), 5_000_000);
        clock.set_tempo(1_000_000);
        clock.run_to(96 + 48);
        assert_eq!(clock.time(), 10_000_000);
    }

    #[test]
    fn rounding_does_not_accumulate() {
        let mut clock = Clock::new(Timing::Metrical(u15::new(7))).unwrap();
        clock.set_tempo(333_333);
        for tick in 1..=7_000 {
            clock.run_to(tick);
        }
        assert_eq!(clock.time(), 3_333_330_000);
    }

    #[test]
    fn timecode_ignores_tempo() {
        let mut clock = Clock::new(Timing::Timecode(Fps::Fps29, 100)).unwrap();
        clock.set_tempo(1);
        clock.run_to(3_000_000);
        assert_eq!(clock.time(), 10_010_000_000);
        assert!(Clock::new(Timing::Metrical(u15::new(0))).is_none());
    }
}
