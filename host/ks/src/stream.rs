//! The header of what is written to a pin and read from it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_layout;

/// `KSSTREAM_HEADER` with its `KSTIME`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct StreamHeader {
    /// Bytes of this header.
    pub size: u32,
    /// Zero.
    pub type_specific_flags: u32,
    /// When it is due, in units of `numerator / denominator` times 100 ns.
    pub time: i64,
    /// See `time`.
    pub numerator: u32,
    /// See `time`.
    pub denominator: u32,
    /// How long it lasts, or zero.
    pub duration: i64,
    /// Bytes of room in the data.
    pub frame_extent: u32,
    /// Bytes that are data.
    pub data_used: u32,
    /// The data's address in the client.
    pub data: u64,
    /// [`options`].
    pub options: u32,
    /// Zero.
    pub reserved: u32,
}
assert_layout!(StreamHeader, 56, time @ 8, numerator @ 16, denominator @ 20, duration @ 24,
    frame_extent @ 32, data_used @ 36, data @ 40, options @ 48, reserved @ 52);

/// `KSSTREAM_HEADER.OptionsFlags`.
pub mod options {
    /// The time is meant.
    pub const TIME_VALID: u32 = 0x10;
    /// Something is missing before this.
    pub const DATA_DISCONTINUITY: u32 = 4;
    /// The last of the stream.
    pub const END_OF_STREAM: u32 = 0x200;
}

impl StreamHeader {
    /// `length` bytes at `data` to be written, due at `time` (100 ns), or at once.
    #[must_use]
    pub fn write(data: u64, length: u32, time: Option<i64>) -> Self {
        Self {
            size: SIZE,
            time: time.unwrap_or(0),
            numerator: 1,
            denominator: 1,
            frame_extent: length,
            data_used: length,
            data,
            options: if time.is_some() {
                options::TIME_VALID
            } else {
                0
            },
            ..Self::default()
        }
    }

    /// Room for `length` bytes at `data`, to be read into.
    #[must_use]
    pub fn read(data: u64, length: u32) -> Self {
        Self {
            size: SIZE,
            numerator: 1,
            denominator: 1,
            frame_extent: length,
            data,
            ..Self::default()
        }
    }

    /// The time in 100 ns, if it is meant.
    #[must_use]
    pub fn reference_time(&self) -> Option<i64> {
        if self.options & options::TIME_VALID == 0 {
            return None;
        }
        let scaled = i128::from(self.time) * i128::from(self.numerator.max(1))
            / i128::from(self.denominator.max(1));
        i64::try_from(scaled).ok()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a constant, asserted above"
)]
const SIZE: u32 = size_of::<StreamHeader>() as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_scaled_and_may_be_absent() {
        let mut header = StreamHeader::write(0x1000, 24, Some(70));
        assert_eq!((header.size, header.data_used), (56, 24));
        assert_eq!(header.reference_time(), Some(70));
        header.numerator = 3;
        header.denominator = 2;
        assert_eq!(header.reference_time(), Some(105));
        header.denominator = 0;
        assert_eq!(header.reference_time(), Some(210));
        assert_eq!(StreamHeader::write(0, 0, None).reference_time(), None);
        let read = StreamHeader::read(1, 9);
        assert_eq!((read.frame_extent, read.data_used), (9, 0));
    }
}
