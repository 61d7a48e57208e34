//! When an interrupt that was promised does not come: the policy.
//!
//! Firmware lists an interrupt that is wired to nothing, or routed elsewhere. Received bytes then stay
//! in the chip until the watchdog looks ([`spec::WATCHDOG_PERIOD`]), which a busy wire does not wait
//! for. So what a look finds is counted: bytes that no interrupt has announced. A look may come just
//! ahead of an interrupt, so one find proves nothing; [`spec::ABSENCE_FINDS`] of them, each some time
//! after the last and no interrupt with a byte in between, do. From then on the chip is polled as one
//! without an interrupt is. The first interrupt that finds a byte ends that.
//!
//! [`spec`]: super::spec
//! [`spec::WATCHDOG_PERIOD`]: super::spec::WATCHDOG_PERIOD
//! [`spec::ABSENCE_FINDS`]: super::spec::ABSENCE_FINDS
#![forbid(unsafe_code)]

use super::spec::{ABSENCE_FINDS, ABSENCE_SPACING};
use crate::time::RefTime;

/// The watch for one interrupt.
#[derive(Clone, Copy, Debug)]
pub struct AbsenceWatch {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no connection.
    Unexpected,
    /// So many looks have found bytes since the last interrupt, the last of these looks then.
    Expected { finds: u32, last: RefTime },
    /// It does not come.
    Missing,
}

impl Default for AbsenceWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl AbsenceWatch {
    /// A watch for an interrupt that nobody expects.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Unexpected,
        }
    }

    /// The interrupt is connected from now on, or is not. What was counted is forgotten.
    pub const fn expect(&mut self, expected: bool) {
        self.state = if expected {
            State::Expected {
                finds: 0,
                last: RefTime(i64::MIN),
            }
        } else {
            State::Unexpected
        };
    }

    /// The service routine was called and read so many bytes; whether the interrupt was missing until
    /// now.
    pub const fn interrupted(&mut self, bytes: usize) -> bool {
        let came = bytes > 0 && matches!(self.state, State::Missing);
        if bytes > 0 && !matches!(self.state, State::Unexpected) {
            self.expect(true);
        }
        came
    }

    /// A look at the chip has read so many bytes; whether that shows, for the first time, that the
    /// interrupt does not come.
    pub fn looked(&mut self, bytes: usize, now: RefTime) -> bool {
        let State::Expected { finds, last } = &mut self.state else {
            return false;
        };
        if bytes == 0 || now.0.saturating_sub(last.0) < ABSENCE_SPACING.0 {
            return false;
        }
        *finds = finds.saturating_add(1);
        *last = now;
        let missing = *finds >= ABSENCE_FINDS;
        if missing {
            self.state = State::Missing;
        }
        missing
    }

    /// The interrupt does not come: the chip is to be polled.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self.state, State::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpu401::spec::{TIMER_LATENESS, WATCHDOG_PERIOD};

    const SECOND: i64 = 10_000_000;

    fn expected() -> AbsenceWatch {
        let mut watch = AbsenceWatch::new();
        watch.expect(true);
        watch
    }

    /// Looks until the interrupt counts as missing; how long after the first find that is.
    fn noticed(watch: &mut AbsenceWatch, every: i64) -> Option<i64> {
        (0..100)
            .map(|look| look * every)
            .find(|&now| watch.looked(1, RefTime(now)))
    }

    #[test]
    fn is_noticed_within_a_second() {
        // A busy wire, at the watchdog's pace; and active sensing at its slowest, every 300 ms.
        let watchdog = WATCHDOG_PERIOD.0 + TIMER_LATENESS.0;
        for every in [watchdog, 3_000_000] {
            let took = noticed(&mut expected(), every).unwrap();
            assert!(took + watchdog <= SECOND, "{took}");
        }
    }

    #[test]
    fn one_look_that_comes_ahead_of_an_interrupt_proves_nothing() {
        let mut watch = expected();
        for look in 0..1_000 {
            assert!(!watch.looked(1, RefTime(look * SECOND)));
            assert!(!watch.looked(1, RefTime(look * SECOND + SECOND / 2)));
            assert!(!watch.interrupted(1));
        }
        // Nor do many within a moment: a transmission looks with each byte that it sends.
        let mut watch = expected();
        for look in 0..1_000 {
            assert!(!watch.looked(1, RefTime(look * ABSENCE_SPACING.0 / 1_000)));
        }
        // A neighbour's interrupt is no sign of life, and a look that finds nothing none of death.
        assert!(!watch.interrupted(0));
        assert!(!watch.looked(0, RefTime(SECOND)));
        assert!(!watch.looked(1, RefTime(SECOND)));
        assert!(watch.looked(1, RefTime(2 * SECOND)));
    }

    #[test]
    fn an_interrupt_ends_it_and_is_missed_anew() {
        let mut watch = expected();
        assert!(noticed(&mut watch, SECOND).is_some() && watch.is_missing());
        assert!(!watch.looked(1, RefTime(90 * SECOND)), "said once");
        assert!(!watch.interrupted(0) && watch.is_missing());
        assert!(watch.interrupted(1) && !watch.is_missing());
        assert!(!watch.interrupted(1));
        assert!(noticed(&mut watch, SECOND).is_some());
    }

    #[test]
    fn where_none_is_expected_none_is_missed() {
        let mut watch = AbsenceWatch::new();
        assert_eq!(noticed(&mut watch, SECOND), None);
        assert!(!watch.interrupted(1));
        assert_eq!(noticed(&mut watch, SECOND), None);
        let mut watch = expected();
        assert!(noticed(&mut watch, SECOND).is_some());
        watch.expect(false);
        assert!(!watch.is_missing() && !watch.interrupted(1));
    }
}
