//! What a voice's connections add up to (dls.md section 3).
//!
//! Sources that stand still between events (velocity, key, controllers) are evaluated here, when
//! a note starts and when a controller moves. Those that move by themselves (the LFOs and EG2)
//! are left as depths, which the voice multiplies with their value.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a normalised value is cut down to seven bits"
)]

use super::envelope::Modulation;
use crate::dls::{Connection, Curve, Destination, Input, Source};
use crate::fixed::ONE;
use crate::tables::CONCAVE;

/// What the sources of one voice read at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// 1..=127.
    pub velocity: u8,
    /// After key-number scaling, in 16.16 cents: 100 a key.
    pub key: i64,
    /// 0..=16383.
    pub wheel: u16,
    /// Pressure on this key.
    pub poly_pressure: u8,
    /// Pressure on the channel.
    pub channel_pressure: u8,
    /// Modulation wheel.
    pub cc1: u8,
    /// Volume.
    pub cc7: u8,
    /// Pan.
    pub cc10: u8,
    /// Expression.
    pub cc11: u8,
    /// Reverb send.
    pub cc91: u8,
    /// Chorus send.
    pub cc93: u8,
    /// Bend range in cents.
    pub rpn0: u16,
    /// Fine tuning, 14 bits.
    pub rpn1: u16,
    /// Coarse tuning, 7 bits.
    pub rpn2: u8,
}

impl Inputs {
    /// Everything at rest, the key and velocity given.
    #[must_use]
    pub fn at_rest(key: u8, velocity: u8) -> Self {
        Self {
            velocity,
            key: i64::from(key) * (100 << 16),
            wheel: 8192,
            poly_pressure: 0,
            channel_pressure: 0,
            cc1: 0,
            cc7: 100,
            cc10: 64,
            cc11: 127,
            cc91: 0,
            cc93: 0,
            rpn0: 200,
            rpn1: 8192,
            rpn2: 64,
        }
    }
}

/// The sources that move by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// Of the modulation LFO.
    pub mod_lfo: i32,
    /// Of the vibrato LFO.
    pub vibrato: i32,
    /// Of EG2.
    pub eg2: i32,
}

impl Depths {
    /// Whether any moves anything.
    #[must_use]
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// What the sources add up to, given their values in Q30.
    #[must_use]
    pub fn sum(&self, values: &Moving) -> i64 {
        let part = |depth: i32, value: i32| i64::from(depth).wrapping_mul(i64::from(value)) >> 30;
        part(self.mod_lfo, values.mod_lfo)
            .wrapping_add(part(self.vibrato, values.vibrato))
            .wrapping_add(part(self.eg2, values.eg2))
    }
}

/// The values of the moving sources, Q30.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moving {
    /// -1..=1.
    pub mod_lfo: i32,
    /// -1..=1.
    pub vibrato: i32,
    /// 0..=1.
    pub eg2: i32,
}

/// All destinations' sums, in 16.16 of their units.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Tenths of a decibel.
    pub gain: i64,
    /// Cents.
    pub pitch: i64,
    /// Per mille, -500 is left.
    pub pan: i64,
    /// Cents, 100 a key.
    pub key_number: i64,
    /// Per mille.
    pub chorus: i64,
    /// Per mille.
    pub reverb: i64,
    /// Cents.
    pub cutoff: i64,
    /// Tenths of a decibel.
    pub q: i64,
    /// Cents and time cents of the modulation LFO.
    pub mod_lfo: [i64; 2],
    /// Cents and time cents of the vibrato LFO.
    pub vibrato: [i64; 2],
    /// Volume envelope.
    pub eg1: Modulation,
    /// Modulation envelope.
    pub eg2: Modulation,
    /// Moving sources to pitch.
    pub to_pitch: Depths,
    /// Moving sources to gain.
    pub to_gain: Depths,
    /// Moving sources to the cutoff.
    pub to_cutoff: Depths,
}

impl Sums {
    /// Adds up a list of connections.
    #[must_use]
    pub fn of(connections: &[Connection], inputs: &Inputs) -> Self {
        let mut sums = Self::default();
        for connection in connections {
            sums.add(connection, inputs);
        }
        sums
    }

    /// What the key adds to the pitch. At the wave's own key that is what a voice takes off again,
    /// so that scale 0 leaves the wave at its own rate on every key.
    #[must_use]
    pub fn pitch_of_key(connections: &[Connection], inputs: &Inputs) -> i64 {
        let mut sums = Self::default();
        let wanted =
            |c: &&Connection| c.source == Source::Key && c.destination == Destination::Pitch;
        for connection in connections.iter().filter(wanted) {
            sums.add(connection, inputs);
        }
        sums.pitch
    }

    /// Only the key number, which is wanted before a region is chosen.
    #[must_use]
    pub fn key_number(connections: &[Connection], inputs: &Inputs) -> i64 {
        let mut sums = Self::default();
        let wanted = |c: &&Connection| c.destination == Destination::KeyNumber;
        for connection in connections.iter().filter(wanted) {
            sums.add(connection, inputs);
        }
        sums.key_number
    }

    fn add(&mut self, connection: &Connection, inputs: &Inputs) {
        let source = Reading::of(connection.source, inputs);
        let control = Reading::of(connection.control, inputs);
        let to_pan = connection.destination == Destination::Pan;
        let scale = i64::from(connection.scale);
        let (moving, value) = match (source, control) {
            (Reading::Moving(moving), Reading::Moving(_)) => {
                // Not a connection of the text; the control counts as 1.
                (Some((moving, connection.source_input)), scale)
            }
            (Reading::Moving(moving), control) => {
                let control = control.through(connection.control_input, false);
                (
                    Some((moving, connection.source_input)),
                    times(scale, control),
                )
            }
            (source, Reading::Moving(moving)) => {
                let source = source.through(connection.source_input, to_pan);
                (
                    Some((moving, connection.control_input)),
                    times(scale, source),
                )
            }
            (source, control) => {
                let source = source.through(connection.source_input, to_pan);
                let control = control.through(connection.control_input, false);
                (None, times(times(scale, source), control))
            }
        };
        if let Some((moving, input)) = moving {
            self.add_depth(connection.destination, moving, input, value);
        } else {
            let sum = self.destination(connection.destination);
            *sum = sum.saturating_add(value);
        }
    }

    /// LFOs are bipolar and EG2 is unipolar by nature; of the transform only the sign is left.
    fn add_depth(&mut self, to: Destination, source: MovingSource, input: Input, value: i64) {
        let depths = match to {
            Destination::Pitch => &mut self.to_pitch,
            Destination::Gain => &mut self.to_gain,
            Destination::FilterCutoff => &mut self.to_cutoff,
            _ => return,
        };
        let depth = match source {
            MovingSource::ModLfo => &mut depths.mod_lfo,
            MovingSource::Vibrato => &mut depths.vibrato,
            MovingSource::Eg2 => &mut depths.eg2,
        };
        let value = if input.inverted { -value } else { value };
        let value = value.clamp(i64::from(-i32::MAX), i64::from(i32::MAX));
        *depth = depth.saturating_add(value as i32);
    }

    fn destination(&mut self, destination: Destination) -> &mut i64 {
        match destination {
            Destination::Gain => &mut self.gain,
            Destination::Pitch => &mut self.pitch,
            Destination::Pan => &mut self.pan,
            Destination::KeyNumber => &mut self.key_number,
            Destination::Chorus => &mut self.chorus,
            Destination::Reverb => &mut self.reverb,
            Destination::ModLfoFrequency => &mut self.mod_lfo[0],
            Destination::ModLfoDelay => &mut self.mod_lfo[1],
            Destination::VibratoFrequency => &mut self.vibrato[0],
            Destination::VibratoDelay => &mut self.vibrato[1],
            Destination::Eg1Attack => &mut self.eg1.attack,
            Destination::Eg1Decay => &mut self.eg1.decay,
            Destination::Eg1Release => &mut self.eg1.release,
            Destination::Eg1Sustain => &mut self.eg1.sustain,
            Destination::Eg1Delay => &mut self.eg1.delay,
            Destination::Eg1Hold => &mut self.eg1.hold,
            Destination::Eg1Shutdown => &mut self.eg1.shutdown,
            Destination::Eg2Attack => &mut self.eg2.attack,
            Destination::Eg2Decay => &mut self.eg2.decay,
            Destination::Eg2Release => &mut self.eg2.release,
            Destination::Eg2Sustain => &mut self.eg2.sustain,
            Destination::Eg2Delay => &mut self.eg2.delay,
            Destination::Eg2Hold => &mut self.eg2.hold,
            Destination::FilterCutoff => &mut self.cutoff,
            Destination::FilterQ => &mut self.q,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MovingSource {
    ModLfo,
    Vibrato,
    Eg2,
}

/// The raw value of a source.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// 1, whatever the transform.
    Constant,
    /// 0, whatever the transform.
    Nothing,
    /// 0..=127.
    Seven(u8),
    /// 0..=16383.
    Fourteen(u16),
    /// Q30 already.
    Fraction(i64),
    /// Not known yet.
    Moving(MovingSource),
}

impl Reading {
    fn of(source: Source, inputs: &Inputs) -> Self {
        match source {
            Source::None => Self::Constant,
            Source::ModLfo => Self::Moving(MovingSource::ModLfo),
            Source::VibratoLfo => Self::Moving(MovingSource::Vibrato),
            Source::Eg2 => Self::Moving(MovingSource::Eg2),
            // EG1 is the voice's level; the text connects it to nothing else.
            Source::Eg1 => Self::Nothing,
            Source::Velocity => Self::Seven(inputs.velocity),
            // 12,800 cents are a whole: 2^30 / (12,800 * 2^16) = 1.28 = 32/25.
            Source::Key => Self::Fraction(inputs.key.saturating_mul(32) / 25),
            Source::PitchWheel => Self::Fourteen(inputs.wheel),
            Source::PolyPressure => Self::Seven(inputs.poly_pressure),
            Source::ChannelPressure => Self::Seven(inputs.channel_pressure),
            Source::Cc1 => Self::Seven(inputs.cc1),
            Source::Cc7 => Self::Seven(inputs.cc7),
            Source::Cc10 => Self::Seven(inputs.cc10),
            Source::Cc11 => Self::Seven(inputs.cc11),
            Source::Cc91 => Self::Seven(inputs.cc91),
            Source::Cc93 => Self::Seven(inputs.cc93),
            Source::Rpn0 => Self::Fraction((i64::from(inputs.rpn0) << 30) / 12_800),
            Source::Rpn1 => Self::Fourteen(inputs.rpn1),
            Source::Rpn2 => Self::Seven(inputs.rpn2),
        }
    }

    /// The value after a transform, Q30.
    fn through(self, input: Input, to_pan: bool) -> i64 {
        let unipolar = match self {
            Self::Constant => return ONE.into(),
            Self::Nothing | Self::Moving(_) => return 0,
            Self::Seven(v) if to_pan && input == Input::BIPOLAR => {
                // CC10 as RP-036 has it: 0 and 1 are left, 64 the centre, 127 right. The default
                // scale of 508 stands for the 500 that this reaches.
                let steps = i64::from(v.max(1)) - 64;
                return steps * (500 << 30) / (63 * 508);
            }
            Self::Seven(v) => i64::from(v) << 23,
            Self::Fourteen(v) => i64::from(v) << 16,
            Self::Fraction(x) => x,
        };
        let one = i64::from(ONE);
        match (input.curve, input.bipolar) {
            (Curve::Linear, false) if input.inverted => one.saturating_sub(unipolar),
            (Curve::Linear, false) => unipolar,
            (Curve::Linear, true) => {
                let bipolar = unipolar.saturating_mul(2).saturating_sub(one);
                if input.inverted { -bipolar } else { bipolar }
            }
            (curve, false) => {
                let v = seven_bits(unipolar);
                curve_at(curve, if input.inverted { 127 - v } else { v })
            }
            (curve, true) => {
                let bipolar = unipolar.saturating_mul(2).saturating_sub(one);
                let size = curve_at(curve, seven_bits(bipolar.saturating_abs()));
                if (bipolar < 0) == input.inverted {
                    size
                } else {
                    -size
                }
            }
        }
    }
}

/// 0..=127 of 0..=1.
fn seven_bits(x: i64) -> u8 {
    (x >> 23).clamp(0, 127) as u8
}

fn curve_at(curve: Curve, v: u8) -> i64 {
    let concave = |v: u8| CONCAVE.get(usize::from(v)).copied().map_or(0, i64::from);
    match curve {
        Curve::Linear => i64::from(v) << 23,
        Curve::Concave => concave(v),
        Curve::Convex => i64::from(ONE) - concave(127_u8.saturating_sub(v)),
        Curve::Switch if v < 64 => 0,
        Curve::Switch => ONE.into(),
    }
}

/// A 16.16 number times a Q30 one.
fn times(scale: i64, value: i64) -> i64 {
    crate::fixed::product(scale, value)
}

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "laws are in floats"
)]
mod tests {
    use super::*;
    use crate::dls::DEFAULT_CONNECTIONS;

    fn tenths(value: i64) -> f64 {
        value as f64 / 65_536.0
    }

    #[test]
    fn levels_follow_40_log10() {
        let mut worst: f64 = 0.0;
        for v in 1..=127_u8 {
            let law = 400.0 * (f64::from(v) / 127.0).log10();
            for inputs in [
                Inputs {
                    cc7: 127,
                    ..Inputs::at_rest(60, v)
                },
                Inputs {
                    cc7: v,
                    ..Inputs::at_rest(60, 127)
                },
                Inputs {
                    cc7: 127,
                    cc11: v,
                    ..Inputs::at_rest(60, 127)
                },
            ] {
                let sums = Sums::of(DEFAULT_CONNECTIONS, &inputs);
                worst = worst.max((tenths(sums.gain) - law).abs() / 10.0);
            }
        }
        std::println!("level laws: worst error {worst:.1e} dB");
        assert!(worst < 1e-4);
        let silent = Sums::of(
            DEFAULT_CONNECTIONS,
            &Inputs {
                cc7: 0,
                ..Inputs::at_rest(60, 127)
            },
        );
        assert_eq!(silent.gain, -960 << 16);
    }

    #[test]
    fn keys_are_a_hundred_cents_apart_and_the_wheel_reaches_its_range() {
        for key in 0..128_u8 {
            let sums = Sums::of(DEFAULT_CONNECTIONS, &Inputs::at_rest(key, 100));
            assert_eq!(sums.pitch, i64::from(key) * (100 << 16));
            assert_eq!(sums.key_number, i64::from(key) * (100 << 16));
        }
        for (wheel, cents) in [(0, -200.0), (8192, 0.0), (12_288, 100.0), (16_383, 199.976)] {
            let inputs = Inputs {
                wheel,
                ..Inputs::at_rest(0, 100)
            };
            let pitch = tenths(Sums::of(DEFAULT_CONNECTIONS, &inputs).pitch);
            assert!((pitch - cents).abs() < 1e-3, "{wheel}: {pitch}");
        }
    }

    #[test]
    fn curves_have_the_shapes_of_the_text() {
        let through = |v, curve, bipolar, inverted| {
            let input = Input {
                curve,
                bipolar,
                inverted,
            };
            Reading::Seven(v).through(input, false) as f64 / f64::from(ONE)
        };
        for v in 0..128_u8 {
            let x = f64::from(v);
            let concave = (-40.0 / 96.0 * ((127.0 - x) / 127.0).log10()).min(1.0);
            let falling = (-40.0 / 96.0 * (x / 127.0).log10()).min(1.0);
            assert!((through(v, Curve::Concave, false, false) - concave).abs() < 1e-8);
            assert!((through(v, Curve::Concave, false, true) - falling).abs() < 1e-8);
            assert!((through(v, Curve::Convex, false, false) - (1.0 - falling)).abs() < 1e-8);
            let switch = f64::from(u8::from(v >= 64));
            assert_eq!(
                through(v, Curve::Switch, false, false).to_bits(),
                switch.to_bits()
            );
            let linear = through(v, Curve::Linear, true, true);
            assert!((linear - (1.0 - x / 64.0)).abs() < 1e-9);
        }
        assert!(through(0, Curve::Convex, true, false) < -0.99);
    }

    #[test]
    fn controllers_set_the_depth_of_moving_sources() {
        let vibrato = Connection {
            source: Source::VibratoLfo,
            control: Source::Cc1,
            destination: Destination::Pitch,
            source_input: Input::BIPOLAR,
            control_input: Input::PLAIN,
            scale: 50 << 16,
        };
        let inputs = Inputs {
            cc1: 64,
            ..Inputs::at_rest(60, 100)
        };
        let sums = Sums::of(&[vibrato], &inputs);
        assert_eq!(sums.to_pitch.vibrato, 25 << 16);
        assert!(!sums.to_gain.any());
    }

    #[test]
    fn pan_follows_rp_036() {
        for cc10 in 0..128_u8 {
            let inputs = Inputs {
                cc10,
                ..Inputs::at_rest(60, 100)
            };
            let pan = tenths(Sums::of(DEFAULT_CONNECTIONS, &inputs).pan);
            let ideal = (f64::from(cc10.max(1)) - 1.0) / 126.0 * 1000.0 - 500.0;
            assert!((pan - ideal).abs() < 1e-3, "{cc10}: {pan} {ideal}");
        }
    }
}
