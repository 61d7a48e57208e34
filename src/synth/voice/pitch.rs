//! How fast a voice reads its wave.
//!
//! Between control points the step moves in a straight line that goes as far as a pitch would
//! that moves evenly in cents.

use super::Motion;
use crate::fixed::{self, Power};
use crate::synth::BLOCK_FRAMES;
use crate::synth::fir::Cursor;
use crate::synth::modulation::Depths;

/// A voice's pitch: what stands still, and what the moving sources do to it.
#[derive(Clone, Debug)]
pub(super) struct Pitch {
    /// Step at no detuning, Q32.
    base: u64,
    /// Sum of everything that stands still, 16.16 cents.
    pub(super) cents: i64,
    pub(super) depths: Depths,
    /// The step at the last control point, and the cents that it stands for.
    step: u64,
    reached: i64,
}

impl Pitch {
    /// Of a wave of one rate at an output of another.
    pub(super) fn new(wave: u32, output: u32) -> Self {
        let base = (u64::from(wave) << 32).checked_div(u64::from(output));
        Self {
            base: base.unwrap_or(0),
            cents: 0,
            depths: Depths::default(),
            step: 0,
            reached: i64::MIN,
        }
    }

    /// Takes the pitch that the sources stand for at once.
    pub(super) fn settle(&mut self, motion: &Motion) {
        let cents = self.sum(motion);
        if cents != self.reached {
            let ratio = Power::of_two(fixed::octaves_of_cents(cents)).scaled(32);
            let step = u128::from(ratio).wrapping_mul(u128::from(self.base)) >> 32;
            self.step = step.min(FASTEST) as u64;
            self.reached = cents;
        }
    }

    /// Sets a cursor off to where the sources are after `frames`, or on at its speed if nothing
    /// has `bent` the pitch.
    pub(super) fn lead(&mut self, cursor: &mut Cursor, motion: &Motion, frames: usize, bent: bool) {
        let from = self.step;
        if bent {
            self.settle(motion);
        }
        (cursor.step, cursor.change) = if self.step == from {
            (from, 0)
        } else {
            line(from, self.step, motion.bulge(&self.depths), frames)
        };
    }

    fn sum(&self, motion: &Motion) -> i64 {
        self.cents
            .saturating_add(self.depths.sum(&motion.values))
            .saturating_add(motion.shapes.map_or(0, |shapes| shapes.pitch))
            .saturating_add(motion.glide.cents())
    }
}

/// Portamento: a pitch offset that runs out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Glide {
    /// 16.16 cents in Q16: fractions of 1/65,536 cent would never add up over 8 s.
    offset: i64,
    per_frame: i64,
}

impl Glide {
    /// Down from an offset in 16.16 cents, in a time given in 16.16 time cents.
    pub(super) fn new(offset: i64, time: i64, rate: u32) -> Self {
        let seconds = Power::of_two(fixed::octaves_of_cents(time)).scaled(32);
        let frames = (seconds.saturating_mul(u64::from(rate)) >> 32).max(1);
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        let per_frame = (offset << 16).checked_div(frames).unwrap_or(0);
        // What would never end is too little to be heard.
        let offset = if per_frame == 0 { 0 } else { offset << 16 };
        Self { offset, per_frame }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.offset == 0
    }

    /// What is left, 16.16 cents.
    const fn cents(&self) -> i64 {
        self.offset >> 16
    }

    pub(super) fn advance(&mut self, frames: usize) {
        let way = self.per_frame.saturating_mul(frames as i64);
        let rest = self.offset.saturating_sub(way);
        // It stops where it would change its sign.
        let over = (rest < 0) != (self.offset < 0);
        self.offset = if over { 0 } else { rest };
    }
}

/// The first step and what it grows by every four frames, to get from one step to another in some
/// frames and on the way as far as a pitch would that moves evenly in cents, but for a `bulge` (the
/// mean above the even way, 16.16 cents): what a line is long or short of that would stay in the
/// wave.
fn line(from: u64, to: u64, bulge: i64, frames: usize) -> (u64, i64) {
    let whole = frames == BLOCK_FRAMES;
    let frames = (frames as i64).max(1);
    // Most lines are a block long, and that the compiler divides by without a division.
    let over = |value: i64| {
        if whole {
            value / BLOCK_FRAMES as i64
        } else {
            value / frames
        }
    };
    let (from, to) = (from as i64, to as i64);
    let distance = to.wrapping_sub(from);
    let change = over(distance.wrapping_mul(4));
    // What the frames' changes add up to: four frames share a step.
    let fours = frames / 4;
    let changes = (2 * fours).wrapping_mul(fours - 1);
    let changes = changes.wrapping_add((frames % 4).wrapping_mul(fours));
    let grown = over(change.wrapping_mul(changes));
    let sum = from.saturating_add(to).max(1);
    let mean = sum / 2;
    // ln 2 / 1,200 of the step a cent, Q24.
    let above = (mean >> 8).wrapping_mul(bulge).wrapping_mul(9691) >> 32;
    let mean = mean.wrapping_sub(sag(distance, sum)).wrapping_add(above);
    (mean.wrapping_sub(grown).max(0) as u64, change)
}

/// How far an even movement in cents hangs below its chord, on average.
fn sag(distance: i64, sum: i64) -> i64 {
    let six = sum.saturating_mul(6);
    let small = distance.unsigned_abs() < 1 << 31;
    if small {
        distance
            .wrapping_mul(distance)
            .checked_div(six)
            .unwrap_or(0)
    } else {
        let square = i128::from(distance).wrapping_mul(i128::from(distance));
        square.checked_div(i128::from(six)).unwrap_or(0) as i64
    }
}

/// 4,096 frames of a wave in one output frame: no interval of music.
const FASTEST: u128 = 1 << 44;
