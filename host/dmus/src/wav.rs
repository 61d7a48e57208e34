//! 16-bit WAV files, out and in.

use crate::output::Output;
use anyhow::{Context, Result, bail};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

/// A WAV file under construction.
pub(crate) struct WavOutput {
    output: Output,
    writer: WavWriter<BufWriter<File>>,
    path: PathBuf,
}

impl WavOutput {
    pub(crate) fn create(path: &Path, sample_rate: u32, channels: u16) -> Result<Self> {
        let output = Output::create(path)?;
        let spec = WavSpec {
            channels,
            sample_rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let file = output
            .file()
            .try_clone()
            .with_context(|| path.display().to_string())?;
        let writer = WavWriter::new(BufWriter::new(file), spec)
            .with_context(|| path.display().to_string())?;
        Ok(Self {
            output,
            writer,
            path: path.to_owned(),
        })
    }

    pub(crate) fn write(&mut self, samples: &[i16]) -> Result<()> {
        for sample in samples {
            self.writer
                .write_sample(*sample)
                .with_context(|| format!("{}: cannot write", self.path.display()))?;
        }
        Ok(())
    }

    pub(crate) fn commit(self) -> Result<()> {
        self.writer
            .finalize()
            .with_context(|| format!("{}: cannot write", self.path.display()))?;
        self.output.commit()
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
            .with_context(|| {
                let end = path.metadata().map_or(0, |file| file.len());
                format!("{}: byte {end:#x}: the sound is cut off", path.display())
            })?;
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
