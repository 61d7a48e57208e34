//! The map between master-clock time and sample frames, and the loop that keeps it true.
//!
//! Contract section 9.3. The map is a straight line at the pin's nominal rate with an offset:
//! `ref = frames * 10^7 / rate + offset`. Conversions round so that frames survive a round trip:
//! to reference time up, to frames down, also below zero. They are exact for any argument
//! (128-bit intermediates) and saturate where the result has no 64 bits.
//!
//! **The loop.** The sink's crystal is not the master clock's, so [`ClockMap::sync`], called about
//! every 20 ms with the sink's own time, moves the offset. What it sees is the drift plus the
//! jitter of the call, which is far larger (milliseconds against microseconds). It is a
//! second-order loop, an alpha-beta filter whose memory grows from [`FIRST_MEMORY`] to
//! [`FULL_MEMORY`] observations: a growing memory makes it settle as fast as a least-squares line
//! does, and being of second order it follows a constant drift without a lag. (The first-order
//! loop of the sample lags by 0.4 ms at 200 ppm and never corrects less than 10 us.) One call
//! moves the map by at most [`MAX_PHASE_STEP`]; only when the clocks are apart by more than
//! [`LOST`], as after a pause, the map jumps.

use super::{RefTime, SECOND, SampleTime};

/// The most that one call of [`ClockMap::sync`] moves the map while it is locked: 250 us.
pub const MAX_PHASE_STEP: RefTime = RefTime(2_500);

/// What [`ClockMap::sync`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// The map moved by this much, at most [`MAX_PHASE_STEP`].
    Followed(RefTime),
    /// The clocks were too far apart to follow: the map jumped by this much.
    Jumped(RefTime),
    /// The sample clock was never started.
    NotStarted,
}

/// The map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMap {
    rate: u32,
    /// The offset when the loop was last started.
    base: RefTime,
    /// What the loop has added to it since, in 1/65536 units.
    correction: i64,
    started: Option<Loop>,
}

/// The state of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loop {
    /// The sink's time when the sample clock was started, rounded down to a frame.
    sink_start: RefTime,
    /// The sink's time at the last observation.
    sink_last: RefTime,
    /// How fast the master clock runs against the sink's, less one, in 2^-32.
    drift: i64,
    /// Observations that the filter remembers.
    memory: i64,
}

impl ClockMap {
    /// A map that was never started: frame 0 is at `now`. The rate is frames a second.
    #[must_use]
    pub fn new(rate: u32, now: RefTime) -> Self {
        Self {
            // The rounding rules give an inverse for rates up to one frame per unit.
            rate: rate.clamp(1, MAX_RATE),
            base: now,
            correction: 0,
            started: None,
        }
    }

    /// Frames a second.
    #[must_use]
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// `SyncToMaster(start)`: frame 0 is at master time `now`, when the sink's time is `sink`.
    pub fn start(&mut self, sink: RefTime, now: RefTime) {
        let rate = i128::from(self.rate);
        let frames = divide_down(i128::from(sink.0).wrapping_mul(rate), i128::from(SECOND));
        let rounded = divide_down(frames.wrapping_mul(i128::from(SECOND)), rate);
        self.base = now;
        self.correction = 0;
        self.started = Some(Loop {
            sink_start: RefTime(saturate(rounded)),
            sink_last: sink,
            drift: 0,
            memory: FIRST_MEMORY,
        });
    }

    /// `SyncToMaster(no start)`: the sink's time is `sink` when the master clock says `now`.
    pub fn sync(&mut self, sink: RefTime, now: RefTime) -> Sync {
        let offset = self.offset();
        let Some(state) = &mut self.started else {
            return Sync::NotStarted;
        };
        let elapsed = i128::from(sink.0).wrapping_sub(i128::from(state.sink_start.0));
        let expected = elapsed.wrapping_add(offset);
        let error = saturate(i128::from(now.0).wrapping_sub(expected));
        if error.saturating_abs() > LOST.0 {
            self.base = RefTime(self.base.0.saturating_add(error));
            state.sink_last = sink;
            state.drift = 0;
            state.memory = FIRST_MEMORY;
            return Sync::Jumped(RefTime(error));
        }
        let step = state.observe(sink, error);
        self.correction = self.correction.saturating_add(step);
        Sync::Followed(RefTime(step >> FRACTION))
    }

    /// `SampleToRefTime`, rounded up.
    #[must_use]
    pub fn to_ref(&self, frames: SampleTime) -> RefTime {
        let units = i128::from(frames.0).wrapping_mul(i128::from(SECOND));
        let units = divide_down(units.wrapping_neg(), i128::from(self.rate)).wrapping_neg();
        RefTime(saturate(units.wrapping_add(self.offset())))
    }

    /// `RefTimeToSample`, rounded down, negative before the start.
    #[must_use]
    pub fn to_sample(&self, time: RefTime) -> SampleTime {
        let units = i128::from(time.0).wrapping_sub(self.offset());
        let scaled = units.wrapping_mul(i128::from(self.rate));
        SampleTime(saturate(divide_down(scaled, i128::from(SECOND))))
    }

    fn offset(&self) -> i128 {
        i128::from(self.base.0).wrapping_add(i128::from(self.correction >> FRACTION))
    }
}

impl Loop {
    /// Takes one observation of the error, and says how far to move, in 1/65536 units.
    fn observe(&mut self, sink: RefTime, error: i64) -> i64 {
        let period = sink.0.saturating_sub(self.sink_last.0).clamp(0, SECOND);
        self.sink_last = sink;
        self.memory = self.memory.saturating_add(1).min(FULL_MEMORY);
        let n = self.memory;
        // The gains of a least-squares line through n points, at its newest point: position
        // 2(2n-1)/(n(n+1)), velocity 6/(n(n+1)).
        let scale = n.wrapping_mul(n.wrapping_add(1)).max(1);
        let position_gain = n.wrapping_mul(4).wrapping_sub(2);
        let predicted = self.drift.wrapping_mul(period) >> (32 - FRACTION);
        // The error was measured with the drift of this period not yet in the map.
        let fine = (error << FRACTION).wrapping_sub(predicted);
        let position = fine.wrapping_mul(position_gain).wrapping_div_euclid(scale);
        if period > 0 {
            let velocity = fine.wrapping_mul(6).wrapping_div_euclid(scale);
            let drift = (velocity << (32 - FRACTION)).wrapping_div_euclid(period);
            self.drift = self.drift.wrapping_add(drift).clamp(-MAX_DRIFT, MAX_DRIFT);
        }
        let limit = MAX_PHASE_STEP.0 << FRACTION;
        predicted.wrapping_add(position).clamp(-limit, limit)
    }
}

/// Division that rounds down; the divisor is positive.
fn divide_down(dividend: i128, divisor: i128) -> i128 {
    dividend.checked_div_euclid(divisor).unwrap_or(0)
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Fraction bits of the correction.
const FRACTION: u32 = 16;
/// Rates above one frame per 100 ns would lose frames in a round trip.
const MAX_RATE: u32 = 10_000_000;
/// 1,000 ppm in 2^-32: five times the worst crystal.
const MAX_DRIFT: i64 = 4_294_967;
/// Apart by more than this, the clocks are set equal: 100 ms.
const LOST: RefTime = RefTime(1_000_000);
/// What the filter believes to have seen at the start, so that its first step is not the first
/// observation's whole jitter.
const FIRST_MEMORY: i64 = 6;
/// Five seconds of observations every 20 ms.
const FULL_MEMORY: i64 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A deterministic jitter in -20,000..=20,000 (2 ms).
    struct Jitter(u64);

    impl Jitter {
        fn next(&mut self) -> i64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            i64::try_from(self.0 % 40_001).unwrap() - 20_000
        }
    }

    /// What the simulation of one loop came to.
    #[derive(Debug)]
    struct Run {
        /// The largest error after five seconds, in 100 ns.
        worst: i64,
        /// The largest step of the map.
        step: i64,
    }

    /// A sink that drifts by `ppm`, heard through jitter, for `seconds`.
    fn simulate(ppm: i64, seed: u64, seconds: i64, jitter_on: bool) -> Run {
        let mut jitter = Jitter(seed);
        let mut noise = || if jitter_on { jitter.next() } else { 0 };
        let start = 123_456_789_012;
        let mut map = ClockMap::new(44_100, RefTime(start));
        map.start(RefTime(5_000), RefTime(start + noise()));
        let mut run = Run { worst: 0, step: 0 };
        for call in 1..seconds * 50 {
            let sink = call * 200_000;
            let truth = start + sink + sink * ppm / 1_000_000;
            let Sync::Followed(step) = map.sync(RefTime(5_000 + sink), RefTime(truth + noise()))
            else {
                panic!("lost at call {call}");
            };
            run.step = run.step.max(step.0.abs());
            if call > 5 * 50 {
                let frames = SampleTime(sink * 44_100 / SECOND);
                let ideal = start + sink + sink * ppm / 1_000_000;
                run.worst = run.worst.max((map.to_ref(frames).0 - ideal).abs());
            }
        }
        run
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes of simulated time")]
    fn locks_on_a_drifting_jittering_sink() {
        let mut worst = 0;
        let mut step = 0;
        for seed in 1..=40 {
            for ppm in [-200, -37, 0, 111, 200] {
                let run = simulate(ppm, 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed), 60, true);
                worst = worst.max(run.worst);
                step = step.max(run.step);
            }
        }
        std::println!(
            "worst error after 5 s: {} us, largest step: {} us",
            worst / 10,
            step / 10
        );
        assert!(worst < 10_000, "error of {worst} units");
        assert!(step <= MAX_PHASE_STEP.0, "step of {step} units");
    }

    #[test]
    fn follows_a_pure_drift_without_a_lag() {
        let run = simulate(200, 1, 20, false);
        // One frame is 227 units: SampleToRefTime's rounding is part of the error.
        assert!(run.worst < 400, "error of {} units", run.worst);
    }

    #[test]
    fn a_lost_clock_is_set_at_once() {
        let mut map = ClockMap::new(48_000, RefTime(0));
        assert_eq!(map.sync(RefTime(0), RefTime(0)), Sync::NotStarted);
        map.start(RefTime(0), RefTime(1_000));
        let late = 3 * SECOND;
        assert_eq!(
            map.sync(RefTime(200_000), RefTime(201_000 + late)),
            Sync::Jumped(RefTime(late))
        );
        assert_eq!(map.to_sample(RefTime(1_000 + late)), SampleTime(0));
        assert_eq!(
            map.sync(RefTime(400_000), RefTime(401_000 + late)),
            Sync::Followed(RefTime(0))
        );
    }

    #[test]
    fn the_documented_example() {
        // 44,100 frames are one second, and the sample clock starts at zero.
        let mut map = ClockMap::new(44_100, RefTime(0));
        map.start(RefTime(987_654), RefTime(50_000_000));
        assert_eq!(map.to_ref(SampleTime(44_100)), RefTime(60_000_000));
        assert_eq!(map.to_sample(RefTime(60_000_000)), SampleTime(44_100));
        assert_eq!(map.to_sample(RefTime(50_000_000 - 1)), SampleTime(-1));
    }

    const THIRTY_DAYS: i64 = 30 * 24 * 3600;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 16 } else { 2048 }))]

        #[test]
        fn frames_survive_the_round_trip(
            rate in 8_000_u32..=192_000,
            second in -THIRTY_DAYS..THIRTY_DAYS,
            frame in 0_i64..192_000,
            now in any::<i64>().prop_map(|t| t / 8),
        ) {
            let map = ClockMap::new(rate, RefTime(now));
            let frames = SampleTime(second * i64::from(rate) + frame);
            prop_assert_eq!(map.to_sample(map.to_ref(frames)), frames);
        }

        #[test]
        fn times_come_back_within_a_frame(
            rate in 8_000_u32..=192_000,
            elapsed in -THIRTY_DAYS * SECOND..THIRTY_DAYS * SECOND,
            now in any::<i64>().prop_map(|t| t / 8),
        ) {
            let map = ClockMap::new(rate, RefTime(now));
            let back = map.to_ref(map.to_sample(RefTime(now + elapsed)));
            let lost = now + elapsed - back.0;
            prop_assert!(lost >= 0 && lost <= SECOND / i64::from(rate), "lost {}", lost);
        }

        #[test]
        fn nothing_overflows(rate in any::<u32>(), a in any::<i64>(), b in any::<i64>(), c in any::<i64>()) {
            let mut map = ClockMap::new(rate, RefTime(a));
            map.start(RefTime(b), RefTime(c));
            let _ = map.sync(RefTime(a), RefTime(b));
            let _ = map.sync(RefTime(c), RefTime(a));
            let _ = (map.to_ref(SampleTime(b)), map.to_sample(RefTime(c)));
        }

        #[test]
        fn frames_keep_their_order(rate in 8_000_u32..=192_000, a in any::<i64>(), b in any::<i64>()) {
            let map = ClockMap::new(rate, RefTime(0));
            let (a, b) = (RefTime(a.min(b)), RefTime(a.max(b)));
            prop_assert!(map.to_sample(a) <= map.to_sample(b));
        }
    }
}
