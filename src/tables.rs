//! Tables that replace the functions a driver cannot call: powers, logarithms, sines, and the
//! rows of the interpolators.
//!
//! The compiler evaluates them: the float arithmetic in `series` and in the builders below runs
//! while the crate is built and never in the driver. Tests compare every entry with the host's
//! own functions.
#![forbid(unsafe_code)]
#![expect(
    clippy::float_arithmetic,
    reason = "evaluated by the compiler; no float reaches the driver"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "indices and entries are far inside every type"
)]

#[expect(
    clippy::large_stack_arrays,
    reason = "the compiler's stack, not the driver's"
)]
mod interpolation;
mod series;

pub use interpolation::{CUBIC, LINEAR, LOW_CUTOFFS, Rows, SINC8, SINC16, SINC16_LOW};

/// Steps of the tables below: entry `i` belongs to `i / STEPS`.
pub const STEPS: usize = 1024;

/// 2^x for x in 0..=1, in Q30.
pub static EXP2: [u32; STEPS + 1] = exp2();

/// log2(1 + x) for x in 0..=1, in Q30.
pub static LOG2: [u32; STEPS + 1] = log2();

/// sin(x * pi/2) for x in 0..=1, in Q30; the ends are exact.
pub static SINE: [u32; STEPS + 1] = sine();

/// The concave curve of dls.md section 3.1 for 7-bit values, in Q30.
pub static CONCAVE: [u32; 128] = concave();

const fn exp2() -> [u32; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut i = 0;
    while i <= STEPS {
        table[i] = q30(series::exp(series::LN_2 * (i as f64 / STEPS as f64)));
        i += 1;
    }
    table
}

const fn log2() -> [u32; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut i = 0;
    while i <= STEPS {
        table[i] = q30(series::ln(1.0 + i as f64 / STEPS as f64) / series::LN_2);
        i += 1;
    }
    table
}

const fn sine() -> [u32; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut i = 0;
    while i <= STEPS {
        table[i] = q30(series::sin(series::PI / 2.0 * (i as f64 / STEPS as f64)));
        i += 1;
    }
    table
}

const fn concave() -> [u32; 128] {
    let mut table = [q30(1.0); 128];
    let mut v = 0;
    while v < 127 {
        let x = -40.0 / 96.0 * series::ln((127 - v) as f64 / 127.0) / series::LN_10;
        table[v] = q30(if x > 1.0 { 1.0 } else { x });
        v += 1;
    }
    table
}

/// The nearest Q30 number.
const fn q30(value: f64) -> u32 {
    (value * (1_u32 << 30) as f64 + 0.5) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(table: &[u32], ideal: impl Fn(f64) -> f64) -> f64 {
        let last = (table.len() - 1) as f64;
        let error = |(i, &entry): (usize, &u32)| {
            (f64::from(entry) / f64::from(1 << 30) - ideal(i as f64 / last)).abs()
        };
        table.iter().enumerate().map(error).fold(0.0, f64::max)
    }

    #[test]
    fn entries_are_the_nearest() {
        let half = 0.5001 / f64::from(1 << 30);
        assert!(worst(&EXP2, f64::exp2) <= half);
        assert!(worst(&LOG2, |x| (1.0 + x).log2()) <= half);
        assert!(worst(&SINE, |x| (x * core::f64::consts::FRAC_PI_2).sin()) <= half);
        let concave = |x: f64| {
            let v = (x * 127.0).round();
            (-40.0 / 96.0 * ((127.0 - v) / 127.0).log10()).min(1.0)
        };
        assert!(worst(&CONCAVE, concave) <= half);
    }

    #[test]
    fn ends_are_exact() {
        assert_eq!((EXP2[0], EXP2[STEPS]), (1 << 30, 1 << 31));
        assert_eq!((LOG2[0], LOG2[STEPS]), (0, 1 << 30));
        assert_eq!((SINE[0], SINE[STEPS]), (0, 1 << 30));
        assert_eq!((CONCAVE[0], CONCAVE[127]), (0, 1 << 30));
    }
}
