//! Parts of long messages, put together (contract section 6.7).
//!
//! A long message comes as several events, all but the last marked incomplete. The parts are
//! collected up to [`LIMIT`] bytes; a longer message, or one that a new status byte cuts short, is
//! dropped whole, and the stream goes on at that status byte. The memory is allocated when the
//! stream is opened. Any IRQL.
#![forbid(unsafe_code)]

use crate::mem::{Buffer, OutOfMemory};

/// The longest message.
pub const LIMIT: usize = 64 << 10;

/// The message that is being put together.
#[derive(Debug)]
pub struct Assembly {
    bytes: Buffer<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No message is open.
    Empty,
    /// So many bytes have come.
    Open(usize),
    /// The message was too long: the rest of it is to be ignored.
    Ignoring,
}

/// What a part was.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// One more part; or the rest of a message that was given up.
    Taken,
    /// The last part: this is the message. It stays until [`Assembly::finish`] is called.
    Whole(&'a [u8]),
    /// A message of so many bytes was given up. Unless it was this part that overfilled it, the
    /// part is still to be offered again.
    Dropped {
        /// How many bytes had come.
        bytes: usize,
        /// Whether the part belongs to a new message.
        again: bool,
    },
}

impl Assembly {
    /// An empty one. PASSIVE.
    pub fn try_new() -> Result<Self, OutOfMemory> {
        Ok(Self {
            bytes: Buffer::try_filled(LIMIT, 0)?,
            state: State::Empty,
        })
    }

    /// Whether a message is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != State::Empty
    }

    /// Takes a part; `last` says that the message ends with it.
    pub fn offer(&mut self, part: &[u8], last: bool) -> Part<'_> {
        let begins = part
            .first()
            .is_some_and(|&byte| byte >= 0x80 && byte != END);
        let used = match self.state {
            State::Open(used) if begins => {
                self.state = State::Empty;
                return Part::Dropped {
                    bytes: used,
                    again: true,
                };
            }
            State::Open(used) => used,
            State::Ignoring if !begins => {
                if last {
                    self.state = State::Empty;
                }
                return Part::Taken;
            }
            State::Ignoring | State::Empty => 0,
        };
        let end = used.saturating_add(part.len());
        let Some(place) = self.bytes.get_mut(used..end) else {
            self.state = if last { State::Empty } else { State::Ignoring };
            return Part::Dropped {
                bytes: end,
                again: false,
            };
        };
        // Not `copy_from_slice`, which would compare the lengths and panic.
        for (to, from) in place.iter_mut().zip(part) {
            *to = *from;
        }
        if last {
            // Until `finish` the part counts as not taken, so that it can be offered again.
            return Part::Whole(self.bytes.get(..end).unwrap_or_default());
        }
        self.state = State::Open(end);
        Part::Taken
    }

    /// The message that [`offer`](Self::offer) gave was dealt with.
    pub fn finish(&mut self) {
        self.state = State::Empty;
    }
}

/// The end of a SysEx, which is a status byte but begins nothing.
const END: u8 = 0xF7;

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn parts_make_a_message() {
        let mut assembly = Assembly::try_new().unwrap();
        assert_eq!(assembly.offer(&[0xF0, 1], false), Part::Taken);
        assert!(assembly.is_open());
        assert_eq!(assembly.offer(&[2, 3], false), Part::Taken);
        for _ in 0..2 {
            // Nothing is lost when the message could not be used yet.
            assert_eq!(
                assembly.offer(&[0xF7], true),
                Part::Whole(&[0xF0, 1, 2, 3, 0xF7])
            );
        }
        assembly.finish();
        assert!(!assembly.is_open());
        assert_eq!(
            assembly.offer(&[0x90, 1, 2], true),
            Part::Whole(&[0x90, 1, 2])
        );
    }

    #[test]
    fn a_new_status_cuts_a_message_short() {
        let mut assembly = Assembly::try_new().unwrap();
        assert_eq!(assembly.offer(&[0xF0, 1], false), Part::Taken);
        let dropped = Part::Dropped {
            bytes: 2,
            again: true,
        };
        assert_eq!(assembly.offer(&[0x90, 60, 1], true), dropped);
        assert_eq!(
            assembly.offer(&[0x90, 60, 1], true),
            Part::Whole(&[0x90, 60, 1])
        );
    }

    #[test]
    fn a_message_too_long_is_dropped_to_its_end() {
        let mut assembly = Assembly::try_new().unwrap();
        let part = vec![1; LIMIT - 1];
        assert_eq!(assembly.offer(&[0xF0], false), Part::Taken);
        assert_eq!(assembly.offer(&part, false), Part::Taken);
        let dropped = Part::Dropped {
            bytes: LIMIT + 1,
            again: false,
        };
        assert_eq!(assembly.offer(&[1], false), dropped);
        assert_eq!(assembly.offer(&part, false), Part::Taken);
        assert_eq!(assembly.offer(&[1, 0xF7], true), Part::Taken);
        assert!(!assembly.is_open());
    }

    #[test]
    fn after_one_too_long_a_status_byte_starts_afresh() {
        let mut assembly = Assembly::try_new().unwrap();
        let part = vec![1; LIMIT + 1];
        assert!(matches!(
            assembly.offer(&part, false),
            Part::Dropped { again: false, .. }
        ));
        assert_eq!(assembly.offer(&[0xF0, 5], false), Part::Taken);
        assert_eq!(assembly.offer(&[0xF7], true), Part::Whole(&[0xF0, 5, 0xF7]));
    }
}
