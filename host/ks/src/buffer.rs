//! The two formats of MIDI stream buffers.
//!
//! A *legacy* pin (`KSDATAFORMAT_SUBTYPE_MIDI`) takes runs of MIDI bytes, each with a `KSMUSICFORMAT` before it: milliseconds
//! since the run before (since the stream header's time for the first), byte count; padded to 4 bytes. A *DirectMusic* pin
//! takes `DMUS_EVENTHEADER` events: byte count, channel group, 100-ns units since the stream header's time, flags; padded to 8
//! bytes.

use alloc::vec::Vec;
use core::fmt;

/// Bytes of `KSMUSICFORMAT`.
pub const RUN_HEADER: usize = 8;
/// Bytes of `DMUS_EVENTHEADER`, which is packed to 4.
pub const EVENT_HEADER: usize = 20;
/// `DMUS_EVENT_STRUCTURED`: a short message, no running status.
pub const STRUCTURED: u32 = 1;

/// MIDI bytes of a legacy pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// Milliseconds since the run before.
    pub delta: u32,
    /// The bytes.
    pub midi: &'a [u8],
}

/// One message of a DirectMusic pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// 100-ns units since the buffer's time.
    pub delta: i64,
    /// 1-based; 0 is every group.
    pub group: u32,
    /// [`STRUCTURED`] or 0.
    pub flags: u32,
    /// The message.
    pub message: &'a [u8],
}

/// A buffer that does not hold what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where the header is that cannot be right.
    pub offset: usize,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The header itself is cut off.
    Header,
    /// It promises this many bytes, and there are fewer.
    Data(u32),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Header => write!(f, "byte {:#x}: a header is cut off", self.offset),
            Cause::Data(count) => write!(
                f,
                "byte {:#x}: a header promises {count} bytes that are not there",
                self.offset
            ),
        }
    }
}

impl core::error::Error for Malformed {}

/// Packs runs for a legacy pin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunBuffer {
    bytes: Vec<u8>,
}

impl RunBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a run.
    pub fn push(&mut self, run: Run<'_>) {
        let count = u32::try_from(run.midi.len()).unwrap_or(u32::MAX);
        self.bytes.extend(run.delta.to_le_bytes());
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(run.midi);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The bytes as they are written to the pin.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that a run of `midi` bytes takes.
    #[must_use]
    pub const fn cost(midi: usize) -> usize {
        RUN_HEADER + midi.next_multiple_of(4)
    }
}

/// Packs events for a DirectMusic pin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBuffer {
    bytes: Vec<u8>,
}

impl EventBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event as it is.
    pub fn push(&mut self, event: Event<'_>) {
        let count = u32::try_from(event.message.len()).unwrap_or(u32::MAX);
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(event.group.to_le_bytes());
        self.bytes.extend(event.delta.to_le_bytes());
        self.bytes.extend(event.flags.to_le_bytes());
        self.bytes.extend(event.message);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// Adds a whole message, with the flags that are right for it.
    pub fn message(&mut self, delta: i64, group: u32, message: &[u8]) {
        let flags = match message.first() {
            Some(0xF0) => 0,
            _ => STRUCTURED,
        };
        self.push(Event {
            delta,
            group,
            flags,
            message,
        });
    }

    /// The bytes as they are written to the pin.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that an event with a message of `message` bytes takes.
    #[must_use]
    pub const fn cost(message: usize) -> usize {
        (EVENT_HEADER + message).next_multiple_of(8)
    }
}

/// Unpacks what a legacy pin carries; stops after the first thing that is wrong.
pub fn runs(bytes: &[u8]) -> impl Iterator<Item = Result<Run<'_>, Malformed>> {
    items(bytes, RUN_HEADER, 4, |header, midi| Run {
        delta: u32_at(header, 0),
        midi,
    })
}

/// Unpacks what a DirectMusic pin carries; stops after the first thing that is wrong.
pub fn events(bytes: &[u8]) -> impl Iterator<Item = Result<Event<'_>, Malformed>> {
    items(bytes, EVENT_HEADER, 8, |header, message| Event {
        delta: i64::from(u32_at(header, 12)) << 32 | i64::from(u32_at(header, 8)),
        group: u32_at(header, 4),
        flags: u32_at(header, 16),
        message,
    })
}

/// Headers of `header` bytes, each followed by the bytes that it counts, padded to `padding`.
fn items<'a, T>(
    bytes: &'a [u8],
    header: usize,
    padding: usize,
    make: impl Fn(&'a [u8], &'a [u8]) -> T,
) -> impl Iterator<Item = Result<T, Malformed>> {
    // The byte count is the first field of an event's header and the second of a run's.
    let count_at = if header == RUN_HEADER { 4 } else { 0 };
    let mut offset = 0;
    core::iter::from_fn(move || {
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        let item = match rest.split_at_checked(header) {
            None => Err(Cause::Header),
            Some((head, body)) => {
                let count = u32_at(head, count_at);
                usize::try_from(count)
                    .ok()
                    .and_then(|count| body.get(..count))
                    .map(|data| (head, data))
                    .ok_or(Cause::Data(count))
            }
        };
        Some(match item {
            Ok((head, data)) => {
                offset += (header + data.len()).next_multiple_of(padding);
                Ok(make(head, data))
            }
            Err(cause) => {
                let at = core::mem::replace(&mut offset, bytes.len());
                Err(Malformed { offset: at, cause })
            }
        })
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::{format, vec::Vec};

    proptest! {
        #[test]
        fn runs_come_back(list in vec((any::<u32>(), vec(any::<u8>(), 0..40)), 0..20)) {
            let mut buffer = RunBuffer::new();
            let mut cost = 0;
            for (delta, midi) in &list {
                buffer.push(Run { delta: *delta, midi });
                cost += RunBuffer::cost(midi.len());
            }
            prop_assert_eq!(buffer.bytes().len(), cost);
            let read: Result<Vec<_>, _> = runs(buffer.bytes()).collect();
            let read: Vec<_> = read.unwrap().iter().map(|run| (run.delta, run.midi.to_vec())).collect();
            prop_assert_eq!(read, list);
        }

        #[test]
        fn events_come_back(
            list in vec((any::<i64>(), any::<u32>(), any::<u32>(), vec(any::<u8>(), 0..40)), 0..20)
        ) {
            let mut buffer = EventBuffer::new();
            let mut cost = 0;
            for (delta, group, flags, message) in &list {
                buffer.push(Event { delta: *delta, group: *group, flags: *flags, message });
                cost += EventBuffer::cost(message.len());
            }
            prop_assert_eq!(buffer.bytes().len(), cost);
            let read: Result<Vec<_>, _> = events(buffer.bytes()).collect();
            let read: Vec<_> = read
                .unwrap()
                .iter()
                .map(|event| (event.delta, event.group, event.flags, event.message.to_vec()))
                .collect();
            prop_assert_eq!(read, list);
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            for buffer in [&bytes[..], &[&[1, 0, 0, 0, 2, 0, 0, 0], &bytes[..]].concat()] {
                let (runs, events): (Vec<_>, Vec<_>) = (runs(buffer).collect(), events(buffer).collect());
                prop_assert!(runs.len() <= buffer.len() && events.len() <= buffer.len());
                // Only the last can be wrong, and its offset lies in the buffer.
                for errors in [
                    runs.iter().map(|run| run.err()).collect::<Vec<_>>(),
                    events.iter().map(|event| event.err()).collect(),
                ] {
                    let wrong: Vec<_> = errors.iter().flatten().collect();
                    prop_assert!(wrong.len() <= 1);
                    prop_assert!(wrong.iter().all(|error| error.offset < buffer.len()));
                }
            }
        }
    }

    #[test]
    fn bytes_of_a_run_and_an_event() {
        let mut buffer = RunBuffer::new();
        buffer.push(Run {
            delta: 0x0102,
            midi: &[0x90, 60, 100],
        });
        assert_eq!(buffer.bytes(), b"\x02\x01\0\0\x03\0\0\0\x90\x3C\x64\0");
        let mut buffer = EventBuffer::new();
        buffer.message(-2, 1, &[0x90, 60, 100]);
        assert_eq!(
            buffer.bytes(),
            b"\x03\0\0\0\x01\0\0\0\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\0\0\0\x90\x3C\x64\0"
        );
        let mut buffer = EventBuffer::new();
        buffer.message(0, 1, &[0xF0, 0xF7]);
        assert_eq!(events(buffer.bytes()).next().unwrap().unwrap().flags, 0);
    }

    #[test]
    fn errors_say_where_and_what() {
        let mut buffer = RunBuffer::new();
        for _ in 0..2 {
            buffer.push(Run {
                delta: 0,
                midi: &[0xF8],
            });
        }
        let mut bytes = buffer.bytes().to_vec();
        let text = |bytes: &[u8]| format!("{}", runs(bytes).last().unwrap().unwrap_err());
        assert_eq!(text(&bytes[..18]), "byte 0xc: a header is cut off");
        bytes[16] = 9;
        assert_eq!(
            text(&bytes),
            "byte 0xc: a header promises 9 bytes that are not there"
        );
        assert_eq!(runs(&bytes).count(), 2);
        assert_eq!(runs(&[]).count(), 0);
    }
}
