//! What a client writes to a MIDI pin: DMUS_EVENTHEADER buffers and KSMUSICFORMAT runs.
//!
//! Both sides are here: the builders that a client uses and the unpacker of the port.

use super::midi_bytes::{Piece, Splitter};

/// One message with its time and channel group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedPiece {
    /// Master-clock time in 100 ns.
    pub time: i64,
    /// 1-based; 0 is every group.
    pub group: u16,
    /// The bytes.
    pub piece: Piece,
}

/// Builds a buffer for a DirectMusic pin: a 20-byte header before each event, everything rounded up
/// to 8 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectMusicBuffer {
    bytes: Vec<u8>,
}

impl DirectMusicBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one message, due `delta` (100 ns) after the buffer's own time.
    #[must_use]
    pub fn event(mut self, delta: i64, group: u16, message: &[u8]) -> Self {
        self.push(delta, group, message);
        self
    }

    /// Adds one message.
    pub fn push(&mut self, delta: i64, group: u16, message: &[u8]) {
        let structured = u32::from(message.first().is_none_or(|status| *status != 0xF0));
        let count = u32::try_from(message.len()).unwrap_or(u32::MAX);
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(u32::from(group).to_le_bytes());
        self.bytes.extend(delta.to_le_bytes());
        self.bytes.extend(structured.to_le_bytes());
        self.bytes.extend(message);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ROUNDING), 0);
    }

    /// The bytes as the client would write them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Builds a buffer for a legacy MIDI pin: runs of raw bytes, each with its distance from the run
/// before in milliseconds, padded to 4 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MusicBuffer {
    bytes: Vec<u8>,
}

impl MusicBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a run of bytes, `delta` ms after the one before.
    #[must_use]
    pub fn run(mut self, delta: u32, midi: &[u8]) -> Self {
        let count = u32::try_from(midi.len()).unwrap_or(u32::MAX);
        self.bytes.extend(delta.to_le_bytes());
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(midi);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// The bytes as the client would write them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A buffer that does not say what it should: where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The offset of the header that promises more than there is.
    pub offset: usize,
}

/// Cuts what clients write into single messages.
#[derive(Debug)]
pub(crate) struct Unpacker {
    /// The longest event.
    most: usize,
    /// The legacy pin's stream, which runs through all buffers.
    splitter: Splitter,
}

impl Unpacker {
    pub(crate) fn new(most: u16) -> Self {
        let most = usize::from(most);
        Self {
            most,
            splitter: Splitter::new(most),
        }
    }

    /// Unpacks a DMUS_EVENTHEADER buffer whose deltas count from `base`.
    pub(crate) fn direct_music(
        &self,
        base: i64,
        bytes: &[u8],
    ) -> Result<Vec<TimedPiece>, Malformed> {
        let mut pieces = Vec::new();
        let mut offset = 0;
        while let Some(header) = bytes.get(offset..offset + DIRECT_MUSIC_HEADER) {
            let count = read_size(header, 0);
            let start = offset + DIRECT_MUSIC_HEADER;
            let message = start
                .checked_add(count)
                .and_then(|end| bytes.get(start..end))
                .ok_or(Malformed { offset })?;
            let group = u16::try_from(read_u32(header, 4)).unwrap_or(u16::MAX);
            let time = base.saturating_add(i64::from_le_bytes(array(header, 8)));
            let parts = message.len().div_ceil(self.most);
            for (index, part) in message.chunks(self.most).enumerate() {
                let piece = Piece {
                    bytes: part.to_vec(),
                    complete: index + 1 == parts,
                };
                pieces.push(TimedPiece { time, group, piece });
            }
            offset = (start + count).next_multiple_of(ROUNDING);
        }
        if offset < bytes.len() {
            return Err(Malformed { offset });
        }
        Ok(pieces)
    }

    /// Unpacks KSMUSICFORMAT runs; the first one's delta counts from `base`.
    pub(crate) fn music(&mut self, base: i64, bytes: &[u8]) -> Result<Vec<TimedPiece>, Malformed> {
        let mut pieces = Vec::new();
        let mut offset = 0;
        let mut time = base;
        while let Some(header) = bytes.get(offset..offset + MUSIC_HEADER) {
            let count = read_size(header, 4);
            let start = offset + MUSIC_HEADER;
            let midi = start
                .checked_add(count)
                .and_then(|end| bytes.get(start..end))
                .ok_or(Malformed { offset })?;
            time = time.saturating_add(i64::from(read_u32(header, 0)) * 10_000);
            let mut run = Vec::new();
            for byte in midi {
                self.splitter.feed(*byte, &mut run);
            }
            self.splitter.flush(&mut run);
            pieces.extend(run.into_iter().map(|piece| TimedPiece {
                time,
                group: 1,
                piece,
            }));
            offset = (start + count).next_multiple_of(4);
        }
        if offset < bytes.len() {
            return Err(Malformed { offset });
        }
        Ok(pieces)
    }
}

/// `sizeof (DMUS_EVENTHEADER)`: cbEvent, dwChannelGroup, rtDelta, dwFlags, packed to 4.
const DIRECT_MUSIC_HEADER: usize = 20;
const ROUNDING: usize = 8;
/// `sizeof (KSMUSICFORMAT)`.
const MUSIC_HEADER: usize = 8;

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..at + N)
        .and_then(|slice| slice.try_into().ok())
        .unwrap_or([0; N])
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn read_size(bytes: &[u8], at: usize) -> usize {
    usize::try_from(read_u32(bytes, at)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_headers_are_twenty_bytes_rounded_to_eight() {
        let buffer = DirectMusicBuffer::new()
            .event(5, 1, &[0x90, 60, 100])
            .event(7, 2, &[0xF0; 10]);
        assert_eq!(buffer.bytes().len(), 24 + 32);
        let pieces = Unpacker::new(4)
            .direct_music(1000, buffer.bytes())
            .expect("well formed");
        let seen: Vec<_> = pieces
            .iter()
            .map(|p| (p.time, p.group, p.piece.bytes.len(), p.piece.complete))
            .collect();
        let expected = [
            (1005, 1, 3, true),
            (1007, 2, 4, false),
            (1007, 2, 4, false),
            (1007, 2, 2, true),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_header_that_lies_is_refused() {
        let mut bytes = DirectMusicBuffer::new()
            .event(0, 1, &[0xF8])
            .bytes()
            .to_vec();
        bytes[0] = 200;
        let refused = Unpacker::new(64).direct_music(0, &bytes);
        assert_eq!(refused, Err(Malformed { offset: 0 }));
    }

    #[test]
    fn raw_runs_add_up_their_deltas() {
        let buffer = MusicBuffer::new().run(2, &[0x90, 60]).run(3, &[100, 61, 0]);
        let pieces = Unpacker::new(64)
            .music(0, buffer.bytes())
            .expect("well formed");
        let seen: Vec<_> = pieces
            .iter()
            .map(|p| (p.time, p.piece.bytes.clone()))
            .collect();
        assert_eq!(
            seen,
            [(50_000, vec![0x90, 60, 100]), (50_000, vec![0x90, 61, 0])]
        );
    }
}
