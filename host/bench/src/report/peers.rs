//! The peers: rustysynth and oxisynth in a program of their own, fluidsynth as Debian has it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::best;

/// Engines and modes.
pub(crate) const PEERS: [(&str, &str); 5] = [
    ("oxisynth", "linear"),
    ("oxisynth", "cubic4"),
    ("rustysynth", "linear"),
    ("fluidsynth", "linear"),
    ("fluidsynth", "cubic4"),
];

/// What peers need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    /// The program with the crates.
    pub(crate) program: &'a PathBuf,
    /// The bank.
    pub(crate) font: &'a PathBuf,
}

impl Bench<'_> {
    /// Nanoseconds of processor time for each of the first seconds of a song.
    pub(crate) fn per_second(
        &self,
        (engine, mode): (&str, &str),
        song: &Path,
        seconds: f64,
        rounds: usize,
    ) -> Result<f64> {
        let time = |seconds| match engine {
            "fluidsynth" => self.fluidsynth(mode, song, seconds),
            _ => self.crates(engine, mode, song, seconds),
        };
        // What starting takes cancels.
        let (long, short) = (best(rounds, || time(seconds))?, best(rounds, || time(0.1))?);
        Ok((long - short) / (seconds - 0.1))
    }

    fn crates(&self, engine: &str, mode: &str, song: &Path, seconds: f64) -> Result<f64> {
        let output = Command::new(self.program)
            .args([engine, mode])
            .args([self.font.as_path(), song])
            .arg(seconds.to_string())
            .output()?;
        ensure!(
            output.status.success(),
            "{engine}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }

    /// fluidsynth renders whole files: those of one length are cut by the song's own end, so its
    /// time is taken for the file as it is or, for 0.1 s, for an empty one.
    fn fluidsynth(&self, mode: &str, song: &Path, seconds: f64) -> Result<f64> {
        let interpolation = if mode == "linear" { 1 } else { 4 };
        let directory = std::env::temp_dir();
        let commands = directory.join(format!("dmusmini-fluid-{}.cfg", std::process::id()));
        std::fs::write(&commands, format!("interp {interpolation}\n"))?;
        let empty = directory.join(format!("dmusmini-empty-{}.mid", std::process::id()));
        dmusmini_song::write(&[], None, File::create(&empty)?)?;
        let song = if seconds < 1.0 { empty.as_path() } else { song };
        let mut command = Command::new("fluidsynth");
        command.args(["-ni", "-q", "-F", "/dev/null", "-T", "raw"]);
        command.args(["-r", "44100", "-R", "0", "-C", "0"]);
        command.args(["-o", "synth.polyphony=64", "-o", "synth.cpu-cores=1", "-f"]);
        command.args([&commands, self.font]).arg(song);
        let start = childrens_time()?;
        let output = command.output()?;
        let time = childrens_time()? - start;
        std::fs::remove_file(&commands)?;
        std::fs::remove_file(&empty)?;
        ensure!(
            output.status.success(),
            "fluidsynth: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(time)
    }
}

/// Nanoseconds of processor time of all programs that have ended, from the account that their
/// threads' clocks add up to; what part of it is the system's, is only estimated there.
fn childrens_time() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = usage.user_time() + usage.system_time();
    Ok(time.num_microseconds() as f64 * 1e3)
}
