//! What a voice's connections add up to (dls.md section 3).
//!
//! Sources that stand still between events (velocity, key, controllers) are evaluated here, when
//! a note starts and when a controller moves. Those that move by themselves (LFOs and envelopes)
//! reach pitch, gain and cutoff; the rest of a voice is decided when it starts. Through a linear
//! input they are left as depths, which the voice multiplies with their value. Through a curve,
//! and for EG1, the connection is evaluated at every control point ([`Shapes`]): that is rare,
//! and the ones that are not shaped do not pay for it.
//!
//! EG1's value is its level in the 96 dB span, 1 at the peak and 0 at -96 dB (nothing public says
//! whether amplitude is meant; the span is the unit of its sustain level). In its attack, which is
//! linear in amplitude, the value bends accordingly.
#![forbid(unsafe_code)]
#![expect(clippy::cast_possible_truncation, reason = "depths are clamped first")]

pub use super::shapes::Shapes;

use super::envelope::Modulation;
use super::shapes::is_shaped;
use super::transform::{MovingSource, Reading};
use crate::dls::{Connection, Destination, Input, Source};

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

/// The values of all sources that move by themselves, Q30.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// -1..=1.
    pub mod_lfo: i32,
    /// -1..=1.
    pub vibrato: i32,
    /// 0..=1.
    pub eg1: i32,
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
    /// Whether there are connections for [`Shapes`].
    pub shaped: bool,
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

    /// Only the key number, which is wanted before a region is chosen. Its connections are the first
    /// ones of an instrument's.
    #[must_use]
    pub fn key_number(connections: &[Connection], inputs: &Inputs) -> i64 {
        let mut sums = Self::default();
        let wanted = |c: &&Connection| c.destination == Destination::KeyNumber;
        for connection in connections.iter().take_while(wanted) {
            sums.add(connection, inputs);
        }
        sums.key_number
    }

    fn add(&mut self, connection: &Connection, inputs: &Inputs) {
        let source = MovingSource::of(connection.source);
        let control = MovingSource::of(connection.control);
        let scale = i64::from(connection.scale);
        let value_of = |source, input| {
            let reading = Reading::of(source, inputs, &Values::default());
            if connection.destination == Destination::Pan {
                reading.to_pan(input)
            } else {
                reading.through(input)
            }
        };
        match (source, control) {
            _ if is_shaped(connection) => self.shaped = true,
            (Some(source), _) => {
                let control = value_of(connection.control, connection.control_input);
                let value = times(scale, control);
                self.add_depth(
                    connection.destination,
                    source,
                    connection.source_input,
                    value,
                );
            }
            (_, Some(control)) => {
                let source = value_of(connection.source, connection.source_input);
                let value = times(scale, source);
                self.add_depth(
                    connection.destination,
                    control,
                    connection.control_input,
                    value,
                );
            }
            (None, None) => {
                let source = value_of(connection.source, connection.source_input);
                let control = value_of(connection.control, connection.control_input);
                let value = times(times(scale, source), control);
                let sum = self.destination(connection.destination);
                *sum = sum.saturating_add(value);
            }
        }
    }

    /// A source that moves, through a linear input: what it adds in its middle or at its foot
    /// stands still, the rest is a depth.
    fn add_depth(&mut self, to: Destination, source: MovingSource, input: Input, value: i64) {
        let (depths, still) = match to {
            Destination::Pitch => (&mut self.to_pitch, &mut self.pitch),
            Destination::Gain => (&mut self.to_gain, &mut self.gain),
            Destination::FilterCutoff => (&mut self.to_cutoff, &mut self.cutoff),
            _ => return,
        };
        let (depth, scale, foot) = match source {
            // An oscillator swings around 0 by nature: as 0..=1 it is half as deep.
            MovingSource::ModLfo if input.bipolar => (&mut depths.mod_lfo, value, 0),
            MovingSource::ModLfo => (&mut depths.mod_lfo, value / 2, value / 2),
            MovingSource::Vibrato if input.bipolar => (&mut depths.vibrato, value, 0),
            MovingSource::Vibrato => (&mut depths.vibrato, value / 2, value / 2),
            // An envelope stands on 0: as -1..=1 it is twice as deep.
            MovingSource::Eg2 if input.bipolar => {
                let start = if input.inverted {
                    value
                } else {
                    value.saturating_neg()
                };
                (&mut depths.eg2, value.saturating_mul(2), start)
            }
            MovingSource::Eg2 if input.inverted => (&mut depths.eg2, value, value),
            MovingSource::Eg2 => (&mut depths.eg2, value, 0),
            // Never linear here, see `is_shaped`.
            MovingSource::Eg1 => return,
        };
        let scale = if input.inverted {
            scale.saturating_neg()
        } else {
            scale
        };
        let scale = scale.clamp(i64::from(-i32::MAX), i64::from(i32::MAX));
        *depth = depth.saturating_add(scale as i32);
        *still = still.saturating_add(foot);
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

/// A 16.16 number times a Q30 one.
pub(super) fn times(scale: i64, value: i64) -> i64 {
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
    use crate::dls::{Curve, DEFAULT_CONNECTIONS};

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

    /// A depth or a shape, whichever it is, comes to scale times transformed value.
    #[test]
    fn moving_sources_go_through_every_transform() {
        let moving = [Source::ModLfo, Source::VibratoLfo, Source::Eg1, Source::Eg2];
        let values = Values {
            mod_lfo: -(1 << 28),
            vibrato: 3 << 28,
            eg1: 1 << 28,
            eg2: 5 << 27,
        };
        let inputs = Inputs {
            cc1: 100,
            ..Inputs::at_rest(60, 100)
        };
        let curves = [Curve::Linear, Curve::Concave, Curve::Convex, Curve::Switch];
        let inputs_of = |curve| {
            [(false, false), (false, true), (true, false), (true, true)].map(
                |(bipolar, inverted)| Input {
                    curve,
                    bipolar,
                    inverted,
                },
            )
        };
        let transforms = || curves.into_iter().flat_map(inputs_of);
        let mut cases = 0;
        for source in moving.into_iter().chain([Source::Velocity]) {
            for control in moving.into_iter().chain([Source::None, Source::Cc1]) {
                for source_input in transforms() {
                    for control_input in transforms() {
                        let connection = Connection {
                            source,
                            control,
                            destination: Destination::Pitch,
                            source_input,
                            control_input,
                            scale: 1000 << 16,
                        };
                        let sums = Sums::of(&[connection], &inputs);
                        let shapes = Shapes::of(&[connection], &inputs, &values);
                        let moving = Moving {
                            mod_lfo: values.mod_lfo,
                            vibrato: values.vibrato,
                            eg2: values.eg2,
                        };
                        let found = sums.pitch + sums.to_pitch.sum(&moving) + shapes.pitch;
                        let read =
                            |source, input| Reading::of(source, &inputs, &values).through(input);
                        let ideal = times(
                            times(1000 << 16, read(source, source_input)),
                            read(control, control_input),
                        );
                        assert!(
                            (found - ideal).abs() <= 4,
                            "{connection:?}: {found} {ideal}"
                        );
                        assert_eq!(
                            sums.shaped,
                            shapes != Shapes::default() || is_shaped(&connection)
                        );
                        cases += 1;
                    }
                }
            }
        }
        std::println!("{cases} connections of moving sources");
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
