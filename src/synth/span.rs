//! A span, from one control point or event to the next: every voice is rendered over it and added
//! to the mix bus.
#![forbid(unsafe_code)]

use core::ops::Range;

use super::BLOCK_FRAMES;
use super::bank::Bank;
use super::bus::Buses;
use super::pool::{Place, Pool};
use super::voice::{Output, Voice};

/// What a span needs.
#[derive(Debug)]
pub(super) struct Span<'a> {
    pub(super) pool: &'a mut Pool,
    pub(super) bank: &'a Bank,
    pub(super) output: &'a Output,
    pub(super) buses: Buses<'a>,
    /// For two voices that wait and the one that is rendered.
    pub(super) blocks: &'a mut [[i32; BLOCK_FRAMES]],
}

/// Voices go through their filters and onto the bus in pairs, those with a filter and those
/// without: one of either kind may wait here for a second one.
#[derive(Debug)]
struct Waiting<'a> {
    place: Option<Place>,
    /// Its frames.
    block: &'a mut [i32],
}

impl<'a> Waiting<'a> {
    const fn new(block: &'a mut [i32]) -> Self {
        Self { place: None, block }
    }
}

impl Span<'_> {
    /// Adds frames of the voices from number `voice` on to the buses, of at least one and of no more
    /// than there is `work` for; says which is the next.
    pub(super) fn render(mut self, frames: Range<usize>, voice: usize, work: &mut usize) -> usize {
        let sounding = self.pool.sounding();
        let Range { start: at, end } = frames;
        let length = end.saturating_sub(at);
        let [first, second, third] = self.blocks else {
            return sounding;
        };
        let (Some(mut block), Some(plain), Some(filtered)) = (
            first.get_mut(..length),
            second.get_mut(..length),
            third.get_mut(..length),
        ) else {
            return sounding;
        };
        if length == 0 {
            return sounding;
        }
        let mut plain = Waiting::new(plain);
        let mut filtered = Waiting::new(filtered);
        let mut next = voice;
        while let Some(place) = self.pool.place(next) {
            if *work == 0 && next > voice {
                break;
            }
            next = next.saturating_add(1);
            *work = work.saturating_sub(length.max(SHORTEST));
            let Some(voice) = self.pool.at(place) else {
                continue;
            };
            let Some(wave) = self.bank.wave(voice.identity.wave) else {
                continue;
            };
            if voice.is_shaped() {
                let instrument = self.bank.instrument(voice.identity.instrument);
                let shapes = voice.reshape(instrument, length);
                *work = work.saturating_sub(shapes.saturating_mul(SHAPE_COST));
            }
            voice.oscillate(wave, self.output, block);
            let waiting = if voice.has_filter() {
                &mut filtered
            } else {
                &mut plain
            };
            let Some(other) = waiting.place.take() else {
                waiting.place = Some(place);
                core::mem::swap(&mut waiting.block, &mut block);
                continue;
            };
            if let Some((a, b)) = self.pool.both(other, place) {
                let blocks = [&mut *waiting.block, &mut *block];
                Voice::finish_two([a, b], at, blocks, self.output, &mut self.buses);
            }
        }
        for waiting in [plain, filtered] {
            if let Some(voice) = waiting.place.and_then(|place| self.pool.at(place)) {
                voice.finish(at, waiting.block, self.output, &mut self.buses);
            }
        }
        next
    }
}

/// A shorter span costs a voice as much as one of so many frames: it sets its control points.
const SHORTEST: usize = 24;
/// What it costs to look at a connection that bends, in frames of a voice.
const SHAPE_COST: usize = 4;
