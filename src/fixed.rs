//! Fixed-point arithmetic: powers, logarithms and sines in integers.
//!
//! Logarithmic quantities (cents, time cents, decibels) meet in one unit, octaves in Q32: 2^32
//! is a factor of two. Linear ones are Q30 unless a name says otherwise. Nothing here can
//! overflow or panic for any argument; errors against the ideal are tested.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "bit fields are cut out of wider numbers on purpose"
)]

use crate::tables::{EXP2, LOG2, SINE};

/// 1 in Q30.
pub const ONE: u32 = 1 << 30;

/// A positive number with a wide range: `mantissa` (Q30, 1..2) times 2^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    mantissa: u32,
    exponent: i32,
}

impl Power {
    /// 2^(octaves / 2^32), to a part in 10^9: a note of ten seconds ends where it should, to a
    /// thousandth of a frame.
    #[must_use]
    pub const fn of_two(octaves: i64) -> Self {
        let fraction = octaves as u32;
        let index = (fraction >> 22) as usize;
        let (low, high) = (EXP2[index], EXP2[index + 1]);
        let rest = (fraction & 0x003F_FFFF) as u64;
        let between = (high.wrapping_sub(low) as u64).wrapping_mul(rest) >> 22;
        // The curve hangs below its chord by (ln 2 / 1024)^2 / 2 of the value times f(1 - f).
        let f = rest >> 6;
        let bulge = f.wrapping_mul(0x1_0000_u64.wrapping_sub(f)) >> 16;
        let sag = ((low as u64).wrapping_mul(bulge) >> 16).wrapping_mul(984) >> 32;
        Self {
            mantissa: low.wrapping_add(between as u32).wrapping_sub(sag as u32),
            exponent: (octaves >> 32) as i32,
        }
    }

    /// The number times 2^`bits`, rounded; the largest `u64` if it does not fit.
    #[must_use]
    pub const fn scaled(self, bits: i32) -> u64 {
        // Of the mantissa 2^32 times as large, this many bits are cut off.
        let down = 62_i32.saturating_sub(self.exponent.saturating_add(bits));
        let mantissa = (self.mantissa as u64) << 32;
        match down {
            1..=63 => (mantissa + (1 << (down - 1))) >> down,
            0 => mantissa,
            ..0 => u64::MAX,
            64.. => 0,
        }
    }
}

/// Octaves of a pitch or time interval in 16.16 cents.
#[must_use]
pub const fn octaves_of_cents(cents: i64) -> i64 {
    // 2^16 / 1,200 = 4,096 / 75.
    limited(cents).wrapping_mul(4096) / 75
}

/// Octaves of a level change in 16.16 tenths of a decibel.
#[must_use]
pub const fn octaves_of_gain(tenths: i64) -> i64 {
    // 2^16 * log2(10) / 200 in Q16.
    limited(tenths).wrapping_mul(71_337_863) >> 16
}

/// The amplitude of a level in 16.16 tenths of a decibel, in Q30.
#[must_use]
pub const fn amplitude(tenths: i64) -> u64 {
    Power::of_two(octaves_of_gain(tenths)).scaled(30)
}

/// log2 of a number that is not 0, in Q32; of 0, as of 1.
#[must_use]
pub const fn log2(value: u64) -> i64 {
    let zeros = (value | 1).leading_zeros();
    // The number's leading 1 is shifted out; what follows it is the fraction.
    let fraction = if zeros == 63 { 0 } else { value << (zeros + 1) };
    let index = (fraction >> 54) as usize;
    let (low, high) = (LOG2[index], LOG2[index + 1]);
    let rest = (fraction >> 32) & 0x003F_FFFF;
    let between = (high.wrapping_sub(low) as u64).wrapping_mul(rest) >> 20;
    ((63 - zeros as i64) << 32) + ((low as i64) << 2) + between as i64
}

/// sin(x * pi/2) for x in 0..=1 (Q30), in Q30.
#[must_use]
pub const fn quarter_sine(x: u32) -> u32 {
    if x >= ONE {
        return ONE;
    }
    let index = (x >> 20) as usize;
    let (low, high) = (SINE[index], SINE[index + 1]);
    let rest = (x & 0x000F_FFFF) as u64;
    low + ((high.wrapping_sub(low) as u64 * rest) >> 20) as u32
}

/// sin(2 pi * turns / 2^32), in Q30.
#[must_use]
pub const fn sine(turns: u32) -> i32 {
    let within = turns & 0x3FFF_FFFF;
    let value = match turns >> 30 {
        0 | 2 => quarter_sine(within),
        _ => quarter_sine(ONE - within),
    } as i32;
    if turns >> 31 == 0 { value } else { -value }
}

/// The product of two Q30 numbers, in Q30.
#[must_use]
pub const fn product(a: i64, b: i64) -> i64 {
    ((a as i128).wrapping_mul(b as i128) >> 30) as i64
}

/// Far beyond every level and interval that means something, and far from overflowing.
const fn limited(value: i64) -> i64 {
    const MOST: i64 = 1 << 34;
    if value > MOST {
        MOST
    } else if value < -MOST {
        -MOST
    } else {
        value
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    reason = "the host's functions are the ideal"
)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_right_to_nine_digits() {
        let mut worst: f64 = 0.0;
        for step in 0..100_000_i64 {
            let octaves = (step - 50_000) * 2_741_337;
            let ideal = (octaves as f64 / 2_f64.powi(32)).exp2();
            let power = Power::of_two(octaves);
            let value = f64::from(power.mantissa) / f64::from(ONE) * 2_f64.powi(power.exponent);
            worst = worst.max((value / ideal - 1.0).abs());
        }
        std::println!("2^x: worst relative error {worst:.1e}");
        assert!(worst < 2e-9);
        assert_eq!(Power::of_two(0).scaled(30), u64::from(ONE));
        assert_eq!(Power::of_two(3 << 32).scaled(0), 8);
        assert_eq!(Power::of_two(i64::MAX).scaled(30), u64::MAX);
        assert_eq!(Power::of_two(i64::MIN).scaled(30), 0);
    }

    #[test]
    fn cents_are_right_to_a_thousandth_of_a_cent() {
        let mut worst: f64 = 0.0;
        for cents in (-12_800..12_800).step_by(7) {
            let octaves = octaves_of_cents(i64::from(cents) << 16);
            let power = Power::of_two(octaves).scaled(32) as f64 / 2_f64.powi(32);
            let error = 1200.0 * power.log2() - f64::from(cents);
            if cents > -6000 {
                worst = worst.max(error.abs());
            }
        }
        std::println!("pitch: worst error {worst:.1e} cent");
        assert!(worst < 5e-4);
    }

    #[test]
    fn levels_are_right_to_a_thousandth_of_a_decibel() {
        let mut worst: f64 = 0.0;
        for tenths in -960..=480 {
            let value = amplitude(i64::from(tenths) << 16) as f64 / f64::from(ONE);
            worst = worst.max((20.0 * value.log10() - f64::from(tenths) / 10.0).abs());
        }
        std::println!("levels: worst error {worst:.1e} dB");
        assert!(worst < 1e-3);
    }

    #[test]
    fn logarithms_are_inverse_to_powers() {
        assert_eq!(log2(1), 0);
        assert_eq!(log2(0), 0);
        assert_eq!(log2(1 << 40), 40 << 32);
        let mut worst: f64 = 0.0;
        for value in (1..10_000_000_u64).step_by(997) {
            let ideal = (value as f64).log2();
            worst = worst.max((log2(value) as f64 / 2_f64.powi(32) - ideal).abs());
        }
        assert!(worst < 2e-7, "{worst}");
        assert_eq!(log2(u64::MAX) >> 32, 63);
    }

    #[test]
    fn sines_are_right_to_a_millionth() {
        let mut worst: f64 = 0.0;
        for turns in (0..u32::MAX).step_by(65_521) {
            let ideal = (f64::from(turns) / 2_f64.powi(32) * core::f64::consts::TAU).sin();
            worst = worst.max((f64::from(sine(turns)) / f64::from(ONE) - ideal).abs());
        }
        assert!(worst < 4e-7, "{worst}");
        assert_eq!(sine(1 << 30), ONE as i32);
        assert_eq!(sine(3 << 30), -(ONE as i32));
        assert_eq!(sine(1 << 31), 0);
    }
}
