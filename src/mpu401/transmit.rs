//! What is sent next, when to come back, and when to give up: the transmit policy.
//!
//! Follows mpu401.md section 3; runs under the render lock, with the chip from the interrupt lock.
//!
//! The chip has no transmit interrupt and may hold one byte or sixty-four. So a [`Transmitter`]
//! writes for as long as the chip takes bytes, never waits, and says when it wants to be called
//! again: for a one-shot timer. Whoever happens to hold the chip earlier (the service routine's
//! DPC, the next `PutMessage`) may call it earlier, which is what keeps a chip without a FIFO busy.
//!
//! **Sharing the wire.** Streams have a [`Lane`] each. A message keeps the wire until its last
//! byte, and a package until its last message; only another lane's real-time bytes are let in
//! between. Messages of two waiting lanes alternate. A SysEx that still arrives is never cut for another
//! lane's sake. One that has stalled, of which nothing came for [`PATIENCE`], loses its rest: the next
//! status byte ends it on the wire.
//!
//! **Torn messages.** When a message cannot be finished (stop, fault, power), the lane drops the
//! rest of it, that is, data bytes up to the next status byte, which ends the torn message at the
//! receiver. An F7 of ours would pass half a dump off as a whole one. A dump that was cut is told of:
//! [`Transmitter::take_cut`].
//!
//! **F4 and F5** keep their data bytes, which go on until the next status byte of their lane. They end
//! with their event, so that they keep nobody from the wire; data bytes of the next event are still
//! theirs if nothing but real time was sent meanwhile.
//!
//! **Silence.** A lane that stops leaves nothing sounding that it pressed, and before the power goes
//! nothing sounds at all: see [`sounding`](super::sounding). A silence goes before everything that
//! waits, and behind the message that is open, for which it waits as another lane would; a stop drops
//! none of it. PAUSE sends nothing and ends no key: the stream goes on where it was, with its note-offs
//! in the queue, and who pauses for good stops next.
#![forbid(unsafe_code)]

mod choice;
mod framing;
mod outbox;
mod pace;

pub use super::spec::{PATIENCE, SHORTEST_REST};
pub use framing::Cut;
pub use outbox::{Chunk, Lane, Outbox};

use choice::{Candidate, Choice, Source};
use framing::LaneState;
use outbox::Ends;
use pace::Pace;

use super::sounding::Sounding;
use super::spec::{SKIP_LIMIT, WRITE_LIMIT};
use super::{Mode, Mpu401, PortIo};
use crate::midi::status::Kind;
use crate::time::RefTime;

/// What one [`Transmitter::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes written to the chip.
    pub sent: u32,
    /// What to do next.
    pub next: Next,
    /// The chip has room for one more byte this soon, at most [`LONGEST_STALL`](super::spec::LONGEST_STALL)
    /// from now: whoever has not stood still for it yet in this wake-up may, and step again.
    pub room_within: Option<RefTime>,
}

/// What to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing can be sent now: nothing waits, its streams are held, or the chip is closed or has failed.
    Idle,
    /// The limit of one step was reached and the chip may well take more: let the interrupt lock
    /// go for a moment and step again.
    Again,
    /// Step again this long from now, or earlier.
    Rest(RefTime),
    /// There is no chip to send to. Drop what waits in every lane and call
    /// [`Transmitter::drop_all`].
    GaveUp(GaveUp),
}

/// Why there is no chip to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// It has just failed to take a byte [`ZERO_PROGRESS_LIMIT`](super::spec::ZERO_PROGRESS_LIMIT) times: worth a report.
    JustNow,
    /// It failed before and still takes nothing.
    Before,
    /// It was removed.
    Removed,
}

/// The transmit side of one chip.
#[derive(Debug)]
pub struct Transmitter {
    legacy: LaneState,
    direct_music: LaneState,
    /// The lane whose message is open on the wire.
    owner: Option<Lane>,
    /// The lane that had the wire last.
    last: Lane,
    /// The channel status in force at the receiver, or the F4 or F5 that its next data byte belongs to.
    wire_in_force: Option<u8>,
    /// When the owner ran out of bytes in the middle of its message.
    starved_since: Option<RefTime>,
    /// What the receiver sounds.
    sounding: Sounding,
    /// Nothing is sent any more but what silences the receiver.
    closing: bool,
    /// How much may still be skipped in this step.
    skips: u32,
    pace: Pace,
}

/// Whether a stream may begin messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// The stream is not in the RUN state. A short message that was begun is still finished.
    #[default]
    Held,
    /// The stream runs.
    Running,
}

impl Default for Transmitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Transmitter {
    /// A transmitter of a chip that was just reset.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            legacy: LaneState::NEW,
            direct_music: LaneState::NEW,
            owner: None,
            last: Lane::DirectMusic,
            wire_in_force: None,
            starved_since: None,
            sounding: Sounding::new(),
            closing: false,
            skips: 0,
            pace: Pace::new(),
        }
    }

    /// Writes what the chip takes, at most [`WRITE_LIMIT`] bytes, and skips at most [`SKIP_LIMIT`] of
    /// those that may not be sent.
    pub fn step<P: PortIo, O: Outbox>(
        &mut self,
        chip: &mut Mpu401<P>,
        outbox: &mut O,
        now: RefTime,
    ) -> Outcome {
        let mut sent = 0_u32;
        let mut room_within = None;
        self.skips = SKIP_LIMIT;
        let next = loop {
            match chip.mode() {
                Mode::Uart => {}
                // A chip that is not ready may be yet: what waits, waits for that.
                Mode::Closed | Mode::Failed | Mode::Handshake { .. } => break Next::Idle,
                Mode::Gone => break Next::GaveUp(GaveUp::Removed),
            }
            if sent >= WRITE_LIMIT {
                break Next::Again;
            }
            let byte = match self.choose(outbox, now) {
                Choice::Byte(byte) => byte,
                // There may be something behind what was skipped.
                Choice::Nothing | Choice::Starved(_) if self.skips == 0 => break Next::Again,
                Choice::Nothing => break Next::Idle,
                Choice::Starved(left) => break Next::Rest(left),
            };
            if chip.try_write(byte.value).is_err() {
                let next = self.pace.refused(sent, now);
                room_within = self.pace.room_within(now);
                break next;
            }
            sent = sent.saturating_add(1);
            self.pace.taken(now);
            self.sounding.sent(byte.value, byte.source.lane());
            self.commit(byte, outbox);
        };
        Outcome {
            sent,
            next,
            room_within,
        }
    }

    /// Lets a lane begin messages, or not.
    pub const fn hold(&mut self, lane: Lane, hold: Hold) {
        self.lane_mut(lane).hold = hold;
    }

    /// A lane gets a new stream.
    pub const fn open_lane(&mut self, lane: Lane) {
        *self.lane_mut(lane) = LaneState::NEW;
    }

    /// A lane's stream stops, and all of its events are being taken out of the outbox: `discarded` if
    /// there are any. What was begun and not finished is torn; when nothing is lost, running status
    /// stays. What the lane sounds is silenced.
    pub fn stop_lane(&mut self, lane: Lane, discarded: bool) {
        self.hold(lane, Hold::Held);
        if discarded || !self.is_between(lane) {
            self.drop_lane(lane);
        } else if self.owner == Some(lane) {
            self.release(lane);
        }
        self.sounding.silence(lane);
    }

    /// Events of a lane went back unseen: nobody knows what status their sender relies on now.
    pub const fn forget_status(&mut self, lane: Lane) {
        self.lane_mut(lane).in_force = None;
    }

    /// All of a lane's events are being taken out of the outbox. What was begun and not finished is
    /// torn.
    pub fn drop_lane(&mut self, lane: Lane) {
        self.lane_mut(lane).offset = 0;
        self.cut(lane);
    }

    /// All lanes' events are being taken out of the outbox.
    pub fn drop_all(&mut self) {
        for lane in Lane::ALL {
            self.drop_lane(lane);
        }
    }

    /// The chip was reset: what it held is gone.
    ///
    /// A lane's front event is sent again from its start, unless it continues a message, which is
    /// then torn. (An event that was sent whole may have been lost with the chip's FIFO: wait until
    /// [`Transmitter::is_quiet`] before taking the power away.) A silence is not sent again.
    pub fn restart(&mut self) {
        for lane in Lane::ALL {
            if !self.is_between(lane) {
                self.rewind(lane);
                self.lane_mut(lane).offset = 0;
            } else if self.owner == Some(lane) {
                self.release(lane);
            }
        }
        self.wire_in_force = None;
        self.pace = Pace::new();
        self.closing = false;
        self.sounding.forget();
    }

    /// From now on sends what silences the receiver, and nothing else until
    /// [`Transmitter::restart`]: what follows would sound on. An open message is torn by it.
    pub fn hush(&mut self) {
        self.closing = true;
        for lane in Lane::ALL {
            self.sounding.silence(lane);
        }
        if let Some(owner) = self.owner {
            self.rewind(owner);
        }
    }

    /// Something for silence is still to be sent.
    #[must_use]
    pub fn is_silencing(&self) -> bool {
        self.sounding.next_byte().is_some()
    }

    /// All that the receiver needs for silence has been sent, and the chip holds nothing any more.
    #[must_use]
    pub fn is_quiet(&self, now: RefTime) -> bool {
        !self.is_silencing() && self.pace.backlog(now) == RefTime(0)
    }

    /// The chip took this byte.
    fn commit<O: Outbox>(&mut self, byte: Candidate, outbox: &mut O) {
        let Candidate { source, value } = byte;
        let Some(lane) = source.lane() else {
            self.wire_in_force = None;
            return self.sounding.byte_sent();
        };
        let kind = Kind::of(value);
        if !kind.is_real_time() {
            // INVARIANT: the lane owns the wire before its framing changes.
            self.owner = Some(lane);
            self.last = lane;
            self.frame(lane, value, kind);
        }
        if source == Source::Implied(lane) {
            return;
        }
        let state = self.lane_mut(lane);
        state.offset = state.offset.saturating_add(1);
        let offset = state.offset;
        if let Some(chunk) = outbox.front(lane)
            && offset >= chunk.bytes.len()
        {
            let ends = Ends::of(&chunk);
            self.end_event(lane, ends, outbox);
        }
    }

    const fn lane(&self, lane: Lane) -> &LaneState {
        match lane {
            Lane::Legacy => &self.legacy,
            Lane::DirectMusic => &self.direct_music,
        }
    }

    const fn lane_mut(&mut self, lane: Lane) -> &mut LaneState {
        match lane {
            Lane::Legacy => &mut self.legacy,
            Lane::DirectMusic => &mut self.direct_music,
        }
    }
}

#[cfg(test)]
mod tests;
