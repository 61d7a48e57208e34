//! 16-bit WAV files, out and in.

mod large;

use crate::output::{self, Output};
use crate::report::clock;
use anyhow::{Context, Result, bail};
use hound::{SampleFormat, WavReader};
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::panic;
use std::path::{Path, PathBuf};

/// What will be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// What is to be played, for messages.
    pub(crate) song: &'a Path,
    /// Frames a second.
    pub(crate) rate: u32,
    /// 1 or 2.
    pub(crate) channels: u16,
    /// Frames at most.
    pub(crate) frames: u64,
    /// RF64: the same with lengths of 64 bits.
    pub(crate) is_rf64: bool,
}

impl Plan<'_> {
    /// Bytes of sound at most.
    pub(crate) fn bytes(&self) -> u64 {
        self.frames.saturating_mul(2 * u64::from(self.channels))
    }

    /// A WAV file counts its bytes in 32 bits.
    fn ensure_countable(&self, path: &Path) -> Result<()> {
        const HEADER: u64 = 44;
        let bytes = self.bytes().saturating_add(HEADER);
        if self.is_rf64 || u32::try_from(bytes).is_ok() {
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let seconds = self.frames as f64 / f64::from(self.rate);
        bail!(
            "{}: its {} of sound take {}, but a WAV file ({}) holds less than 4 GiB; --rf64 writes a larger one",
            self.song.display(),
            clock(seconds),
            output::size(bytes),
            path.display()
        );
    }
}

/// A WAV file under construction.
pub(crate) struct WavOutput {
    output: Output,
    writer: BufWriter<File>,
    path: PathBuf,
    header: Header,
    /// Bytes of sound so far.
    bytes: u64,
}

impl WavOutput {
    /// Starts a file; refuses one that would not fit, in its format or on its file system.
    pub(crate) fn create(path: &Path, plan: &Plan<'_>) -> Result<Self> {
        plan.ensure_countable(path)?;
        let output = Output::create(path)?;
        output.ensure_room(plan.bytes())?;
        let file = output
            .file()
            .try_clone()
            .with_context(|| path.display().to_string())?;
        let mut this = Self {
            output,
            writer: BufWriter::new(file),
            path: path.to_owned(),
            header: Header {
                rate: plan.rate,
                channels: plan.channels,
                is_rf64: plan.is_rf64,
            },
            bytes: 0,
        };
        let header = this.header.bytes(0);
        this.put(&header)?;
        Ok(this)
    }

    pub(crate) fn write(&mut self, samples: &[i16]) -> Result<()> {
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        self.bytes += bytes.len() as u64;
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).with_context(|| self.failed())
    }

    fn failed(&self) -> String {
        format!("{}: cannot write", self.path.display())
    }

    /// Says in the header how long it is, and gives it its name.
    pub(crate) fn commit(mut self) -> Result<()> {
        let header = self.header.bytes(self.bytes);
        self.writer.rewind().with_context(|| self.failed())?;
        self.put(&header)?;
        self.writer.flush().with_context(|| self.failed())?;
        self.output.commit()
    }
}

/// What stands before the sound.
#[derive(Clone, Copy, Debug)]
struct Header {
    rate: u32,
    channels: u16,
    is_rf64: bool,
}

impl Header {
    /// The header of a file with so many bytes of sound.
    fn bytes(self, sound: u64) -> Vec<u8> {
        /// In place of a length that is told in 64 bits elsewhere (EBU Tech 3306).
        const ELSEWHERE: u32 = u32::MAX;
        let frame = 2 * self.channels;
        let mut chunks = Vec::new();
        let mut short = |id: &[u8; 4], words: &[u8]| {
            chunks.extend(id);
            chunks.extend(u32::try_from(words.len()).unwrap_or(0).to_le_bytes());
            chunks.extend(words);
        };
        let fmt = [
            &1_u16.to_le_bytes()[..],
            &self.channels.to_le_bytes(),
            &self.rate.to_le_bytes(),
            &(self.rate * u32::from(frame)).to_le_bytes(),
            &frame.to_le_bytes(),
            &16_u16.to_le_bytes(),
        ];
        // The form without its first eight bytes, before `ds64` is added.
        let form = sound + 36;
        if self.is_rf64 {
            let sizes = [form + 36, sound, sound / u64::from(frame)];
            let sizes = sizes.map(u64::to_le_bytes).concat();
            short(b"ds64", &[&sizes[..], &[0; 4]].concat());
        }
        short(b"fmt ", &fmt.concat());
        let told = |length: u64| match u32::try_from(length) {
            Ok(length) if !self.is_rf64 => length,
            _ => ELSEWHERE,
        };
        [
            if self.is_rf64 { b"RF64" } else { b"RIFF" },
            &told(form).to_le_bytes()[..],
            b"WAVE",
            &chunks,
            b"data",
            &told(sound).to_le_bytes(),
        ]
        .concat()
    }
}

/// Sound in memory.
#[derive(Clone, Debug, Default)]
pub struct Sound {
    /// Frames a second.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Interleaved.
    pub samples: Vec<i16>,
}

impl Sound {
    /// Reads a 16-bit PCM file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("{}: cannot read the file", path.display()))?;
        if large::is_rf64(&file) {
            return large::read(file, path);
        }
        // The library divides by what the header says.
        panic::catch_unwind(|| Self::read(file, path)).unwrap_or_else(|_| {
            bail!(
                "{}: byte 0x0: the WAV header makes no sense",
                path.display()
            )
        })
    }

    fn read(file: File, path: &Path) -> Result<Self> {
        let reader = WavReader::new(BufReader::new(file))
            .with_context(|| format!("{}: byte 0x0: no WAV header", path.display()))?;
        let spec = reader.spec();
        if spec.bits_per_sample != 16
            || spec.sample_format != SampleFormat::Int
            || !(1..=2).contains(&spec.channels)
        {
            bail!(
                "{}: not a 16-bit PCM file with one or two channels",
                path.display()
            );
        }
        let samples = reader
            .into_samples()
            .collect::<Result<_, _>>()
            .with_context(|| cut_off(path))?;
        Ok(Self {
            rate: spec.sample_rate,
            channels: spec.channels,
            samples,
        })
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }

    /// Length in seconds.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sound of 2^53 frames does not fit in memory"
    )]
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.rate.max(1))
    }
}

fn cut_off(path: &Path) -> String {
    let end = path.metadata().map_or(0, |file| file.len());
    format!("{}: byte {end:#x}: the sound is cut off", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(frames: u64, is_rf64: bool) -> Plan<'static> {
        Plan {
            song: Path::new("song.mid"),
            rate: 44_100,
            channels: 2,
            frames,
            is_rf64,
        }
    }

    #[test]
    fn what_32_bits_cannot_count_is_refused() {
        // 44 bytes of header and 4 a frame: the last that fits, and the first that does not.
        let most = (u64::from(u32::MAX) - 44) / 4;
        let path = Path::new("out.wav");
        plan(most, false).ensure_countable(path).unwrap();
        let message = plan(most + 1, false).ensure_countable(path);
        let message = message.unwrap_err().to_string();
        assert!(
            message.starts_with("song.mid: its 405:47.") && message.contains("take 4.0 GiB"),
            "{message}"
        );
        assert!(
            message.contains("(out.wav)") && message.contains("--rf64"),
            "{message}"
        );
        plan(u64::MAX, true).ensure_countable(path).unwrap();
        assert!(plan(u64::MAX, false).ensure_countable(path).is_err());
    }

    #[test]
    fn the_headers_are_those_of_the_standards() {
        let header = Header {
            rate: 44_100,
            channels: 2,
            is_rf64: false,
        };
        let fmt = b"fmt \x10\0\0\0\x01\0\x02\0\x44\xAC\0\0\x10\xB1\x02\0\x04\0\x10\0";
        let plain = [b"RIFF\x2C\0\0\0WAVE", &fmt[..], b"data\x08\0\0\0"].concat();
        assert_eq!(header.bytes(8), plain);
        let large = Header {
            is_rf64: true,
            ..header
        };
        // 0x1_0000_0010 bytes of sound, in frames of four.
        let ds64 =
            b"ds64\x1C\0\0\0\x58\0\0\0\x01\0\0\0\x10\0\0\0\x01\0\0\0\x04\0\0\x40\0\0\0\0\0\0\0\0";
        let expected = [
            b"RF64\xFF\xFF\xFF\xFFWAVE",
            &ds64[..],
            fmt,
            b"data\xFF\xFF\xFF\xFF",
        ]
        .concat();
        assert_eq!(large.bytes(0x1_0000_0010), expected);
        assert_eq!(expected.len(), 80);
    }

    #[test]
    fn both_kinds_read_back() {
        let place = tempfile::tempdir().unwrap();
        for is_rf64 in [false, true] {
            let path = place.path().join("out.wav");
            let mut wav = WavOutput::create(&path, &plan(3, is_rf64)).unwrap();
            wav.write(&[1, -2, 3, -4]).unwrap();
            wav.commit().unwrap();
            let sound = Sound::open(&path).unwrap();
            assert_eq!(
                (sound.rate, sound.channels, &sound.samples[..]),
                (44_100, 2, &[1, -2, 3, -4][..])
            );
        }
    }
}
