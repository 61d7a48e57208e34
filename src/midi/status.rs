//! What a status byte says about the bytes that follow it (mpu401.md section 5; but F4, F5, F9 and FD
//! are passed on, which that section would have ignored).
#![forbid(unsafe_code)]

/// Start of a system exclusive message.
pub const SYSEX: u8 = 0xF0;
/// End of a system exclusive message.
pub const END_OF_SYSEX: u8 = 0xF7;

/// The kinds of bytes on a MIDI wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 00..7F.
    Data,
    /// 8n..En, with its number of data bytes: 1 or 2. Stays in force as running status.
    Channel(u8),
    /// F0.
    SysEx,
    /// F1, F2, F3 and F6, with their number of data bytes: 0 to 2.
    Common(u8),
    /// F7.
    EndOfSysEx,
    /// F4 and F5: undefined by MIDI 1.0, so nothing says how many data bytes follow. All that come
    /// before the next status byte belong to it: F5 nn selects a port on many interfaces.
    UndefinedCommon,
    /// F8..FF: a message of one byte, anywhere. F9 and FD are undefined, and passed on like the rest.
    RealTime,
}

impl Kind {
    /// The kind of a byte.
    #[must_use]
    pub const fn of(byte: u8) -> Self {
        match byte {
            0x00..=0x7F => Self::Data,
            0xC0..=0xDF => Self::Channel(1),
            0x80..=0xBF | 0xE0..=0xEF => Self::Channel(2),
            0xF0 => Self::SysEx,
            0xF1 | 0xF3 => Self::Common(1),
            0xF2 => Self::Common(2),
            0xF6 => Self::Common(0),
            0xF4 | 0xF5 => Self::UndefinedCommon,
            0xF7 => Self::EndOfSysEx,
            0xF8..=0xFF => Self::RealTime,
        }
    }

    /// F8..FF: may stand between any two bytes and disturbs neither's message.
    #[must_use]
    pub const fn is_real_time(self) -> bool {
        matches!(self, Self::RealTime)
    }
}
