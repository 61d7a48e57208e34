//! Transforms: what a source's value becomes before it is scaled (dls.md section 3.1).

/// A controller's value as it comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The constant 1 of source "none".
    One,
    /// Seven bits.
    Seven(u8),
    /// A key, which may lie between two: seven bits with a fraction.
    Keys(f64),
    /// Fourteen bits, 8,192 in the middle.
    Fourteen(u16),
    /// 0..=1: envelopes, the bend range.
    Unit(f64),
    /// -1..=1: oscillators.
    Swing(f64),
}

/// One input's half of `usTransform`, as six bits: curve 0..=3, bipolar 4, invert 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// 0 linear, 1 concave, 2 convex, 3 switch.
    pub curve: u8,
    /// Whether it runs -1..=1.
    pub bipolar: bool,
    /// Whether it runs downwards.
    pub inverted: bool,
}

impl Transform {
    /// Linear and unipolar.
    pub const PLAIN: Self = Self {
        curve: 0,
        bipolar: false,
        inverted: false,
    };

    /// What `value` becomes.
    pub fn apply(self, value: Value) -> f64 {
        if value == Value::One {
            return 1.0;
        }
        match (self.curve, self.bipolar) {
            (0, false) => self.turn(linear(value)),
            (0, true) => self.turn_bipolar(2.0 * linear(value) - 1.0),
            (curve, false) => shape(curve, self.turn(full_scale(value))),
            (curve, true) => {
                let swing = self.turn_bipolar(full_scale_swing(value));
                if curve == 3 {
                    return if swing < 0.0 { -1.0 } else { 1.0 };
                }
                swing.signum() * shape(curve, swing.abs())
            }
        }
    }

    fn turn(self, x: f64) -> f64 {
        if self.inverted { 1.0 - x } else { x }
    }

    fn turn_bipolar(self, x: f64) -> f64 {
        if self.inverted { -x } else { x }
    }
}

/// 0..=1, where seven bits are divided by 128.
fn linear(value: Value) -> f64 {
    match value {
        Value::One => 1.0,
        Value::Seven(v) => f64::from(v) / 128.0,
        Value::Keys(k) => k / 128.0,
        Value::Fourteen(v) => f64::from(v) / 16_384.0,
        Value::Unit(x) => x,
        Value::Swing(x) => x.midpoint(1.0),
    }
}

/// 0..=1, where the highest value is exactly 1.
fn full_scale(value: Value) -> f64 {
    match value {
        Value::Seven(v) => f64::from(v) / 127.0,
        Value::Keys(k) => k / 127.0,
        Value::Fourteen(v) => f64::from(v) / 16_383.0,
        other => linear(other),
    }
}

/// -1..=1, where both ends are exact and the middle is 0.
fn full_scale_swing(value: Value) -> f64 {
    let around = |v: f64, middle: f64| {
        if v < middle {
            (v - middle) / middle
        } else {
            (v - middle) / (middle - 1.0)
        }
    };
    match value {
        Value::Seven(v) => around(v.into(), 64.0),
        Value::Keys(k) => around(k, 64.0),
        Value::Fourteen(v) => around(v.into(), 8192.0),
        other => 2.0 * linear(other) - 1.0,
    }
}

/// A curve over 0..=1.
fn shape(curve: u8, x: f64) -> f64 {
    match curve {
        1 => concave(x),
        2 => 1.0 - concave(1.0 - x),
        3 => f64::from(x >= 0.5),
        _ => x,
    }
}

fn concave(x: f64) -> f64 {
    if x >= 1.0 {
        1.0
    } else {
        (-(40.0 / 96.0) * (1.0 - x).log10()).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: Transform = Transform {
        curve: 1,
        bipolar: false,
        inverted: true,
    };

    #[test]
    fn inverted_concave_is_the_documented_law() {
        let table = [
            (1, -84.15),
            (16, -35.99),
            (32, -23.95),
            (64, -11.91),
            (90, -5.98),
            (100, -4.15),
            (120, -0.98),
            (127, 0.0),
        ];
        for (v, expected) in table {
            let decibels = -96.0 * LEVEL.apply(Value::Seven(v));
            assert!((decibels - expected).abs() < 0.006, "{v}: {decibels}");
        }
        assert!((LEVEL.apply(Value::Seven(0)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn every_curve_has_its_ends() {
        for curve in 0..4 {
            let up = Transform {
                curve,
                ..Transform::PLAIN
            };
            let down = Transform {
                inverted: true,
                ..up
            };
            let (low, high) = (up.apply(Value::Seven(0)), up.apply(Value::Seven(127)));
            assert!(low.abs() < 1e-12 && high > 0.99, "{curve}: {low}..{high}");
            let (high, low) = (down.apply(Value::Seven(0)), down.apply(Value::Seven(127)));
            assert!(
                low < 0.01 && (high - 1.0).abs() < 1e-12,
                "{curve}: {low}..{high}"
            );
            let swing = Transform {
                bipolar: true,
                ..up
            };
            assert!((swing.apply(Value::Seven(0)) + 1.0).abs() < 1e-12);
            let middle = swing.apply(Value::Fourteen(8192));
            assert!(middle.abs() < 1e-12 || curve == 3, "{curve}: {middle}");
        }
    }

    #[test]
    fn switch_turns_at_64() {
        let switch = Transform {
            curve: 3,
            ..Transform::PLAIN
        };
        assert!(switch.apply(Value::Seven(63)) == 0.0);
        assert!(switch.apply(Value::Seven(64)) == 1.0);
    }
}
