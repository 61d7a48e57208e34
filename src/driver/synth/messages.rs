//! The messages of an event that holds several, or one that relies on running status.
//!
//! Up to 64 KiB, most of which may be bytes that belong to no message; so they are looked at in
//! portions, and what cannot matter is passed by sixteen at a time. Real-time bytes mean nothing to a
//! synthesizer wherever they stand; F0 to F7 end the running status (contract 13.1), and a SysEx in the
//! midst of others is passed by. Any IRQL.
#![forbid(unsafe_code)]

use super::work::{BYTE, CHUNK, CHUNK_COST, Work};

/// How far an event's bytes have been looked at.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    at: usize,
    /// The status that the next data byte is for; 0 where none is.
    status: u8,
    /// The first of two data bytes.
    first: Option<u8>,
}

/// One channel message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    bytes: [u8; 3],
    len: usize,
}

impl Short {
    /// The message, status byte first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Messages {
    /// From the first byte on, for which a status may be in force.
    #[must_use]
    pub const fn new(running: u8) -> Self {
        Self {
            at: 0,
            status: running,
            first: None,
        }
    }

    /// Whether all bytes have been looked at.
    #[must_use]
    pub const fn is_done(&self, bytes: &[u8]) -> bool {
        self.at >= bytes.len()
    }

    /// The next message; none at the end, and where the work is used up. `running` is the status that
    /// is in force behind it.
    pub fn next(&mut self, bytes: &[u8], running: &mut u8, work: &mut Work) -> Option<Short> {
        while !work.is_over() {
            let rest = bytes.get(self.at..).unwrap_or_default();
            if let Some(chunk) = rest.first_chunk::<CHUNK>() {
                work.spend(CHUNK_COST);
                if self.is_meaningless(chunk) {
                    self.at = self.at.saturating_add(CHUNK);
                    continue;
                }
            }
            for &byte in rest.iter().take(CHUNK) {
                work.spend(BYTE);
                self.at = self.at.saturating_add(1);
                if let Some(message) = self.take(byte, running) {
                    return Some(message);
                }
            }
            if rest.is_empty() {
                return None;
            }
        }
        None
    }

    /// Whether bytes change nothing: in a running status that is in force the real-time ones, and
    /// otherwise all that begin no channel message.
    fn is_meaningless(&self, chunk: &[u8; CHUNK]) -> bool {
        // Without a way out in the middle, so that it is done for all at once.
        let floor = if self.status == 0 { 0xF0 } else { 0xF8 };
        let data = self.status == 0;
        let matters = |byte: u8| byte < floor && (byte >= 0x80 || !data);
        let bits = chunk.iter().map(|&byte| u8::from(matters(byte)));
        bits.fold(0, |some, bit| some | bit) == 0
    }

    fn take(&mut self, byte: u8, running: &mut u8) -> Option<Short> {
        match byte {
            0xF8..=0xFF => None,
            0xF0..=0xF7 => {
                self.status = 0;
                self.first = None;
                *running = 0;
                None
            }
            0x80..=0xEF => {
                self.status = byte;
                self.first = None;
                None
            }
            _ if self.status == 0 => None,
            _ => {
                let (bytes, len) = match (self.status, self.first) {
                    (0xC0..=0xDF, _) => ([self.status, byte, 0], 2),
                    (_, Some(first)) => ([self.status, first, byte], 3),
                    (_, None) => {
                        self.first = Some(byte);
                        return None;
                    }
                };
                self.first = None;
                *running = self.status;
                Some(Short { bytes, len })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// All messages, with so much work at a time, and the status in force at the end.
    fn all(running: u8, bytes: &[u8], portion: u32) -> (Vec<Vec<u8>>, u8) {
        let mut running = running;
        let mut messages = Messages::new(running);
        let mut found = Vec::new();
        let mut steps = 0;
        while !messages.is_done(bytes) {
            let mut work = Work::new(portion);
            while let Some(short) = messages.next(bytes, &mut running, &mut work) {
                found.push(short.as_bytes().to_vec());
            }
            steps += 1;
            assert!(steps <= bytes.len(), "no way forward");
        }
        (found, running)
    }

    #[test]
    fn junk_and_messages() {
        for (running, bytes, messages, after) in [
            (0, &[60, 100][..], &[][..], 0),
            (
                0x90,
                &[60, 100, 61, 101],
                &[&[0x90, 60, 100][..], &[0x90, 61, 101]][..],
                0x90,
            ),
            (0x90, &[0xFE, 60, 0xF8, 100], &[&[0x90, 60, 100]], 0x90),
            (0x90, &[0xF4, 60, 100], &[], 0),
            (0x90, &[0xF5, 1, 60, 100], &[], 0),
            (0x90, &[0xF0, 1, 2, 0xF7, 60, 100], &[], 0),
            (0, &[0xC5, 1, 2], &[&[0xC5, 1], &[0xC5, 2]], 0xC5),
            (0, &[0x90, 60, 0x80, 60, 0], &[&[0x80, 60, 0]], 0x80),
        ] {
            for portion in [1, 30, 100_000] {
                let expected: Vec<Vec<u8>> = messages.iter().map(|m| m.to_vec()).collect();
                assert_eq!(
                    all(running, bytes, portion),
                    (expected, after),
                    "{bytes:02X?}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 }))]

        /// Passing bytes by changes nothing: against a reading byte by byte.
        #[test]
        fn chunks_lose_nothing(
            bytes in prop::collection::vec(
                prop_oneof![Just(0xFE), Just(0xF4), Just(0x90), 0_u8..0x80, any::<u8>()], 0..200),
            portion in 1_u32..2000,
        ) {
            let mut running = 0x95;
            let mut single = Messages::new(running);
            let expected: Vec<Vec<u8>> = bytes
                .iter()
                .filter_map(|&byte| single.take(byte, &mut running))
                .map(|short| short.as_bytes().to_vec())
                .collect();
            prop_assert_eq!(all(0x95, &bytes, portion), (expected, running));
        }
    }
}
