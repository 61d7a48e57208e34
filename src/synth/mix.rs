//! Rendering: events at their frames, voices onto the bus, the bus to 16 bits.
//!
//! Everything here runs under the synth's lock, for one block of at most [`BLOCK_FRAMES`]; what it
//! takes is bounded by [`BLOCK_WORK`] and [`EVENT_WORK`].
#![forbid(unsafe_code)]

use super::bus::Buses;
use super::groups::ALL;
use super::play::{self, Player};
use super::queue::Event;
use super::span::Span;
use super::voice::Pace;
use super::{BLOCK_FRAMES, BLOCK_WORK, Storage, Synth};
use crate::time::SampleTime;

/// A message to all groups that not all have obeyed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broadcast {
    event: Event,
    /// The next slot to look at.
    slot: usize,
}

impl Synth {
    /// Renders the frames from `position` on, interleaved, and overwrites `out`. At most
    /// [`BLOCK_FRAMES`] are made; what `out` has beyond them is silent.
    pub fn render(&mut self, position: SampleTime, out: &mut [i16]) {
        let frames = self.frames_in(out);
        self.mix(position, frames, usize::MAX);
        self.put_out(frames, out);
    }

    /// As [`render`](Self::render), but stops where [`BLOCK_WORK`] is used up by what sounds:
    /// says how many frames it made, at least one if there is room for one. What `out` has beyond
    /// them is silent.
    pub fn render_some(&mut self, position: SampleTime, out: &mut [i16]) -> usize {
        let frames = self.frames_in(out);
        let made = self.mix(position, frames, BLOCK_WORK);
        self.put_out(made, out);
        made
    }

    /// As [`Synth::render`], but hands out the mix itself, before volume, boost and rounding: a
    /// 16-bit sample's step is 2^37. For measurements.
    #[doc(hidden)]
    pub fn render_mix(&mut self, position: SampleTime, out: &mut [[i64; 2]]) {
        let frames = out.len().min(BLOCK_FRAMES);
        self.mix(position, frames, usize::MAX);
        let wet = &mut self.rack.run(frames).iter();
        let out = out.get_mut(..frames).unwrap_or_default();
        self.bus
            .drain(out, |slot, sums| *slot = plus(sums, wet.next()));
    }

    /// How many frames a block in `out` has.
    fn frames_in(&self, out: &[i16]) -> usize {
        let channels = usize::from(self.config.channels);
        let frames = out.len().checked_div(channels).unwrap_or(0);
        frames.min(BLOCK_FRAMES)
    }

    /// Makes 16-bit samples of what is on the bus.
    fn put_out(&mut self, frames: usize, out: &mut [i16]) {
        let level = self.level;
        let wet = &mut self.rack.run(frames).iter();
        let samples = frames.saturating_mul(usize::from(self.config.channels));
        let (samples, rest) = out.split_at_mut(samples.min(out.len()));
        rest.fill(0);
        if self.config.channels == 1 {
            self.bus.drain(samples, |slot, sums| {
                *slot = level.mono_sample(plus(sums, wet.next()));
            });
        } else {
            let (pairs, _) = samples.as_chunks_mut::<2>();
            self.bus.drain(pairs, |pair, sums| {
                *pair = plus(sums, wet.next()).map(|sum| level.sample(sum));
            });
        }
        let ends = |(low, high): (i16, i16), &sample: &i16| (low.min(sample), high.max(sample));
        let (low, high) = samples.iter().fold((0, 0), ends);
        let peak = low.unsigned_abs().max(high.unsigned_abs());
        self.stats.peak = self.stats.peak.max(peak);
    }

    /// Plays the events of a block at their frames and leaves the voices' sum on the bus. Makes no
    /// more frames than `voice_frames` allows for what sounds, and says how many.
    fn mix(&mut self, position: SampleTime, frames: usize, mut voice_frames: usize) -> usize {
        if position < self.next {
            // Events that had to wait must not wait for the clock to come there again.
            self.queue.go_back(self.next, position);
        }
        let mut at = 0;
        // What is known to sound already decides how much events may cost.
        let likely = frames.min(self.frames_within(voice_frames)).max(1);
        let mut work = likely.saturating_mul(EVENT_WORK);
        // What the last block has spent beyond its own is paid first.
        let paid = work.min(self.debt);
        self.debt = self.debt.saturating_sub(paid);
        work = work.saturating_sub(paid);
        while at < frames {
            if at > 0 && self.frames_within(voice_frames) == 0 {
                break;
            }
            let now = position
                .0
                .saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
            let mut end = frames;
            let mut obeyed = false;
            while work > 0 {
                if self.broadcast.is_none()
                    && let Some(SampleTime(due)) = self.queue.next_time()
                    && due > now
                {
                    let until = due.saturating_sub(position.0);
                    end = end.min(usize::try_from(until).unwrap_or(usize::MAX));
                    break;
                }
                let visits = EVENT_COST.saturating_add(self.storage.pool.sounding());
                let before = self.storage.pool.started();
                if !self.obey_next() {
                    break;
                }
                let layers = self.storage.pool.started().wrapping_sub(before);
                // The event's own visits are those of its first layer.
                let more = layers.saturating_sub(1).saturating_mul(visits);
                let starts = layers.saturating_mul(START_COST);
                let searches = core::mem::take(&mut self.searched).saturating_sub(FREE_SEARCHES);
                let cost = visits.saturating_add(more).saturating_add(starts);
                work = self.spend(work, cost.saturating_add(searches));
                obeyed = true;
            }
            if core::mem::take(&mut self.stale) {
                let Storage { pool, groups } = &mut self.storage;
                let updated = play::freshen(pool, groups, &self.bank);
                work = self.spend(work, updated.saturating_mul(UPDATE_COST));
            }
            let mut most = self.control_interval();
            if obeyed {
                // What notes and releases have set going counts from here on.
                let (pace, bend) = (&mut self.pace, &mut self.bend);
                self.storage.pool.each(|voice| {
                    *pace = voice.pace().max(*pace);
                    *bend = voice.bend().unwrap_or(*bend).min(*bend);
                });
                most = self.control_interval();
                // A block whose work is used up is not cut into more pieces.
                if work > 0 {
                    most = most.min(EVENT_FRAMES);
                }
            }
            // Control points lie on a grid, whenever events come: powers of two, all of them.
            let end = end.min((at | most.saturating_sub(1)).saturating_add(1));
            let end = end.min(at.saturating_add(self.bend));
            // What the events have started may be too much to go so far. At least one frame is made.
            let allowed = self.frames_within(voice_frames).max(usize::from(at == 0));
            let end = end.min(at.saturating_add(allowed));
            let spent = end.saturating_sub(at);
            let spent = spent.saturating_mul(self.storage.pool.sounding());
            voice_frames = voice_frames.saturating_sub(spent);
            self.render_span(at, end);
            at = end;
        }
        let made = i64::try_from(at).unwrap_or(i64::MAX);
        self.next = SampleTime(position.0.saturating_add(made));
        at
    }

    /// Takes what something has cost from the work that is left; what is not there is owed.
    fn spend(&mut self, work: usize, cost: usize) -> usize {
        let owed = cost.saturating_sub(work);
        self.debt = self.debt.saturating_add(owed);
        work.saturating_sub(cost)
    }

    /// For how many frames of what sounds so much work is enough.
    fn frames_within(&self, voice_frames: usize) -> usize {
        let sounding = self.storage.pool.sounding();
        voice_frames.checked_div(sounding).unwrap_or(usize::MAX)
    }

    /// Obeys the next event in one group; says whether there was any.
    fn obey_next(&mut self) -> bool {
        if let Some(broadcast) = self.broadcast.take() {
            if let Some((slot, number)) = self.storage.groups.next_in_use(broadcast.slot) {
                self.broadcast = Some(Broadcast {
                    slot: slot.saturating_add(1),
                    ..broadcast
                });
                self.obey(number, &broadcast.event);
            }
            return true;
        }
        let Some(event) = self.queue.pop() else {
            return false;
        };
        if event.group == ALL {
            self.broadcast = Some(Broadcast { event, slot: 0 });
        } else if self.storage.groups.enlist(event.group, &mut None).is_err() {
            // Whoever queued it brought no memory for its group.
            self.stats.events_lost = self.stats.events_lost.saturating_add(1);
            return true;
        }
        self.obey(event.group, &event);
        true
    }

    fn obey(&mut self, group: u16, event: &Event) {
        Player {
            bank: &mut self.bank,
            groups: &mut self.storage.groups,
            pool: &mut self.storage.pool,
            output: &self.output,
            stale: &mut self.stale,
            notes: &mut self.notes,
            notes_lost: &mut self.stats.notes_lost,
            searched: &mut self.searched,
        }
        .obey(group, event.message);
        let active = super::count(self.storage.pool.active());
        self.stats.peak_voices = self.stats.peak_voices.max(active);
    }

    /// The most frames to the next control point.
    const fn control_interval(&self) -> usize {
        match self.output.rate {
            _ if matches!(self.pace, Pace::Steep | Pace::Sheer) => self.pace.frames(),
            ..32_000 => Pace::Fast.frames(),
            _ => self.pace.frames(),
        }
    }

    /// Adds the frames `at..end` of every voice to the bus.
    fn render_span(&mut self, at: usize, end: usize) {
        Span {
            pool: &mut self.storage.pool,
            bank: &self.bank,
            output: &self.output,
            buses: Buses {
                mix: &mut self.bus,
                sends: self.rack.sends(),
            },
            blocks: &mut self.blocks,
        }
        .render(at, end);
        self.bury();
    }

    /// Gives the places of voices that are over to new ones.
    fn bury(&mut self) {
        let pool = &mut self.storage.pool;
        self.pace = Pace::Slow;
        self.bend = usize::MAX;
        let mut n = pool.sounding();
        while let Some(last) = n.checked_sub(1) {
            n = last;
            let voice = pool.place(n).and_then(|place| pool.at(place));
            if let Some(voice) = voice
                && !voice.is_done()
            {
                self.pace = self.pace.max(voice.pace());
                self.bend = voice.bend().unwrap_or(self.bend).min(self.bend);
            } else if let Some(identity) = pool.remove(n) {
                play::forget(&mut self.bank, &identity);
            }
        }
    }
}

/// A frame of the mix with what the effects add to it.
fn plus([left, right]: [i64; 2], wet: Option<&[i64; 2]>) -> [i64; 2] {
    match wet {
        Some(&[wet_left, wet_right]) => [
            left.saturating_add(wet_left),
            right.saturating_add(wet_right),
        ],
        None => [left, right],
    }
}

/// Frames from an event to the next control point at most: what the event has thrown elsewhere
/// goes there in a straight line, and shall be there soon.
const EVENT_FRAMES: usize = 32;

/// What obeying events may cost for each frame, in visits of a voice: a flood waits for later
/// blocks, so that this one ends and the processor has time for others. From silence 390 notes
/// begin on one frame; in 8 frames with 1,024 voices 7 events are obeyed. What a single event
/// costs beyond that, as a master volume that 1,024 voices hear, is owed to the next blocks.
const EVENT_WORK: usize = 1024;
/// What an event costs apart from the voices that it visits.
const EVENT_COST: usize = 64;
/// Regions that a note may look at for the cost of its event; each further one is a visit.
const FREE_SEARCHES: usize = 64;
/// What it costs to start a voice, apart from looking at the others.
const START_COST: usize = 64;
/// What it costs to evaluate a voice's connections anew.
const UPDATE_COST: usize = 64;
