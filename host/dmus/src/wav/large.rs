//! RF64 files (EBU Tech 3306), which count their bytes in 64 bits.

use super::{Sound, cut_off};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Whether a file says that it is one. It is read from its beginning afterwards.
pub(super) fn is_rf64(mut file: &File) -> bool {
    let mut head = [0; 4];
    let is_rf64 = file.read_exact(&mut head).is_ok() && head == *b"RF64";
    file.rewind().is_ok() && is_rf64
}

/// Reads the sound of one.
pub(super) fn read(file: File, path: &Path) -> Result<Sound> {
    let mut file = BufReader::new(file);
    let no_header = || format!("{}: byte 0x0: no RF64 header", path.display());
    let mut head = [0; 12];
    file.read_exact(&mut head).with_context(no_header)?;
    let (mut length, mut format) = (0, None);
    loop {
        let mut chunk = [0; 8];
        file.read_exact(&mut chunk).with_context(no_header)?;
        let (id, size) = chunk.split_at(4);
        let size = little_endian(size);
        match id {
            b"ds64" => {
                let body = body(&mut file, size).with_context(no_header)?;
                length = body.get(8..16).map_or(0, little_endian);
            }
            b"fmt " => format = Some(body(&mut file, size).with_context(no_header)?),
            b"data" => break,
            _ => {
                let next = i64::try_from(size + size % 2)?;
                file.seek(SeekFrom::Current(next)).with_context(no_header)?;
            }
        }
    }
    let format = format.with_context(no_header)?;
    let word = |at: usize| format.get(at..at + 2).map_or(0, little_endian);
    let channels = u16::try_from(word(2))?;
    if (word(0), word(14)) != (1, 16) || !(1..=2).contains(&channels) {
        bail!(
            "{}: not a 16-bit PCM file with one or two channels",
            path.display()
        );
    }
    let mut bytes = Vec::new();
    file.take(length)
        .read_to_end(&mut bytes)
        .with_context(|| cut_off(path))?;
    if (bytes.len() as u64) < length {
        bail!("{}", cut_off(path));
    }
    Ok(Sound {
        rate: u32::try_from(format.get(4..8).map_or(0, little_endian))?,
        channels,
        samples: bytes
            .as_chunks()
            .0
            .iter()
            .map(|sample| i16::from_le_bytes(*sample))
            .collect(),
    })
}

/// The body of a small chunk.
fn body(file: &mut impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    const MOST: u64 = 1024;
    let mut body = vec![0; usize::try_from(size.min(MOST)).unwrap_or(0)];
    file.read_exact(&mut body)?;
    std::io::copy(
        &mut file.take(size.saturating_sub(MOST) + size % 2),
        &mut std::io::sink(),
    )?;
    Ok(body)
}

fn little_endian(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}
