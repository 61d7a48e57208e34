//! A bank in Rust: what a DLS file says, or is to say.

/// A DirectMusic patch for people: `bank 8:3, program 5`, CC0 before CC32.
pub(crate) fn patch_text(patch: u32) -> String {
    let (msb, lsb, program) = (patch >> 16 & 0x7F, patch >> 8 & 0x7F, patch & 0x7F);
    let drums = if patch & 0x8000_0000 == 0 {
        ""
    } else {
        "drum kit, "
    };
    format!("{drums}bank {msb}:{lsb}, program {program}")
}

/// Instruments and the waves they play.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bank {
    /// `INAM`.
    pub name: String,
    /// In the file's order.
    pub instruments: Vec<Instrument>,
    /// The pool that [`Region::wave`] indexes.
    pub waves: Vec<Wave>,
}

/// An instrument or drum kit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instrument {
    /// As DirectMusic lays it out: bank MSB (CC0) << 16, bank LSB (CC32) << 8, program; bit 31 for
    /// a drum kit. A file's `insh` has it otherwise (dls.md section 2).
    pub patch: u32,
    /// `INAM`.
    pub name: String,
    /// In the file's order.
    pub regions: Vec<Region>,
    /// Blocks for every region.
    pub articulation: Vec<Block>,
}

/// Which notes play which wave, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// First and last key.
    pub keys: (u8, u8),
    /// First and last velocity.
    pub velocities: (u8, u8),
    /// Whether a second note of the same key lets the first one sound on.
    pub self_non_exclusive: bool,
    /// Notes of the same group (not 0) cut each other.
    pub key_group: u16,
    /// Index into [`Bank::waves`].
    pub wave: usize,
    /// Tuning, level and loop; none takes the wave's own.
    pub sample: Option<Sample>,
    /// Blocks for this region; they replace the instrument's with the same triple.
    pub articulation: Vec<Block>,
    /// Whether the instrument's blocks are not for this region, as level 1 has it: what
    /// `articulation` does not say is at its default.
    pub articulation_alone: bool,
}

/// How a wave is tuned, levelled and looped (`wsmp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The key at which the wave sounds at its own rate.
    pub unity_key: u8,
    /// In cents.
    pub fine_tune: i16,
    /// 16.16 of 0.1 dB, positive is louder.
    pub gain: i32,
    /// None plays the wave once.
    pub wave_loop: Option<Loop>,
}

/// A loop in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Whether it is left at note-off.
    pub until_release: bool,
    /// First frame.
    pub start: u32,
    /// Number of frames.
    pub length: u32,
}

/// A mono wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    /// `INAM`.
    pub name: String,
    /// Frames a second.
    pub rate: u32,
    /// The sound itself.
    pub frames: Frames,
    /// For regions that have no own.
    pub sample: Option<Sample>,
}

/// Wave data in the two forms that DLS knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frames {
    /// Unsigned, 128 is silence.
    Eight(Vec<u8>),
    /// Signed.
    Sixteen(Vec<i16>),
}

/// A connection block, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// One of [`source`].
    pub source: u16,
    /// One of [`source`].
    pub control: u16,
    /// One of [`destination`].
    pub destination: u16,
    /// A combination of [`transform`].
    pub transform: u16,
    /// 16.16 of the destination's unit; see [`units`](crate::units).
    pub scale: i32,
}

impl Region {
    /// All keys and velocities play `wave`.
    pub fn new(wave: usize) -> Self {
        Self {
            keys: (0, 127),
            velocities: (0, 127),
            self_non_exclusive: false,
            key_group: 0,
            wave,
            sample: None,
            articulation: Vec::new(),
            articulation_alone: false,
        }
    }

    /// The same region for the keys `low..=high`.
    #[must_use]
    pub fn with_keys(self, low: u8, high: u8) -> Self {
        Self {
            keys: (low, high),
            ..self
        }
    }

    /// The same region for the velocities `low..=high`.
    #[must_use]
    pub fn with_velocities(self, low: u8, high: u8) -> Self {
        Self {
            velocities: (low, high),
            ..self
        }
    }
}

impl Sample {
    /// Unlooped, at its own rate on `unity_key`.
    pub fn new(unity_key: u8) -> Self {
        Self {
            unity_key,
            fine_tune: 0,
            gain: 0,
            wave_loop: None,
        }
    }

    /// The same sample with an endless loop.
    #[must_use]
    pub fn with_loop(self, start: u32, length: u32) -> Self {
        Self {
            wave_loop: Some(Loop {
                until_release: false,
                start,
                length,
            }),
            ..self
        }
    }
}

impl Wave {
    /// A 16-bit wave.
    pub fn new(name: &str, rate: u32, frames: Vec<i16>) -> Self {
        Self {
            name: name.to_owned(),
            rate,
            frames: Frames::Sixteen(frames),
            sample: None,
        }
    }
}

impl Frames {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Eight(frames) => frames.len(),
            Self::Sixteen(frames) => frames.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits a frame.
    pub fn bits(&self) -> u16 {
        match self {
            Self::Eight(_) => 8,
            Self::Sixteen(_) => 16,
        }
    }

    /// As stored in a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Eight(frames) => frames.clone(),
            Self::Sixteen(frames) => frames.iter().flat_map(|f| f.to_le_bytes()).collect(),
        }
    }
}

impl Block {
    /// A static parameter.
    pub fn fixed(destination: u16, scale: i32) -> Self {
        Self::new(
            source::NONE,
            source::NONE,
            destination,
            transform::LINEAR,
            scale,
        )
    }

    /// A connection.
    pub fn new(source: u16, control: u16, destination: u16, transform: u16, scale: i32) -> Self {
        Self {
            source,
            control,
            destination,
            transform,
            scale,
        }
    }

    /// Whether both blocks have the same source, control and destination.
    pub fn same_triple(&self, other: &Self) -> bool {
        (self.source, self.control, self.destination)
            == (other.source, other.control, other.destination)
    }
}

/// `CONN_SRC_*`.
#[expect(missing_docs, reason = "the names are the specification's")]
pub mod source {
    pub const NONE: u16 = 0;
    pub const LFO: u16 = 1;
    pub const VELOCITY: u16 = 2;
    pub const KEY: u16 = 3;
    pub const EG1: u16 = 4;
    pub const EG2: u16 = 5;
    pub const PITCH_WHEEL: u16 = 6;
    pub const POLY_PRESSURE: u16 = 7;
    pub const CHANNEL_PRESSURE: u16 = 8;
    pub const VIBRATO: u16 = 9;
    /// Channel pressure by its other name.
    pub const MONO_PRESSURE: u16 = 0xA;
    pub const CC1: u16 = 0x81;
    pub const CC7: u16 = 0x87;
    pub const CC10: u16 = 0x8A;
    pub const CC11: u16 = 0x8B;
    pub const CC91: u16 = 0xDB;
    pub const CC93: u16 = 0xDD;
    pub const RPN0: u16 = 0x100;
    pub const RPN1: u16 = 0x101;
    pub const RPN2: u16 = 0x102;
}

/// `CONN_DST_*`.
#[expect(missing_docs, reason = "the names are the specification's")]
pub mod destination {
    pub const GAIN: u16 = 1;
    pub const PITCH: u16 = 3;
    pub const PAN: u16 = 4;
    pub const KEY_NUMBER: u16 = 5;
    pub const CHORUS: u16 = 0x80;
    pub const REVERB: u16 = 0x81;
    pub const LFO_FREQUENCY: u16 = 0x104;
    pub const LFO_DELAY: u16 = 0x105;
    pub const VIBRATO_FREQUENCY: u16 = 0x114;
    pub const VIBRATO_DELAY: u16 = 0x115;
    pub const EG1_ATTACK: u16 = 0x206;
    pub const EG1_DECAY: u16 = 0x207;
    pub const EG1_RELEASE: u16 = 0x209;
    pub const EG1_SUSTAIN: u16 = 0x20A;
    pub const EG1_DELAY: u16 = 0x20B;
    pub const EG1_HOLD: u16 = 0x20C;
    pub const EG1_SHUTDOWN: u16 = 0x20D;
    pub const EG2_ATTACK: u16 = 0x30A;
    pub const EG2_DECAY: u16 = 0x30B;
    pub const EG2_RELEASE: u16 = 0x30D;
    pub const EG2_SUSTAIN: u16 = 0x30E;
    pub const EG2_DELAY: u16 = 0x30F;
    pub const EG2_HOLD: u16 = 0x310;
    pub const CUTOFF: u16 = 0x500;
    pub const Q: u16 = 0x501;
}

/// Parts of `usTransform`, level 2 layout; combine with `|`.
#[expect(missing_docs, reason = "the names are the specification's")]
pub mod transform {
    pub const LINEAR: u16 = 0;
    pub const SOURCE_CONCAVE: u16 = 1 << 10;
    pub const SOURCE_CONVEX: u16 = 2 << 10;
    pub const SOURCE_SWITCH: u16 = 3 << 10;
    pub const SOURCE_BIPOLAR: u16 = 1 << 14;
    pub const SOURCE_INVERT: u16 = 1 << 15;
    pub const CONTROL_CONCAVE: u16 = 1 << 4;
    pub const CONTROL_CONVEX: u16 = 2 << 4;
    pub const CONTROL_SWITCH: u16 = 3 << 4;
    pub const CONTROL_BIPOLAR: u16 = 1 << 8;
    pub const CONTROL_INVERT: u16 = 1 << 9;
}
