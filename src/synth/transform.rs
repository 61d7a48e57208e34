//! What a source's value becomes before it is scaled (dls.md section 3.1).
//!
//! Linear inputs are divided by 128 (14 bits: by 16,384). Curves run from end to end, so they
//! divide by 127 (16,383), and around a centre each half by its own length. Curves are evaluated,
//! not looked up by seven bits: an oscillator on its way through one does not move in steps.
#![forbid(unsafe_code)]

use super::modulation::{Inputs, Values};
use crate::dls::{Curve, Input, Source};
use crate::fixed::{self, ONE};
use crate::tables::CONCAVE;

/// The sources that move by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MovingSource {
    ModLfo,
    Vibrato,
    Eg1,
    Eg2,
}

impl MovingSource {
    /// What `source` is, if it moves by itself.
    pub(super) const fn of(source: Source) -> Option<Self> {
        Some(match source {
            Source::ModLfo => Self::ModLfo,
            Source::VibratoLfo => Self::Vibrato,
            Source::Eg1 => Self::Eg1,
            Source::Eg2 => Self::Eg2,
            _ => return None,
        })
    }
}

/// The value of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// 1, whatever the transform.
    Constant,
    /// 0..=127.
    Seven(u8),
    /// Keys in 16.16 cents, 100 a key; 0..=127 keys.
    Keys(i64),
    /// 0..=16383.
    Fourteen(u16),
    /// 0..=1 in Q30.
    Unit(i64),
    /// -1..=1 in Q30.
    Swing(i64),
}

impl Reading {
    /// What `source` reads; sources that move by themselves read what `values` says.
    pub(super) fn of(source: Source, inputs: &Inputs, values: &Values) -> Self {
        match source {
            Source::None => Self::Constant,
            Source::ModLfo => Self::Swing(values.mod_lfo.into()),
            Source::VibratoLfo => Self::Swing(values.vibrato.into()),
            Source::Eg1 => Self::Unit(values.eg1.into()),
            Source::Eg2 => Self::Unit(values.eg2.into()),
            Source::Velocity => Self::Seven(inputs.velocity),
            Source::Key => Self::Keys(inputs.key),
            Source::PitchWheel => Self::Fourteen(inputs.wheel),
            Source::PolyPressure => Self::Seven(inputs.poly_pressure),
            Source::ChannelPressure => Self::Seven(inputs.channel_pressure),
            Source::Cc1 => Self::Seven(inputs.cc1),
            Source::Cc7 => Self::Seven(inputs.cc7),
            Source::Cc10 => Self::Seven(inputs.cc10),
            Source::Cc11 => Self::Seven(inputs.cc11),
            Source::Cc91 => Self::Seven(inputs.cc91),
            Source::Cc93 => Self::Seven(inputs.cc93),
            // Cents, of which 12,800 are a whole.
            Source::Rpn0 => Self::Unit((i64::from(inputs.rpn0) << 30) / 12_800),
            Source::Rpn1 => Self::Fourteen(inputs.rpn1),
            Source::Rpn2 => Self::Seven(inputs.rpn2),
        }
    }

    /// The value after a transform, Q30.
    pub(super) fn through(self, input: Input) -> i64 {
        let turn = |x: i64| if input.inverted { WHOLE - x } else { x };
        let mirror = |x: i64| if input.inverted { -x } else { x };
        match (self, input.curve, input.bipolar) {
            (Self::Constant, ..) => WHOLE,
            (_, Curve::Linear, false) => turn(self.linear()),
            (_, Curve::Linear, true) => mirror(2 * self.linear() - WHOLE),
            (Self::Seven(v), curve, false) => {
                of_seven(curve, if input.inverted { 127 - v.min(127) } else { v })
            }
            (_, curve, false) => shape(curve, turn(self.full_scale())),
            (_, Curve::Switch, true) if mirror(self.full_swing()) < 0 => -WHOLE,
            (_, Curve::Switch, true) => WHOLE,
            (_, curve, true) => {
                let swing = mirror(self.full_swing());
                swing.signum() * shape(curve, swing.saturating_abs())
            }
        }
    }

    /// The value after a transform, on its way to the pan. CC10 as RP-036 has it: 0 and 1 are
    /// left, 64 the centre, 127 right. The default scale of 508 stands for the 500 that this
    /// reaches.
    pub(super) fn to_pan(self, input: Input) -> i64 {
        match (self, input.curve, input.bipolar) {
            (Self::Seven(v), Curve::Linear, true) => {
                let steps = i64::from(v.max(1)) - 64;
                let value = steps * (500 << 30) / (63 * 508);
                if input.inverted { -value } else { value }
            }
            _ => self.through(input),
        }
    }

    /// 0..=1, where seven bits are divided by 128.
    fn linear(self) -> i64 {
        match self {
            Self::Constant => WHOLE,
            Self::Seven(v) => i64::from(v) << 23,
            // 12,800 cents are a whole: 2^30 / (12,800 * 2^16) = 1.28 = 32/25.
            Self::Keys(cents) => cents.clamp(0, 128 * KEY) * 32 / 25,
            Self::Fourteen(v) => i64::from(v) << 16,
            Self::Unit(x) => x,
            Self::Swing(x) => x.midpoint(WHOLE),
        }
    }

    /// 0..=1, where the highest value is exactly 1.
    fn full_scale(self) -> i64 {
        let x = self.linear();
        match self {
            Self::Seven(_) | Self::Keys(_) => x * 128 / 127,
            Self::Fourteen(_) => x * 16_384 / 16_383,
            _ => x,
        }
    }

    /// -1..=1, where both ends are exact and the centre is 0.
    fn full_swing(self) -> i64 {
        let x = 2 * self.linear() - WHOLE;
        match self {
            Self::Seven(_) | Self::Keys(_) if x > 0 => x * 64 / 63,
            Self::Fourteen(_) if x > 0 => x * 8192 / 8191,
            _ => x,
        }
    }
}

/// A curve at 0..=127.
fn of_seven(curve: Curve, v: u8) -> i64 {
    let concave = |v: u8| CONCAVE.get(usize::from(v)).copied().map_or(0, i64::from);
    match curve {
        Curve::Linear => i64::from(v) << 23,
        Curve::Concave => concave(v),
        Curve::Convex => WHOLE - concave(127_u8.saturating_sub(v)),
        Curve::Switch if v < 64 => 0,
        Curve::Switch => WHOLE,
    }
}

/// A curve at 0..=1.
fn shape(curve: Curve, x: i64) -> i64 {
    match curve {
        Curve::Linear => x,
        Curve::Concave => concave(x),
        Curve::Convex => WHOLE - concave(WHOLE - x),
        Curve::Switch if x < WHOLE / 2 => 0,
        Curve::Switch => WHOLE,
    }
}

/// -(40/96) log10(1 - x), at most 1.
fn concave(x: i64) -> i64 {
    let Ok(rest @ 1..) = u64::try_from(WHOLE - x.max(0)) else {
        return WHOLE;
    };
    let octaves = (30 << 32) - fixed::log2(rest);
    // (40/96) log10(2) in Q32; octaves are Q32 and at most 30.
    let value = (i128::from(octaves) * 538_714_161) >> 34;
    i64::try_from(value).unwrap_or(WHOLE).clamp(0, WHOLE)
}

const WHOLE: i64 = ONE as i64;
/// A key in 16.16 cents.
const KEY: i64 = 100 << 16;

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "laws are in floats"
)]
mod tests {
    use super::*;

    const CURVES: [Curve; 4] = [Curve::Linear, Curve::Concave, Curve::Convex, Curve::Switch];

    /// The text's curve over 0..=1.
    fn law(curve: Curve, x: f64) -> f64 {
        let concave = |x: f64| (-40.0 / 96.0 * (1.0 - x).max(0.0).log10()).clamp(0.0, 1.0);
        match curve {
            Curve::Linear => x,
            Curve::Concave => concave(x),
            Curve::Convex => 1.0 - concave(1.0 - x),
            Curve::Switch => f64::from(u8::from(x >= 0.5)),
        }
    }

    /// Every transform of a value: `linear` and `full` are it over 0..=1, `swing` over -1..=1.
    fn check(reading: Reading, linear: f64, full: f64, swing: f64) -> f64 {
        let mut worst = 0.0_f64;
        for curve in CURVES {
            for (bipolar, inverted) in [(false, false), (false, true), (true, false), (true, true)]
            {
                let input = Input {
                    curve,
                    bipolar,
                    inverted,
                };
                let turn = |x: f64| if inverted { 1.0 - x } else { x };
                let mirror = |x: f64| if inverted { -x } else { x };
                let ideal = match (curve, bipolar) {
                    (Curve::Linear, false) => turn(linear),
                    (Curve::Linear, true) => mirror(2.0 * linear - 1.0),
                    (_, false) => law(curve, turn(full)),
                    (Curve::Switch, true) if mirror(swing) < 0.0 => -1.0,
                    (Curve::Switch, true) => 1.0,
                    (_, true) => {
                        let swing = mirror(swing);
                        if swing == 0.0 {
                            0.0
                        } else {
                            swing.signum() * law(curve, swing.abs())
                        }
                    }
                };
                let found = reading.through(input) as f64 / f64::from(ONE);
                let error = (found - ideal).abs();
                assert!(
                    error < 2e-6,
                    "{reading:?} {input:?}: {found}, ideally {ideal}"
                );
                worst = worst.max(error);
            }
        }
        worst
    }

    #[test]
    fn every_transform_of_every_kind_of_source_is_the_texts() {
        let around = |v: f64, centre: f64| {
            if v < centre {
                (v - centre) / centre
            } else {
                (v - centre) / (centre - 1.0)
            }
        };
        let mut worst = 0.0_f64;
        for v in 0..128_u8 {
            let x = f64::from(v);
            let seven = check(Reading::Seven(v), x / 128.0, x / 127.0, around(x, 64.0));
            let keys = Reading::Keys(i64::from(v) * KEY);
            let keys = check(keys, x / 128.0, x / 127.0, around(x, 64.0));
            worst = worst.max(seven).max(keys);
        }
        for v in (0..16_384_u16).step_by(13).chain([8192, 16_383]) {
            let x = f64::from(v);
            let (linear, full) = (x / 16_384.0, x / 16_383.0);
            worst = worst.max(check(Reading::Fourteen(v), linear, full, around(x, 8192.0)));
        }
        for n in 0..=1000 {
            let x = f64::from(n) / 1000.0;
            let fixed = (x * f64::from(ONE)).round() as i64;
            // As the fixed-point number has it: curves are steep at their end.
            let x = fixed as f64 / f64::from(ONE);
            worst = worst.max(check(Reading::Unit(fixed), x, x, 2.0 * x - 1.0));
            for (fixed, x) in [(fixed, x), (-fixed, -x)] {
                let unipolar = x.midpoint(1.0);
                worst = worst.max(check(Reading::Swing(fixed), unipolar, unipolar, x));
            }
        }
        std::println!("transforms: worst error {worst:.1e}");
        assert_eq!(Reading::Constant.through(Input::LEVEL), WHOLE);
    }

    #[test]
    fn levels_are_exact_at_seven_bits() {
        for v in 0..128_u8 {
            let found = Reading::Seven(v).through(Input::LEVEL) as f64 / f64::from(ONE);
            let ideal = law(Curve::Concave, 1.0 - f64::from(v) / 127.0);
            assert!((found - ideal).abs() < 1e-8, "{v}");
        }
    }
}
