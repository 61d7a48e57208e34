//! The wave pin's `ISynthSinkDMus` half: rendering and the sample clock (contract section 9).
//!
//! Written for DISPATCH. `Render` works in blocks: for each, events that are due move from the
//! inlets into the synthesizer, then the block is rendered, in as many holds of the engine's lock as
//! it takes for none of them to be long, then its bytes are written with no lock held. Nothing is
//! allocated or freed. A MIDI pin's stream
//! offers the interface too, because all streams are of one class; it renders nothing.
#![expect(unsafe_code, reason = "writes the port's buffer")]

use core::ptr::NonNull;

use super::filter::Pin;
use super::stream::SynthStream;
use super::streams::Feeds;
use super::work::{CALL, Work};
use crate::com::{ObjectRef, Out, Status};
use crate::irql::{Dispatch, Irql};
use crate::kernel::clock::{interrupt_time, master_time};
use crate::portcls::abi::KsState;
use crate::portcls::interfaces::ISynthSinkDMusClass;
use crate::synth::BLOCK_FRAMES;
use crate::time::{RefTime, SampleTime, Sync};
use crate::trace::{self, Event};

/// What `Render` counts in. Microsoft's page says bytes; its sample, and every buffer that was
/// ever passed to it, says frames (contract section 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Frames.
    Frames,
    /// Bytes.
    Bytes,
}

/// The decision.
pub const RENDER_UNITS: Units = Units::Frames;

impl Units {
    /// A length or position in frames.
    #[must_use]
    pub fn to_frames(self, value: i64, frame_bytes: u16) -> i64 {
        match self {
            Self::Frames => value,
            Self::Bytes => value
                .checked_div_euclid(i64::from(frame_bytes))
                .unwrap_or(0),
        }
    }
}

/// Channels at most.
const CHANNELS: usize = 2;

impl ISynthSinkDMusClass for SynthStream {
    unsafe fn render(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        buffer: Option<NonNull<u8>>,
        length: u32,
        position: i64,
    ) {
        let Some(buffer) = buffer else { return };
        if this.pin() != Pin::Wave {
            return;
        }
        let format = this.engine().with(irql, |state, _| state.format);
        let bytes = format.frame_bytes();
        let frames = RENDER_UNITS.to_frames(i64::from(length), bytes);
        let position = RENDER_UNITS.to_frames(position, bytes);
        // INVARIANT: the caller's buffer has room for that many frames.
        let target = Target {
            next: buffer,
            frames: u64::try_from(frames).unwrap_or(0),
            frame_bytes: usize::from(bytes),
        };
        if this.state() == KsState::RUN {
            let started = interrupt_time();
            this.play(irql, target, SampleTime(position));
            let spent = interrupt_time().0.saturating_sub(started.0);
            this.engine()
                .with(irql, |state, _| state.meter.count_time(RefTime(spent)));
        } else {
            target.silence();
        }
    }

    fn sync_to_master(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        time: i64,
        start: i32,
    ) -> Status {
        if this.pin() != Pin::Wave {
            return Status::UNSUCCESSFUL;
        }
        let clock = this.clock();
        let event = this.engine().with(irql, |state, irql| {
            // Read as close to the call as can be: what lies between counts as jitter.
            let now = master_time(irql, clock);
            if start != 0 {
                state.clock.start(RefTime(time), now);
                state.position = SampleTime(0);
                let rate = state.clock.rate();
                return Some(Event::ClockStarted { rate });
            }
            match state.clock.sync(RefTime(time), now) {
                Sync::Jumped(step) => Some(Event::ClockStepped {
                    microseconds: i32::try_from(step.0 / 10).unwrap_or(i32::MAX),
                }),
                Sync::Followed(_) | Sync::NotStarted => None,
            }
        });
        if let Some(event) = event {
            trace::emit(event);
        }
        this.catch_up(irql);
        Status::SUCCESS
    }

    fn sample_to_ref_time(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        sample: i64,
        time: Option<Out<'_, i64>>,
    ) -> Status {
        let Some(mut time) = time else {
            return Status::INVALID_PARAMETER;
        };
        let map = this.engine().with(irql, |state, _| state.clock);
        time.set(map.to_ref(SampleTime(sample)).0);
        Status::SUCCESS
    }

    fn ref_time_to_sample(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        time: i64,
        sample: Option<Out<'_, i64>>,
    ) -> Status {
        let Some(mut sample) = sample else {
            return Status::INVALID_PARAMETER;
        };
        let map = this.engine().with(irql, |state, _| state.clock);
        sample.set(map.to_sample(RefTime(time)).0);
        Status::SUCCESS
    }
}

impl SynthStream {
    /// Renders into `target` what sounds from `position` on. A position that does not follow the
    /// last one is taken as it is (contract section 9.1).
    fn play(&self, irql: &mut Irql<Dispatch>, mut target: Target, position: SampleTime) {
        let engine = self.engine();
        let feeds: Feeds = self
            .miniport()
            .with_streams(irql, |streams, _| streams.feeds_of(engine));
        engine.with(irql, |state, _| state.position = position);
        let channels = target.frame_bytes >> 1;
        let mut block = [0_i16; BLOCK_FRAMES * CHANNELS];
        while let Some(frames) = target.block(BLOCK_FRAMES) {
            let Some(samples) = block.get_mut(..frames.wrapping_mul(channels)) else {
                return;
            };
            let step = i64::try_from(frames).unwrap_or(0);
            let (until, allowed) = engine.with(irql, |state, _| {
                let until = SampleTime(state.position.0.saturating_add(step));
                (until, state.allow(frames))
            });
            // What one inlet leaves of its share the next ones have, too.
            let mut work = Work::new(allowed);
            let mut sharers = u32::try_from(feeds.iter().flatten().count()).unwrap_or(1);
            for inlet in feeds.iter().flatten() {
                let mut share = Work::new(work.left().checked_div(sharers).unwrap_or(0));
                inlet.feed(irql, engine, until, &mut share);
                work.spend(share.spent());
                sharers = sharers.saturating_sub(1);
            }
            let mut beyond = work.spent().saturating_sub(allowed);
            // In steps, between which others may take the lock.
            let made = (0..MOST_STEPS).find_map(|_| {
                engine.with(irql, |state, _| {
                    state.owe(core::mem::take(&mut beyond));
                    state.render(samples)
                })
            });
            let Some(frames @ 1..) = made else {
                // The format has changed since `Render` began.
                return target.silence();
            };
            target.write(samples, frames);
        }
    }
}

impl SynthStream {
    /// Does what rendering must not or had no time for: every 20 ms, which is soon enough.
    fn catch_up(&self, irql: &mut Irql<Dispatch>) {
        let engine = self.engine();
        let feeds: Feeds = self
            .miniport()
            .with_streams(irql, |streams, _| streams.feeds_of(engine));
        let mut work = Work::new(CALL / 2);
        for inlet in feeds.iter().flatten() {
            self.settle(irql, inlet, Some(engine), &mut work);
        }
        // What the last voices of unloaded waves leave behind.
        engine.reap_some(irql, GARBAGE);
    }
}

/// Downloads that one call frees.
const GARBAGE: usize = 64;

/// Steps of a block, far more than it takes: 1,280 voices and what events may cost are some fifty.
const MOST_STEPS: usize = 4096;

/// What is left of the port's buffer.
#[derive(Debug)]
struct Target {
    next: NonNull<u8>,
    frames: u64,
    frame_bytes: usize,
}

impl Target {
    /// The size of the next block; none when the buffer is full.
    fn block(&self, most: usize) -> Option<usize> {
        let left = usize::try_from(self.frames).unwrap_or(usize::MAX);
        (left > 0).then_some(left.min(most))
    }

    /// Writes one block, little-endian, and moves on. The buffer need not be aligned.
    fn write(&mut self, samples: &[i16], frames: usize) {
        let bytes = self.advance(frames);
        let (places, _) = bytes.as_chunks_mut();
        for (place, sample) in places.iter_mut().zip(samples) {
            *place = sample.to_le_bytes();
        }
    }

    /// Fills the rest with silence.
    fn silence(mut self) {
        while let Some(frames) = self.block(SILENT_FRAMES) {
            self.advance(frames).fill(0);
        }
    }

    /// The bytes of the next `frames` frames, which are passed by.
    fn advance(&mut self, frames: usize) -> &mut [u8] {
        let length = frames.wrapping_mul(self.frame_bytes);
        let count = u64::try_from(frames).unwrap_or(u64::MAX);
        let start = self.next;
        self.frames = self.frames.saturating_sub(count);
        // SAFETY: the port's buffer has all the frames that it was said to have.
        self.next = unsafe { start.add(length) };
        // SAFETY: as above; the bytes are handed out once, for the length of the call.
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), length) }
    }
}

/// Frames of silence that are written at a time.
const SILENT_FRAMES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readings_of_the_units() {
        assert_eq!(Units::Frames.to_frames(1000, 4), 1000);
        assert_eq!(Units::Bytes.to_frames(1000, 4), 250);
        assert_eq!(Units::Bytes.to_frames(1000, 2), 500);
        assert_eq!(Units::Bytes.to_frames(-4, 4), -1);
        assert_eq!(Units::Bytes.to_frames(1, 0), 0);
    }

    #[test]
    fn a_target_is_written_to_its_end_and_no_further() {
        let mut bytes = [0xEE_u8; 12];
        let mut target = Target {
            next: NonNull::new(bytes.as_mut_ptr().wrapping_add(1)).unwrap(),
            frames: 5,
            frame_bytes: 2,
        };
        assert_eq!(target.block(3), Some(3));
        target.write(&[1, -2, 0x0304], 3);
        assert_eq!(target.block(3), Some(2));
        target.silence();
        assert_eq!(bytes, [0xEE, 1, 0, 0xFE, 0xFF, 4, 3, 0, 0, 0, 0, 0xEE]);
    }
}
