//! How loud a voice is on either side: EG1, the moving sources, and what stands still.
//!
//! What stands still (velocity, controllers, pan) goes to its new value in a straight line of
//! [`SMOOTHING`] frames. EG1's segments end where they should, in the middle of a span if need be:
//! a span's gain is a few straight lines, mostly one.

use super::motion::Motion;
use crate::synth::bus::Line;
use crate::synth::envelope::{Envelope, Level, Piece};
use crate::synth::level::{self, Pair};
use crate::synth::modulation::Depths;
use crate::synth::{BLOCK_FRAMES, ramp};

/// Frames in which a gain follows its controllers.
pub(super) const SMOOTHING: usize = 64;
const _: () = assert!(SMOOTHING <= BLOCK_FRAMES);

/// A voice's gain.
#[derive(Clone, Debug)]
pub(super) struct Gain {
    pub(super) eg1: Envelope,
    pub(super) depths: Depths,
    /// Level and pan at the next frame, where they go, and in how many frames. Q30.
    fixed: Pair,
    target: Pair,
    smoothing: usize,
    /// Effect sends, level included, Q30: at the next frame, where they go with the level, and at
    /// the start of the last stretch.
    sends: Pair,
    sends_target: Pair,
    sends_before: Pair,
    /// At the last control point: the moving sources' tenths of a decibel, EG1, and the amplitude
    /// of both.
    moving: i64,
    level: Level,
    amplitude: u64,
    /// The bus gains that follow from all these.
    bus: Pair,
    /// Whether the frames come out of the filter.
    filtered: bool,
}

/// What the moving sources do over a span, 16.16 tenths of a decibel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    from: i64,
    to: i64,
    frames: usize,
}

/// A straight piece of a span's gain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) frames: usize,
    pub(super) line: Line,
    /// The moving amplitude at its ends, for the effects.
    from: u64,
    to: u64,
}

impl Gain {
    pub(super) fn new(eg1: Envelope, filtered: bool) -> Self {
        Self {
            eg1,
            depths: Depths::default(),
            fixed: [0; 2],
            target: [0; 2],
            smoothing: 0,
            sends: [0; 2],
            sends_target: [0; 2],
            sends_before: [0; 2],
            moving: 0,
            level: eg1.level(),
            amplitude: 0,
            bus: [0; 2],
            filtered,
        }
    }

    /// Sets where what stands still goes: the amplitudes of both sides, and the sends.
    pub(super) fn set(&mut self, target: Pair, sends: Pair) {
        if target != self.target || sends != self.sends_target {
            self.target = target;
            self.sends_target = sends;
            self.smoothing = SMOOTHING;
        }
    }

    /// Takes everything as it is now, without a ramp.
    pub(super) fn settle(&mut self, motion: &Motion) {
        self.fixed = self.target;
        self.sends = self.sends_target;
        self.smoothing = 0;
        self.moving = self.moved(motion);
        self.amplitude = level::amplitude(self.level, self.moving);
        self.bus = level::combine(self.fixed, self.amplitude, self.filtered);
    }

    fn moved(&self, motion: &Motion) -> i64 {
        let shaped = motion.shapes.map_or(0, |shapes| shapes.gain);
        self.depths.sum(&motion.values).saturating_add(shaped)
    }

    /// The moving sources' way to where they are after `frames`.
    pub(super) fn sweep(&self, motion: &Motion, frames: usize) -> Sweep {
        let to = if motion.any() { self.moved(motion) } else { 0 };
        Sweep {
            from: self.moving,
            to,
            frames,
        }
    }

    /// Whether anything goes to the effects.
    pub(super) fn is_sent(&self) -> bool {
        self.sends != [0; 2] || self.sends_before != [0; 2]
    }

    /// The next straight piece of a span of which `done` frames are over.
    pub(super) fn stretch(&mut self, sweep: &Sweep, done: usize) -> Stretch {
        let rest = sweep.frames.saturating_sub(done);
        let most = if self.smoothing == 0 {
            rest
        } else {
            rest.min(self.smoothing)
        };
        let piece = self.eg1.advance(most);
        let frames = piece.frames.clamp(1, rest.max(1));
        let gain = sweep.after(done.saturating_add(frames));
        self.line(frames, piece, gain)
    }

    /// The line of a piece at whose end the moving sources add `moving`.
    fn line(&mut self, frames: usize, piece: Piece, moving: i64) -> Stretch {
        let mut from = self.amplitude;
        let mut gains = self.bus;
        if piece.from != self.level {
            // The envelope has bent here; or it was released.
            from = level::amplitude(piece.from, self.moving);
            gains = level::combine(self.fixed, from, self.filtered);
        }
        let steady = piece.to == piece.from && moving == self.moving;
        let to = if steady {
            from
        } else {
            level::amplitude(piece.to, moving)
        };
        self.sends_before = self.sends;
        let smooth = self.smoothing != 0;
        if smooth {
            self.smooth(frames);
        }
        let (ends, line) = if steady && !smooth {
            let steps = [0; 2];
            (gains, Line { gains, steps })
        } else {
            let ends = level::combine(self.fixed, to, self.filtered);
            (ends, line_between(gains, ends, frames))
        };
        self.moving = moving;
        self.level = piece.to;
        self.amplitude = to;
        self.bus = ends;
        Stretch {
            frames,
            line,
            from,
            to,
        }
    }

    /// What goes to the effects of a piece.
    pub(super) fn send(&self, stretch: &Stretch) -> Line {
        let gains = level::combine(self.sends_before, stretch.from, self.filtered);
        let ends = level::combine(self.sends, stretch.to, self.filtered);
        line_between(gains, ends, stretch.frames)
    }

    /// Moves level, pan and sends on by some frames.
    fn smooth(&mut self, frames: usize) {
        if self.smoothing <= frames {
            self.smoothing = 0;
            self.fixed = self.target;
            self.sends = self.sends_target;
            return;
        }
        let inverse = ramp::inverse(self.smoothing).wrapping_mul(frames as i64);
        self.smoothing = self.smoothing.saturating_sub(frames);
        let places = self.fixed.iter_mut().chain(&mut self.sends);
        for (from, to) in places.zip(self.target.into_iter().chain(self.sends_target)) {
            let distance = i64::from(to).wrapping_sub(i64::from(*from));
            let part = (i128::from(distance).wrapping_mul(i128::from(inverse)) >> 24) as i64;
            let there = i64::from(*from).wrapping_add(part);
            *from = there.clamp(0, i64::from(u32::MAX)) as u32;
        }
    }
}

impl Sweep {
    /// Where it is after some of its frames.
    fn after(&self, frames: usize) -> i64 {
        let distance = self.to.wrapping_sub(self.from);
        if frames >= self.frames || distance == 0 {
            return self.to;
        }
        let inverse = ramp::inverse(self.frames);
        let way = distance.wrapping_mul(inverse).wrapping_mul(frames as i64) >> 24;
        self.from.wrapping_add(way)
    }
}

/// A line from one pair of gains to another. What is lost of a step to rounding is made good in
/// its middle: half of it comes first, so that a faint voice falls no slower than a loud one.
fn line_between(from: Pair, to: Pair, frames: usize) -> Line {
    let inverse = ramp::inverse(frames);
    let mut line = Line {
        gains: from,
        steps: [0; 2],
    };
    for side in [0, 1] {
        let (from, to) = (from[side] as i32, to[side] as i32);
        let step = ramp::step(from, to, inverse);
        let way = to.wrapping_sub(from);
        let lost = way.wrapping_sub(step.wrapping_mul(frames as i32));
        line.gains[side] = from.wrapping_add(lost / 2) as u32;
        line.steps[side] = step;
    }
    line
}
