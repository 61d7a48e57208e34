//! The six-segment envelope (dls.md sections 4.1 and 4.2), EG1 and EG2 alike.
//!
//! Time is kept in fractions of a frame and every value follows from the time since its segment
//! began, so segments end where they should, not at the next control point. The envelope itself
//! only says how far it has risen ([`Level::Rise`], linear in amplitude) or fallen
//! ([`Level::Fall`], linear in decibels for EG1 and in the unit itself for EG2).
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times and levels are bounded by 40 s and `BOTTOM`"
)]

use crate::dls;
use crate::fixed::{self, Power};

/// Where an envelope is. Both run from 0 to [`BOTTOM`] (Q32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// From nothing (0) to the peak.
    Rise(u64),
    /// From the peak (0) to nothing.
    Fall(u64),
}

/// The whole span, Q32.
pub const BOTTOM: u64 = 1 << 32;

/// A straight piece of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How long it is.
    pub frames: usize,
    /// At its first frame.
    pub from: Level,
    /// Where the line is behind its last frame; the next piece may start elsewhere.
    pub to: Level,
}

/// Segment times in frames (Q16), and the sustain level. Prepared once a note.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    delay: u64,
    attack: u64,
    hold: u64,
    decay: u64,
    release: u64,
    shutdown: u64,
    /// How far the decay falls, Q32.
    sustain: u64,
}

/// What the connections add to an envelope: time cents, and per mille for `sustain` (16.16).
#[derive(Clone, Copy, Debug, Default)]
pub struct Modulation {
    /// Added to the delay.
    pub delay: i64,
    /// Added to the attack.
    pub attack: i64,
    /// Added to the hold.
    pub hold: i64,
    /// Added to the decay.
    pub decay: i64,
    /// Added to the release.
    pub release: i64,
    /// Added to the shutdown.
    pub shutdown: i64,
    /// Added to the sustain level.
    pub sustain: i64,
}

/// Frames (Q16) of a time in 16.16 time cents, changed by `add`; at most 40 s.
pub(super) fn frames_of(time: dls::TimeCents, add: i64, rate: u32) -> u64 {
    if time == dls::TimeCents::ZERO {
        return 0;
    }
    let cents = i64::from(time.0).saturating_add(add).min(LONGEST);
    let seconds = Power::of_two(fixed::octaves_of_cents(cents)).scaled(32);
    // 40 s in Q32 and 96,000 have 55 bits together.
    let frames = seconds.saturating_mul(u64::from(rate)) >> 16;
    // What is over within the first frame takes no time.
    if frames < ONE_FRAME { 0 } else { frames }
}

impl Times {
    /// For an output of `rate` frames a second.
    #[must_use]
    pub fn new(envelope: &dls::Envelope, add: &Modulation, rate: u32) -> Self {
        let frames = |time, add| frames_of(time, add, rate);
        let sustain = i64::from(envelope.sustain.0)
            .saturating_add(add.sustain)
            .clamp(0, WHOLE);
        Self {
            delay: frames(envelope.delay, add.delay),
            attack: frames(envelope.attack, add.attack),
            hold: frames(envelope.hold, add.hold),
            decay: frames(envelope.decay, add.decay),
            release: frames(envelope.release, add.release),
            shutdown: frames(envelope.shutdown, add.shutdown),
            sustain: (((WHOLE - sustain) as u64) << 32) / WHOLE as u64,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Delay,
    Attack,
    Hold,
    Decay,
    Sustain,
    /// Release and shutdown.
    End,
    Done,
}

/// What an envelope moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// EG1: falls in decibels, and is over when it cannot be heard.
    Volume,
    /// EG2: falls in its own unit, to nothing.
    Modulation,
}

/// An envelope on its way.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    times: Times,
    kind: Kind,
    segment: Segment,
    /// Since the segment began, Q16 frames.
    elapsed: u64,
    /// How long the segment lasts, Q16 frames.
    length: u64,
    /// How far a rise or fall gets in a frame's 65,536th, Q62.
    speed: u64,
    /// Where a fall began.
    base: u64,
    /// The longest piece that is straight enough.
    piece: usize,
    /// Where it is now.
    here: Level,
}

impl Envelope {
    /// At note-on.
    #[must_use]
    pub fn new(kind: Kind, times: Times) -> Self {
        let mut envelope = Self {
            times,
            kind,
            segment: Segment::Delay,
            elapsed: 0,
            length: 0,
            speed: 0,
            base: 0,
            piece: super::BLOCK_FRAMES,
            here: Level::Rise(0),
        };
        envelope.enter(Segment::Delay, 0);
        envelope.skip_finished();
        envelope
    }

    /// Whether it fell to nothing for good.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.segment == Segment::Done
    }

    /// Whether release or shutdown has begun.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        matches!(self.segment, Segment::End | Segment::Done)
    }

    /// Whether it stays where it is until something happens to it.
    #[must_use]
    pub const fn is_steady(&self) -> bool {
        matches!(self.segment, Segment::Sustain | Segment::Done)
    }

    /// Whether it moves by more than 1/64 of its span in 128 frames, or soon may.
    pub(super) const fn is_fast(&self) -> bool {
        let rest = self.length.saturating_sub(self.elapsed);
        !self.is_steady() && (self.speed > FAST || rest < 256 * ONE_FRAME)
    }

    /// Frames until it goes on at another speed, at least one; none while it stays where it is.
    pub(super) fn bend(&self) -> Option<usize> {
        let rest = self.length.saturating_sub(self.elapsed);
        let frames = (rest.saturating_add(ONE_FRAME - 1) >> 16) as usize;
        (!self.is_steady()).then_some(frames.max(1))
    }

    /// What it rises by in a frame, Q30 of its span.
    pub(super) const fn slope(&self) -> i64 {
        let speed = (self.speed >> 16).cast_signed();
        match self.segment {
            Segment::Attack => speed,
            Segment::Decay | Segment::End => speed.wrapping_neg(),
            Segment::Delay | Segment::Hold | Segment::Sustain | Segment::Done => 0,
        }
    }

    /// Where it is now.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.here
    }

    /// Where its segment is by now.
    fn reach(&self) -> Level {
        let way = (self.elapsed.wrapping_mul(self.speed) >> 30).min(2 * BOTTOM);
        match self.segment {
            // Silence, which the bottom of the span (-96 dB) is not.
            Segment::Delay | Segment::Done => Level::Rise(0),
            Segment::Attack => Level::Rise(way),
            Segment::Hold => Level::Fall(0),
            Segment::Decay | Segment::End => Level::Fall(self.base.saturating_add(way)),
            Segment::Sustain => Level::Fall(self.times.sustain),
        }
    }

    /// Goes on by one straight piece of at most `most` frames.
    pub fn advance(&mut self, most: usize) -> Piece {
        let from = self.here;
        if self.is_steady() {
            return Piece {
                frames: most,
                from,
                to: from,
            };
        }
        let left = self.length.saturating_sub(self.elapsed);
        let until_end = (left.saturating_add(ONE_FRAME - 1) >> 16) as usize;
        let frames = most.min(until_end).min(self.piece);
        self.elapsed = self.elapsed.saturating_add((frames as u64) << 16);
        let to = self.reach();
        self.here = to;
        if self.elapsed >= self.length {
            self.skip_finished();
        }
        Piece { frames, from, to }
    }

    /// Goes on by any number of frames at once.
    pub fn skip(&mut self, frames: u64) {
        if !self.is_steady() {
            self.elapsed = self
                .elapsed
                .saturating_add(frames.saturating_mul(ONE_FRAME));
            self.skip_finished();
        }
    }

    /// The key was released. `fall` is how far below its peak the envelope is now.
    pub fn release(&mut self, fall: u64) {
        if self.segment == Segment::Delay {
            self.segment = Segment::Done;
            self.here = self.reach();
        } else if !self.is_ending() {
            self.end(fall, self.times.release);
        }
    }

    /// The voice must go, and quickly.
    pub fn shut_down(&mut self, fall: u64) {
        if self.segment != Segment::Done {
            self.end(fall, self.times.shutdown);
        }
    }

    /// Falls to nothing within `frames`.
    pub fn fade(&mut self, fall: u64, frames: u32) {
        if self.segment != Segment::Done {
            self.end(fall, u64::from(frames) << 16);
        }
    }

    fn end(&mut self, fall: u64, whole: u64) {
        self.base = fall.min(BOTTOM);
        self.enter(Segment::End, 0);
        self.speed = inverse(whole);
        self.length = part(whole, self.kind.end().saturating_sub(self.base));
        self.piece = self.kind.piece(whole);
        self.skip_finished();
    }

    /// Enters every segment that begins now, and looks where it is.
    fn skip_finished(&mut self) {
        while self.elapsed >= self.length && !self.is_steady() {
            let rest = self.elapsed.saturating_sub(self.length);
            let next = match self.segment {
                Segment::Delay => Segment::Attack,
                Segment::Attack => Segment::Hold,
                Segment::Hold => Segment::Decay,
                Segment::Decay if self.times.sustain >= BOTTOM => Segment::Done,
                Segment::Decay => Segment::Sustain,
                Segment::Sustain | Segment::End | Segment::Done => Segment::Done,
            };
            self.enter(next, rest);
        }
        self.here = self.reach();
    }

    fn enter(&mut self, segment: Segment, elapsed: u64) {
        let times = &self.times;
        let (length, whole) = match segment {
            Segment::Delay => (times.delay, 0),
            Segment::Attack => (times.attack, times.attack),
            Segment::Hold => (times.hold, 0),
            Segment::Decay => (part(times.decay, times.sustain), times.decay),
            Segment::Sustain | Segment::End | Segment::Done => (0, 0),
        };
        self.segment = segment;
        self.elapsed = elapsed;
        self.length = length;
        self.speed = inverse(whole);
        if segment == Segment::Decay {
            self.base = 0;
            self.piece = self.kind.piece(whole);
        } else if segment != Segment::End {
            self.piece = super::BLOCK_FRAMES;
        }
    }
}

/// 2^62 / `whole`; 0 if it takes no time.
fn inverse(whole: u64) -> u64 {
    (1_u64 << 62).checked_div(whole).unwrap_or(0)
}

/// The share (Q32) of a time.
fn part(whole: u64, share: u64) -> u64 {
    // 40 s at 96 kHz have 38 bits.
    (u128::from(whole).wrapping_mul(u128::from(share)) >> 32) as u64
}

impl Kind {
    /// How far down the end is.
    const fn end(self) -> u64 {
        match self {
            // A voice ends 90 dB below its peak (dls.md section 4.1 allows 80 to 96).
            Self::Volume => BOTTOM / 96 * 90,
            Self::Modulation => BOTTOM,
        }
    }

    /// The longest piece of a fall that takes `whole` that may count as straight.
    ///
    /// A level that falls evenly in decibels bends; the chord over 0.6 dB of it leaves it by less
    /// than 0.006 dB.
    const fn piece(self, whole: u64) -> usize {
        match (self, (whole >> 16) / 160) {
            (Self::Volume, 0..4) => 2,
            (Self::Volume, 4..16) => 4,
            (Self::Volume, 16..32) => 16,
            (Self::Volume, 32..64) => 32,
            (Self::Volume, 64..256) => 64,
            _ => super::BLOCK_FRAMES,
        }
    }
}

const ONE_FRAME: u64 = 1 << 16;
/// The speed of a whole span in 8,192 frames, Q62.
const FAST: u64 = (1 << 62) / (8192 * ONE_FRAME);
/// 40 s in 16.16 time cents.
const LONGEST: i64 = 6386 << 16;
/// 100 % in 16.16 per mille.
const WHOLE: i64 = 1000 << 16;

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "the ideal is in floats"
)]
mod tests {
    use super::*;
    use crate::dls::{Permille, TimeCents};

    fn time(seconds: f64) -> TimeCents {
        TimeCents((1200.0 * 65_536.0 * seconds.log2()).round() as i32)
    }

    fn volume(envelope: dls::Envelope) -> Envelope {
        let times = Times::new(&envelope, &Modulation::default(), 44_100);
        Envelope::new(Kind::Volume, times)
    }

    fn decibels(level: Level) -> f64 {
        match level {
            Level::Rise(rise) => 20.0 * (rise as f64 / BOTTOM as f64).log10(),
            Level::Fall(fall) => -96.0 * fall as f64 / BOTTOM as f64,
        }
    }

    #[test]
    fn without_times_it_is_at_its_peak_at_once() {
        let mut envelope = volume(dls::Envelope::DEFAULT);
        assert_eq!(envelope.level(), Level::Fall(0));
        assert!(envelope.is_steady());
        envelope.release(0);
        assert!(envelope.is_done());
    }

    #[test]
    fn attack_ends_between_frames() {
        let attack = time(0.001);
        let mut envelope = volume(dls::Envelope {
            attack,
            ..dls::Envelope::DEFAULT
        });
        let piece = envelope.advance(64);
        assert_eq!((piece.frames, piece.from), (45, Level::Rise(0)));
        let Level::Rise(end) = piece.to else {
            panic!("{piece:?}")
        };
        let ideal = 45.0 / 44.1;
        assert!((end as f64 / BOTTOM as f64 / ideal - 1.0).abs() < 1e-4);
        assert_eq!(envelope.level(), Level::Fall(0));
    }

    #[test]
    fn falls_keep_their_rate_to_a_thousandth() {
        for seconds in [0.05, 0.5, 2.0, 40.0] {
            let mut envelope = volume(dls::Envelope {
                decay: time(seconds),
                sustain: Permille::from_whole(500),
                release: time(seconds),
                ..dls::Envelope::DEFAULT
            });
            let (mut frames, mut last) = (0, Level::Fall(0));
            while !envelope.is_steady() {
                let piece = envelope.advance(64);
                frames += piece.frames;
                last = piece.to;
            }
            let rate = decibels(last) / frames as f64 * 44_100.0;
            assert!((rate / (-96.0 / seconds) - 1.0).abs() < 1e-3, "{rate}");
            assert!((decibels(envelope.level()) + 48.0).abs() < 1e-6);
            envelope.release(BOTTOM / 2);
            let mut frames = 0;
            while !envelope.is_done() {
                frames += envelope.advance(64).frames;
            }
            let ideal = (90.0 - 48.0) / 96.0 * seconds * 44_100.0;
            assert!((frames as f64 - ideal).abs() < 1.0 + ideal * 1e-3);
        }
    }

    /// However far connections stretch a time, a voice does not hang; and what is over within a frame
    /// takes none.
    #[test]
    fn times_are_at_most_40_seconds_and_at_least_a_frame() {
        let stretched = Modulation {
            delay: i64::MAX,
            attack: 12_000 << 16,
            release: 1 << 40,
            ..Modulation::default()
        };
        let envelope = dls::Envelope {
            delay: time(1.0),
            attack: time(1.0),
            release: time(30.0),
            hold: time(0.000_02),
            ..dls::Envelope::DEFAULT
        };
        for rate in [8000, 44_100, 96_000] {
            let longest = 40 * u64::from(rate) * ONE_FRAME;
            let times = Times::new(&envelope, &stretched, rate);
            for found in [times.delay, times.attack, times.release] {
                assert!(found.abs_diff(longest) < longest / 1000, "{found}");
            }
            let half_a_frame = dls::Envelope {
                attack: time(0.5 / f64::from(rate)),
                ..dls::Envelope::DEFAULT
            };
            let times = Times::new(&half_a_frame, &Modulation::default(), rate);
            assert_eq!(Envelope::new(Kind::Volume, times).level(), Level::Fall(0));
        }
    }

    #[test]
    fn a_note_off_in_the_delay_ends_the_voice() {
        let mut envelope = volume(dls::Envelope {
            delay: time(1.0),
            ..dls::Envelope::DEFAULT
        });
        assert_eq!(envelope.advance(64).to, Level::Rise(0));
        envelope.release(BOTTOM);
        assert!(envelope.is_done());
    }
}
