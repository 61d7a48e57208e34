//! Data formats: what a client asks for, and whether a pin has it.

use dmusmini::com::Guid;
use dmusmini::portcls::abi::KsDataRange;
use dmusmini::portcls::guids::{
    KSDATAFORMAT_SPECIFIER_NONE, KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
    KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, KSDATAFORMAT_SUBTYPE_MIDI, KSDATAFORMAT_SUBTYPE_PCM,
    KSDATAFORMAT_TYPE_AUDIO, KSDATAFORMAT_TYPE_MUSIC,
};

use super::block::Block;
use super::descriptor::{DataRange, PinInfo};
use super::packer::Packing;

/// The format of a pin to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Legacy MIDI: raw bytes.
    Midi,
    /// DirectMusic: time-stamped events.
    DirectMusic,
    /// PCM.
    Wave(WaveFormat),
    /// Any bytes, such as a malformed KSDATAFORMAT; the port's own check is skipped.
    Raw(Vec<u8>),
    /// No format at all (a null pointer).
    Absent,
}

/// A PCM format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveFormat {
    /// Frames a second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Bits a sample.
    pub bits: u16,
}

impl WaveFormat {
    /// 16-bit PCM.
    #[must_use]
    pub const fn pcm16(rate: u32, channels: u16) -> Self {
        Self {
            rate,
            channels,
            bits: 16,
        }
    }
}

impl Format {
    /// The bytes of the KSDATAFORMAT.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let none = KSDATAFORMAT_SPECIFIER_NONE;
        match self {
            Self::Midi => head(
                64,
                0,
                KSDATAFORMAT_TYPE_MUSIC,
                KSDATAFORMAT_SUBTYPE_MIDI,
                none,
            ),
            Self::DirectMusic => head(
                64,
                0,
                KSDATAFORMAT_TYPE_MUSIC,
                KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
                none,
            ),
            Self::Wave(wave) => {
                let frame = wave.channels.saturating_mul(wave.bits / 8);
                let mut bytes = head(
                    82,
                    u32::from(frame),
                    KSDATAFORMAT_TYPE_AUDIO,
                    KSDATAFORMAT_SUBTYPE_PCM,
                    KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
                );
                bytes.extend(1_u16.to_le_bytes());
                bytes.extend(wave.channels.to_le_bytes());
                bytes.extend(wave.rate.to_le_bytes());
                bytes.extend(wave.rate.saturating_mul(u32::from(frame)).to_le_bytes());
                bytes.extend(frame.to_le_bytes());
                bytes.extend(wave.bits.to_le_bytes());
                bytes.extend(0_u16.to_le_bytes());
                bytes
            }
            Self::Raw(bytes) => bytes.clone(),
            Self::Absent => Vec::new(),
        }
    }

    /// The format in memory that the driver may read.
    pub(crate) fn block(&self) -> Option<Block> {
        let bytes = self.bytes();
        if bytes.is_empty() {
            return None;
        }
        let block = Block::new(bytes.len().max(size_of::<KsDataRange>()));
        block.write(0, &bytes);
        Some(block)
    }

    /// The format with these bytes of a KSDATAFORMAT.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let wave = || {
            let word = |at: usize| {
                bytes
                    .get(at..at + 2)?
                    .try_into()
                    .ok()
                    .map(u16::from_le_bytes)
            };
            let rate = bytes.get(68..72)?.try_into().ok().map(u32::from_le_bytes)?;
            Some(Self::Wave(WaveFormat {
                rate,
                channels: word(66)?,
                bits: word(78)?,
            }))
        };
        let known = [Some(Self::Midi), Some(Self::DirectMusic), wave()];
        known
            .into_iter()
            .flatten()
            .find(|format| format.bytes() == bytes)
            .unwrap_or_else(|| Self::Raw(bytes.to_vec()))
    }

    /// How a MIDI pin of this format packs its buffers.
    pub(crate) fn packing(&self) -> Packing {
        let subtype = self.bytes().get(32..48).map(<[u8]>::to_vec);
        if subtype.as_deref() == Some(&guid_bytes(&KSDATAFORMAT_SUBTYPE_DIRECTMUSIC)) {
            Packing::DirectMusic
        } else {
            Packing::Music
        }
    }

    /// Whether a pin has a data range that this format lies in, whatever the format is.
    pub(crate) fn lies_in_a_range_of(&self, pin: &PinInfo) -> bool {
        let bytes = self.bytes();
        pin.ranges.iter().any(|range| lies_in(&bytes, range))
    }

    /// Whether a pin has a data range that this format lies in.
    pub(crate) fn fits(&self, pin: &PinInfo) -> bool {
        match self {
            Self::Raw(_) | Self::Absent => true,
            _ => self.lies_in_a_range_of(pin),
        }
    }
}

fn lies_in(format: &[u8], range: &DataRange) -> bool {
    // Major type, subtype and specifier.
    if format.get(16..64) != range.bytes.get(16..64) {
        return false;
    }
    let (Some(wave), Some(audio)) = (format.get(64..80), range.bytes.get(64..84)) else {
        return true;
    };
    let channels = u32::from(u16::from_le_bytes([wave[2], wave[3]]));
    let rate = u32::from_le_bytes([wave[4], wave[5], wave[6], wave[7]]);
    let bits = u32::from(u16::from_le_bytes([wave[14], wave[15]]));
    let limit =
        |at: usize| u32::from_le_bytes([audio[at], audio[at + 1], audio[at + 2], audio[at + 3]]);
    channels <= limit(0)
        && (limit(4)..=limit(8)).contains(&bits)
        && (limit(12)..=limit(16)).contains(&rate)
}

fn head(size: u32, sample: u32, major: Guid, sub: Guid, specifier: Guid) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [size, 0, sample, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for guid in [major, sub, specifier] {
        bytes.extend(guid_bytes(&guid));
    }
    bytes
}

/// A GUID as it lies in memory.
#[must_use]
pub fn guid_bytes(guid: &Guid) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&guid.data1.to_le_bytes());
    bytes[4..6].copy_from_slice(&guid.data2.to_le_bytes());
    bytes[6..8].copy_from_slice(&guid.data3.to_le_bytes());
    bytes[8..].copy_from_slice(&guid.data4);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_their_documented_sizes() {
        assert_eq!(Format::Midi.bytes().len(), 64);
        assert_eq!(Format::Wave(WaveFormat::pcm16(44_100, 2)).bytes().len(), 82);
    }
}
