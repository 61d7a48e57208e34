//! Which byte is sent next: whose turn it is, and what of a lane may be sent.
#![forbid(unsafe_code)]

use super::framing::Framing;
use super::outbox::{Ends, Lane, Outbox};
use super::{Hold, Transmitter};
use crate::midi::status::Kind;
use crate::mpu401::spec::PATIENCE;
use crate::time::RefTime;

/// A byte that may be sent next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) source: Source,
    pub(super) value: u8,
}

/// Where a byte comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A lane's front event.
    Event(Lane),
    /// Not in the lane's event: the running status that the event relies on and that another lane's
    /// message has replaced on the wire.
    Implied(Lane),
    /// The driver itself.
    Silence,
}

impl Source {
    pub(super) const fn lane(self) -> Option<Lane> {
        match self {
            Self::Event(lane) | Self::Implied(lane) => Some(lane),
            Self::Silence => None,
        }
    }
}

pub(super) enum Choice {
    Byte(Candidate),
    Nothing,
    /// Another lane, or a silence, waits for the owner's next byte, at most this long.
    Starved(RefTime),
}

impl From<Option<Candidate>> for Choice {
    fn from(candidate: Option<Candidate>) -> Self {
        candidate.map_or(Self::Nothing, Self::Byte)
    }
}

impl Transmitter {
    pub(super) fn choose<O: Outbox>(&mut self, outbox: &mut O, now: RefTime) -> Choice {
        if self.closing {
            return self.silencing().into();
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
                if other.is_none() && self.silencing().is_none() {
                    return Choice::Nothing;
                }
                if waited < PATIENCE.0 {
                    return Choice::Starved(RefTime(PATIENCE.0.saturating_sub(waited)));
                }
                self.cut(owner);
            }
        }
        let first = self.last.other();
        let Some(silencing) = self.silencing() else {
            let byte = self.candidate(first, outbox);
            return byte
                .or_else(|| self.candidate(first.other(), outbox))
                .into();
        };
        // A silence keeps notes waiting, and a clock on time.
        for lane in [first, first.other()] {
            if let Some(byte) = self.candidate(lane, outbox)
                && Kind::of(byte.value).is_real_time()
            {
                return Choice::Byte(byte);
            }
        }
        Choice::Byte(silencing)
    }

    fn silencing(&self) -> Option<Candidate> {
        let value = self.sounding.next_byte()?;
        Some(Candidate {
            source: Source::Silence,
            value,
        })
    }

    /// A lane's next byte, if it has one and may send it. Skips bytes that belong to a torn message
    /// and events that are used up: none once this step has skipped enough.
    fn candidate<O: Outbox>(&mut self, lane: Lane, outbox: &mut O) -> Option<Candidate> {
        let wire_in_force = self.wire_in_force;
        let had_wire = self.last == lane;
        loop {
            let owns = self.owner == Some(lane);
            let state = self.lane_mut(lane);
            if state.hold == Hold::Held {
                match state.framing {
                    Framing::Needs(_) => {}
                    // The rest of an event, whose messages are one to whoever made it.
                    Framing::Between | Framing::Open if owns && state.offset > 0 => {}
                    Framing::Between if owns => {
                        self.release(lane);
                        return None;
                    }
                    Framing::Between | Framing::SysEx | Framing::Open => return None,
                }
            }
            let chunk = outbox.front(lane)?;
            let Some(&value) = chunk.bytes.get(state.offset) else {
                let ends = Ends::of(&chunk);
                self.skip()?;
                self.end_event(lane, ends, outbox);
                continue;
            };
            let event = Candidate {
                source: Source::Event(lane),
                value,
            };
            if state.framing != Framing::Between {
                return Some(event);
            }
            match (Kind::of(value), state.in_force) {
                (Kind::Data, Some(status)) if wire_in_force == Some(status) => {
                    // The other lane's F5 is not this one's, though it may look the same.
                    let channel = status < 0xF0;
                    if channel || had_wire {
                        return Some(event);
                    }
                }
                (Kind::Data, Some(status)) if status < 0xF0 => {
                    return Some(Candidate {
                        source: Source::Implied(lane),
                        value: status,
                    });
                }
                (Kind::Data, _) => {}
                (Kind::EndOfSysEx, _) => state.in_force = None,
                _ => return Some(event),
            }
            self.skip()?;
            let state = self.lane_mut(lane);
            state.offset = state.offset.saturating_add(1);
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
}
