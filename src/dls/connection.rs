//! Connection blocks: (source, control, destination, transform, scale), dls.md section 3.
#![forbid(unsafe_code)]

/// What a connection reads, as source or as control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The constant 1.
    None,
    /// The modulation LFO, -1..=1.
    ModLfo,
    /// Note-on velocity, 0..=127.
    Velocity,
    /// The note's key, 0..=127.
    Key,
    /// The volume envelope, 0..=1.
    Eg1,
    /// The modulation envelope, 0..=1.
    Eg2,
    /// The channel's pitch wheel, 14 bits, 8,192 is the centre.
    PitchWheel,
    /// Pressure of the note's own key.
    PolyPressure,
    /// Pressure of the channel.
    ChannelPressure,
    /// The vibrato LFO, -1..=1.
    VibratoLfo,
    /// Modulation wheel.
    Cc1,
    /// Channel volume.
    Cc7,
    /// Pan.
    Cc10,
    /// Expression.
    Cc11,
    /// Reverb send.
    Cc91,
    /// Chorus send.
    Cc93,
    /// Pitch bend range, semitones / 128.
    Rpn0,
    /// Fine tuning, 14 bits.
    Rpn1,
    /// Coarse tuning, 7 bits, 64 is the centre.
    Rpn2,
}

impl Source {
    /// The source that `CONN_SRC_*` value `code` names.
    #[must_use]
    pub const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            0x000 => Self::None,
            0x001 => Self::ModLfo,
            0x002 => Self::Velocity,
            0x003 => Self::Key,
            0x004 => Self::Eg1,
            0x005 => Self::Eg2,
            0x006 => Self::PitchWheel,
            0x007 => Self::PolyPressure,
            // `CONN_SRC_CHANNELPRESSURE`, and `CONN_SRC_MONOPRESSURE`, which is the same by another name.
            0x008 | 0x00A => Self::ChannelPressure,
            0x009 => Self::VibratoLfo,
            0x081 => Self::Cc1,
            0x087 => Self::Cc7,
            0x08A => Self::Cc10,
            0x08B => Self::Cc11,
            0x0DB => Self::Cc91,
            0x0DD => Self::Cc93,
            0x100 => Self::Rpn0,
            0x101 => Self::Rpn1,
            0x102 => Self::Rpn2,
            _ => return None,
        })
    }

    /// Whether this source, on its way to `destination`, has its rest in the middle.
    const fn swings(self, destination: Destination) -> bool {
        match self {
            Self::ModLfo | Self::VibratoLfo | Self::PitchWheel | Self::Rpn1 | Self::Rpn2 => true,
            Self::Cc10 => matches!(destination, Destination::Pan),
            _ => false,
        }
    }
}

/// What a connection adds to; the comment names the unit of its scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// [`Gain`](super::Gain).
    Gain,
    /// [`Cents`](super::Cents).
    Pitch,
    /// [`Permille`](super::Permille), -500 is left and 500 right.
    Pan,
    /// [`Cents`](super::Cents), 100 a key: moves the key *before* a region is chosen.
    KeyNumber,
    /// [`Permille`](super::Permille).
    Chorus,
    /// [`Permille`](super::Permille).
    Reverb,
    /// Relative pitch cents.
    ModLfoFrequency,
    /// Relative time cents.
    ModLfoDelay,
    /// Relative pitch cents.
    VibratoFrequency,
    /// Relative time cents.
    VibratoDelay,
    /// Relative time cents.
    Eg1Attack,
    /// Relative time cents.
    Eg1Decay,
    /// Relative time cents.
    Eg1Release,
    /// [`Permille`](super::Permille).
    Eg1Sustain,
    /// Relative time cents.
    Eg1Delay,
    /// Relative time cents.
    Eg1Hold,
    /// Relative time cents.
    Eg1Shutdown,
    /// Relative time cents.
    Eg2Attack,
    /// Relative time cents.
    Eg2Decay,
    /// Relative time cents.
    Eg2Release,
    /// [`Permille`](super::Permille).
    Eg2Sustain,
    /// Relative time cents.
    Eg2Delay,
    /// Relative time cents.
    Eg2Hold,
    /// Relative pitch cents.
    FilterCutoff,
    /// [`Gain`](super::Gain) of the resonance.
    FilterQ,
}

impl Destination {
    /// The destination that `CONN_DST_*` value `code` names; none for speaker positions (they
    /// need more than two channels) and for the undefined codes that occur in real files.
    #[must_use]
    pub const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            0x001 => Self::Gain,
            0x003 => Self::Pitch,
            0x004 => Self::Pan,
            0x005 => Self::KeyNumber,
            0x080 => Self::Chorus,
            0x081 => Self::Reverb,
            0x104 => Self::ModLfoFrequency,
            0x105 => Self::ModLfoDelay,
            0x114 => Self::VibratoFrequency,
            0x115 => Self::VibratoDelay,
            0x206 => Self::Eg1Attack,
            0x207 => Self::Eg1Decay,
            0x209 => Self::Eg1Release,
            0x20A => Self::Eg1Sustain,
            0x20B => Self::Eg1Delay,
            0x20C => Self::Eg1Hold,
            0x20D => Self::Eg1Shutdown,
            0x30A => Self::Eg2Attack,
            0x30B => Self::Eg2Decay,
            0x30D => Self::Eg2Release,
            0x30E => Self::Eg2Sustain,
            0x30F => Self::Eg2Delay,
            0x310 => Self::Eg2Hold,
            0x500 => Self::FilterCutoff,
            0x501 => Self::FilterQ,
            _ => return None,
        })
    }
}

/// The shape that an input value goes through (dls.md section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// v/128.
    Linear,
    /// -(40/96) log10((127 - v)/127), at most 1.
    Concave,
    /// 1 + (40/96) log10(v/127), at least 0.
    Convex,
    /// 0 below 64, 1 from there on.
    Switch,
}

impl Curve {
    const fn from_bits(bits: u16) -> Self {
        match bits & 0xF {
            1 => Self::Concave,
            2 => Self::Convex,
            3 => Self::Switch,
            // Codes 4 and up are not defined; linear is what every curve approximates.
            _ => Self::Linear,
        }
    }
}

/// How one input is prepared: inverted, then bipolar or not, then through the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// The shape.
    pub curve: Curve,
    /// Whether the value runs -1..=1 instead of 0..=1.
    pub bipolar: bool,
    /// Whether 1 - x (unipolar) or -x (bipolar) is taken.
    pub inverted: bool,
}

impl Input {
    /// Linear, unipolar, upright.
    pub const PLAIN: Self = Self {
        curve: Curve::Linear,
        bipolar: false,
        inverted: false,
    };

    /// Linear, -1..=1.
    pub const BIPOLAR: Self = Self {
        bipolar: true,
        ..Self::PLAIN
    };

    /// Concave and inverted: with a scale of -96 dB the law 40 log10(v/127) dB.
    pub const LEVEL: Self = Self {
        curve: Curve::Concave,
        bipolar: false,
        inverted: true,
    };
}

/// One block: `scale * source * control` is added to the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What is read.
    pub source: Source,
    /// What multiplies it; [`Source::None`] is 1.
    pub control: Source,
    /// What it is added to.
    pub destination: Destination,
    /// How the source is prepared.
    pub source_input: Input,
    /// How the control is prepared.
    pub control_input: Input,
    /// 16.16 of the destination's unit, any value.
    pub scale: i32,
}

impl Connection {
    /// Decodes a block; none if it names a source or destination that is not defined.
    ///
    /// A level 1 block keeps its one curve in the output field. It is taken for the source's
    /// curve, and where that makes a level control (velocity, CC7 or CC11 to gain) it means
    /// attenuation: the curve is inverted and the scale negative, as in level 2. Level 1 also has
    /// no bit for "bipolar": what swings around a centre by nature is bipolar there.
    #[must_use]
    pub const fn from_codes(
        source: u16,
        control: u16,
        destination: u16,
        transform: u16,
        scale: i32,
    ) -> Option<Self> {
        let (Some(source), Some(control), Some(destination)) = (
            Source::from_code(source),
            Source::from_code(control),
            Destination::from_code(destination),
        ) else {
            return None;
        };
        let mut connection = Self {
            source,
            control,
            destination,
            source_input: Input {
                curve: Curve::from_bits(transform >> 10),
                bipolar: transform & 0x4000 != 0,
                inverted: transform & 0x8000 != 0,
            },
            control_input: Input {
                curve: Curve::from_bits(transform >> 4),
                bipolar: transform & 0x0100 != 0,
                inverted: transform & 0x0200 != 0,
            },
            scale,
        };
        if transform & SOURCE_BITS == 0 && source.swings(destination) {
            connection.source_input.bipolar = true;
        }
        let output = Curve::from_bits(transform);
        if !matches!(output, Curve::Linear)
            && matches!(connection.source_input.curve, Curve::Linear)
            && matches!(control, Source::None)
        {
            connection.source_input.curve = output;
            if matches!(source, Source::Velocity | Source::Cc7 | Source::Cc11)
                && matches!(destination, Destination::Gain)
            {
                connection.source_input.inverted = true;
                connection.scale = if scale > 0 { -scale } else { scale };
            }
        }
        Some(connection)
    }

    /// Whether both blocks connect the same source and control to the same destination, so that
    /// the later one replaces the earlier.
    #[must_use]
    pub fn replaces(&self, earlier: &Self) -> bool {
        self.source == earlier.source
            && self.control == earlier.control
            && self.destination == earlier.destination
    }
}

/// The part of `usTransform` that speaks of the source.
const SOURCE_BITS: u16 = 0xFC00;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transform_bits_are_where_the_header_puts_them() {
        let block = Connection::from_codes(2, 0x81, 1, 0b1100_0110_0010_0000, -5).unwrap();
        assert_eq!(block.source, Source::Velocity);
        assert_eq!(block.control, Source::Cc1);
        assert_eq!(block.destination, Destination::Gain);
        assert_eq!(
            block.source_input,
            Input {
                curve: Curve::Concave,
                bipolar: true,
                inverted: true
            }
        );
        assert_eq!(
            block.control_input,
            Input {
                curve: Curve::Convex,
                bipolar: false,
                inverted: true
            }
        );
        assert_eq!(block.scale, -5);
    }

    impl Input {
        fn with_curve(self, curve: Curve) -> Self {
            Self { curve, ..self }
        }
    }

    #[test]
    fn level_1_curve_is_the_sources() {
        let block = Connection::from_codes(2, 0, 1, 1, 960 << 16).unwrap();
        assert_eq!(block.source_input, Input::LEVEL);
        assert_eq!(block.scale, -960 << 16);
        let block = Connection::from_codes(3, 0, 3, 2, 5).unwrap();
        assert_eq!(block.source_input, Input::PLAIN.with_curve(Curve::Convex));
        assert_eq!(block.scale, 5);
    }

    #[test]
    fn level_1_lfo_and_wheel_are_bipolar() {
        for (source, destination) in [(1, 3), (9, 3), (6, 3), (0x101, 3), (0x8A, 4)] {
            let block = Connection::from_codes(source, 0, destination, 0, 1).unwrap();
            assert_eq!(block.source_input, Input::BIPOLAR);
        }
        let block = Connection::from_codes(0x8A, 0, 3, 0, 1).unwrap();
        assert_eq!(block.source_input, Input::PLAIN);
    }

    #[test]
    fn mono_pressure_is_the_channels() {
        let block = |source, control| Connection::from_codes(source, control, 3, 0, 5).unwrap();
        assert_eq!(block(0xA, 0).source, Source::ChannelPressure);
        assert_eq!(block(1, 0xA).control, Source::ChannelPressure);
        assert!(block(1, 0xA).replaces(&block(1, 8)));
        assert!(Connection::from_codes(0xB, 0, 3, 0, 5).is_none());
    }

    #[test]
    fn undefined_codes_name_nothing() {
        assert!(Connection::from_codes(0, 0, 0x208, 0, 1).is_none());
        assert!(Connection::from_codes(0, 0, 2, 0, 1).is_none());
        assert!(Connection::from_codes(0x7F, 0, 1, 0, 1).is_none());
        assert!(Connection::from_codes(0, 0xFFFF, 1, 0, 1).is_none());
    }
}
