//! From decibels and positions to the gains that multiply samples.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "gains are clamped to their Q format first"
)]

use super::envelope::{BOTTOM, Level};
use crate::fixed::{self, ONE, Power};

/// Amplitudes of left and right (or of two effect sends).
pub type Pair = [u32; 2];

/// The constant-power law of RP-036 for a position in 16.16 per mille, -500 (left) to 500.
/// Both hard sides are true silence on the other. Q30.
#[must_use]
pub fn pan(position: i64) -> Pair {
    let from_left = position.saturating_add(HALF).clamp(0, 2 * HALF);
    let turn = ((from_left << 30) / (2 * HALF)) as u32;
    [
        fixed::quarter_sine(ONE.saturating_sub(turn)),
        fixed::quarter_sine(turn),
    ]
}

/// The amplitude of an envelope's level, raised or lowered by 16.16 tenths of a decibel; Q30, at
/// most 12 dB.
#[must_use]
pub fn amplitude(level: Level, tenths: i64) -> u64 {
    let loudness = fixed::octaves_of_gain(tenths);
    match level {
        Level::Rise(rise) => {
            let rise = rise >> 2;
            if tenths == 0 {
                rise
            } else {
                let power = Power::of_two(loudness).scaled(30).min(LOUDEST);
                power.wrapping_mul(rise) >> 30
            }
        }
        Level::Fall(fall) => {
            let fall = (fall.min(2 * BOTTOM).wrapping_mul(SPAN) >> 26) as i64;
            Power::of_two(loudness.wrapping_sub(fall))
                .scaled(30)
                .min(LOUDEST)
        }
    }
}

/// How far below the peak an envelope is that has risen this far: its amplitude in decibels.
#[must_use]
pub fn fall_of_rise(rise: u64) -> u64 {
    if rise == 0 {
        return BOTTOM;
    }
    let octaves = (32_i64 << 32).saturating_sub(fixed::log2(rise)).max(0) as u64;
    // 1/15.9453 in Q32.
    ((u128::from(octaves).wrapping_mul(269_357_081)) >> 32) as u64
}

/// A static gain in 16.16 tenths of a decibel times a pair of amplitudes; Q30, below 12 dB.
#[must_use]
pub fn scale(tenths: i64, pair: Pair) -> Pair {
    let amplitude = fixed::amplitude(tenths).min(LOUDEST);
    pair.map(|part| (amplitude.wrapping_mul(u64::from(part)) >> 30).min(LOUDEST) as u32)
}

/// The product of a static pair and a moving amplitude as the mix bus wants it: Q22, or eight
/// times that for a filter's output.
#[must_use]
pub fn combine(pair: Pair, moving: u64, filtered: bool) -> Pair {
    let shift = if filtered { 35 } else { 38 };
    pair.map(|part| {
        let product = u64::from(part).wrapping_mul(moving);
        ((product >> shift).wrapping_add(product >> (shift - 1) & 1)).min(MOST) as u32
    })
}

const HALF: i64 = 500 << 16;
/// Just below 12 dB, so that a product of two of them fits.
const LOUDEST: u64 = u32::MAX as u64;
/// 96 dB in octaves, Q26.
const SPAN: u64 = 1_070_067_940;
/// 24 dB, which two factors can reach, for a filter's output, which comes divided by 8.
const MOST: u64 = 1 << 29;

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "laws are in floats"
)]
mod tests {
    use super::*;

    fn real(q30: u64) -> f64 {
        q30 as f64 / f64::from(ONE)
    }

    #[test]
    fn pan_keeps_its_power_and_is_silent_at_the_ends() {
        assert_eq!(pan(-500 << 16), [ONE, 0]);
        assert_eq!(pan(500 << 16), [0, ONE]);
        assert_eq!(pan(i64::MIN), [ONE, 0]);
        let mut worst: f64 = 0.0;
        for step in 0..=1000_i64 {
            let [left, right] = pan((step - 500) << 16).map(|side| real(side.into()));
            assert!((left * left + right * right - 1.0).abs() < 2e-6);
            let angle = core::f64::consts::FRAC_PI_2 * step as f64 / 1000.0;
            worst = worst
                .max((left - angle.cos()).abs())
                .max((right - angle.sin()).abs());
        }
        assert!(worst < 1e-6, "{worst}");
    }

    #[test]
    fn levels_fall_96_decibels() {
        for percent in 0..=100 {
            let fall = BOTTOM / 100 * percent;
            let db = 20.0 * real(amplitude(Level::Fall(fall), 0)).log10();
            assert!((db + 0.96 * percent as f64).abs() < 2e-3, "{percent} {db}");
            let lifted = 20.0 * real(amplitude(Level::Fall(fall), 60 << 16)).log10();
            assert!((lifted - db - 6.0).abs() < 3e-3);
        }
        assert_eq!(amplitude(Level::Fall(0), 0), u64::from(ONE));
        assert_eq!(amplitude(Level::Rise(BOTTOM / 2), 0), u64::from(ONE / 2));
    }

    #[test]
    fn a_rise_turns_into_a_fall_without_a_step() {
        for part in 1..=100 {
            let rise = BOTTOM / 100 * part;
            let risen = real(amplitude(Level::Rise(rise), 0));
            let fallen = real(amplitude(Level::Fall(fall_of_rise(rise)), 0));
            assert!((risen / fallen - 1.0).abs() < 1e-5, "{part}");
        }
        assert_eq!(fall_of_rise(0), BOTTOM);
        assert_eq!(fall_of_rise(BOTTOM), 0);
    }
}
