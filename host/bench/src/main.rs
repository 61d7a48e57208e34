//! Measures the synth: nanoseconds and instructions a voice and frame, songs, and its peers.

#[macro_use]
extern crate dmusmini_terminal;

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dmusmini_bench::driver::Driver;
use dmusmini_bench::{Mode, bank, held, song};
use dmusmini_collection::Collection;

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
    /// Hold notes of the real bank and render; for callgrind and perf
    Held {
        /// How waves are read
        #[arg(long, default_value = "sinc16")]
        mode: Mode,
        /// The program with a filter instead of the one without
        #[arg(long)]
        filter: bool,
        /// Blocks of 64 frames
        #[arg(long, default_value_t = 1000)]
        blocks: u32,
        /// How often; the least time counts
        #[arg(long, default_value_t = 4)]
        rounds: usize,
        /// A DLS collection
        bank: PathBuf,
    },
    /// The worst that a block can be: every voice with its filter, and a flood of events
    Flood {
        /// Sounding voices, of 1,024 that there may be
        #[arg(long, default_value_t = 1024)]
        voices: u16,
        /// Notes instead of controllers
        #[arg(long)]
        notes: bool,
        /// What the driver renders under one hold of its lock, instead of 64 frames
        #[arg(long)]
        driver: bool,
        /// Controllers that all sixteen parts hear, which a GS client can have listen to one channel
        #[arg(long)]
        parts: bool,
        /// One event after the other, frame by frame, instead of all on the first
        #[arg(long)]
        spread: bool,
        /// Blocks
        #[arg(long, default_value_t = 20)]
        blocks: u32,
        /// Events of each block
        #[arg(long, default_value_t = 4000)]
        events: u32,
    },
    /// Everything, beside the peers
    Report(report::Arguments),
    /// The instruction counts alone; fails where one is above its bar
    Instructions,
    /// Play a song with the real bank
    Song {
        /// How waves are read
        #[arg(long, default_value = "sinc16")]
        mode: Mode,
        /// Reverb and chorus on
        #[arg(long)]
        effects: bool,
        /// A Standard MIDI File
        file: PathBuf,
        /// A DLS collection
        bank: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments: Arguments = match dmusmini_terminal::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("dmusmini-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Voices {
            mode,
            filter,
            voices,
            blocks,
        } => {
            let mut synth = Driver::new(&bank::tones(filter), mode, voices)?;
            synth.hold(voices)?;
            let time = synth.time_blocks(blocks)?;
            let frames = f64::from(blocks) * 64.0 * f64::from(voices);
            say!("{:.3} ns a voice and frame", time / frames);
        }
        Command::Held {
            mode,
            filter,
            blocks,
            rounds,
            bank,
        } => {
            let bank = Collection::open(bank)?.into_bank();
            let program = if filter { held::FILTERED } else { held::PLAIN };
            let time = report::held(&bank, program, mode, blocks, rounds)?;
            say!("{time:.3} ns a voice and frame");
        }
        Command::Flood {
            voices,
            notes,
            driver,
            parts,
            spread,
            blocks,
            events,
        } => {
            let mut synth = Driver::new(&bank::tones(true), Mode::Sinc16, 1024)?;
            synth.hold(voices)?;
            if parts {
                for part in 0..16 {
                    let receive = [0xF0, 0x41, 16, 0x42, 0x12, 0x40, 0x10 | part, 2, 0, 0, 0xF7];
                    synth.schedule(synth.position(), &receive);
                }
                synth.blocks(100);
            }
            for _ in 0..blocks {
                let now = synth.position();
                for n in 0..events {
                    let (channel, key, value) = (n % 9, n / 9 % 128, n / 2 % 128);
                    let now = now + i64::from(n % 64) * i64::from(spread);
                    if parts {
                        synth.schedule(now, &[0xB0, 7, value as u8]);
                    } else if notes {
                        synth.schedule(now, &[0x90 | channel as u8, key as u8, 100]);
                    } else {
                        // A controller that every voice of its channel hears.
                        synth.schedule(now, &[0xB0 | channel as u8, 7, value as u8]);
                    }
                }
                if driver {
                    synth.call();
                } else {
                    synth.blocks(1);
                }
            }
        }
        Command::Report(arguments) => report::run(&arguments)?,
        Command::Instructions => report::instructions::check()?,
        Command::Song {
            mode,
            effects,
            file,
            bank,
        } => {
            let bank = Collection::open(bank)?.into_bank();
            let mut synth = Driver::with(&bank, &song::config(mode, effects))?;
            let song = song::Song::open(&file)?;
            let time = song.play(&mut synth)?;
            say!("{:.3} ms a second", time / 1e6 / song.seconds());
        }
    }
    Ok(())
}
