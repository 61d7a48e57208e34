//! A wave download: `DMUS_WAVE` and its `DMUS_WAVEDATA`.
#![forbid(unsafe_code)]

use super::download::{DownloadError, Fault, Table};
use crate::mem::Buffer;

/// Silent frames kept before and after every wave, so that an interpolator may read around it.
pub const GUARD: usize = 32;

/// A mono wave.
#[derive(Debug)]
pub struct Wave {
    /// Download id (`dwDLId`); regions name it.
    pub id: u32,
    /// Frames a second, 1..=192,000.
    pub rate: u32,
    /// The frames, [`GUARD`] zeros before and after them. 8-bit data is widened to 16.
    padded: Buffer<i16>,
}

impl Wave {
    /// The frames of the wave; at least one.
    #[must_use]
    pub fn frames(&self) -> &[i16] {
        let end = self.padded.len().saturating_sub(GUARD);
        self.padded.get(GUARD..end).unwrap_or(&[])
    }

    /// The frames with [`GUARD`] zeros on both sides: frame `n` is at `n + GUARD`.
    #[must_use]
    pub fn padded(&self) -> &[i16] {
        &self.padded
    }

    pub(super) fn parse(table: &Table<'_>) -> Result<Self, DownloadError> {
        let header = table.entry(0, WAVE_SIZE)?;
        // The extension and copyright entries are of no use to a synth; naming a bad one is still
        // a malformed download.
        table.check_extensions(header.u32(0)?)?;
        table.check_copyright(header.u32(4)?)?;
        let data_index = header.u32(8)?;
        let format = header.at(12);
        let (tag, channels, rate) = (format.u16(0)?, format.u16(2)?, format.u32(4)?);
        let bits = format.u16(14)?;
        if tag != WAVE_FORMAT_PCM || channels != 1 {
            return Err(format.fault(Fault::NotMonoPcm));
        }
        if rate == 0 || rate > HIGHEST_RATE {
            return Err(format.fault(Fault::BadSampleRate));
        }
        if data_index == 0 {
            return Err(header.fault(Fault::BadIndex));
        }
        let block = table.entry(data_index, 4)?;
        let size = block.u32(0)?;
        let data = block.bytes(4, size)?;
        let padded = match bits {
            8 => pad(table, data.iter().map(|&byte| widen(byte)), data.len()),
            16 if data.len().is_multiple_of(2) => pad(
                table,
                data.chunks_exact(2).map(|pair| match *pair {
                    [low, high] => i16::from_le_bytes([low, high]),
                    _ => 0,
                }),
                data.len() / 2,
            ),
            16 => return Err(block.fault(Fault::OddDataSize)),
            _ => return Err(format.fault(Fault::NotMonoPcm)),
        };
        if data.is_empty() {
            return Err(block.fault(Fault::EmptyWave));
        }
        Ok(Self {
            id: table.id(),
            rate,
            padded: padded.map_err(|_| block.fault(Fault::OutOfMemory))?,
        })
    }
}

/// Allocates `count` frames with silence around them.
fn pad(
    table: &Table<'_>,
    mut frames: impl Iterator<Item = i16>,
    count: usize,
) -> Result<Buffer<i16>, crate::mem::OutOfMemory> {
    let total = count.saturating_add(2 * GUARD);
    table.allowance().buffer(total, |index| {
        if index < GUARD {
            0
        } else {
            frames.next().unwrap_or(0)
        }
    })
}

/// 8-bit waves are unsigned, 128 is silence.
fn widen(byte: u8) -> i16 {
    (i16::from(byte) - 128) << 8
}

/// Size of `DMUS_WAVE` without the padding at its end.
const WAVE_SIZE: u32 = 30;
const WAVE_FORMAT_PCM: u16 = 1;
const HIGHEST_RATE: u32 = 192_000;
