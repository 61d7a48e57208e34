//! The low-frequency oscillators (dls.md section 4.3): sines, started by each note.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "phases wrap around on purpose"
)]

use super::envelope::frames_of;
use super::voice::Pace;
use crate::dls;
use crate::fixed::{self, Power};

/// A sine that starts upward from 0 after its delay.
#[derive(Clone, Copy, Debug)]
pub struct Lfo {
    /// Frames since the start, Q16; negative during the delay.
    elapsed: i64,
    /// Turns in a frame, Q48.
    speed: u64,
}

impl Lfo {
    /// For an output of `rate` frames a second; `frequency` and `delay` are added in 16.16 cents.
    #[must_use]
    pub fn new(lfo: &dls::Lfo, frequency: i64, delay: i64, rate: u32) -> Self {
        let cents = i64::from(lfo.frequency.0).saturating_add(frequency);
        let cents = cents.clamp(
            i64::from(dls::Lfo::SLOWEST.0),
            i64::from(dls::Lfo::FASTEST.0),
        );
        // 440 Hz of 2^48 and the ratio in Q32; at most 20 Hz come out.
        let octaves = fixed::octaves_of_cents(cents.wrapping_sub(6900 << 16));
        let hertz = Power::of_two(octaves).scaled(40).wrapping_mul(440); // Q40
        let speed = (hertz << 8).checked_div(u64::from(rate)).unwrap_or(0);
        Self {
            elapsed: -(frames_of(lfo.delay, delay, rate) as i64),
            speed,
        }
    }

    /// How often it wants control points, for what it does to pitch, gain and cutoff: as often as
    /// its speed says, or not so often if that little is heard of it.
    pub(super) fn pace(&self, depths: [i32; 3]) -> Pace {
        if depths == [0; 3] || self.speed < TURN_IN_8000 {
            return Pace::Slow;
        }
        let fits = |pace: Pace| {
            let sagitta = self.sagitta(pace.frames());
            depths.iter().zip(NOT_HEARD).all(|(depth, most)| {
                u64::from(depth.unsigned_abs()).wrapping_mul(sagitta) >> 30 <= most
            })
        };
        if fits(Pace::Slow) {
            Pace::Slow
        } else if self.speed < TURN_IN_5000 || fits(Pace::Medium) {
            Pace::Medium
        } else {
            Pace::Fast
        }
    }

    /// The most that a chord over some frames leaves the sine by, Q30.
    const fn sagitta(&self, frames: usize) -> u64 {
        // (2 pi turns)^2 / 8 with the turns in Q20, of which there are less than a half.
        let turns = self.turns(frames);
        turns.wrapping_mul(turns).wrapping_mul(5053) >> 20
    }

    /// What it turns by in some frames, Q20.
    const fn turns(&self, frames: usize) -> u64 {
        (self.speed.wrapping_mul(frames as u64) >> 28) & 0x7_FFFF
    }

    /// Goes on by a number of frames.
    pub const fn advance(&mut self, frames: usize) {
        self.elapsed = self.elapsed.saturating_add((frames as i64) << 16);
    }

    /// What the mean over the last `frames` is above the mean of their ends, as a part (Q30) of
    /// the latter: a sine's chord runs inside of it.
    pub(super) const fn bulge(&self, frames: usize) -> i64 {
        // (2 pi turns)^2 / 12 with the turns in Q20.
        let turns = self.turns(frames);
        (turns.wrapping_mul(turns).wrapping_mul(3369) >> 20) as i64
    }

    /// -1..=1 in Q30.
    #[must_use]
    pub fn value(&self) -> i32 {
        if self.elapsed <= 0 {
            return 0;
        }
        let turns = (self.elapsed as u64).wrapping_mul(self.speed);
        fixed::sine((turns >> 32) as u32)
    }
}

/// What chords may leave their arcs by: 0.1 cent of pitch, 0.006 dB of gain, a cent of cutoff, in
/// 16.16 of their units.
const NOT_HEARD: [u64; 3] = [6554, 3932, 1 << 16];
/// Speeds of one turn in some frames, Q48.
const TURN_IN_8000: u64 = (1 << 48) / 8000;
const TURN_IN_5000: u64 = (1 << 48) / 5000;

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "the ideal is in floats")]
mod tests {
    use super::*;
    use crate::dls::{PitchCents, TimeCents};

    fn lfo(frequency: i16, rate: u32) -> Lfo {
        let lfo = dls::Lfo {
            frequency: PitchCents::from_whole(frequency),
            delay: TimeCents::ZERO,
        };
        Lfo::new(&lfo, 0, 0, rate)
    }

    #[test]
    fn a_chord_leaves_a_shallow_sine_by_little() {
        let [hertz_5, hertz_8, hertz_20] = [-851, -37, 1549].map(|cents| lfo(cents, 44_100));
        // A whole tone, 6 dB and 6 dB, an octave of cutoff: as fast as it turns.
        for depths in [
            [200 << 16, 0, 0],
            [0, 60 << 16, 0],
            [0, 60 << 16, 1200 << 16],
        ] {
            assert_eq!(hertz_5.pace(depths), Pace::Slow);
            assert_eq!(hertz_8.pace(depths), Pace::Medium);
            assert_eq!(hertz_20.pace(depths), Pace::Fast);
        }
        assert_eq!(hertz_8.pace([0, -20 << 16, 0]), Pace::Slow);
        assert_eq!(hertz_20.pace([10 << 16, 0, 100 << 16]), Pace::Medium);
        assert_eq!(hertz_20.pace([0; 3]), Pace::Slow);
        // The sagitta is that of the sine's peak.
        for (lfo, frames) in [(hertz_8, 128), (hertz_20, 64), (hertz_20, 16)] {
            let angle = lfo.speed as f64 / 2_f64.powi(48) * frames as f64 * core::f64::consts::TAU;
            let ideal = 1.0 - (angle / 2.0).cos();
            let sagitta = lfo.sagitta(frames) as f64 / f64::from(1 << 30);
            assert!((sagitta / ideal - 1.0).abs() < 0.05, "{sagitta} {ideal}");
        }
    }

    #[test]
    fn frequency_and_delay_are_right() {
        for (frequency, hertz) in [(-7624, 0.1), (-851, 5.0), (1549, 20.0)] {
            let mut lfo = Lfo::new(
                &dls::Lfo {
                    frequency: PitchCents::from_whole(frequency),
                    delay: TimeCents::from_whole(-7973),
                },
                0,
                0,
                44_100,
            );
            let exact = 440.0 * 2_f64.powf((f64::from(frequency) - 6900.0) / 1200.0);
            assert!((exact / hertz - 1.0).abs() < 2e-3);
            assert_eq!(lfo.value(), 0);
            let mut worst: f64 = 0.0;
            for frame in (0..4_000_000).step_by(64) {
                let seconds = (f64::from(frame) / 44_100.0 - 0.01).max(0.0);
                let ideal = (core::f64::consts::TAU * exact * seconds).sin();
                let value = f64::from(lfo.value()) / f64::from(1 << 30);
                worst = worst.max((value - ideal).abs());
                lfo.advance(64);
            }
            std::println!("{hertz} Hz: worst error {worst:.1e} after 90 s");
            assert!(worst < 2e-2);
        }
    }
}
