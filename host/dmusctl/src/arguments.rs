//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Installs dmusmini, plays, captures and renders through it, and tests it.
///
/// Exit codes: 0 done, 1 something failed, 2 a precondition is not met or the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "dmusctl", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// One JSON object on standard output instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Do not wait for time to pass: for devices that are simulated and keep a time of their own
    #[arg(long, global = true)]
    pub no_wait: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the device nodes and install the driver package on them
    Install(Install),
    /// Remove the device nodes, the package and the service
    Uninstall,
    /// Show the device nodes and the service
    Status,
    /// Stop the devices and keep them stopped
    Disable,
    /// Start the devices again
    Enable,
    /// Stop and start the devices
    Restart,
    /// Show which sleep states this machine has
    Sleep,
    /// Show the filters with their pins, nodes and connections
    List(Select),
    /// Play a MIDI file to a pin
    Play(Play),
    /// Write what comes in at the MPU-401 to a MIDI file
    Capture(Capture),
    /// Send a DLS collection to the synthesizer and take it back: says whether it is accepted
    Download(Download),
    /// Play a MIDI file through the synthesizer into a wave file
    Render(Render),
    /// Test everything that can be tested without ears, and print a table
    Selftest(Selftest),
}

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct Install {
    /// The INF; by default `dmusmini.inf` beside this program or one folder up
    #[arg(long, value_name = "FILE")]
    pub inf: Option<PathBuf>,
    /// The hardware ids to install; where no device has one, a root-enumerated node is made. By default the
    /// synthesizer's, and those of every device that dmusmini drives already
    #[arg(long, value_name = "ID")]
    pub hardware_id: Vec<String>,
}

/// Which filter.
#[derive(Clone, Debug, Default, Args)]
pub struct Select {
    /// A device path, or what it ends in (`DMusic`, `UART`); all filters, or the fitting one, by default
    #[arg(long, value_name = "NAME")]
    pub filter: Option<String>,
}

/// Arguments of `play`.
#[derive(Debug, Args)]
pub struct Play {
    /// The MIDI file
    pub song: PathBuf,
    /// Which filter
    #[command(flatten)]
    pub select: Select,
    /// The pin; the DirectMusic pin by default
    #[arg(long, value_name = "NUMBER")]
    pub pin: Option<u32>,
    /// Seconds to wait after the last message
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = seconds)]
    pub tail: f64,
}

/// Arguments of `capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// The MIDI file to write
    pub out: PathBuf,
    /// Which filter
    #[command(flatten)]
    pub select: Select,
    /// How long; until Ctrl-C by default
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Option<f64>,
}

/// Arguments of `download`.
#[derive(Debug, Args)]
pub struct Download {
    /// The DLS collection
    pub bank: PathBuf,
    /// Which filter
    #[command(flatten)]
    pub select: Select,
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// The MIDI file
    pub song: PathBuf,
    /// The DLS collection; the one that this program carries by default
    #[arg(long, value_name = "FILE")]
    pub bank: Option<PathBuf>,
    /// The wave file to write
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which filter
    #[command(flatten)]
    pub select: Select,
    /// Frames a second
    #[arg(long, default_value_t = 44_100, value_name = "HZ", value_parser = clap::value_parser!(u32).range(8_000..=48_000))]
    pub rate: u32,
    /// Seconds of sound after the last message
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS", value_parser = seconds)]
    pub tail: f64,
}

/// Arguments of `selftest`.
#[derive(Debug, Args)]
pub struct Selftest {
    /// Which filter
    #[command(flatten)]
    pub select: Select,
    /// A cable leads from the MPU-401's output to its input: test that what goes out comes back
    #[arg(long)]
    pub loopback: bool,
}

/// A number of seconds that makes sense.
fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=1_000_000.0).contains(seconds))
        .ok_or_else(|| "not a number of seconds".to_owned())
}

/// Seconds as 100-ns units.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 10^13, by `seconds`"
)]
pub fn units(seconds: f64) -> i64 {
    (seconds * 1e7).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn seconds_are_seconds() {
        assert_eq!(seconds("0.25").map(units), Ok(2_500_000));
        for text in ["-1", "x", "NaN", "inf", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn defaults() {
        let parse = |words: &[&str]| Arguments::try_parse_from(words).unwrap().command;
        let Command::Install(install) = parse(&["dmusctl", "install"]) else {
            panic!("install");
        };
        assert!(install.hardware_id.is_empty() && install.inf.is_none());
        let Command::Render(render) = parse(&["dmusctl", "render", "a.mid", "-o", "a.wav"]) else {
            panic!("render");
        };
        assert_eq!((render.rate, render.bank), (44_100, None));
        assert!(Arguments::try_parse_from(["dmusctl", "render", "a.mid"]).is_err());
        let low = ["dmusctl", "render", "a", "-o", "b", "--rate", "7999"];
        assert!(Arguments::try_parse_from(low).is_err());
    }
}
