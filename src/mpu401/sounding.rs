//! What an instrument at the other end of the cable still sounds, followed byte by byte.
//!
//! The driver must not leave notes hanging when it takes the chip's power away, and must
//! not send anything of its own otherwise. So it follows what it sent: keys that are down and
//! pedals that hold notes whose keys may be up again. Keeps a bit for each, and needs no lock beyond
//! the transmitter's.
#![forbid(unsafe_code)]

use crate::midi::parser::{Meaning, Parser};
use crate::time::RefTime;

/// Controllers that silence: their number is a controller's, their value does not matter.
const ALL_SOUND_OFF: u8 = 120;
const ALL_NOTES_OFF: u8 = 123;
/// The pedals that hold notes, through "all notes off" too: damper, sostenuto and hold 2.
const PEDALS: [u8; 3] = [64, 66, 69];
/// A pedal is down from this value on.
const PEDAL_DOWN: u8 = 64;

/// Keys and pedals that are down at the receiver.
#[derive(Debug)]
pub struct Sounding {
    parser: Parser,
    /// A bit for each key, channel by channel.
    keys: [u128; 16],
    /// A bit for each channel, pedal by pedal.
    pedals: [u16; PEDALS.len()],
    /// A message that silences a channel, and how many of its bytes were sent.
    hush: Option<([u8; 3], usize)>,
}

impl Default for Sounding {
    fn default() -> Self {
        Self::new()
    }
}

impl Sounding {
    /// Silence.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            parser: Parser::new(),
            keys: [0; 16],
            pedals: [0; PEDALS.len()],
            hush: None,
        }
    }

    /// Follows one byte that was sent.
    pub fn sent(&mut self, byte: u8) {
        let Meaning::Short(short) = self.parser.feed(byte, RefTime(0)).meaning else {
            return;
        };
        let &[status, first, second] = short.as_bytes() else {
            return;
        };
        let channel = status & 0x0F;
        let Some(keys) = self.keys.get_mut(usize::from(channel)) else {
            return;
        };
        let key = 1_u128.checked_shl(u32::from(first)).unwrap_or(0);
        match (status & 0xF0, first, second) {
            (0x90, _, 1..) => *keys |= key,
            (0x80 | 0x90, _, _) => *keys &= !key,
            // 124 to 127 turn notes off as well (MIDI 1.0).
            (0xB0, ALL_SOUND_OFF | ALL_NOTES_OFF.., _) => *keys = 0,
            (0xB0, controller, value) => self.pedal(channel, controller, value),
            _ => {}
        }
    }

    fn pedal(&mut self, channel: u8, controller: u8, value: u8) {
        for (pedal, down) in PEDALS.iter().zip(self.pedals.iter_mut()) {
            if *pedal == controller {
                let bit = 1 << channel;
                *down = if value >= PEDAL_DOWN {
                    *down | bit
                } else {
                    *down & !bit
                };
            }
        }
    }

    /// Asks for silence; from now on [`Sounding::next_hush`] says what to send for it.
    pub fn hush(&mut self) {
        self.hush = self.take_message().map(|message| (message, 0));
    }

    /// The next byte that silences the receiver; none when it is silent or nobody asked.
    #[must_use]
    pub fn next_hush(&self) -> Option<u8> {
        let (message, sent) = self.hush.as_ref()?;
        message.get(*sent).copied()
    }

    /// That byte was sent.
    pub fn hush_sent(&mut self) {
        let Some((message, sent)) = &mut self.hush else {
            return;
        };
        *sent = sent.saturating_add(1);
        if *sent >= message.len() {
            self.hush();
        }
    }

    /// Gives up what is left to be sent for silence: the receiver lost its power.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// What to send to a channel that is not silent, and takes note that it will be: first the pedals
    /// go up, then the keys.
    fn take_message(&mut self) -> Option<[u8; 3]> {
        for (channel, keys) in (0_u8..).zip(self.keys.iter_mut()) {
            let bit = 1 << channel;
            for (pedal, down) in PEDALS.iter().zip(self.pedals.iter_mut()) {
                if *down & bit != 0 {
                    *down &= !bit;
                    return Some([0xB0 | channel, *pedal, 0]);
                }
            }
            if *keys != 0 {
                *keys = 0;
                return Some([0xB0 | channel, ALL_NOTES_OFF, 0]);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// What silences the receiver after these bytes.
    fn after(bytes: &[u8]) -> Vec<u8> {
        let mut sounding = Sounding::new();
        for &byte in bytes {
            sounding.sent(byte);
        }
        assert_eq!(sounding.next_hush(), None);
        sounding.hush();
        core::iter::from_fn(|| {
            let byte = sounding.next_hush()?;
            sounding.hush_sent();
            Some(byte)
        })
        .collect()
    }

    #[test]
    fn released_keys_need_no_hush() {
        assert_eq!(after(&[0x90, 60, 1, 0x80, 60, 0]), [0; 0]);
        assert_eq!(after(&[0x93, 60, 1, 61, 1, 60, 0, 61, 0]), [0; 0]);
        assert_eq!(after(&[0x9F, 127, 1, 0xBF, 120, 0]), [0; 0]);
    }

    #[test]
    fn what_sounds_is_hushed_once() {
        assert_eq!(after(&[0x90, 60, 1, 62, 1, 60, 0]), [0xB0, 123, 0]);
        assert_eq!(
            after(&[0xB2, 64, 127, 0x92, 0, 1, 0x95, 5, 5]),
            [0xB2, 64, 0, 0xB2, 123, 0, 0xB5, 123, 0]
        );
        assert_eq!(after(&[0xB0, 64, 127, 64, 63]), [0; 0]);
        assert_eq!(
            after(&[0x94, 9, 9, 0xB4, 66, 64, 69, 127, 67, 127, 0x84, 9, 0]),
            [0xB4, 66, 0, 0xB4, 69, 0]
        );
        assert_eq!(after(&[0xB4, 66, 64, 69, 127, 66, 0, 69, 5]), [0; 0]);
    }
}
