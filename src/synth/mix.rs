//! Rendering: events at their frames, voices onto the bus, the bus to 16 bits.
//!
//! Everything here runs under the synth's lock. A block is made in one go or, for who must not keep
//! the lock so long, in steps of at most [`BLOCK_WORK`]: the block's own frames are the same for all
//! voices, and a step takes as many voices as there is work for. (Shorter blocks instead would cost
//! a thousand voices five times as much: what a voice does once a block, it would do every eight
//! frames.) What events may cost a block is bounded by [`EVENT_WORK`].
#![forbid(unsafe_code)]

use super::bus::Buses;
use super::groups::ALL;
use super::output::Level;
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

/// A block on its way: where it goes on in the next step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    position: SampleTime,
    frames: usize,
    /// Frames that are on the bus.
    at: usize,
    /// What events may still cost, in visits of a voice.
    work: usize,
    /// Whether an event was obeyed at this frame.
    obeyed: bool,
    /// The frames that some voices have added to the bus already, and others have not.
    span: Option<Reach>,
}

/// How far a span has got.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// The frame behind its last one.
    end: usize,
    /// The number of the next voice.
    voice: usize,
}

impl Synth {
    /// Renders the frames from `position` on, interleaved, and overwrites `out`. At most
    /// [`BLOCK_FRAMES`] are made; what `out` has beyond them is silent.
    pub fn render(&mut self, position: SampleTime, out: &mut [i16]) {
        let frames = self.frames_in(out);
        self.mix(position, frames, usize::MAX);
        self.put_out(frames, out);
    }

    /// As [`render`](Self::render), but stops where [`BLOCK_WORK`] is used up, and says nothing
    /// until the block is done: call it again with the same `position` and as much room, after
    /// others had a chance to take the lock. Then says how many frames it made.
    pub fn render_some(&mut self, position: SampleTime, out: &mut [i16]) -> Option<usize> {
        let frames = self.frames_in(out);
        self.mix(position, frames, BLOCK_WORK).then(|| {
            self.put_out(frames, out);
            frames
        })
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
        let mut fader = self.fader;
        if let Some(level) = fader.rest() {
            self.put_out_at(frames, out, || level);
        } else {
            self.put_out_at(frames, out, || fader.next());
            self.fader = fader;
        }
    }

    /// The same, at a level for each frame.
    fn put_out_at(&mut self, frames: usize, out: &mut [i16], mut level: impl FnMut() -> Level) {
        let wet = &mut self.rack.run(frames).iter();
        let samples = frames.saturating_mul(usize::from(self.config.channels));
        let (samples, rest) = out.split_at_mut(samples.min(out.len()));
        rest.fill(0);
        if self.config.channels == 1 {
            self.bus.drain(&mut *samples, |slot, sums| {
                *slot = level().mono_sample(plus(sums, wet.next()));
            });
        } else {
            let (pairs, _) = samples.as_chunks_mut::<2>();
            self.bus.drain(pairs, |pair, sums| {
                let level = level();
                *pair = plus(sums, wet.next()).map(|sum| level.sample(sum));
            });
        }
        let ends = |(low, high): (i16, i16), &sample: &i16| (low.min(sample), high.max(sample));
        let (low, high) = samples.iter().fold((0, 0), ends);
        let peak = low.unsigned_abs().max(high.unsigned_abs());
        self.stats.peak = self.stats.peak.max(peak);
    }

    /// Plays the events of a block at their frames and leaves the voices' sum on the bus, as far as
    /// `work` goes; says whether the block is done.
    fn mix(&mut self, position: SampleTime, frames: usize, mut work: usize) -> bool {
        let mut pass = self.begin(position, frames);
        while pass.at < pass.frames {
            let Some(reach) = pass.span.or_else(|| self.prepare(&mut pass, &mut work)) else {
                self.pass = Some(pass);
                return false;
            };
            let voice = self.render_span(pass.at, &reach, &mut work);
            if voice < self.storage.pool.sounding() {
                pass.span = Some(Reach { voice, ..reach });
                self.pass = Some(pass);
                return false;
            }
            self.bury();
            pass.at = reach.end;
            pass.span = None;
            pass.obeyed = false;
        }
        let made = i64::try_from(frames).unwrap_or(i64::MAX);
        self.next = SampleTime(position.0.saturating_add(made));
        true
    }

    /// The block that is on its way, or a new one.
    fn begin(&mut self, position: SampleTime, frames: usize) -> Pass {
        if let Some(pass) = self.pass
            && pass.position == position
            && pass.frames == frames
        {
            self.pass = None;
            return pass;
        }
        self.give_up_block();
        if position < self.next {
            // Events that had to wait must not wait for the clock to come there again.
            self.queue.go_back(self.next, position);
        }
        // What the last block has spent beyond its own is paid first.
        let work = frames.saturating_mul(EVENT_WORK);
        let paid = work.min(self.debt);
        self.debt = self.debt.saturating_sub(paid);
        Pass {
            position,
            frames,
            at: 0,
            work: work.saturating_sub(paid),
            obeyed: false,
            span: None,
        }
    }

    /// Takes what a block has left on the buses off again, if it was not done.
    pub(super) fn give_up_block(&mut self) {
        if self.pass.take().is_some() {
            self.bus.clear();
            self.rack.clear_sends();
        }
    }

    /// Obeys what is due at the frame that a block has come to, and says how far the voices go on
    /// from there; nothing where `work` is used up before.
    fn prepare(&mut self, pass: &mut Pass, work: &mut usize) -> Option<Reach> {
        let way = i64::try_from(pass.at).unwrap_or(i64::MAX);
        let now = pass.position.0.saturating_add(way);
        let mut end = pass.frames;
        while pass.work > 0 {
            if self.broadcast.is_none()
                && self.starting.is_none()
                && let Some(SampleTime(due)) = self.queue.next_time()
                && due > now
            {
                let until = due.saturating_sub(pass.position.0);
                end = end.min(usize::try_from(until).unwrap_or(usize::MAX));
                break;
            }
            if *work == 0 {
                return None;
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
            self.spend(pass, work, cost.saturating_add(searches));
            pass.obeyed = true;
        }
        if self.stale {
            if *work == 0 {
                return None;
            }
            let most = (*work / UPDATE_COST).max(1);
            let Storage { pool, groups } = &mut self.storage;
            let updated = play::freshen(pool, groups, &self.bank, most);
            self.spend(pass, work, updated.saturating_mul(UPDATE_COST));
            if updated >= most {
                // There may be more.
                return None;
            }
            self.stale = false;
        }
        let mut most = self.control_interval();
        if pass.obeyed {
            // What notes and releases have set going counts from here on.
            let (pace, bend, curves) = (&mut self.pace, &mut self.bend, &mut self.curves);
            *curves = 0;
            self.storage.pool.each(|voice| {
                *pace = voice.pace().max(*pace);
                *curves = curves.saturating_add(voice.weight());
                *bend = voice.bend().unwrap_or(*bend).min(*bend);
            });
            most = self.control_interval();
            // A block whose work is used up is not cut into more pieces.
            if pass.work > 0 {
                most = most.min(EVENT_FRAMES);
            }
        }
        // Control points lie on a grid, whenever events come: powers of two, all of them.
        let end = end.min((pass.at | most.saturating_sub(1)).saturating_add(1));
        let end = end.min(pass.at.saturating_add(self.bend));
        Some(Reach { end, voice: 0 })
    }

    /// Takes what events have cost from the work of the block and of the step. What the block does not
    /// have is owed.
    fn spend(&mut self, pass: &mut Pass, work: &mut usize, cost: usize) {
        let owed = cost.saturating_sub(pass.work);
        self.debt = self.debt.saturating_add(owed);
        pass.work = pass.work.saturating_sub(cost);
        *work = work.saturating_sub(cost);
    }

    /// Obeys the next event in one group, or goes on with a note of many layers; says whether there
    /// was anything to do.
    fn obey_next(&mut self) -> bool {
        if let Some(starting) = self.starting.take() {
            self.play(|player| player.go_on_with(starting));
            return true;
        }
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
        self.play(|player| player.obey(group, event.message));
    }

    fn play(&mut self, act: impl FnOnce(&mut Player<'_>)) {
        let before = self.storage.pool.started();
        act(&mut Player {
            bank: &mut self.bank,
            groups: &mut self.storage.groups,
            pool: &mut self.storage.pool,
            output: &self.output,
            stale: &mut self.stale,
            notes: &mut self.notes,
            notes_lost: &mut self.stats.notes_lost,
            silent: &mut self.silent,
            lookup: self.lookup,
            searched: &mut self.searched,
            starting: &mut self.starting,
            before,
        });
        let active = super::count(self.storage.pool.active());
        self.stats.peak_voices = self.stats.peak_voices.max(active);
    }

    /// The most frames to the next control point.
    const fn control_interval(&self) -> usize {
        let frames = match self.output.rate {
            _ if matches!(self.pace, Pace::Steep | Pace::Sheer) => self.pace.frames(),
            ..32_000 => Pace::Fast.frames(),
            _ => self.pace.frames(),
        };
        let curves = frames_for(self.curves);
        if curves < frames { curves } else { frames }
    }

    /// Adds frames of as many voices to the bus as there is work for; says which voice is the next.
    fn render_span(&mut self, at: usize, reach: &Reach, work: &mut usize) -> usize {
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
        .render(at..reach.end, reach.voice, work)
    }

    /// Gives the places of voices that are over to new ones.
    fn bury(&mut self) {
        let pool = &mut self.storage.pool;
        self.pace = Pace::Slow;
        self.bend = usize::MAX;
        self.curves = 0;
        let mut n = pool.sounding();
        while let Some(last) = n.checked_sub(1) {
            n = last;
            let voice = pool.place(n).and_then(|place| pool.at(place));
            if let Some(voice) = voice
                && !voice.is_done()
            {
                self.pace = self.pace.max(voice.pace());
                self.curves = self.curves.saturating_add(voice.weight());
                self.bend = voice.bend().unwrap_or(self.bend).min(self.bend);
            } else if let Some(identity) = pool.remove(n) {
                play::forget(&mut self.bank, &identity);
            }
        }
    }
}

/// Frames from one control point to the next for the curves that all voices have: a curve can be as
/// steep as a switch, and wants them every 8 frames. Where there are so many that a processor would
/// do nothing else, which no collection needs, they are evaluated less often.
const fn frames_for(curves: usize) -> usize {
    match curves / CURVES_A_FRAME {
        _ if curves == 0 => BLOCK_FRAMES,
        0..=8 => 8,
        9..=16 => 16,
        17..=32 => 32,
        33..=64 => 64,
        _ => BLOCK_FRAMES,
    }
}

/// Connections that may be evaluated for each frame, in all voices: 128 voices with four curves among
/// their connections have 4,096.
const CURVES_A_FRAME: usize = 512;

/// A frame of the mix with what the effects add to it.
fn plus([left, right]: [i64; 2], wet: Option<&[i32; 2]>) -> [i64; 2] {
    match wet {
        Some(&[wet_left, wet_right]) => [
            left.saturating_add(i64::from(wet_left) << 29),
            right.saturating_add(i64::from(wet_right) << 29),
        ],
        None => [left, right],
    }
}

/// Frames from an event to the next control point at most: what the event has thrown elsewhere
/// goes there in a straight line, and shall be there soon.
const EVENT_FRAMES: usize = 32;

/// What obeying events may cost for each frame, in visits of a voice: a flood waits for later
/// blocks, so that this one ends and the processor has time for others. From silence 390 notes
/// begin on one frame; in 128 frames with 1,024 voices 113 events are obeyed. What a single event
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
