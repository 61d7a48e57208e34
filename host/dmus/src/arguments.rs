//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Play MIDI files through dmusmini.sys, the Windows kernel driver, in a simulated machine.
#[derive(Debug, Parser)]
#[command(name = "dmus", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// No progress bar and no summary
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Refuse a song or a collection that needs repair, instead of a warning
    #[arg(long, global = true)]
    pub(crate) strict: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a song on the synthesizer and write a WAV file
    Render(Render),
    /// Play a song on the MPU-401 and write what arrives at the other end of the MIDI cable
    Uart(Uart),
    /// Tell what is in a MIDI file, a DLS collection or a WAV file
    Info(Info),
    /// Play a song and print the driver's trace, decoded
    Trace(Trace),
    /// Draw a WAV file: waveform, spectrogram and, with its song, the notes
    Plot(Plot),
    /// Play the bundled song with the bundled bank; write WAV, MIDI and picture
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Render {
    /// Standard MIDI File, or a RIFF MIDI file
    pub(crate) song: PathBuf,
    /// DLS collection with the instruments; a RIFF MIDI file may have its own, which is taken then
    #[arg(short, long, value_name = "BANK.dls")]
    pub(crate) bank: Option<PathBuf>,
    /// WAV file to write
    #[arg(short, long, value_name = "OUT.wav")]
    pub(crate) output: PathBuf,
    /// Also draw what was rendered
    #[arg(long, value_name = "OUT.png")]
    pub(crate) plot: Option<PathBuf>,
    /// Write RF64, which a file of 4 GiB or more needs
    #[arg(long)]
    pub(crate) rf64: bool,
    #[command(flatten)]
    pub(crate) synth: Synth,
    #[command(flatten)]
    pub(crate) driver: Driver,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Uart {
    /// Standard MIDI File
    pub(crate) song: PathBuf,
    /// What to write: a .mid file with the time of every message, a .syx (or any other) file with the bare bytes of
    /// the wire, or - for the bare bytes on standard output
    #[arg(short, long, value_name = "OUT.mid|OUT.syx|-")]
    pub(crate) output: PathBuf,
    /// A device without an interrupt line, which the driver has to poll
    #[arg(long)]
    pub(crate) polled: bool,
    #[command(flatten)]
    pub(crate) driver: Driver,
    /// Print the report, and when each packet left, as JSON (on standard error if the bytes go to standard output)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Files to look into
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// Standard MIDI File
    pub(crate) song: PathBuf,
    /// DLS collection; without one, and without instruments in the song, it is played on the MPU-401
    #[arg(short, long, value_name = "BANK.dls")]
    pub(crate) bank: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) synth: Synth,
    #[command(flatten)]
    pub(crate) driver: Driver,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Plot {
    /// 16-bit WAV file
    pub(crate) wav: PathBuf,
    /// PNG file to write
    #[arg(short, long, value_name = "OUT.png")]
    pub(crate) output: PathBuf,
    /// The song that was rendered
    #[arg(long, value_name = "SONG.mid")]
    pub(crate) song: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Directory for demo.dls, demo.mid, demo.wav, uart.mid and demo.png
    #[arg(short, long, value_name = "DIRECTORY", default_value = "target/demo")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) driver: Driver,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which build of the driver plays.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct Driver {
    /// The driver image to load [default: $DMUSMINI_SYS, or target/sys/amd64/dmusmini.sys]
    #[arg(long, value_name = "FILE")]
    pub(crate) sys: Option<PathBuf>,
    /// Use the same driver built into this program
    #[arg(long)]
    pub(crate) native: bool,
}

/// The synthesizer's settings, as the device's registry key has them.
#[derive(Clone, Debug, Args)]
pub(crate) struct Synth {
    /// Frames a second
    #[arg(long, default_value_t = 44_100, value_parser = rate)]
    pub(crate) rate: u32,
    /// 1 mono, 2 stereo
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=2))]
    pub(crate) channels: u16,
    /// Notes that may sound at once
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) voices: u32,
    /// How a wave is read between its samples
    #[arg(long, value_enum, default_value_t = Interpolation::Sinc16)]
    pub(crate) interpolation: Interpolation,
    /// Effects to build in, for the sends of the song
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) effects: Vec<Effect>,
    /// Memory that downloads may take, in MiB
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) quota: u32,
    /// Events that the synthesizer may hold
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1024..=1_048_576))]
    pub(crate) event_queue: u32,
    /// Volume in dB, before the driver's own boost of +6 dB
    #[arg(long, default_value_t = 0.0, value_name = "DB", allow_negative_numbers = true, value_parser = volume)]
    pub(crate) volume: f64,
    /// Seconds to render after the song's end at most; silence ends it earlier
    #[arg(long, default_value_t = 8.0, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    pub(crate) tail: f64,
    /// Look for instruments in exactly the bank that the song names, without stand-ins from others
    #[arg(long)]
    pub(crate) exact_banks: bool,
    /// Instruments as level 1 downloads: no filter, one LFO
    #[arg(long)]
    pub(crate) level1: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Interpolation {
    Linear,
    FourPoint,
    Sinc8,
    Sinc16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Effect {
    Reverb,
    Chorus,
}

fn rate(text: &str) -> Result<u32, String> {
    const RATES: [u32; 7] = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000];
    let rate = text.parse().map_err(|_| "not a number".to_owned())?;
    if RATES.contains(&rate) {
        Ok(rate)
    } else {
        Err(format!(
            "must be one of {}",
            RATES.map(|rate| rate.to_string()).join(", ")
        ))
    }
}

fn volume(text: &str) -> Result<f64, String> {
    number(text, -96.0, 20.0)
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.0, 600.0)
}

fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(format!("must lie between {low} and {high}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
