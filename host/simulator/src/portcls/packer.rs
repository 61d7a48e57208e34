//! The packer of a capture pin: messages become KSMUSICFORMAT runs on a legacy pin, DMUS_EVENTHEADER
//! events on a DirectMusic one.
//!
//! A buffer's first message has the time of its KSSTREAM_HEADER. The times of the others count
//! from it: in milliseconds from run to run, or in 100 ns from the header (abi sections 5.2, 5.4).

use std::collections::VecDeque;

use super::capture::Captured;

/// How a pin's clients read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// KSMUSICFORMAT: 8 bytes and the data, rounded to 4.
    Music,
    /// DMUS_EVENTHEADER: 20 bytes and the data, rounded to 8.
    DirectMusic,
}

impl Packing {
    const fn head(self) -> usize {
        match self {
            Self::Music => 8,
            Self::DirectMusic => 20,
        }
    }

    const fn rounding(self) -> usize {
        match self {
            Self::Music => 4,
            Self::DirectMusic => 8,
        }
    }

    /// The longest piece of data that fits into `room` bytes.
    const fn fits(self, room: usize) -> usize {
        let whole = room - room % self.rounding();
        whole.saturating_sub(self.head())
    }
}

/// What a capture pin has for its client.
#[derive(Debug)]
pub(crate) struct Packer {
    packing: Packing,
    messages: VecDeque<Captured>,
    /// Bytes of the first message that are already with the client.
    given: usize,
}

impl Packer {
    pub(crate) fn new(packing: Packing) -> Self {
        Self {
            packing,
            messages: VecDeque::new(),
            given: 0,
        }
    }

    pub(crate) fn push(&mut self, message: Captured) {
        self.messages.push_back(message);
    }

    /// The messages, not packed. One that a client has a part of comes whole.
    pub(crate) fn take(&mut self) -> Vec<Captured> {
        self.given = 0;
        std::mem::take(&mut self.messages).into()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// A buffer of at most `room` bytes and its time; `None` when there is nothing to be packed, or
    /// no room for a byte of it.
    ///
    /// A message that does not fit goes into the next buffer; only one that no buffer of this size
    /// could hold is cut.
    pub(crate) fn pack(&mut self, room: usize) -> Option<(i64, Vec<u8>)> {
        let base = self.messages.front()?.time;
        let mut bytes = Vec::new();
        let mut before = 0;
        while let Some(message) = self.messages.front() {
            let left = message.bytes.len() - self.given;
            let fits = self.packing.fits(room - bytes.len());
            if fits == 0 || (left > fits && !bytes.is_empty()) {
                break;
            }
            let count = left.min(fits);
            let data = message.bytes[self.given..self.given + count].to_vec();
            let delta = message.time - base;
            let whole = count == message.bytes.len();
            self.head(&mut bytes, delta, &mut before, message.group, &data, whole);
            bytes.extend(data);
            bytes.resize(bytes.len().next_multiple_of(self.packing.rounding()), 0);
            if count == left {
                self.messages.pop_front();
                self.given = 0;
            } else {
                self.given += count;
            }
        }
        (!bytes.is_empty()).then_some((base, bytes))
    }

    /// `before`: the milliseconds of the run before.
    fn head(
        &self,
        out: &mut Vec<u8>,
        delta: i64,
        before: &mut i64,
        group: u16,
        data: &[u8],
        whole: bool,
    ) {
        let count = u32::try_from(data.len()).unwrap_or(u32::MAX);
        match self.packing {
            Packing::Music => {
                let passed = delta / 10_000;
                let step = u32::try_from(passed - *before).unwrap_or(0);
                *before = passed;
                out.extend(step.to_le_bytes());
                out.extend(count.to_le_bytes());
            }
            Packing::DirectMusic => {
                let structured = whole && data.first() != Some(&0xF0);
                out.extend(count.to_le_bytes());
                out.extend(u32::from(group).to_le_bytes());
                out.extend(delta.to_le_bytes());
                out.extend(u32::from(structured).to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::client_buffer::{DirectMusicBuffer, MusicBuffer};
    use super::*;

    fn message(time: i64, bytes: &[u8]) -> Captured {
        Captured {
            time,
            group: 1,
            bytes: bytes.to_vec(),
        }
    }

    fn packer(packing: Packing, messages: &[(i64, &[u8])]) -> Packer {
        let mut packer = Packer::new(packing);
        for (time, bytes) in messages {
            packer.push(message(*time, bytes));
        }
        packer
    }

    #[test]
    fn runs_count_milliseconds_from_run_to_run() {
        // 1.9, 3.8 and 5.7 ms after the first: 1, 3 and 5 whole ones.
        let times = [7, 19_007, 38_007, 57_007];
        let messages = times.map(|time| (time, &[0x90, 1, 2][..]));
        let mut packer = packer(Packing::Music, &messages);
        let expected = MusicBuffer::new()
            .run(0, &[0x90, 1, 2])
            .run(1, &[0x90, 1, 2])
            .run(2, &[0x90, 1, 2])
            .run(2, &[0x90, 1, 2]);
        assert_eq!(packer.pack(400), Some((7, expected.bytes().to_vec())));
        assert_eq!(packer.pack(400), None);
    }

    #[test]
    fn events_count_from_the_header() {
        let messages: [(i64, &[u8]); 2] = [(100, &[0x90, 1, 2]), (1234, &[0xF0, 1, 0xF7])];
        let mut packer = packer(Packing::DirectMusic, &messages);
        let expected =
            DirectMusicBuffer::new()
                .event(0, 1, &[0x90, 1, 2])
                .event(1134, 1, &[0xF0, 1, 0xF7]);
        assert_eq!(packer.pack(400), Some((100, expected.bytes().to_vec())));
    }

    #[test]
    fn only_what_fits_nowhere_is_cut() {
        let long = [&[0xF0][..], &[1; 30], &[0xF7]].concat();
        let messages: [(i64, &[u8]); 3] = [(0, &[0xC0, 1]), (5, &long), (9, &[0xC0, 2])];
        let mut packer = packer(Packing::Music, &messages);
        let sizes: Vec<_> = std::iter::from_fn(|| packer.pack(26))
            .map(|(time, bytes)| (time, bytes.len()))
            .collect();
        // 8 + 16 bytes twice, and the last message for itself: 2 rounded to 4.
        assert_eq!(sizes, [(0, 12), (5, 24), (5, 24), (9, 12)]);
        assert_eq!(packer.pack(26), None);
    }

    #[test]
    fn no_room_is_nothing() {
        let mut packer = packer(Packing::DirectMusic, &[(0, &[0xF8])]);
        for room in [0, 8, 20, 23] {
            assert_eq!(packer.pack(room), None, "{room}");
        }
        assert!(packer.pack(24).is_some());
    }
}
