//! Regions: which notes play which wave, and how.
#![forbid(unsafe_code)]

use super::units::Gain;

/// A span of keys or velocities, both ends included; `low <= high <= 127`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: u8,
    high: u8,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self { low: 0, high: 127 };

    /// The span `low..=high`, if it is one.
    #[must_use]
    pub fn new(low: u16, high: u16) -> Option<Self> {
        let high = u8::try_from(high.min(127)).ok()?;
        let low = u8::try_from(low).ok()?;
        (low <= high).then_some(Self { low, high })
    }

    /// The first value inside.
    #[must_use]
    pub const fn low(self) -> u8 {
        self.low
    }

    /// The last value inside.
    #[must_use]
    pub const fn high(self) -> u8 {
        self.high
    }

    /// Whether `value` lies inside.
    #[must_use]
    pub const fn contains(self, value: u8) -> bool {
        self.low <= value && value <= self.high
    }
}

/// When a loop is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopKind {
    /// Never: it goes on through the release.
    Forward,
    /// At note-off: the wave then plays on to its end.
    UntilRelease,
}

/// A loop, in frames of the wave; `length` is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// When it is left.
    pub kind: LoopKind,
    /// The first frame inside.
    pub start: u32,
    /// How many frames it has.
    pub length: u32,
}

impl Loop {
    /// Whether the loop lies inside a wave of `frames` frames. The wave is another download, so
    /// this is checked when the two meet.
    #[must_use]
    pub const fn fits(&self, frames: usize) -> bool {
        // 33 bits cannot overflow 64.
        self.start as u64 + self.length as u64 <= frames as u64
    }
}

/// One region of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The keys it answers.
    pub keys: Range,
    /// The velocities it answers.
    pub velocities: Range,
    /// Whether a second note of the same key lets the first one sound on.
    pub self_non_exclusive: bool,
    /// Notes of the same group (not 0) cut each other.
    pub key_group: u16,
    /// Download id (`dwDLId`) of its wave.
    pub wave: u32,
    /// The key at which the wave sounds at its own rate, 0..=127.
    pub unity_key: u8,
    /// Tuning, in cents.
    pub fine_tune: i16,
    /// Level, positive is louder; -96..=+96 dB.
    pub gain: Gain,
    /// None plays the wave once.
    pub wave_loop: Option<Loop>,
    /// Index into [`Instrument::articulations`](super::Instrument::articulations); always valid.
    pub articulation: u32,
}
