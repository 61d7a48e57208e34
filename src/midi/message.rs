//! What one whole MIDI message means: channel voice messages and the SysEx a synth obeys.
//!
//! Contract sections 13.1 to 13.3. Pure, any IRQL. A message is decoded once, when it arrives;
//! what is queued and played is the meaning, never the bytes.
#![forbid(unsafe_code)]

/// A MIDI channel, 0..=15 (shown to people as 1..=16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel(u8);

impl Channel {
    /// Channel 10 of the General MIDI habit.
    pub const DRUMS: Self = Self(9);

    /// The channel in the low four bits of a status byte.
    #[must_use]
    pub const fn of_status(status: u8) -> Self {
        Self(status & 0x0F)
    }

    /// The channel with this number, counted from 0, if there is one.
    #[must_use]
    pub const fn new(index: u8) -> Option<Self> {
        if index < 16 { Some(Self(index)) } else { None }
    }

    /// 0..=15.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }
}

/// A key, 0..=127; 60 is middle C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u8);

impl Key {
    /// The key with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 128 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// 0..=127.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A message that means something to the synth. Every value is inside its MIDI range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A key goes up.
    NoteOff {
        /// Where.
        channel: Channel,
        /// Which.
        key: Key,
    },
    /// A key goes down with a velocity of 1..=127.
    NoteOn {
        /// Where.
        channel: Channel,
        /// Which.
        key: Key,
        /// How hard.
        velocity: u8,
    },
    /// Pressure on one sounding key.
    PolyPressure {
        /// Where.
        channel: Channel,
        /// Which.
        key: Key,
        /// 0..=127.
        pressure: u8,
    },
    /// A controller or channel mode message.
    Controller {
        /// Where.
        channel: Channel,
        /// 0..=127.
        number: u8,
        /// 0..=127.
        value: u8,
    },
    /// A program change.
    Program {
        /// Where.
        channel: Channel,
        /// 0..=127.
        program: u8,
    },
    /// Pressure on the whole channel.
    ChannelPressure {
        /// Where.
        channel: Channel,
        /// 0..=127.
        pressure: u8,
    },
    /// The pitch wheel.
    PitchWheel {
        /// Where.
        channel: Channel,
        /// 0..=16383, 8192 at rest.
        value: u16,
    },
    /// A reset of the whole group.
    Reset(Standard),
    /// Universal master volume.
    MasterVolume {
        /// 0..=16383; from 127 << 7 on it is full, because many senders leave the fine byte at 0.
        value: u16,
    },
    /// Universal master fine tuning.
    MasterFineTuning {
        /// 0..=16383, 8192 at rest, the ends are 100 cents away.
        value: u16,
    },
    /// Universal master coarse tuning.
    MasterCoarseTuning {
        /// 0..=127, 64 at rest, in semitones.
        value: u8,
    },
    /// A GS or XG part becomes a drum part or a melodic one.
    UseForRhythm {
        /// Which part.
        channel: Channel,
        /// Whether it plays drums.
        drums: bool,
    },
    /// A GS part listens to another channel; none switches it off.
    ReceiveChannel {
        /// Which part.
        part: Channel,
        /// What it listens to.
        channel: Option<Channel>,
    },
    /// Tuning of the twelve notes of the octave, C first.
    ScaleTuning {
        /// Which part.
        channel: Channel,
        /// The first note of the twelve that `cents` is for.
        first: u8,
        /// How many of `cents` are meant.
        count: u8,
        /// -64..=63 each.
        cents: [i8; 12],
    },
}

/// The rules that a reset brings into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// General MIDI level 1, and General MIDI off.
    Gm,
    /// General MIDI level 2.
    Gm2,
    /// Roland GS.
    Gs,
    /// Yamaha XG.
    Xg,
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No byte, no status byte in front, or data bytes missing or above 127.
    Malformed,
    /// A whole message, but nothing a synth acts on.
    Ignored,
}

impl Message {
    /// Decodes one whole short message, or one whole SysEx from F0 to F7.
    ///
    /// Bytes after a short message are ignored.
    ///
    /// # Errors
    ///
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (&status, data) = bytes.split_first().ok_or(DecodeError::Malformed)?;
        match status {
            0x00..=0x7F => Err(DecodeError::Malformed),
            0x80..=0xEF => channel_voice(status, data),
            0xF0 => system_exclusive(data),
            0xF1..=0xFF => Err(DecodeError::Ignored),
        }
    }
}

fn channel_voice(status: u8, data: &[u8]) -> Result<Message, DecodeError> {
    let channel = Channel::of_status(status);
    let first = data_byte(data, 0)?;
    let key = Key(first);
    Ok(match status >> 4 {
        0x8 => {
            data_byte(data, 1)?;
            Message::NoteOff { channel, key }
        }
        0x9 => match data_byte(data, 1)? {
            0 => Message::NoteOff { channel, key },
            velocity => Message::NoteOn {
                channel,
                key,
                velocity,
            },
        },
        0xA => Message::PolyPressure {
            channel,
            key,
            pressure: data_byte(data, 1)?,
        },
        0xB => Message::Controller {
            channel,
            number: first,
            value: data_byte(data, 1)?,
        },
        0xC => Message::Program {
            channel,
            program: first,
        },
        0xD => Message::ChannelPressure {
            channel,
            pressure: first,
        },
        _ => Message::PitchWheel {
            channel,
            value: fourteen(first, data_byte(data, 1)?),
        },
    })
}

/// `data` is everything behind F0.
fn system_exclusive(data: &[u8]) -> Result<Message, DecodeError> {
    let (&0xF7, body) = data.split_last().ok_or(DecodeError::Malformed)? else {
        return Err(DecodeError::Malformed);
    };
    if body.iter().any(|&byte| byte > 127) {
        return Err(DecodeError::Malformed);
    }
    match *body {
        [0x7E, _device, 0x09, 0x01 | 0x02] => Ok(Message::Reset(Standard::Gm)),
        [0x7E, _device, 0x09, 0x03] => Ok(Message::Reset(Standard::Gm2)),
        [0x7F, _device, 0x04, 0x01, low, high] => Ok(Message::MasterVolume {
            value: fourteen(low, high),
        }),
        [0x7F, _device, 0x04, 0x03, low, high] => Ok(Message::MasterFineTuning {
            value: fourteen(low, high),
        }),
        [0x7F, _device, 0x04, 0x04, _low, high] => Ok(Message::MasterCoarseTuning { value: high }),
        // Octave tuning, one byte form: a channel mask, then twelve values.
        [0x41, _device, 0x42, 0x12, ref rest @ ..] => roland_gs(rest),
        [0x43, device, 0x4C, ref rest @ ..] if device & 0xF0 == 0x10 || device == 0 => {
            yamaha_xg(rest)
        }
        _ => Err(DecodeError::Ignored),
    }
}

/// A GS data set: three address bytes, data, checksum. The checksum is not verified.
fn roland_gs(rest: &[u8]) -> Result<Message, DecodeError> {
    match *rest {
        [0x40 | 0x00, 0x00, 0x7F, 0x00 | 0x01, ..] => Ok(Message::Reset(Standard::Gs)),
        [0x40, 0x00, 0x04, volume, ..] => Ok(Message::MasterVolume {
            value: fourteen(volume, volume),
        }),
        [0x40, block, 0x02, value, _checksum] if block & 0xF0 == 0x10 => {
            Ok(Message::ReceiveChannel {
                part: gs_part(block),
                channel: Channel::new(value),
            })
        }
        [0x40, block, 0x15, value, _checksum] if block & 0xF0 == 0x10 => {
            Ok(Message::UseForRhythm {
                channel: gs_part(block),
                drums: value != 0,
            })
        }
        [0x40, block, first @ 0x40..=0x4B, ref values @ .., _checksum]
            if block & 0xF0 == 0x10 && !values.is_empty() =>
        {
            let mut cents = [0; 12];
            let mut count = 0_u8;
            for (slot, &value) in cents.iter_mut().zip(values) {
                *slot = centred(value);
                count = count.saturating_add(1);
            }
            Ok(Message::ScaleTuning {
                channel: gs_part(block),
                first: first & 0x0F,
                count,
                cents,
            })
        }
        _ => Err(DecodeError::Ignored),
    }
}

/// An XG parameter change: three address bytes, data.
fn yamaha_xg(rest: &[u8]) -> Result<Message, DecodeError> {
    match *rest {
        [0x00, 0x00, 0x7E | 0x7F, 0x00] => Ok(Message::Reset(Standard::Xg)),
        [0x00, 0x00, 0x04, volume] => Ok(Message::MasterVolume {
            value: fourteen(volume, volume),
        }),
        [0x08, part @ 0..=15, 0x07, mode] => Ok(Message::UseForRhythm {
            channel: Channel(part),
            drums: mode != 0,
        }),
        [0x08, part @ 0..=15, 0x04, value] => Ok(Message::ReceiveChannel {
            part: Channel(part),
            channel: Channel::new(value),
        }),
        [0x08, part @ 0..=15, first @ 0x41..=0x4C, value] => {
            let mut cents = [0; 12];
            cents[0] = centred(value);
            Ok(Message::ScaleTuning {
                channel: Channel(part),
                first: first - 0x41,
                count: 1,
                cents,
            })
        }
        _ => Err(DecodeError::Ignored),
    }
}

/// The channel that a GS block address plays: 0 is channel 10, the rest counts around it.
const fn gs_part(block: u8) -> Channel {
    Channel(match block & 0x0F {
        0 => 9,
        part @ 1..=9 => part - 1,
        part => part,
    })
}

/// -64..=63 from 0..=127.
fn centred(value: u8) -> i8 {
    i8::try_from(i16::from(value & 0x7F) - 64).unwrap_or(0)
}

const fn fourteen(low: u8, high: u8) -> u16 {
    (high as u16) << 7 | low as u16
}

fn data_byte(data: &[u8], index: usize) -> Result<u8, DecodeError> {
    match data.get(index) {
        Some(&byte) if byte < 128 => Ok(byte),
        _ => Err(DecodeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(number: u8) -> Channel {
        Channel::new(number).unwrap()
    }

    fn key(number: u8) -> Key {
        Key::new(number).unwrap()
    }

    #[test]
    fn short_messages() {
        for (bytes, message) in [
            (
                &[0x93, 60, 100][..],
                Message::NoteOn {
                    channel: channel(3),
                    key: key(60),
                    velocity: 100,
                },
            ),
            (
                &[0x90, 60, 0],
                Message::NoteOff {
                    channel: channel(0),
                    key: key(60),
                },
            ),
            (
                &[0xC9, 5],
                Message::Program {
                    channel: Channel::DRUMS,
                    program: 5,
                },
            ),
            (
                &[0xE0, 0x7F, 0x7F],
                Message::PitchWheel {
                    channel: channel(0),
                    value: 16_383,
                },
            ),
        ] {
            assert_eq!(Message::decode(bytes), Ok(message), "{bytes:02X?}");
        }
    }

    #[test]
    fn system_exclusives() {
        for (bytes, message) in [
            (
                &[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7][..],
                Message::Reset(Standard::Gm),
            ),
            (
                &[
                    0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x00, 0x7F, 0x00, 0x41, 0xF7,
                ],
                Message::Reset(Standard::Gs),
            ),
            (
                &[0xF0, 0x43, 0x10, 0x4C, 0x00, 0x00, 0x7E, 0x00, 0xF7],
                Message::Reset(Standard::Xg),
            ),
            (
                &[0xF0, 0x7F, 0x7F, 0x04, 0x01, 0x00, 0x40, 0xF7],
                Message::MasterVolume { value: 8192 },
            ),
            (
                &[
                    0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 0x02, 0x0F, 0xF7,
                ],
                Message::UseForRhythm {
                    channel: channel(10),
                    drums: true,
                },
            ),
            (
                &[
                    0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0x00, 0x0F, 0xF7,
                ],
                Message::UseForRhythm {
                    channel: Channel::DRUMS,
                    drums: false,
                },
            ),
        ] {
            assert_eq!(Message::decode(bytes), Ok(message), "{bytes:02X?}");
        }
    }

    #[test]
    fn scale_tuning_is_read_from_a_full_set() {
        let mut bytes = std::vec![0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x40];
        bytes.extend((0..12).map(|note| 64 + note));
        bytes.extend([0x00, 0xF7]);
        assert_eq!(
            Message::decode(&bytes),
            Ok(Message::ScaleTuning {
                channel: channel(0),
                first: 0,
                count: 12,
                cents: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
            })
        );
    }

    #[test]
    fn what_is_cut_short_is_malformed() {
        for bytes in [
            &[][..],
            &[0x40],
            &[0x90],
            &[0x90, 60],
            &[0x90, 60, 0x80],
            &[0xC0],
            &[0xF0],
            &[0xF0, 0x7E, 0x7F, 0x09, 0x01],
            &[0xF0, 0x7E, 0x90, 0x09, 0x01, 0xF7],
        ] {
            assert_eq!(Message::decode(bytes), Err(DecodeError::Malformed));
        }
    }

    #[test]
    fn every_three_bytes_decode_without_a_panic() {
        for status in 0..=255 {
            for data in (0..=255).step_by(5) {
                let _ = Message::decode(&[status, data, data]);
                let _ = Message::decode(&[0xF0, status, data, 0xF7]);
            }
        }
    }
}
