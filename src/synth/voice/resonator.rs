//! A voice's filter and what moves its cutoff.

use super::Pace;
use super::motion::Motion;
use crate::dls;
use crate::synth::filter::{Coefficients, Filter, Resonance, Run, Tuning};
use crate::synth::modulation::Depths;

/// A filter whose coefficients follow the voice's sources.
#[derive(Clone, Debug)]
pub(super) struct Resonator {
    filter: Filter,
    /// 16.16 pitch cents without the moving sources.
    cutoff: i64,
    resonance: Resonance,
    depths: Depths,
    /// The coefficients at the next control point, and the cutoff that they stand for.
    target: Coefficients,
    reached: i64,
    /// Whether the target is out of date though no source moves.
    stale: bool,
    /// Whether the target is to be reached at once.
    jumps: bool,
}

impl Resonator {
    pub(super) fn new(filter: dls::Filter) -> Self {
        Self {
            filter: Filter::default(),
            cutoff: i64::from(filter.cutoff.0),
            resonance: Resonance::new(i64::from(filter.q.0)),
            depths: Depths::default(),
            target: Coefficients::default(),
            reached: i64::MIN,
            stale: true,
            jumps: false,
        }
    }

    /// Sets what stands still, in 16.16 pitch cents and tenths of a decibel, and what moves.
    pub(super) fn set(&mut self, cutoff: i64, q: i64, depths: Depths) {
        self.cutoff = cutoff;
        self.resonance = Resonance::new(q);
        self.depths = depths;
        self.stale = true;
    }

    /// Whether EG2 moves the cutoff.
    pub(super) const fn follows_eg2(&self) -> bool {
        self.depths.eg2 != 0
    }

    /// How often a cutoff wants control points while EG2 rises by `slope` (Q30) a frame: every 128 cents
    /// or more often. The line that the coefficients take over so much leaves the way of the cutoff
    /// by a thousandth, and a resonance makes more of that.
    pub(super) fn pace(&self, slope: i64) -> Pace {
        match self.sweep(slope).unsigned_abs() >> 16 {
            0..2 => Pace::Slow,
            2..8 => Pace::Fast,
            8..16 => Pace::Steep,
            _ => Pace::Sheer,
        }
    }

    /// What EG2 moves the cutoff by in a frame, 16.16 cents.
    fn sweep(&self, slope: i64) -> i64 {
        i64::from(self.depths.eg2).saturating_mul(slope) >> 30
    }

    /// The cutoff has moved.
    pub(super) fn expire(&mut self) {
        self.stale = true;
    }

    /// Begins at rest, with the coefficients of the moment.
    pub(super) fn settle(&mut self, tuning: Tuning, motion: &Motion) {
        self.aim(tuning, motion);
        self.filter = Filter::new(self.target);
    }

    /// EG2 was thrown to its release: the cutoff follows at once.
    pub(super) fn release(&mut self) {
        self.jumps = self.depths.eg2 != 0;
    }

    /// A run of frames, towards where the sources are at its end.
    pub(super) fn run<'a>(
        &'a mut self,
        tuning: Tuning,
        motion: &Motion,
        frames: &'a mut [i32],
    ) -> Run<'a> {
        if self.stale || self.depths.any() {
            self.aim(tuning, motion);
            if core::mem::take(&mut self.jumps) {
                // From where EG2 was thrown to; the line to the next control point starts there.
                self.filter.set(self.target);
            }
        }
        Run {
            filter: &mut self.filter,
            frames,
            target: self.target,
        }
    }

    /// Brings the target up to date.
    fn aim(&mut self, tuning: Tuning, motion: &Motion) {
        let cutoff = self
            .cutoff
            .saturating_add(self.depths.sum(&motion.values))
            .saturating_add(motion.shapes.map_or(0, |shapes| shapes.cutoff))
            // Four frames share their coefficients, and those of their middle fit best.
            .saturating_add(self.sweep(motion.slope()).saturating_mul(3) >> 1);
        let has_moved = cutoff.abs_diff(self.reached) > NOT_HEARD;
        if core::mem::take(&mut self.stale) || has_moved {
            self.target = tuning.coefficients(cutoff, self.resonance);
            self.reached = cutoff;
        }
    }
}

/// What a moving cutoff may be away from where the filter is, 16.16 cents: a quarter of a cent,
/// which the highest resonance makes 0.02 dB of. A slow envelope takes several blocks for it, and
/// coefficients are the dearest of what a control point costs.
const NOT_HEARD: u64 = 1 << 14;
