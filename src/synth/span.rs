//! A span, from one control point or event to the next: every voice is rendered over it and added
//! to the mix bus.
#![forbid(unsafe_code)]

use super::BLOCK_FRAMES;
use super::bank::Bank;
use super::bus::Buses;
use super::pool::Pool;
use super::voice::{Output, Voice};

/// What a span needs.
#[derive(Debug)]
pub(super) struct Span<'a> {
    pub(super) pool: &'a mut Pool,
    pub(super) bank: &'a Bank,
    pub(super) output: &'a Output,
    pub(super) buses: Buses<'a>,
    /// Room for two voices' frames on their way through the filter.
    pub(super) blocks: &'a mut [[i32; BLOCK_FRAMES]],
}

impl Span<'_> {
    /// Adds the frames `at..end` of every voice to the buses.
    pub(super) fn render(mut self, at: usize, end: usize) {
        let length = end.saturating_sub(at);
        let [first, second] = self.blocks else {
            return;
        };
        let (Some(first), Some(second)) = (first.get_mut(..length), second.get_mut(..length))
        else {
            return;
        };
        if length == 0 {
            return;
        }
        // A voice with a filter waits here for a second one.
        let mut waiting = None;
        for n in 0..self.pool.sounding() {
            let Some(place) = self.pool.place(n) else {
                break;
            };
            let Some(voice) = self.pool.at(place) else {
                continue;
            };
            let Some(wave) = self.bank.wave(voice.identity.wave) else {
                continue;
            };
            if voice.is_shaped() {
                let instrument = self.bank.instrument(voice.identity.instrument);
                voice.reshape(instrument, length);
            }
            let block = if waiting.is_some() {
                &mut *second
            } else {
                &mut *first
            };
            voice.oscillate(wave, self.output, block);
            if !voice.has_filter() {
                voice.finish(at, block, self.output, &mut self.buses);
                continue;
            }
            let Some(other) = waiting.take() else {
                waiting = Some(place);
                continue;
            };
            if let Some((a, b)) = self.pool.both(other, place) {
                let blocks = [&mut *first, &mut *second];
                Voice::finish_two([a, b], at, blocks, self.output, &mut self.buses);
            }
        }
        if let Some(voice) = waiting.and_then(|place| self.pool.at(place)) {
            voice.finish(at, first, self.output, &mut self.buses);
        }
    }
}
