//! Measures the synth: nanoseconds a voice and frame, songs, and beside its peers.

mod bank;
mod driver;
mod report;
mod song;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use dmusmini::synth::Interpolation;

#[derive(Debug, Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hold looped voices and render; for callgrind and perf
    Voices {
        /// How waves are read
        #[arg(long, default_value = "sinc16")]
        mode: Mode,
        /// Filter, two LFOs and two envelopes on
        #[arg(long)]
        filter: bool,
        /// Sounding voices
        #[arg(long, default_value_t = 64)]
        voices: u16,
        /// Blocks of 64 frames
        #[arg(long, default_value_t = 2000)]
        blocks: u32,
    },
    /// Everything, beside the peers
    Report(report::Arguments),
    /// Play a song with the real bank
    Song {
        /// How waves are read
        #[arg(long, default_value = "sinc16")]
        mode: Mode,
        /// A Standard MIDI File
        file: PathBuf,
        /// A DLS collection
        bank: PathBuf,
    },
}

/// Interpolations by the names of the report.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Linear,
    Cubic4,
    Sinc8,
    Sinc16,
}

impl From<Mode> for Interpolation {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Linear => Self::Linear,
            Mode::Cubic4 => Self::FourPoint,
            Mode::Sinc8 => Self::Sinc8,
            Mode::Sinc16 => Self::Sinc16,
        }
    }
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Voices {
            mode,
            filter,
            voices,
            blocks,
        } => {
            let mut synth = driver::Driver::new(&bank::tones(filter), mode.into(), voices)?;
            synth.hold(voices);
            let time = synth.time_blocks(blocks)?;
            let frames = f64::from(blocks) * 64.0 * f64::from(voices);
            println!("{:.3} ns a voice and frame", time / frames);
        }
        Command::Report(arguments) => report::run(&arguments)?,
        Command::Song { mode, file, bank } => {
            let bank = dmusmini_collection::Collection::open(bank)?.into_bank();
            let mut synth = driver::Driver::new(&bank, mode.into(), 64)?;
            let song = song::Song::open(&file)?;
            let time = song.play(&mut synth)?;
            println!("{:.3} ms a second", time / 1e6 / song.seconds());
        }
    }
    Ok(())
}
