//! Data formats and ranges.

use alloc::vec::Vec;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    Guid, assert_layout,
    guids::{
        KSDATAFORMAT_SPECIFIER_NONE, KSDATAFORMAT_SPECIFIER_WAVEFORMATEX, KSDATAFORMAT_SUBTYPE_PCM,
        KSDATAFORMAT_TYPE_AUDIO, KSDATAFORMAT_TYPE_MUSIC,
    },
    property::{BadList, MultipleItem, list_body},
};

/// `KSDATAFORMAT`, also `KSDATARANGE`.
#[repr(C, align(8))]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct DataFormat {
    /// Bytes of the whole format or range.
    pub format_size: u32,
    /// Zero.
    pub flags: u32,
    /// Bytes of a sample, or zero.
    pub sample_size: u32,
    /// Zero.
    pub reserved: u32,
    /// What it is: music, audio.
    pub major_format: Guid,
    /// Which of these.
    pub sub_format: Guid,
    /// What follows.
    pub specifier: Guid,
}
assert_layout!(DataFormat, 64, sample_size @ 8, major_format @ 16, sub_format @ 32, specifier @ 48);

/// `KSDATARANGE_MUSIC`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct MusicRange {
    /// The common part.
    pub range: DataFormat,
    /// What makes the sound.
    pub technology: Guid,
    /// Channels.
    pub channels: u32,
    /// Notes.
    pub notes: u32,
    /// A bit a channel.
    pub channel_mask: u32,
    /// Tail padding.
    pub padding: u32,
}
assert_layout!(MusicRange, 96, technology @ 64, channels @ 80, notes @ 84, channel_mask @ 88);

/// `KSDATARANGE_AUDIO`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct AudioRange {
    /// The common part.
    pub range: DataFormat,
    /// The most channels.
    pub maximum_channels: u32,
    /// The least bits.
    pub minimum_bits: u32,
    /// The most bits.
    pub maximum_bits: u32,
    /// The lowest rate.
    pub minimum_frequency: u32,
    /// The highest rate.
    pub maximum_frequency: u32,
    /// Tail padding.
    pub padding: u32,
}
assert_layout!(AudioRange, 88, maximum_channels @ 64, minimum_bits @ 68, maximum_bits @ 72,
    minimum_frequency @ 76, maximum_frequency @ 80);

/// `WAVEFORMATEX`.
#[repr(C, packed)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct WaveFormatEx {
    /// 1: PCM.
    pub format_tag: u16,
    /// Channels.
    pub channels: u16,
    /// Frames a second.
    pub samples_per_sec: u32,
    /// Bytes a second.
    pub avg_bytes_per_sec: u32,
    /// Bytes of a frame.
    pub block_align: u16,
    /// Bits of a sample.
    pub bits_per_sample: u16,
    /// Bytes that follow.
    pub size: u16,
}
assert_layout!(WaveFormatEx, 18, samples_per_sec @ 4, avg_bytes_per_sec @ 8, block_align @ 12,
    bits_per_sample @ 14, size @ 16);

/// `KSDATAFORMAT_WAVEFORMATEX` as a client sends it: 82 bytes.
#[repr(C, packed)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct WaveDataFormat {
    /// The common part.
    pub format: PackedDataFormat,
    /// The wave's.
    pub wave: WaveFormatEx,
}
assert_layout!(WaveDataFormat, 82, wave @ 64);

/// [`DataFormat`] at any address, for structures without padding.
#[repr(C, packed)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PackedDataFormat {
    /// Bytes of the whole format.
    pub format_size: u32,
    /// Zero.
    pub flags: u32,
    /// Bytes of a sample, or zero.
    pub sample_size: u32,
    /// Zero.
    pub reserved: u32,
    /// What it is.
    pub major_format: Guid,
    /// Which of these.
    pub sub_format: Guid,
    /// What follows.
    pub specifier: Guid,
}
assert_layout!(PackedDataFormat, 64, major_format @ 16, sub_format @ 32, specifier @ 48);

impl DataFormat {
    /// The 64-byte format that opens a MIDI pin of this subtype.
    #[must_use]
    pub const fn music(sub_format: Guid) -> Self {
        Self {
            format_size: 64,
            flags: 0,
            sample_size: 0,
            reserved: 0,
            major_format: KSDATAFORMAT_TYPE_MUSIC,
            sub_format,
            specifier: KSDATAFORMAT_SPECIFIER_NONE,
        }
    }
}

impl WaveFormatEx {
    /// 16-bit PCM.
    #[must_use]
    pub const fn pcm16(samples_per_sec: u32, channels: u16) -> Self {
        let block_align = channels.saturating_mul(2);
        Self {
            format_tag: 1,
            channels,
            samples_per_sec,
            avg_bytes_per_sec: samples_per_sec.saturating_mul(block_align as u32),
            block_align,
            bits_per_sample: 16,
            size: 0,
        }
    }
}

impl WaveDataFormat {
    /// The format that opens a wave pin with 16-bit PCM.
    #[must_use]
    pub const fn pcm16(samples_per_sec: u32, channels: u16) -> Self {
        let wave = WaveFormatEx::pcm16(samples_per_sec, channels);
        Self {
            format: PackedDataFormat {
                format_size: 82,
                flags: 0,
                sample_size: wave.block_align as u32,
                reserved: 0,
                major_format: KSDATAFORMAT_TYPE_AUDIO,
                sub_format: KSDATAFORMAT_SUBTYPE_PCM,
                specifier: KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
            },
            wave,
        }
    }
}

/// One entry of a pin's data ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Music with its details.
    Music(MusicRange),
    /// Audio with its details.
    Audio(AudioRange),
    /// Any other.
    Other(DataFormat),
}

impl Range {
    /// The common part.
    #[must_use]
    pub const fn common(&self) -> &DataFormat {
        match self {
            Self::Music(music) => &music.range,
            Self::Audio(audio) => &audio.range,
            Self::Other(other) => other,
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (common, _) = DataFormat::read_from_prefix(bytes).ok()?;
        let music = MusicRange::read_from_prefix(bytes)
            .ok()
            .filter(|_| common.major_format == KSDATAFORMAT_TYPE_MUSIC);
        let audio = AudioRange::read_from_prefix(bytes)
            .ok()
            .filter(|_| common.major_format == KSDATAFORMAT_TYPE_AUDIO);
        Some(match (music, audio) {
            (Some((music, _)), _) => Self::Music(music),
            (None, Some((audio, _))) => Self::Audio(audio),
            (None, None) => Self::Other(common),
        })
    }
}

/// The ranges in a `KSMULTIPLE_ITEM` list: each of its own size, the next at a multiple of 8.
///
/// # Errors
///
/// A list that does not hold what its head says.
pub fn ranges(bytes: &[u8]) -> Result<Vec<Range>, BadList> {
    let (head, mut body) = list_body(bytes)?;
    let bad = BadList {
        length: bytes.len(),
        head: Some(head),
    };
    let mut ranges = Vec::new();
    for _ in 0..head.count {
        let (common, _) = DataFormat::read_from_prefix(body).map_err(|_| bad)?;
        let size = usize::try_from(common.format_size).map_err(|_| bad)?;
        let own = body.get(..size).ok_or(bad)?;
        ranges.push(Range::read(own).ok_or(bad)?);
        // The last one need not be padded.
        let step = size.checked_next_multiple_of(8).ok_or(bad)?;
        body = body.get(step..).unwrap_or_default();
    }
    Ok(ranges)
}

/// A `KSMULTIPLE_ITEM` list of ranges, as a filter answers.
#[must_use]
pub fn range_list(ranges: &[Range]) -> Vec<u8> {
    let mut body = Vec::new();
    for range in ranges {
        body.extend_from_slice(match range {
            Range::Music(music) => music.as_bytes(),
            Range::Audio(audio) => audio.as_bytes(),
            Range::Other(other) => other.as_bytes(),
        });
    }
    let head = MultipleItem {
        size: u32::try_from(size_of::<MultipleItem>() + body.len()).unwrap_or(u32::MAX),
        count: u32::try_from(ranges.len()).unwrap_or(u32::MAX),
    };
    let mut bytes = Vec::from(head.as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::guids::{KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_MIDI_BUS};
    use proptest::prelude::*;
    use std::vec::Vec;

    fn music() -> MusicRange {
        MusicRange {
            range: DataFormat {
                format_size: 96,
                ..DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI)
            },
            channel_mask: 0xFFFF,
            ..MusicRange::default()
        }
    }

    fn audio() -> AudioRange {
        AudioRange {
            range: DataFormat {
                format_size: 88,
                major_format: KSDATAFORMAT_TYPE_AUDIO,
                ..DataFormat::default()
            },
            maximum_channels: 2,
            ..AudioRange::default()
        }
    }

    #[test]
    fn ranges_come_back_each_with_its_details() {
        let ranges_in = [
            Range::Music(music()),
            Range::Other(DataFormat::music(KSDATAFORMAT_SUBTYPE_MIDI_BUS)),
            Range::Audio(audio()),
        ];
        let bytes = range_list(&ranges_in);
        assert_eq!(bytes.len(), 8 + 96 + 64 + 88);
        assert_eq!(ranges(&bytes).unwrap(), ranges_in);
        assert!(ranges(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn a_wave_format_is_82_bytes_with_consistent_numbers() {
        let format = WaveDataFormat::pcm16(44_100, 2);
        let bytes = format.as_bytes();
        assert_eq!(bytes.len(), 82);
        assert_eq!(bytes[..4], 82_u32.to_le_bytes());
        assert_eq!(
            bytes[64..],
            *b"\x01\0\x02\0\x44\xAC\0\0\x10\xB1\x02\0\x04\0\x10\0\0\0"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_ranges_or_an_error(bytes: Vec<u8>, count in 0_u32..4, cut in 0_usize..200) {
            let _ = ranges(&bytes);
            let mut list = range_list(&[Range::Music(music()), Range::Audio(audio())]);
            list[4..8].copy_from_slice(&count.to_le_bytes());
            let kept = cut.min(list.len());
            let read = ranges(&list[..kept]);
            prop_assert_eq!(read.is_ok(), kept == list.len() && count <= 2);
        }
    }
}
