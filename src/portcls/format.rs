//! Wave formats as KS passes them: read, checked, intersected and written (contract section 5.3).
//!
//! PASSIVE. The structures are unaligned bytes to us: they are copied field by field.
#![expect(unsafe_code, reason = "reads and writes the port's buffers")]

use core::ffi::c_void;

use super::abi::{KsDataFormatWaveFormatEx, KsDataRange, KsDataRangeAudio, WaveFormatEx};
use super::guids::{
    KSDATAFORMAT_SPECIFIER_WAVEFORMATEX, KSDATAFORMAT_SUBTYPE_PCM, KSDATAFORMAT_TYPE_AUDIO,
};
use crate::com::{Guid, Out, Status};

/// 16-bit PCM: what the synthesizer puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveFormat {
    /// Frames a second.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
}

/// What a wave pin takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveRange {
    /// The lowest rate.
    pub min_rate: u32,
    /// The highest rate.
    pub max_rate: u32,
    /// The most channels, of which there is at least one.
    pub max_channels: u32,
}

/// Bytes of one sample.
const SAMPLE_BYTES: u16 = 2;
/// `WAVE_FORMAT_PCM`.
const PCM: u16 = 1;
/// `GUID_NULL`, which is every wildcard.
const WILDCARD: Guid = Guid::from_u128(0);

impl WaveFormat {
    /// Bytes of one frame.
    #[must_use]
    pub const fn frame_bytes(self) -> u16 {
        SAMPLE_BYTES.wrapping_mul(self.channels as u16)
    }

    /// The format as `WAVEFORMATEX`.
    #[must_use]
    pub fn to_wave_format_ex(self) -> WaveFormatEx {
        let block = self.frame_bytes();
        WaveFormatEx {
            format_tag: PCM,
            channels: u16::from(self.channels),
            samples_per_sec: self.sample_rate,
            avg_bytes_per_sec: self.sample_rate.saturating_mul(u32::from(block)),
            block_align: block,
            bits_per_sample: 16,
            size: 0,
        }
    }

    /// The format that a client opens a wave pin with.
    ///
    /// # Errors
    ///
    /// [`Status::INVALID_PARAMETER`] when there is none, or one that the pin does not take.
    ///
    /// # Safety
    ///
    /// `format` is null or a `KSDATAFORMAT` of as many bytes as its `FormatSize` says.
    pub unsafe fn read(format: *const KsDataRange, range: WaveRange) -> Result<Self, Status> {
        if format.is_null() {
            return Err(Status::INVALID_PARAMETER);
        }
        // SAFETY: it has at least the common part.
        let head = unsafe { format.read_unaligned() };
        let is_wave = head.major_format == KSDATAFORMAT_TYPE_AUDIO
            && head.sub_format == KSDATAFORMAT_SUBTYPE_PCM
            && head.specifier == KSDATAFORMAT_SPECIFIER_WAVEFORMATEX;
        if !is_wave || !holds::<KsDataFormatWaveFormatEx>(head.format_size) {
            return Err(Status::INVALID_PARAMETER);
        }
        // SAFETY: it has the bytes, as was just seen.
        let wave = unsafe { format.cast::<KsDataFormatWaveFormatEx>().read_unaligned() };
        Self::check(wave.wave_format, range).ok_or(Status::INVALID_PARAMETER)
    }

    fn check(wave: WaveFormatEx, range: WaveRange) -> Option<Self> {
        let format = Self {
            sample_rate: wave.samples_per_sec,
            channels: u8::try_from(wave.channels).ok()?,
        };
        let fits = wave.format_tag == PCM
            && wave.bits_per_sample == 16
            && (1..=range.max_channels).contains(&u32::from(format.channels))
            && (range.min_rate..=range.max_rate).contains(&format.sample_rate);
        fits.then_some(format)
    }
}

/// The format that a client's range and ours have in common, closest to `preferred`.
///
/// # Errors
///
/// [`Status::NO_MATCH`], or what the length rules say: nothing asked for is
/// [`Status::BUFFER_OVERFLOW`] with the length that is needed, too little is
/// [`Status::BUFFER_TOO_SMALL`].
///
/// # Safety
///
/// `client` is null or a `KSDATARANGE` of as many bytes as its `FormatSize` says; `output` is null
/// or has `output_length` bytes.
pub unsafe fn intersect(
    client: *const KsDataRange,
    range: WaveRange,
    preferred: WaveFormat,
    output_length: u32,
    output: *mut c_void,
    mut needed: Out<'_, u32>,
) -> Result<(), Status> {
    // SAFETY: passed on to the caller.
    let format = unsafe { common(client, range, preferred) }.ok_or(Status::NO_MATCH)?;
    let size = u32::try_from(size_of::<KsDataFormatWaveFormatEx>()).unwrap_or(u32::MAX);
    needed.set(size);
    if output_length == 0 {
        return Err(Status::BUFFER_OVERFLOW);
    }
    if output_length < size || output.is_null() {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    let format = KsDataFormatWaveFormatEx {
        format_size: size,
        flags: 0,
        sample_size: u32::from(format.frame_bytes()),
        reserved: 0,
        major_format: KSDATAFORMAT_TYPE_AUDIO,
        sub_format: KSDATAFORMAT_SUBTYPE_PCM,
        specifier: KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
        wave_format: format.to_wave_format_ex(),
    };
    let output = output.cast::<KsDataFormatWaveFormatEx>();
    // SAFETY: the output has room, as was just seen.
    unsafe { output.write_unaligned(format) };
    Ok(())
}

/// The best common format, if there is one.
///
/// # Safety
///
/// As for [`intersect`].
unsafe fn common(
    client: *const KsDataRange,
    range: WaveRange,
    preferred: WaveFormat,
) -> Option<WaveFormat> {
    if client.is_null() {
        return None;
    }
    // SAFETY: it has at least the common part.
    let head = unsafe { client.read_unaligned() };
    let matches = |theirs: Guid, ours: Guid| theirs == ours || theirs == WILDCARD;
    if !matches(head.major_format, KSDATAFORMAT_TYPE_AUDIO)
        || !matches(head.sub_format, KSDATAFORMAT_SUBTYPE_PCM)
        || !matches(head.specifier, KSDATAFORMAT_SPECIFIER_WAVEFORMATEX)
    {
        return None;
    }
    if head.major_format == WILDCARD || !holds::<KsDataRangeAudio>(head.format_size) {
        // Anything goes, or the client's range says no more than "PCM".
        return Some(preferred);
    }
    // SAFETY: it has the bytes, as was just seen.
    let theirs = unsafe { client.cast::<KsDataRangeAudio>().read_unaligned() };
    let low = theirs.minimum_frequency.max(range.min_rate);
    let high = theirs.maximum_frequency.min(range.max_rate);
    let channels = theirs.maximum_channels.min(range.max_channels);
    let has_16_bits = theirs.minimum_bits <= 16 && theirs.maximum_bits >= 16;
    if low > high || channels == 0 || !has_16_bits {
        return None;
    }
    Some(WaveFormat {
        sample_rate: preferred.sample_rate.max(low).min(high),
        channels: u8::try_from(channels).ok()?.min(preferred.channels),
    })
}

fn holds<T>(size: u32) -> bool {
    usize::try_from(size).is_ok_and(|size| size >= size_of::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    const RANGE: WaveRange = WaveRange {
        min_rate: 8_000,
        max_rate: 48_000,
        max_channels: 2,
    };
    const CD: WaveFormat = WaveFormat {
        sample_rate: 44_100,
        channels: 2,
    };

    fn client_range(channels: u32, bits: (u32, u32), rates: (u32, u32)) -> KsDataRangeAudio {
        KsDataRangeAudio {
            data_range: KsDataRange {
                format_size: 88,
                flags: 0,
                sample_size: 0,
                reserved: 0,
                major_format: KSDATAFORMAT_TYPE_AUDIO,
                sub_format: KSDATAFORMAT_SUBTYPE_PCM,
                specifier: KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
            },
            maximum_channels: channels,
            minimum_bits: bits.0,
            maximum_bits: bits.1,
            minimum_frequency: rates.0,
            maximum_frequency: rates.1,
        }
    }

    fn best(range: &KsDataRangeAudio) -> Option<WaveFormat> {
        // SAFETY: the range is as large as it says.
        unsafe { common(ptr::from_ref(range).cast(), RANGE, CD) }
    }

    #[test]
    fn intersections() {
        let all = client_range(8, (8, 32), (1, 1_000_000));
        assert_eq!(best(&all), Some(CD));
        let rate = |sample_rate, channels| {
            Some(WaveFormat {
                sample_rate,
                channels,
            })
        };
        assert_eq!(
            best(&client_range(1, (16, 16), (48_000, 96_000))),
            rate(48_000, 1)
        );
        assert_eq!(
            best(&client_range(2, (16, 16), (4_000, 11_025))),
            rate(11_025, 2)
        );
        assert_eq!(best(&client_range(2, (16, 16), (96_000, 96_000))), None);
        assert_eq!(best(&client_range(2, (24, 32), (1, 96_000))), None);
        assert_eq!(best(&client_range(0, (16, 16), (1, 96_000))), None);
        let mut other = all;
        other.data_range.sub_format = KSDATAFORMAT_TYPE_AUDIO;
        assert_eq!(best(&other), None);
        other.data_range.sub_format = WILDCARD;
        assert_eq!(best(&other), Some(CD));
        other.data_range.format_size = 64;
        assert_eq!(best(&other), Some(CD));
    }

    #[test]
    fn length_rules_and_a_round_trip() {
        let client = client_range(2, (16, 16), (22_050, 22_050));
        let mut space = [0_u8; 83];
        let mut ask = |length| {
            let mut needed = 0;
            // SAFETY: the space has the bytes, from an odd address.
            let result = unsafe {
                intersect(
                    ptr::from_ref(&client).cast(),
                    RANGE,
                    CD,
                    length,
                    space.as_mut_ptr().wrapping_add(1).cast(),
                    Out::from_mut(&mut needed),
                )
            };
            (result, needed)
        };
        assert_eq!(ask(0), (Err(Status::BUFFER_OVERFLOW), 82));
        assert_eq!(ask(81), (Err(Status::BUFFER_TOO_SMALL), 82));
        assert_eq!(ask(82), (Ok(()), 82));
        // SAFETY: what was just written there.
        let read = unsafe { WaveFormat::read(space.as_ptr().wrapping_add(1).cast(), RANGE) };
        let expected = WaveFormat {
            sample_rate: 22_050,
            channels: 2,
        };
        assert_eq!(read, Ok(expected));
        space[1] = 81;
        // SAFETY: it says less than there is.
        let read = unsafe { WaveFormat::read(space.as_ptr().wrapping_add(1).cast(), RANGE) };
        assert_eq!(read, Err(Status::INVALID_PARAMETER));
        // SAFETY: null is one of the inputs.
        let read = unsafe { WaveFormat::read(ptr::null(), RANGE) };
        assert_eq!(read, Err(Status::INVALID_PARAMETER));
    }

    #[test]
    fn formats_that_the_pin_does_not_take() {
        let good = CD.to_wave_format_ex();
        assert_eq!(WaveFormat::check(good, RANGE), Some(CD));
        let bad: [fn(&mut WaveFormatEx); 6] = [
            |f| f.format_tag = 3,
            |f| f.bits_per_sample = 24,
            |f| f.channels = 0,
            |f| f.channels = 3,
            |f| f.samples_per_sec = 7_999,
            |f| f.samples_per_sec = 48_001,
        ];
        for change in bad {
            let mut wave = good;
            change(&mut wave);
            assert_eq!(WaveFormat::check(wave, RANGE), None, "{wave:?}");
        }
    }
}
