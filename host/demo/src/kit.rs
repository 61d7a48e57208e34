//! The drum kit: General MIDI keys 35 to 81.

use crate::patch::Patch;
use crate::tones::Drum;

/// One key of the kit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) key: u8,
    pub(crate) drum: Drum,
    /// Semitones above the wave's own pitch.
    pub(crate) shift: i8,
    /// Decibels.
    pub(crate) gain: f64,
    /// −50 (left) to 50 per cent, from the drummer's seat.
    pub(crate) pan: i8,
    /// Keys of one group cut each other; 0 is none.
    pub(crate) group: u8,
    pub(crate) ring: Ring,
}

/// What the end of the key does: most waves play to their end whatever the key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    Whole,
    /// A looped wave that dies within this many milliseconds.
    Within(u16),
}

impl Ring {
    pub(crate) fn patch(self) -> Patch {
        match self {
            Self::Whole => Patch::held(0.0, 6.0),
            Self::Within(ms) => Patch::dying(f64::from(ms) / 1000.0, 0.0, f64::from(ms) / 1000.0),
        }
    }
}

const HATS: u8 = 1;
const TRIANGLES: u8 = 2;

const fn hit(key: u8, drum: Drum, shift: i8, gain: f64, pan: i8) -> Hit {
    Hit {
        key,
        drum,
        shift,
        gain,
        pan,
        group: 0,
        ring: Ring::Whole,
    }
}

impl Hit {
    const fn group(mut self, group: u8) -> Self {
        self.group = group;
        self
    }

    const fn ring(mut self, ring: Ring) -> Self {
        self.ring = ring;
        self
    }

    /// The wave that softer strokes play instead, where the kit has one.
    pub(crate) fn soft(&self) -> Option<Drum> {
        (self.drum == Drum::Snare).then_some(Drum::SoftSnare)
    }
}

#[rustfmt::skip]
pub(crate) static KIT: [Hit; 47] = [
    hit(35, Drum::Kick, -2, -3.0, 0),
    hit(36, Drum::Kick, 0, -3.0, 0),
    hit(37, Drum::Rim, 0, -8.0, 4),
    hit(38, Drum::Snare, 0, -5.0, 3),
    hit(39, Drum::Clap, 0, -8.0, -6),
    hit(40, Drum::Snare, 3, -5.5, 3),
    hit(41, Drum::Tom, -6, -5.0, 22),
    hit(42, Drum::ClosedHat, 0, -13.0, -16).group(HATS),
    hit(43, Drum::Tom, -3, -5.0, 16),
    hit(44, Drum::ClosedHat, -3, -15.0, -16).group(HATS),
    hit(45, Drum::Tom, 1, -5.5, 8),
    hit(46, Drum::OpenHat, 0, -14.0, -16).group(HATS),
    hit(47, Drum::Tom, 4, -6.0, 0),
    hit(48, Drum::Tom, 7, -6.0, -8),
    hit(49, Drum::Crash, 0, -11.0, -24),
    hit(50, Drum::Tom, 10, -6.5, -16),
    hit(51, Drum::Ride, 0, -14.0, 24),
    hit(52, Drum::Crash, -4, -12.0, 20),
    hit(53, Drum::Ride, 4, -13.0, 24),
    hit(54, Drum::Tambourine, 0, -13.0, 10),
    hit(55, Drum::Crash, 5, -13.0, -14),
    hit(56, Drum::Cowbell, 0, -13.0, 12),
    hit(57, Drum::Crash, -2, -11.0, 24),
    hit(58, Drum::Shaker, -12, -12.0, 14),
    hit(59, Drum::Ride, -2, -14.0, 24),
    hit(60, Drum::Conga, 7, -9.0, -18),
    hit(61, Drum::Conga, 3, -9.0, -14),
    hit(62, Drum::Conga, 2, -11.0, 14).ring(Ring::Within(250)),
    hit(63, Drum::Conga, 0, -8.5, 14),
    hit(64, Drum::Conga, -4, -8.5, 18),
    hit(65, Drum::Tom, 15, -8.5, -20),
    hit(66, Drum::Tom, 11, -8.5, -14),
    hit(67, Drum::Cowbell, 9, -15.0, -20),
    hit(68, Drum::Cowbell, 4, -15.0, -20),
    hit(69, Drum::Shaker, 2, -14.0, 20),
    hit(70, Drum::Shaker, 5, -15.0, 22),
    hit(71, Drum::Triangle, -5, -22.0, -24).ring(Ring::Within(200)),
    hit(72, Drum::Triangle, -7, -22.0, -24).ring(Ring::Within(900)),
    hit(73, Drum::Shaker, -3, -13.0, 18),
    hit(74, Drum::Shaker, -6, -13.0, 18),
    hit(75, Drum::Wood, 10, -11.0, 8),
    hit(76, Drum::Wood, 2, -10.0, -12),
    hit(77, Drum::Wood, -3, -10.0, 12),
    hit(78, Drum::Conga, 16, -13.0, -10),
    hit(79, Drum::Conga, 12, -13.0, -10),
    hit(80, Drum::Triangle, 0, -20.0, -22)
        .group(TRIANGLES)
        .ring(Ring::Within(180)),
    hit(81, Drum::Triangle, 0, -20.0, -22)
        .group(TRIANGLES)
        .ring(Ring::Within(4500)),
];
