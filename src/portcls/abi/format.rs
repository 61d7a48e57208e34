//! KS data ranges and formats (abi section 5.2).

use crate::com::Guid;
use crate::portcls::guids::{KSDATAFORMAT_SPECIFIER_NONE, KSDATAFORMAT_TYPE_MUSIC};

/// `KSIDENTIFIER`, which is also `KSPROPERTY`, `KSPIN_INTERFACE` and `KSPIN_MEDIUM`.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsIdentifier {
    /// Set.
    pub set: Guid,
    /// Member.
    pub id: u32,
    /// Flags.
    pub flags: u32,
}
assert_layout!(KsIdentifier, 24, id @ 16, flags @ 20);

/// `KSDATARANGE`, which is also `KSDATAFORMAT`.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KsDataRange {
    /// Size of the whole structure that begins with this one.
    pub format_size: u32,
    /// 0.
    pub flags: u32,
    /// 0 or the size of a sample.
    pub sample_size: u32,
    /// 0.
    pub reserved: u32,
    /// `KSDATAFORMAT_TYPE_*`.
    pub major_format: Guid,
    /// `KSDATAFORMAT_SUBTYPE_*`.
    pub sub_format: Guid,
    /// `KSDATAFORMAT_SPECIFIER_*`.
    pub specifier: Guid,
}
assert_layout!(KsDataRange, 64, flags @ 4, sample_size @ 8, reserved @ 12, major_format @ 16,
    sub_format @ 32, specifier @ 48);

/// `KSDATARANGE_MUSIC`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KsDataRangeMusic {
    /// The common part; `format_size` is 96.
    pub data_range: KsDataRange,
    /// `KSMUSIC_TECHNOLOGY_*`.
    pub technology: Guid,
    /// 0 (contract section 5.7).
    pub channels: u32,
    /// 0.
    pub notes: u32,
    /// 0xFFFF.
    pub channel_mask: u32,
}
assert_layout!(KsDataRangeMusic, 96, technology @ 64, channels @ 80, notes @ 84, channel_mask @ 88);

impl KsDataRangeMusic {
    /// What a MIDI pin of either device takes: one form of it, on all channels.
    #[must_use]
    pub const fn midi(sub_format: Guid, technology: Guid) -> Self {
        Self {
            data_range: KsDataRange {
                format_size: 96,
                flags: 0,
                sample_size: 0,
                reserved: 0,
                major_format: KSDATAFORMAT_TYPE_MUSIC,
                sub_format,
                specifier: KSDATAFORMAT_SPECIFIER_NONE,
            },
            technology,
            channels: 0,
            notes: 0,
            channel_mask: 0xFFFF,
        }
    }
}

/// `KSDATARANGE_AUDIO`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KsDataRangeAudio {
    /// The common part; `format_size` is 88.
    pub data_range: KsDataRange,
    /// Channels at most.
    pub maximum_channels: u32,
    /// Bits at least.
    pub minimum_bits: u32,
    /// Bits at most.
    pub maximum_bits: u32,
    /// Hz at least.
    pub minimum_frequency: u32,
    /// Hz at most.
    pub maximum_frequency: u32,
}
assert_layout!(KsDataRangeAudio, 88, maximum_channels @ 64, minimum_bits @ 68, maximum_bits @ 72,
    minimum_frequency @ 76, maximum_frequency @ 80);

/// `WAVEFORMATEX`, 18 bytes.
#[repr(C, packed)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveFormatEx {
    /// 1 is PCM.
    pub format_tag: u16,
    /// Channels.
    pub channels: u16,
    /// Frames a second.
    pub samples_per_sec: u32,
    /// Bytes a second.
    pub avg_bytes_per_sec: u32,
    /// Bytes a frame.
    pub block_align: u16,
    /// Bits a sample.
    pub bits_per_sample: u16,
    /// Extra bytes that follow.
    pub size: u16,
}
assert_layout!(WaveFormatEx, 18, channels @ 2, samples_per_sec @ 4, avg_bytes_per_sec @ 8,
    block_align @ 12, bits_per_sample @ 14, size @ 16);

/// `KSDATAFORMAT_WAVEFORMATEX`, 82 bytes.
#[repr(C, packed)]
#[derive(Clone, Copy, Debug)]
pub struct KsDataFormatWaveFormatEx {
    /// The common part as plain bytes' worth of fields (the real one has alignment 8).
    pub format_size: u32,
    /// 0.
    pub flags: u32,
    /// Bytes a frame.
    pub sample_size: u32,
    /// 0.
    pub reserved: u32,
    /// TYPE_AUDIO.
    pub major_format: Guid,
    /// SUBTYPE_PCM.
    pub sub_format: Guid,
    /// SPECIFIER_WAVEFORMATEX.
    pub specifier: Guid,
    /// The format.
    pub wave_format: WaveFormatEx,
}
assert_layout!(KsDataFormatWaveFormatEx, 82, flags @ 4, major_format @ 16, sub_format @ 32,
    specifier @ 48, wave_format @ 64);
