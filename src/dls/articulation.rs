//! How a region sounds, resolved: every default applied, every replaced block gone.
//!
//! Level 1 (`DMUS_ARTICPARAMS`) and level 2 (connection lists) end in this one form. Static
//! parameters (source and control "none") are fields; everything that moves with a controller,
//! an envelope, the key or the velocity is a [`Connection`](super::Connection) of the list that
//! [`Instrument::connections`](super::Instrument::connections) gives.
#![forbid(unsafe_code)]

use super::units::{Cents, Gain, Permille, PitchCents, TimeCents};

/// The static parameters of a voice, inside their ranges (dls.md section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Articulation {
    /// Volume envelope.
    pub eg1: Envelope,
    /// Modulation envelope; its `shutdown` is not used.
    pub eg2: Envelope,
    /// Modulation LFO.
    pub mod_lfo: Lfo,
    /// Vibrato LFO.
    pub vibrato: Lfo,
    /// Resonant low-pass; none is off, which means bypassed.
    pub filter: Option<Filter>,
    /// Level, on top of the region's own gain; -96..=+96 dB.
    pub gain: Gain,
    /// Tuning, on top of the region's own; -12,000..=12,000 cents.
    pub pitch: Cents,
    /// Position before CC10 is added; -508..=508, -500 is hard left.
    pub pan: Permille,
    /// Added to the key before a region is chosen; -12,800..=12,800 cents, 100 a key.
    pub key_number: Cents,
    /// Reverb send before CC91 is added; 0..=1,000.
    pub reverb: Permille,
    /// Chorus send before CC93 is added; 0..=1,000.
    pub chorus: Permille,
    /// First connection of this articulation in the instrument's list.
    pub(super) first_connection: u32,
    /// How many connections follow.
    pub(super) connections: u32,
}

/// An envelope's six segments and its sustain level (dls.md sections 4.1 and 4.2).
///
/// Times are at most 40 s. Decay and release are the times for the whole span (100 % to 0 %,
/// that is 96 dB for EG1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// From note-on to the start of the attack.
    pub delay: TimeCents,
    /// From nothing to the peak.
    pub attack: TimeCents,
    /// How long the peak is held.
    pub hold: TimeCents,
    /// From the peak to nothing; stops at `sustain`.
    pub decay: TimeCents,
    /// 0..=1,000.
    pub sustain: Permille,
    /// From the peak to nothing after note-off.
    pub release: TimeCents,
    /// From the peak to nothing when the voice is stolen or cut by its key group.
    pub shutdown: TimeCents,
}

/// A low-frequency oscillator (dls.md section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lfo {
    /// 0.1..=20 Hz.
    pub frequency: PitchCents,
    /// From note-on to its start, at most 10 s.
    pub delay: TimeCents,
}

/// The filter's resting point (dls.md section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// 200..=7,998 Hz (5,535..=11,921 pitch cents); modulation is clamped to the same range.
    pub cutoff: PitchCents,
    /// Resonance, 0..=22.5 dB.
    pub q: Gain,
}

impl Articulation {
    /// What a voice does if its collection says nothing at all.
    pub const DEFAULT: Self = Self {
        eg1: Envelope::DEFAULT,
        eg2: Envelope::DEFAULT,
        mod_lfo: Lfo::DEFAULT,
        vibrato: Lfo::DEFAULT,
        filter: None,
        gain: Gain(0),
        pitch: Cents(0),
        pan: Permille(0),
        key_number: Cents(0),
        reverb: Permille(0),
        chorus: Permille(0),
        first_connection: 0,
        connections: 0,
    };
}

impl Envelope {
    /// An organ key: all times zero, full sustain, 15 ms shutdown.
    pub const DEFAULT: Self = Self {
        delay: TimeCents::ZERO,
        attack: TimeCents::ZERO,
        hold: TimeCents::ZERO,
        decay: TimeCents::ZERO,
        sustain: Permille::from_whole(1000),
        release: TimeCents::ZERO,
        shutdown: TimeCents::from_whole(-7271),
    };

    /// No segment lasts longer than 40 s.
    pub const LONGEST: TimeCents = TimeCents::from_whole(6386);
}

impl Lfo {
    /// 5 Hz after 10 ms.
    pub const DEFAULT: Self = Self {
        frequency: PitchCents::from_whole(-851),
        delay: TimeCents::from_whole(-7973),
    };

    /// 0.1 Hz.
    pub const SLOWEST: PitchCents = PitchCents::from_whole(-7624);
    /// 20 Hz.
    pub const FASTEST: PitchCents = PitchCents::from_whole(1549);
    /// 10 s. (The text's least delay of 10 ms is not imposed: a shorter one harms nobody.)
    pub const LONGEST_DELAY: TimeCents = TimeCents::from_whole(3986);
}

impl Filter {
    /// The cutoff's value for "no filter".
    pub const OFF: PitchCents = PitchCents(i32::MAX);
    /// 200 Hz.
    pub const LOWEST: PitchCents = PitchCents::from_whole(5535);
    /// 7,998 Hz.
    pub const HIGHEST: PitchCents = PitchCents::from_whole(11921);
    /// 22.5 dB.
    pub const SHARPEST: Gain = Gain::from_tenths(225);
}
