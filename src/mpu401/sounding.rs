//! What an instrument at the other end of the cable still sounds, and what silences it.
//!
//! The driver must not leave notes hanging when a stream stops or the chip loses its power, and must
//! not send anything of its own otherwise. So it follows what it sent, lane by lane: the keys that a
//! stream pressed, the pedals that it holds down, and the channels where it did either. Needs no lock
//! beyond the transmitter's.
//!
//! **A silence** is a note-off for each key that is down, then the pedals that hold notes go up, then
//! "all sound off" and "all notes off" on each channel that the stream used. A stream with no key and
//! no pedal down is silent already, and nothing is sent for it. Only a note-off ends a key here: an
//! instrument need not obey "all notes off", and one message too many hurts none.
//!
//! **At most [`SILENCE_BYTES`].** The wire needs 320 us a byte, so not every note-off may fit. When
//! they do not, the pedals and the two controllers of every channel go first, at most 240 bytes, which
//! end everything at an instrument that obeys any of them; then as many note-offs as still fit, for one
//! that does not. Of more than [`PLAIN_SILENCE_BYTES`] only what differs from the last status has one
//! (running status): a chip without a FIFO is too slow for all of them. A short silence says each, for
//! an instrument that has lost a byte.
//!
//! **The other stream** shares the wire, and with it the instrument. A stop ends what its own stream
//! pressed: no key or pedal that the other lane holds too, and no controller on a channel where the
//! other lane holds any. What the other lane releases is released for both, as at the instrument.
#![forbid(unsafe_code)]

use super::spec::{PLAIN_SILENCE_BYTES, SILENCE_BYTES};
use super::transmit::Lane;
use crate::midi::parser::{Meaning, Parser};
use crate::midi::status::Kind;
use crate::time::RefTime;

/// Controllers that silence a channel.
const ALL_SOUND_OFF: u8 = 120;
const ALL_NOTES_OFF: u8 = 123;
/// The pedals that hold notes, through "all notes off" too: damper, sostenuto and hold 2.
const PEDALS: [u8; 3] = [64, 66, 69];
/// A pedal is down from this value on.
const PEDAL_DOWN: u8 = 64;
/// The velocity of a note-off from a sender that does not measure it (MIDI 1.0).
const RELEASE_VELOCITY: u8 = 64;
const CHANNELS: u8 = 16;
/// The length of each message of a silence.
const MESSAGE: u32 = 3;

/// Keys and pedals that are down at the receiver, and the silence that is being sent.
#[derive(Debug)]
pub struct Sounding {
    /// Of the wire's bytes, whoever sent them: messages are whole there, or torn for the receiver too.
    parser: Parser,
    lanes: [Held; Lane::ALL.len()],
    silence: Silence,
}

/// What one lane holds down.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// A bit for each key, channel by channel.
    keys: [u128; CHANNELS as usize],
    /// A bit for each channel, pedal by pedal.
    pedals: [u16; PEDALS.len()],
    /// The channels where the lane pressed a key or a pedal since it was last silent.
    used: u16,
    /// The silence being sent is this lane's.
    ending: bool,
}

/// The silence that is being sent.
#[derive(Debug)]
struct Silence {
    /// A message, and how many of its bytes were sent.
    message: Option<([u8; 3], usize)>,
    /// "All sound off" was the last message; "all notes off" for the same channel is the next.
    second: Option<u8>,
    /// Note-offs that may still be sent.
    note_offs: u32,
    order: Order,
    /// A status that repeats is left out.
    compact: bool,
    /// The status of the last message. Nothing but real-time bytes comes between two messages of a
    /// silence, but for what a lane sends before the first.
    in_force: Option<u8>,
}

/// What a silence begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Keys,
    Controllers,
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
            lanes: [Held::NOTHING; Lane::ALL.len()],
            silence: Silence {
                message: None,
                second: None,
                note_offs: 0,
                order: Order::Keys,
                compact: false,
                in_force: None,
            },
        }
    }

    /// Follows one byte that was sent for a lane; for none, it is a silence's.
    pub fn sent(&mut self, byte: u8, lane: Option<Lane>) {
        if lane.is_some() && !Kind::of(byte).is_real_time() {
            self.silence.in_force = None;
        }
        let Meaning::Short(short) = self.parser.feed(byte, RefTime(0)).meaning else {
            return;
        };
        // A silence takes note of what it ends when it decides to.
        let (Some(lane), &[status, first, second]) = (lane, short.as_bytes()) else {
            return;
        };
        let channel = status & 0x0F;
        match (status & 0xF0, first, second) {
            (0x90, key, 1..) => self.held_mut(lane).press(channel, key),
            (0x80 | 0x90, key, _) => {
                for held in &mut self.lanes {
                    held.release(channel, key);
                }
            }
            (0xB0, controller, value) => self.pedal(lane, channel, controller, value),
            _ => {}
        }
    }

    fn pedal(&mut self, lane: Lane, channel: u8, controller: u8, value: u8) {
        let Some(index) = PEDALS.iter().position(|&pedal| pedal == controller) else {
            return;
        };
        if value >= PEDAL_DOWN {
            self.held_mut(lane).push_pedal(index, channel);
        } else {
            for held in &mut self.lanes {
                held.lift_pedal(index, channel);
            }
        }
    }

    /// Asks for the silence of a lane, if it sounds; [`Sounding::next_byte`] says what to send for it.
    pub fn silence(&mut self, lane: Lane) {
        let held = self.held_mut(lane);
        if held.ending {
            return;
        }
        if !held.is_sounding() {
            *held = Held::NOTHING;
            return;
        }
        held.ending = true;
        self.plan();
        if self.silence.message.is_none() {
            self.advance();
        }
    }

    /// The next byte of a silence; none when all that was asked for is silent.
    #[must_use]
    pub fn next_byte(&self) -> Option<u8> {
        let (message, sent) = self.silence.message.as_ref()?;
        message.get(*sent).copied()
    }

    /// That byte was sent.
    pub fn byte_sent(&mut self) {
        let Some((message, sent)) = &mut self.silence.message else {
            return;
        };
        *sent = sent.saturating_add(1);
        if *sent >= message.len() {
            self.advance();
        }
    }

    /// Forgets what sounds and what is left to be sent for silence: the receiver lost its power.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// Decides what of a silence fits.
    fn plan(&mut self) {
        let mut keys = 0_u32;
        let mut controllers = 0_u32;
        for channel in 0..CHANNELS {
            keys = keys.saturating_add(self.ending_keys(channel).count_ones());
            for index in 0..PEDALS.len() {
                controllers = controllers.saturating_add(u32::from(self.has_pedal(index, channel)));
            }
            if self
                .lanes
                .iter()
                .any(|held| held.ending && held.has_used(channel))
            {
                controllers = controllers.saturating_add(2);
            }
        }
        let room = SILENCE_BYTES
            .checked_div(MESSAGE)
            .unwrap_or(0)
            .saturating_sub(controllers);
        self.silence.note_offs = keys.min(room);
        self.silence.order = if keys <= room {
            Order::Keys
        } else {
            Order::Controllers
        };
        let messages = controllers.saturating_add(self.silence.note_offs);
        self.silence.compact = messages.saturating_mul(MESSAGE) > PLAIN_SILENCE_BYTES;
    }

    /// Decides on the next message, or that there is silence.
    fn advance(&mut self) {
        let message = match self.silence.order {
            _ if self.silence.second.is_some() => self.take_controller(),
            Order::Keys => self.take_key().or_else(|| self.take_controller()),
            Order::Controllers => self.take_controller().or_else(|| self.take_key()),
        };
        let before = self.silence.in_force;
        self.silence.in_force = message.map(|[status, ..]| status);
        let repeats = self.silence.compact && self.silence.in_force == before;
        self.silence.message = message.map(|message| (message, usize::from(repeats)));
        if message.is_none() {
            for held in self.lanes.iter_mut().filter(|held| held.ending) {
                *held = Held::NOTHING;
            }
        }
    }

    /// A note-off for a key that is to be ended.
    fn take_key(&mut self) -> Option<[u8; 3]> {
        let left = self.silence.note_offs.checked_sub(1)?;
        for channel in 0..CHANNELS {
            let keys = self.ending_keys(channel);
            let key = keys.trailing_zeros().to_le_bytes()[0];
            if keys != 0 {
                for held in self.lanes.iter_mut().filter(|held| held.ending) {
                    held.release(channel, key);
                }
                self.silence.note_offs = left;
                return Some([0x80 | channel, key, RELEASE_VELOCITY]);
            }
        }
        None
    }

    /// A pedal that goes up; when none is left, a controller that silences a channel.
    fn take_controller(&mut self) -> Option<[u8; 3]> {
        if let Some(channel) = self.silence.second.take() {
            return Some([0xB0 | channel, ALL_NOTES_OFF, 0]);
        }
        for channel in 0..CHANNELS {
            for (index, &pedal) in PEDALS.iter().enumerate() {
                if self.has_pedal(index, channel) {
                    for held in self.lanes.iter_mut().filter(|held| held.ending) {
                        held.lift_pedal(index, channel);
                    }
                    return Some([0xB0 | channel, pedal, 0]);
                }
            }
        }
        for channel in 0..CHANNELS {
            let mut used = false;
            for held in self.lanes.iter_mut().filter(|held| held.ending) {
                used |= held.has_used(channel);
                held.used &= !bit(channel);
            }
            let shared = self
                .lanes
                .iter()
                .any(|held| !held.ending && held.sounds_on(channel));
            if used && !shared {
                self.silence.second = Some(channel);
                return Some([0xB0 | channel, ALL_SOUND_OFF, 0]);
            }
        }
        None
    }

    /// The keys of a channel that the silence ends.
    fn ending_keys(&self, channel: u8) -> u128 {
        let mut ending = 0;
        let mut others = 0;
        for held in &self.lanes {
            let keys = if held.ending {
                &mut ending
            } else {
                &mut others
            };
            *keys |= held.keys_of(channel);
        }
        ending & !others
    }

    /// Whether the silence lifts a pedal of a channel.
    fn has_pedal(&self, index: usize, channel: u8) -> bool {
        let down = |ending| {
            let mut lanes = self.lanes.iter().filter(|held| held.ending == ending);
            lanes.any(|held| held.has_pedal(index, channel))
        };
        down(true) && !down(false)
    }

    const fn held_mut(&mut self, lane: Lane) -> &mut Held {
        let [legacy, direct_music] = &mut self.lanes;
        match lane {
            Lane::Legacy => legacy,
            Lane::DirectMusic => direct_music,
        }
    }
}

impl Held {
    const NOTHING: Self = Self {
        keys: [0; CHANNELS as usize],
        pedals: [0; PEDALS.len()],
        used: 0,
        ending: false,
    };

    fn is_sounding(&self) -> bool {
        self.keys.iter().any(|&keys| keys != 0) || self.pedals.iter().any(|&down| down != 0)
    }

    fn sounds_on(&self, channel: u8) -> bool {
        self.keys_of(channel) != 0 || self.pedals.iter().any(|down| down & bit(channel) != 0)
    }

    const fn has_used(&self, channel: u8) -> bool {
        self.used & bit(channel) != 0
    }

    fn keys_of(&self, channel: u8) -> u128 {
        self.keys.get(usize::from(channel)).copied().unwrap_or(0)
    }

    fn has_pedal(&self, index: usize, channel: u8) -> bool {
        self.pedals
            .get(index)
            .is_some_and(|down| down & bit(channel) != 0)
    }

    fn press(&mut self, channel: u8, key: u8) {
        if let Some(keys) = self.keys.get_mut(usize::from(channel)) {
            *keys |= key_bit(key);
            self.used |= bit(channel);
        }
    }

    fn release(&mut self, channel: u8, key: u8) {
        if let Some(keys) = self.keys.get_mut(usize::from(channel)) {
            *keys &= !key_bit(key);
        }
    }

    fn push_pedal(&mut self, index: usize, channel: u8) {
        if let Some(down) = self.pedals.get_mut(index) {
            *down |= bit(channel);
            self.used |= bit(channel);
        }
    }

    fn lift_pedal(&mut self, index: usize, channel: u8) {
        if let Some(down) = self.pedals.get_mut(index) {
            *down &= !bit(channel);
        }
    }
}

const fn bit(channel: u8) -> u16 {
    1 << (channel & 0x0F)
}

const fn key_bit(key: u8) -> u128 {
    1 << (key & 0x7F)
}

#[cfg(test)]
mod tests;
