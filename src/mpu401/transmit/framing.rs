//! Where in a message each lane is, what a data byte belongs to, and what happens to a message that
//! will not be finished.
#![forbid(unsafe_code)]

use super::outbox::{Ends, Lane, Outbox};
use super::{Hold, Transmitter};
use crate::midi::status::Kind;

/// # Invariants
///
/// `framing` is `Between` unless the lane owns the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneState {
    pub(super) hold: Hold,
    /// Bytes of the front event that were sent or dropped.
    pub(super) offset: usize,
    pub(super) framing: Framing,
    /// The status that a data byte between two messages belongs to: a channel status, which is sent
    /// again if it has to be, or an F4 or F5. None: the data byte belongs to a torn message.
    pub(super) in_force: Option<u8>,
    /// Bytes of the SysEx that is open.
    dump: u32,
    /// The last SysEx that was cut and not told of yet.
    cut: Option<Cut>,
    cuts: u32,
}

/// A SysEx that was not sent to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose it was.
    pub lane: Lane,
    /// Bytes of it that were sent.
    pub bytes: u32,
    /// How many the lane has cut since its stream was opened, this one included.
    pub count: u32,
}

/// Where in a message a byte stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Between,
    /// This many data bytes are missing.
    Needs(u8),
    SysEx,
    /// An F4 or F5 and its data bytes, as many as come. It ends with its event at the latest, unless
    /// that is marked incomplete: nobody knows of a next status byte before it comes.
    Open,
}

impl LaneState {
    pub(super) const NEW: Self = Self {
        hold: Hold::Held,
        offset: 0,
        framing: Framing::Between,
        in_force: None,
        dump: 0,
        cut: None,
        cuts: 0,
    };
}

impl Transmitter {
    /// Follows a lane's message through one more byte.
    pub(super) fn frame(&mut self, lane: Lane, value: u8, kind: Kind) {
        match kind {
            Kind::Channel(_) | Kind::UndefinedCommon => self.set_in_force(lane, Some(value)),
            Kind::SysEx | Kind::Common(_) | Kind::EndOfSysEx => self.set_in_force(lane, None),
            Kind::Data | Kind::RealTime => {}
        }
        let state = self.lane_mut(lane);
        let needs = match (kind, state.framing) {
            (Kind::SysEx, _) => {
                state.framing = Framing::SysEx;
                state.dump = 1;
                return;
            }
            (Kind::Data, Framing::SysEx) => {
                state.dump = state.dump.saturating_add(1);
                return;
            }
            (Kind::UndefinedCommon, _) | (Kind::Data, Framing::Open) => {
                state.framing = Framing::Open;
                return;
            }
            (Kind::Channel(needs) | Kind::Common(needs), _) => needs,
            (Kind::Data, Framing::Needs(needs)) => needs.saturating_sub(1),
            (Kind::Data, Framing::Between) => match state.in_force.map(Kind::of) {
                Some(Kind::Channel(needs)) => needs.saturating_sub(1),
                Some(Kind::UndefinedCommon) => {
                    state.framing = Framing::Open;
                    return;
                }
                _ => 0,
            },
            (Kind::EndOfSysEx | Kind::RealTime, _) => 0,
        };
        state.framing = match needs {
            0 => Framing::Between,
            needs => Framing::Needs(needs),
        };
    }

    const fn set_in_force(&mut self, lane: Lane, status: Option<u8>) {
        self.wire_in_force = status;
        self.lane_mut(lane).in_force = status;
    }

    /// A lane's front event is used up: it leaves, and the wire is free unless its message goes on.
    ///
    /// A SysEx goes on until its F7 even if its event claims to be complete: whether a port marks
    /// the parts of a long message is an open question (contract.md section 17, 9).
    pub(super) fn end_event<O: Outbox>(&mut self, lane: Lane, ends: Ends, outbox: &mut O) {
        outbox.advance(lane);
        let owns = self.owner == Some(lane);
        let state = self.lane_mut(lane);
        state.offset = 0;
        if !owns {
            return;
        }
        if state.framing == Framing::Open && ends.message {
            state.framing = Framing::Between;
        }
        match state.framing {
            Framing::Between if ends.package => self.release(lane),
            Framing::Needs(_) if ends.message => self.tear(lane),
            Framing::Between | Framing::Needs(_) | Framing::SysEx | Framing::Open => {}
        }
    }

    /// A lane will not send the rest of what it has begun: takes note of a dump that is cut.
    pub(super) fn cut(&mut self, lane: Lane) {
        let state = self.lane_mut(lane);
        if state.framing == Framing::SysEx {
            state.cuts = state.cuts.saturating_add(1);
            state.cut = Some(Cut {
                lane,
                bytes: state.dump,
                count: state.cuts,
            });
        }
        self.tear(lane);
    }

    /// A lane's front event will be sent anew from its beginning, and what it began earlier will not be
    /// finished.
    pub(super) fn rewind(&mut self, lane: Lane) {
        let state = self.lane_mut(lane);
        let begun = usize::try_from(state.dump).unwrap_or(usize::MAX);
        // A dump that began in this event comes whole yet.
        if begun > state.offset {
            self.cut(lane);
        } else {
            self.tear(lane);
        }
    }

    /// A lane will not finish the message it has begun.
    pub(super) fn tear(&mut self, lane: Lane) {
        self.lane_mut(lane).in_force = None;
        if self.owner == Some(lane) {
            self.wire_in_force = None;
            self.release(lane);
        }
    }

    pub(super) fn release(&mut self, lane: Lane) {
        // INVARIANT: no owner, and between two messages.
        self.lane_mut(lane).framing = Framing::Between;
        self.owner = None;
        self.starved_since = None;
    }

    /// Whether a lane has neither begun a message nor an event that it has not finished.
    pub(super) const fn is_between(&self, lane: Lane) -> bool {
        let state = self.lane(lane);
        matches!(state.framing, Framing::Between) && state.offset == 0
    }

    /// A dump of the lane that was cut since this was last asked: the last of them.
    pub const fn take_cut(&mut self, lane: Lane) -> Option<Cut> {
        self.lane_mut(lane).cut.take()
    }

    /// Dumps that the lane has cut since its stream was opened.
    #[must_use]
    pub const fn cuts(&self, lane: Lane) -> u32 {
        self.lane(lane).cuts
    }
}
