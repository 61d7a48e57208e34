//! How a voice sounds: its wave into a block, and from there, through the filter if there is one,
//! to the mix bus.
//!
//! Voices go in pairs: each frame of a filter waits for the one before it, and what two voices add
//! to the bus takes fewer steps than twice what one does.

use super::gain::{Gain, Stretch, Sweep};
use super::{Output, Voice};
use crate::dls::Wave;
use crate::synth::bus::Buses;
use crate::synth::filter;

impl Voice {
    /// Renders the wave into `block`, up to the next control point.
    pub(in crate::synth) fn oscillate(&mut self, wave: &Wave, output: &Output, block: &mut [i32]) {
        // EG2 may bend in the middle. A pitch that cut the corner would leave a lasting offset in
        // the wave, so each of its straight pieces is a run.
        let mut rest = block;
        while !rest.is_empty() {
            let stride = self.motion.advance(rest.len());
            let (now, later) = rest.split_at_mut(stride.frames.min(rest.len()));
            let bent =
                stride.glides || self.is_shaped() || (self.motion.any() && self.pitch.depths.any());
            let cursor = &mut self.oscillator.cursor;
            self.pitch.lead(cursor, &self.motion, now.len(), bent);
            self.oscillator
                .run(wave.padded(), output.interpolation, now);
            if bent && self.motion.jumps() {
                self.pitch.settle(&self.motion);
            }
            rest = later;
        }
    }

    pub(in crate::synth) const fn has_filter(&self) -> bool {
        self.resonator.is_some()
    }

    /// Filters the block, if there is a filter, and adds it to the buses.
    pub(in crate::synth) fn finish(
        &mut self,
        start: usize,
        block: &mut [i32],
        output: &Output,
        buses: &mut Buses<'_>,
    ) {
        if let Some(resonator) = &mut self.resonator {
            filter::run(resonator.run(output.tuning, &self.motion, block));
        }
        let sweep = self.gain.sweep(&self.motion, block.len());
        let first = self.gain.stretch(&sweep, 0);
        self.gain.mix(&sweep, first, start, block, buses);
    }

    /// As [`Voice::finish`], for two voices at once, both with a filter or both without.
    pub(in crate::synth) fn finish_two(
        [a, b]: [&mut Self; 2],
        start: usize,
        [block_a, block_b]: [&mut [i32]; 2],
        output: &Output,
        buses: &mut Buses<'_>,
    ) {
        let length = block_a.len();
        let sweep_a = a.gain.sweep(&a.motion, length);
        let sweep_b = b.gain.sweep(&b.motion, length);
        let first_a = a.gain.stretch(&sweep_a, 0);
        let first_b = b.gain.stretch(&sweep_b, 0);
        let at_once = first_a.frames == length && first_b.frames == length;
        let is_sent = buses.sends.is_some() && (a.gain.is_sent() || b.gain.is_sent());
        let lines = [first_a.line, first_b.line];
        let sent = is_sent.then(|| [a.gain.send(&first_a), b.gain.send(&first_b)]);
        if let (Some(filter_a), Some(filter_b)) = (&mut a.resonator, &mut b.resonator) {
            let mut runs = [
                filter_a.run(output.tuning, &a.motion, block_a),
                filter_b.run(output.tuning, &b.motion, block_b),
            ];
            if at_once {
                buses.add_filtered(start, runs, lines, sent);
                return;
            }
            filter::run_two(&mut runs);
        } else if at_once {
            buses.add_two(start, [block_a, block_b], lines, sent);
            return;
        }
        a.gain.mix(&sweep_a, first_a, start, block_a, buses);
        b.gain.mix(&sweep_b, first_b, start, block_b, buses);
    }
}

impl Gain {
    /// Adds the block, which starts at frame `start` of the bus, to the mix, and to the effects'
    /// sends if there is a bus for them.
    fn mix(
        &mut self,
        sweep: &Sweep,
        first: Stretch,
        start: usize,
        block: &[i32],
        buses: &mut Buses<'_>,
    ) {
        let mut sends = buses.sends.as_deref_mut().filter(|_| self.is_sent());
        let (mut stretch, mut done) = (first, 0_usize);
        loop {
            let next = done.saturating_add(stretch.frames);
            let place = start.saturating_add(done);
            let frames = block.get(done..next).unwrap_or_default();
            buses.mix.add(place, frames, stretch.line);
            if let Some(sends) = &mut sends {
                sends.add(place, frames, self.send(&stretch));
            }
            if next >= block.len() {
                break;
            }
            stretch = self.stretch(sweep, next);
            done = next;
        }
    }
}
