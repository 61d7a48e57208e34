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
//! between. Messages of two waiting lanes alternate. A lane that stops in the middle of a SysEx keeps
//! the others out for [`PATIENCE`], then it loses the rest of that SysEx: the next status byte ends it
//! on the wire.
//!
//! **Torn messages.** When a message cannot be finished (stop, fault, power), the lane drops the
//! rest of it, that is, data bytes up to the next status byte, which ends the torn message at the
//! receiver. An F7 of ours would pass half a dump off as a whole one.
#![forbid(unsafe_code)]

mod outbox;
mod pace;

pub use super::spec::SHORTEST_REST;
pub use outbox::{Chunk, Lane, Outbox};

use outbox::Ends;
use pace::Pace;

use super::sounding::Sounding;
use super::spec::{SKIP_LIMIT, WRITE_LIMIT};
use super::{Mode, Mpu401, PortIo};
use crate::midi::status::Kind;
use crate::time::RefTime;

/// How long the middle of a SysEx may keep the wire from another lane while it has nothing to send.
pub const PATIENCE: RefTime = RefTime(5_000_000);

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
    /// Nothing can be sent now: nothing waits, its streams are held, or the chip is closed.
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
    /// The channel status in force at the receiver.
    wire_running: Option<u8>,
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

/// # Invariants
///
/// `framing` is `Between` unless the lane owns the wire.
#[derive(Clone, Copy, Debug)]
struct LaneState {
    hold: Hold,
    /// Bytes of the front event that were sent or dropped.
    offset: usize,
    framing: Framing,
    /// The status that a data byte between two messages implies. None: it belongs to a torn one.
    running: Option<u8>,
}

/// Where in a message a byte stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Between,
    /// This many data bytes are missing.
    Needs(u8),
    SysEx,
}

/// A byte that may be sent next.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    source: Source,
    value: u8,
}

/// Where a byte comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A lane's front event.
    Event(Lane),
    /// Not in the lane's event: the running status that the event relies on and that another lane's
    /// message has replaced on the wire.
    Implied(Lane),
    /// The driver itself.
    Hush,
}

enum Choice {
    Byte(Candidate),
    Nothing,
    /// Another lane waits for the owner's next byte, at most this long.
    Starved(RefTime),
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
            wire_running: None,
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
                Mode::Closed | Mode::Handshake { .. } => break Next::Idle,
                Mode::Failed => break Next::GaveUp(GaveUp::Before),
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
            self.sounding.sent(byte.value);
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

    /// All of a lane's events are being taken out of the outbox: its stream stopped. What was begun
    /// and not finished is torn.
    pub fn drop_lane(&mut self, lane: Lane) {
        let state = self.lane_mut(lane);
        state.offset = 0;
        self.tear(lane);
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
    /// [`Transmitter::is_quiet`] before taking the power away.) A hush is not sent again.
    pub fn restart(&mut self) {
        self.drop_all();
        self.pace = Pace::new();
        self.closing = false;
        self.sounding.forget();
    }

    /// From now on sends what silences the receiver, and nothing else until
    /// [`Transmitter::restart`]: what follows would sound on. An open message is torn by it.
    pub fn hush(&mut self) {
        self.closing = true;
        self.sounding.hush();
        if let Some(owner) = self.owner {
            self.tear(owner);
        }
    }

    /// All that the receiver needs for silence has been sent, and the chip holds nothing any more.
    #[must_use]
    pub fn is_quiet(&self, now: RefTime) -> bool {
        self.sounding.next_hush().is_none() && self.pace.backlog(now) == RefTime(0)
    }

    fn choose<O: Outbox>(&mut self, outbox: &mut O, now: RefTime) -> Choice {
        if let Some(value) = self.sounding.next_hush() {
            return Choice::Byte(Candidate {
                source: Source::Hush,
                value,
            });
        }
        if self.closing {
            return Choice::Nothing;
        }
        if let Some(owner) = self.owner {
            let other = self.candidate(owner.other(), outbox);
            if let Some(byte) = other
                && Kind::of(byte.value).is_real_time()
            {
                return Choice::Byte(byte);
            }
            if let Some(byte) = self.candidate(owner, outbox) {
                self.starved_since = None;
                return Choice::Byte(byte);
            }
            // Dropping strays may have ended the owner's event, and with it the ownership.
            if self.owner.is_some() {
                let since = *self.starved_since.get_or_insert(now);
                let waited = now.0.saturating_sub(since.0);
                let Some(byte) = other else {
                    return Choice::Nothing;
                };
                if waited < PATIENCE.0 {
                    return Choice::Starved(RefTime(PATIENCE.0.saturating_sub(waited)));
                }
                self.tear(owner);
                return Choice::Byte(byte);
            }
        }
        let first = self.last.other();
        match self
            .candidate(first, outbox)
            .or_else(|| self.candidate(first.other(), outbox))
        {
            Some(byte) => Choice::Byte(byte),
            None => Choice::Nothing,
        }
    }

    /// A lane's next byte, if it has one and may send it. Skips bytes that belong to a torn message
    /// and events that are used up: none once this step has skipped enough.
    fn candidate<O: Outbox>(&mut self, lane: Lane, outbox: &mut O) -> Option<Candidate> {
        let wire_running = self.wire_running;
        loop {
            let owns = self.owner == Some(lane);
            let state = self.lane_mut(lane);
            if state.hold == Hold::Held {
                match state.framing {
                    Framing::Needs(_) => {}
                    // The rest of an event, whose messages are one to whoever made it.
                    Framing::Between if owns && state.offset > 0 => {}
                    Framing::Between if owns => {
                        self.release(lane);
                        return None;
                    }
                    Framing::Between | Framing::SysEx => return None,
                }
            }
            let chunk = outbox.front(lane)?;
            let Some(&value) = chunk.bytes.get(state.offset) else {
                let ends = Ends::of(&chunk);
                self.skip()?;
                self.end_event(lane, ends, outbox);
                continue;
            };
            let begins = state.framing == Framing::Between;
            let implied = match (Kind::of(value), state.running) {
                (Kind::Data, Some(status)) if begins => Some(status),
                (Kind::Data | Kind::EndOfSysEx, _) if begins => {
                    self.skip()?;
                    let state = self.lane_mut(lane);
                    state.offset = state.offset.saturating_add(1);
                    continue;
                }
                _ => None,
            };
            return Some(match implied {
                Some(status) if wire_running != Some(status) => Candidate {
                    source: Source::Implied(lane),
                    value: status,
                },
                _ => Candidate {
                    source: Source::Event(lane),
                    value,
                },
            });
        }
    }

    /// Skips one thing more, if that is allowed.
    const fn skip(&mut self) -> Option<()> {
        match self.skips.checked_sub(1) {
            Some(left) => {
                self.skips = left;
                Some(())
            }
            None => None,
        }
    }

    /// The chip took this byte.
    fn commit<O: Outbox>(&mut self, byte: Candidate, outbox: &mut O) {
        let Candidate { source, value } = byte;
        let lane = match source {
            Source::Event(lane) | Source::Implied(lane) => lane,
            Source::Hush => {
                self.wire_running = None;
                return self.sounding.hush_sent();
            }
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

    /// Follows a lane's message through one more byte.
    fn frame(&mut self, lane: Lane, value: u8, kind: Kind) {
        if let Kind::Channel(_) | Kind::SysEx | Kind::Common(_) | Kind::UndefinedCommon = kind {
            let running = matches!(kind, Kind::Channel(_)).then_some(value);
            self.wire_running = running;
            self.lane_mut(lane).running = running;
        }
        let state = self.lane_mut(lane);
        let needs = match (kind, state.framing) {
            (Kind::SysEx, _) | (Kind::Data, Framing::SysEx) => {
                state.framing = Framing::SysEx;
                return;
            }
            (Kind::Channel(needs) | Kind::Common(needs), _) => needs,
            (Kind::Data, Framing::Needs(needs)) => needs.saturating_sub(1),
            (Kind::Data, Framing::Between) => match state.running.map(Kind::of) {
                Some(Kind::Channel(needs)) => needs.saturating_sub(1),
                _ => 0,
            },
            (
                Kind::EndOfSysEx | Kind::UndefinedCommon | Kind::RealTime | Kind::UndefinedRealTime,
                _,
            ) => 0,
        };
        state.framing = match needs {
            0 => Framing::Between,
            needs => Framing::Needs(needs),
        };
    }

    /// A lane's front event is used up: it leaves, and the wire is free unless its message goes on.
    ///
    /// A SysEx goes on until its F7 even if its event claims to be complete: whether a port marks
    /// the parts of a long message is an open question (contract.md section 17, 9).
    fn end_event<O: Outbox>(&mut self, lane: Lane, ends: Ends, outbox: &mut O) {
        outbox.advance(lane);
        self.lane_mut(lane).offset = 0;
        if self.owner != Some(lane) {
            return;
        }
        match self.lane_mut(lane).framing {
            Framing::Between if ends.package => self.release(lane),
            Framing::Needs(_) if ends.message => self.tear(lane),
            Framing::Between | Framing::Needs(_) | Framing::SysEx => {}
        }
    }

    /// A lane will not finish the message it has begun.
    fn tear(&mut self, lane: Lane) {
        let state = self.lane_mut(lane);
        state.running = None;
        if self.owner == Some(lane) {
            self.wire_running = None;
            self.release(lane);
        }
    }

    fn release(&mut self, lane: Lane) {
        // INVARIANT: no owner, and between two messages.
        self.lane_mut(lane).framing = Framing::Between;
        self.owner = None;
        self.starved_since = None;
    }

    const fn lane_mut(&mut self, lane: Lane) -> &mut LaneState {
        match lane {
            Lane::Legacy => &mut self.legacy,
            Lane::DirectMusic => &mut self.direct_music,
        }
    }
}

impl LaneState {
    const NEW: Self = Self {
        hold: Hold::Held,
        offset: 0,
        framing: Framing::Between,
        running: None,
    };
}

#[cfg(test)]
mod tests;
