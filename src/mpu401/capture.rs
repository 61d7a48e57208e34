//! The stream's half of capture: from the ring to whole messages, or to stamped chunks.
//!
//! Follows contract.md section 7.3; runs under the capture stream's lock at DISPATCH.
//!
//! [`Capture::front`] shows the oldest message that was not delivered yet, [`Capture::consume`]
//! gives it up. Between the two the stream allocates an event and copies the bytes; if it gets
//! no event it simply leaves, the message stays, and the ring goes on filling. So an exhausted
//! allocator costs nothing until the ring is full.
//!
//! **Order and time.** Messages come in the order in which they were completed, each with the time
//! of its first byte. A real-time byte inside another message is therefore delivered before it,
//! with a later time.
//!
//! **F4 and F5.** Their data bytes go on until the next status byte, so that byte delivers them. (A
//! time-out could do so sooner on a quiet wire, and would cut one wherever its sender pauses.) One is
//! one event of at most [`LONGEST_PART`] bytes; data bytes beyond belong to no message. In parts it
//! could not be sent: a part that is no message by itself goes through the port's parser, and a status
//! byte in an event of its own, which would end it there, does not.
#![forbid(unsafe_code)]

use super::receive::{Missing, Received};
use super::spec::BYTE_TIME;
use crate::mem::{Buffer, OutOfMemory};
use crate::midi::parser::{Meaning, Parser, Short};
use crate::midi::status::Kind;
use crate::ring::Consumer;
use crate::time::RefTime;

/// What the stream makes of the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One whole message an event; a SysEx longer than a buffer in several parts.
    #[default]
    Cooked,
    /// Bytes as they came, up to [`RAW_CHUNK`] an event, for the port's own parser.
    Raw,
}

/// The bytes that a `DMUS_KERNEL_EVENT` holds without a buffer on 64-bit Windows.
pub const RAW_CHUNK: usize = 8;
/// The longest part of a message: some of those who read, read into 256 bytes with a header of 8
/// (contract section 7.3).
pub const LONGEST_PART: usize = 240;

/// A message ready to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its bytes; or those of one part of it.
    pub bytes: &'a [u8],
    /// When the first of these bytes came.
    pub at: RefTime,
    /// More of the same message follows, or (raw) may follow.
    pub incomplete: bool,
    /// Bytes before this message were lost to a full ring.
    pub after_loss: bool,
}

/// The consuming half of a capture stream.
#[derive(Debug)]
pub struct Capture {
    ring: Consumer<Received>,
    format: Format,
    parser: Parser,
    /// A message that waits to be delivered, in front of the part.
    short: Option<Short>,
    part: Part,
    /// The next message to be delivered comes after a loss.
    after_loss: bool,
}

impl Capture {
    /// The consuming half of `ring`, for parts of at most `part` bytes (the allocator's buffer size) and
    /// [`LONGEST_PART`].
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the pool has no room for a part.
    pub fn try_new(
        ring: Consumer<Received>,
        format: Format,
        part: usize,
    ) -> Result<Self, OutOfMemory> {
        let room = match format {
            Format::Cooked => part.clamp(RAW_CHUNK, LONGEST_PART),
            Format::Raw => RAW_CHUNK,
        };
        Ok(Self {
            ring,
            format,
            parser: Parser::new(),
            short: None,
            part: Part {
                bytes: Buffer::try_filled(room, 0)?,
                len: 0,
                at: RefTime(0),
                last: RefTime(0),
                state: PartState::Growing,
            },
            after_loss: false,
        })
    }

    /// The oldest undelivered message; the same one until [`Capture::consume`].
    pub fn front(&mut self) -> Option<Message<'_>> {
        while !self.has_message() {
            let Some(received) = self.ring.peek() else {
                // Raw bytes do not wait for company.
                if self.format == Format::Raw && self.part.len > 0 {
                    self.part.state = PartState::Ready { incomplete: true };
                }
                break;
            };
            let taken = match self.format {
                Format::Cooked => self.cook(received),
                Format::Raw => self.chunk(received),
            };
            if taken {
                self.ring.pop();
            }
        }
        self.message()
    }

    /// Gives up the message that [`Capture::front`] showed.
    pub fn consume(&mut self) {
        if !self.has_message() {
            return;
        }
        self.after_loss = false;
        // A part that is ready was so before a short message could have been completed.
        if matches!(self.part.state, PartState::Ready { .. }) {
            self.part.clear();
        } else {
            self.short = None;
        }
    }

    /// Forgets everything that has been received.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.parser.interrupt();
        self.short = None;
        self.part.clear();
        self.after_loss = false;
    }

    /// Received bytes that belonged to no message, wrapping.
    #[must_use]
    pub const fn strays(&self) -> u32 {
        self.parser.strays()
    }

    const fn has_message(&self) -> bool {
        self.short.is_some() || matches!(self.part.state, PartState::Ready { .. })
    }

    fn message(&self) -> Option<Message<'_>> {
        if let PartState::Ready { incomplete } = self.part.state {
            return Some(Message {
                bytes: self.part.as_bytes(),
                at: self.part.at,
                incomplete,
                after_loss: self.after_loss,
            });
        }
        let short = self.short.as_ref()?;
        Some(Message {
            bytes: short.as_bytes(),
            at: short.at,
            incomplete: false,
            after_loss: self.after_loss,
        })
    }

    /// Gives one byte to the parser; says whether the byte was taken. One that was not is looked at
    /// again once the part that it ended is delivered.
    fn cook(&mut self, received: Received) -> bool {
        if received.missing != Missing::Nothing {
            // What was open has a hole in it. A SysEx, F4 or F5 ends here, short as it is, and the mark
            // of a loss goes on the message after it.
            if self.parser.interrupt() {
                return self.end_part(false);
            }
            self.after_loss |= received.missing == Missing::Lost;
        }
        // A full part waits for the byte behind it, so that an open message always has a last part to
        // come, however it ends.
        let goes_on = matches!(Kind::of(received.byte), Kind::Data | Kind::EndOfSysEx);
        if self.part.is_full() && goes_on {
            let incomplete = self.parser.is_in_sysex();
            if !incomplete {
                self.parser.interrupt();
            }
            return self.end_part(incomplete);
        }
        let step = self.parser.feed(received.byte, received.at);
        if step.ended_open() {
            self.end_part(false);
        }
        match step.meaning {
            Meaning::Nothing => {}
            Meaning::Short(short) => self.short = Some(short),
            Meaning::SysEx | Meaning::Undefined if step.ended_open() => {
                self.parser.interrupt();
                return false;
            }
            Meaning::SysEx | Meaning::Undefined => self.part.push(received),
            Meaning::SysExEnd => {
                self.part.push(received);
                self.end_part(false);
            }
        }
        true
    }

    /// The part is ready to be delivered; `false`, for the byte that did it was not taken.
    const fn end_part(&mut self, incomplete: bool) -> bool {
        self.part.state = PartState::Ready { incomplete };
        false
    }

    /// Adds one byte to a raw chunk; says whether the byte was taken.
    ///
    /// A chunk ends in front of a status byte and in front of a pause, so that a message which the
    /// port's parser finds at the start of an event has that event's time.
    fn chunk(&mut self, received: Received) -> bool {
        let pause = received.at.0.saturating_sub(self.part.last.0) > 2 * BYTE_TIME.0;
        let whole = received.missing == Missing::Nothing;
        let apart = pause || !whole || Kind::of(received.byte) != Kind::Data;
        if self.part.len > 0 && apart {
            self.part.state = PartState::Ready { incomplete: true };
            return false;
        }
        self.after_loss |= received.missing == Missing::Lost;
        self.part.push(received);
        if self.part.is_full() {
            self.part.state = PartState::Ready { incomplete: true };
        }
        true
    }
}

/// Bytes gathered for one event.
///
/// # Invariants
///
/// `len <= bytes.len()`, and a part that is ready is not empty.
#[derive(Debug)]
struct Part {
    bytes: Buffer<u8>,
    len: usize,
    at: RefTime,
    last: RefTime,
    state: PartState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PartState {
    Growing,
    Ready { incomplete: bool },
}

impl Part {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn is_full(&self) -> bool {
        self.len >= self.bytes.len()
    }

    fn push(&mut self, received: Received) {
        if self.len == 0 {
            self.at = received.at;
        }
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = received.byte;
            self.len = self.len.saturating_add(1);
        }
        self.last = received.at;
    }

    const fn clear(&mut self) {
        self.len = 0;
        self.state = PartState::Growing;
    }
}

#[cfg(test)]
mod tests;
