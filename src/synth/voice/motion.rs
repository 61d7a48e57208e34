//! What moves by itself: the LFOs, EG2, and the glide of portamento.
//!
//! They are moved only while something hangs on them, to every control point; otherwise they
//! catch up when a controller changes that.

use super::Pace;
use super::pitch::Glide;
use crate::synth::envelope::{BOTTOM, Envelope, Level};
use crate::synth::lfo::Lfo;
use crate::synth::modulation::{Depths, Moving, Shapes, Values};

/// A voice's moving sources.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    /// At the last control point.
    pub(super) values: Moving,
    pub(super) glide: Glide,
    /// What the LFOs' means on the way there are above those of the way's ends, Q30.
    bulges: Moving,
    /// What the connections add that have to be evaluated, if there are any.
    pub(super) shapes: Option<Shapes>,
    /// Which of them are used at all.
    uses: Uses,
    /// Whether anything moves.
    any: bool,
    /// How often the LFOs want control points.
    lfo_pace: Pace,
    /// Frames since which nothing was moved.
    idle: u64,
    eg2: Envelope,
    mod_lfo: Lfo,
    vibrato: Lfo,
}

#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    mod_lfo: bool,
    vibrato: bool,
    eg2: bool,
}

/// A step of the motion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stride {
    pub(super) frames: usize,
    /// Whether it glided.
    pub(super) glides: bool,
}

impl Motion {
    pub(super) fn new(eg2: Envelope, mod_lfo: Lfo, vibrato: Lfo) -> Self {
        Self {
            values: Moving::default(),
            glide: Glide::default(),
            bulges: Moving::default(),
            shapes: None,
            uses: Uses::default(),
            any: false,
            lfo_pace: Pace::Slow,
            idle: 0,
            eg2,
            mod_lfo,
            vibrato,
        }
    }

    /// Whether anything moves.
    pub(super) const fn any(&self) -> bool {
        self.any || self.shapes.is_some()
    }

    /// Takes note of all that the sources do, to pitch, gain and cutoff.
    pub(super) fn connect(&mut self, depths: [&Depths; 3]) {
        let any = |of: fn(&Depths) -> i32| depths.iter().any(|depths| of(depths) != 0);
        self.uses = Uses {
            mod_lfo: any(|depths| depths.mod_lfo),
            vibrato: any(|depths| depths.vibrato),
            eg2: any(|depths| depths.eg2),
        };
        self.any = depths.iter().any(|depths| depths.any()) || !self.glide.is_over();
        let mod_lfo = self.mod_lfo.pace(depths.map(|depths| depths.mod_lfo));
        let vibrato = self.vibrato.pace(depths.map(|depths| depths.vibrato));
        self.lfo_pace = mod_lfo.max(vibrato);
    }

    pub(super) fn start_glide(&mut self, glide: Glide) {
        self.glide = glide;
        self.any = true;
    }

    /// How often the sources want control points.
    pub(super) fn pace(&self) -> Pace {
        let rest = if self.glide.is_over() && !(self.uses.eg2 && self.eg2.is_fast()) {
            Pace::Slow
        } else {
            Pace::Medium
        };
        self.lfo_pace.max(rest)
    }

    /// What EG2 rises by in a frame, Q30.
    pub(super) const fn slope(&self) -> i64 {
        self.eg2.slope()
    }

    /// Frames until EG2 goes on at another speed.
    pub(super) fn bend(&self) -> Option<usize> {
        self.eg2.bend()
    }

    /// Moves on by one straight piece of at most `most` frames.
    pub(super) fn advance(&mut self, most: usize) -> Stride {
        if !self.any() {
            self.idle = self.idle.saturating_add(most as u64);
            return Stride {
                frames: most,
                glides: false,
            };
        }
        let mut frames = most;
        if self.uses.eg2 {
            let piece = self.eg2.advance(most);
            frames = piece.frames.clamp(1, most.max(1));
            self.values.eg2 = part_of_peak(piece.to);
        } else {
            self.eg2.skip(most as u64);
        }
        self.mod_lfo.advance(frames);
        self.vibrato.advance(frames);
        let from = self.values;
        self.look_at_lfos();
        let bulge = |lfo: &Lfo, from: i32, to: i32| {
            let mean = (i64::from(from) + i64::from(to)) >> 1;
            (mean.wrapping_mul(lfo.bulge(frames)) >> 30) as i32
        };
        self.bulges = Moving {
            mod_lfo: bulge(&self.mod_lfo, from.mod_lfo, self.values.mod_lfo),
            vibrato: bulge(&self.vibrato, from.vibrato, self.values.vibrato),
            eg2: 0,
        };
        let glides = !self.glide.is_over();
        if glides {
            self.glide.advance(frames);
        }
        Stride { frames, glides }
    }

    /// What a pitch of some depths goes above the line from control point to control point, on
    /// average, 16.16 cents.
    pub(super) fn bulge(&self, depths: &Depths) -> i64 {
        depths.sum(&self.bulges)
    }

    /// Reads all sources where they are now.
    pub(super) fn look(&mut self) {
        self.values.eg2 = part_of_peak(self.eg2.level());
        self.look_at_lfos();
    }

    fn look_at_lfos(&mut self) {
        let value = |lfo: &Lfo, used| if used { lfo.value() } else { 0 };
        self.values.mod_lfo = value(&self.mod_lfo, self.uses.mod_lfo);
        self.values.vibrato = value(&self.vibrato, self.uses.vibrato);
    }

    /// What the sources will read after some frames; EG1 is not among them.
    pub(super) fn foresee(&self, frames: usize) -> Values {
        let (mut mod_lfo, mut vibrato, mut eg2) = (self.mod_lfo, self.vibrato, self.eg2);
        mod_lfo.advance(frames);
        vibrato.advance(frames);
        eg2.skip(frames as u64);
        Values {
            mod_lfo: mod_lfo.value(),
            vibrato: vibrato.value(),
            eg2: part_of_peak(eg2.level()),
            ..Values::default()
        }
    }

    /// Whether EG2 goes on from elsewhere than its last piece ended; it is there then.
    pub(super) fn jumps(&mut self) -> bool {
        let eg2 = part_of_peak(self.eg2.level());
        self.uses.eg2 && core::mem::replace(&mut self.values.eg2, eg2) != eg2
    }

    /// Moves the sources that were not moved to where they should be by now.
    pub(super) fn catch_up(&mut self) {
        let idle = core::mem::take(&mut self.idle);
        if idle > 0 {
            let frames = usize::try_from(idle).unwrap_or(usize::MAX);
            self.mod_lfo.advance(frames);
            self.vibrato.advance(frames);
            self.eg2.skip(idle);
        }
    }

    /// The note was released.
    pub(super) fn release(&mut self) {
        self.catch_up();
        self.eg2.release(match self.eg2.level() {
            Level::Rise(rise) => BOTTOM.saturating_sub(rise),
            Level::Fall(fall) => fall,
        });
    }
}

/// An envelope's level in Q30.
pub(super) fn part_of_peak(level: Level) -> i32 {
    match level {
        Level::Rise(rise) => (rise.min(BOTTOM) >> 2) as i32,
        Level::Fall(fall) => (BOTTOM.saturating_sub(fall) >> 2) as i32,
    }
}
