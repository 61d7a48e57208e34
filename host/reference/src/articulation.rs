//! Blocks as numbers a voice can use: defaults, then the instrument's, then the region's.

use std::collections::BTreeMap;

use dmusmini_collection::{Block, destination, source};

use crate::curve::Transform;

/// Everything that is connected to one voice.
#[derive(Clone, Debug)]
pub struct Articulation {
    /// Static parameters by destination, in whole units of dls.md section 1 (time cents, cents,
    /// tenths of a decibel, tenths of a per cent).
    fixed: BTreeMap<u16, f64>,
    /// Blocks with a source or control.
    pub connections: Vec<Connection>,
}

/// A block with a source or control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    /// `CONN_SRC_*`.
    pub source: u16,
    /// `CONN_SRC_*`.
    pub control: u16,
    /// `CONN_DST_*`.
    pub destination: u16,
    /// How the source is prepared.
    pub source_transform: Transform,
    /// How the control is prepared.
    pub control_transform: Transform,
    /// In whole units of the destination.
    pub scale: f64,
}

impl Articulation {
    /// What the instrument's and the region's blocks say together.
    pub fn new(instrument: &[Block], region: &[Block]) -> Self {
        let mut all = BTreeMap::new();
        for (source, control, destination, transform, whole) in DEFAULTS {
            all.insert(
                (*source, *control, *destination),
                (*transform, f64::from(*whole)),
            );
        }
        for block in instrument.iter().chain(region) {
            all.insert(
                (block.source, block.control, block.destination),
                (block.transform, f64::from(block.scale) / 65_536.0),
            );
        }
        let mut articulation = Self {
            fixed: BTreeMap::new(),
            connections: Vec::new(),
        };
        for ((source, control, destination), (transform, scale)) in all {
            let is_static = source == source::NONE && control == source::NONE;
            if is_static && destination == destination::CUTOFF && scale > FILTER_OFF {
                // No filter is what holds without the block as well.
            } else if is_static {
                articulation
                    .fixed
                    .insert(destination, limited(destination, scale));
            } else {
                articulation.connections.push(Connection {
                    source,
                    control,
                    destination,
                    source_transform: source_half(source, destination, transform),
                    control_transform: Transform {
                        curve: (transform >> 4 & 3) as u8,
                        bipolar: transform & 0x100 != 0,
                        inverted: transform & 0x200 != 0,
                    },
                    scale,
                });
            }
        }
        articulation
    }

    /// The static parameter for `destination`; 0 if there is none.
    pub fn fixed(&self, destination: u16) -> f64 {
        self.fixed.get(&destination).copied().unwrap_or(0.0)
    }

    /// The filter's resting cutoff in pitch cents; none if it is off.
    pub fn cutoff(&self) -> Option<f64> {
        self.fixed.get(&destination::CUTOFF).copied()
    }
}

/// The source's half of `usTransform`. A level 1 block (no source bits) of a source that swings by
/// nature is bipolar.
fn source_half(source: u16, destination: u16, transform: u16) -> Transform {
    let swings = match source {
        source::LFO | source::VIBRATO | source::PITCH_WHEEL | source::RPN1 | source::RPN2 => true,
        source::CC10 => destination == destination::PAN,
        _ => false,
    };
    Transform {
        curve: (transform >> 10 & 3) as u8,
        bipolar: transform & 0x4000 != 0 || swings && transform & 0xFC00 == 0,
        inverted: transform & 0x8000 != 0,
    }
}

/// A static parameter, moved into its range (dls.md section 3.2).
fn limited(target: u16, value: f64) -> f64 {
    use destination as dst;
    match target {
        dst::LFO_FREQUENCY | dst::VIBRATO_FREQUENCY => value.clamp(-7624.0, 1549.0),
        dst::LFO_DELAY | dst::VIBRATO_DELAY => value.min(3986.0),
        dst::EG1_SUSTAIN | dst::EG2_SUSTAIN | dst::CHORUS | dst::REVERB => value.clamp(0.0, 1000.0),
        0x200..=0x3FF => value.min(6386.0),
        dst::PAN => value.clamp(-508.0, 508.0),
        dst::CUTOFF => value.clamp(5535.0, 11_921.0),
        dst::Q => value.clamp(0.0, 225.0),
        dst::GAIN => value.clamp(-960.0, 960.0),
        _ => value,
    }
}

/// "0 s" in time cents.
const NO_TIME: i32 = -32_768;
/// A cutoff of 0x7FFFFFFF, a little less than 32,768 pitch cents, means no filter.
const FILTER_OFF: f64 = 32_767.9;
/// Concave and inverted.
const LEVEL: u16 = 0x8400;
const BIPOLAR: u16 = 0x4000;

/// Everything of dls.md section 3.2 that is not 0, in whole units.
const DEFAULTS: &[(u16, u16, u16, u16, i32)] = {
    use destination as dst;
    use source as src;
    &[
        (src::NONE, src::NONE, dst::LFO_FREQUENCY, 0, -851),
        (src::NONE, src::NONE, dst::LFO_DELAY, 0, -7973),
        (src::NONE, src::NONE, dst::VIBRATO_FREQUENCY, 0, -851),
        (src::NONE, src::NONE, dst::VIBRATO_DELAY, 0, -7973),
        (src::NONE, src::NONE, dst::EG1_DELAY, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG1_ATTACK, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG1_HOLD, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG1_DECAY, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG1_SUSTAIN, 0, 1000),
        (src::NONE, src::NONE, dst::EG1_RELEASE, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG1_SHUTDOWN, 0, -7271),
        (src::NONE, src::NONE, dst::EG2_DELAY, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG2_ATTACK, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG2_HOLD, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG2_DECAY, 0, NO_TIME),
        (src::NONE, src::NONE, dst::EG2_SUSTAIN, 0, 1000),
        (src::NONE, src::NONE, dst::EG2_RELEASE, 0, NO_TIME),
        (src::VELOCITY, src::NONE, dst::GAIN, LEVEL, -960),
        (src::CC7, src::NONE, dst::GAIN, LEVEL, -960),
        (src::CC11, src::NONE, dst::GAIN, LEVEL, -960),
        (src::KEY, src::NONE, dst::PITCH, 0, 12_800),
        (src::PITCH_WHEEL, src::RPN0, dst::PITCH, BIPOLAR, 12_800),
        (src::RPN1, src::NONE, dst::PITCH, BIPOLAR, 100),
        (src::RPN2, src::NONE, dst::KEY_NUMBER, BIPOLAR, 6400),
        (src::KEY, src::NONE, dst::KEY_NUMBER, 0, 12_800),
        (src::CC10, src::NONE, dst::PAN, BIPOLAR, 508),
        (src::CC91, src::NONE, dst::REVERB, 0, 1000),
        (src::CC93, src::NONE, dst::CHORUS, 0, 1000),
    ]
};
