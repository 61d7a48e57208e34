//! What a run tells at its end, as JSON or as text.

use crate::session::{DriverReport, Machine};
use dmusmini_song::{SECOND, Song};
use dmusmini_terminal as terminal;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// A song that was played.
#[derive(Clone, Debug, Serialize)]
pub struct SongReport {
    /// The file.
    pub path: PathBuf,
    /// Its title.
    pub title: Option<String>,
    /// Messages for an instrument.
    pub messages: usize,
    /// Notes.
    pub notes: usize,
    /// Channels with notes.
    pub channels: usize,
    /// Its ports, if it has more than one: each has its own sixteen channels.
    pub ports: Vec<u8>,
    /// Length in seconds.
    pub seconds: f64,
}

impl SongReport {
    /// Counts what is in `song`.
    pub fn of(song: &Song) -> Self {
        let starts = || {
            song.grouped()
                .filter(|(_, event)| matches!(event.message[..], [0x90..=0x9F, _, 1..=127]))
        };
        let channels: BTreeSet<(u16, u8)> = starts()
            .map(|(group, event)| (group, event.message[0] & 15))
            .collect();
        Self {
            path: song.path.clone(),
            title: song.title.clone(),
            messages: song.events.len(),
            notes: starts().count(),
            channels: channels.len(),
            ports: song.ports.clone(),
            seconds: seconds(song.length),
        }
    }
}

/// What was downloaded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BankReport {
    /// The collection.
    pub path: PathBuf,
    /// Instruments downloaded.
    pub instruments: usize,
    /// Waves downloaded.
    pub waves: usize,
    /// Bytes downloaded.
    pub bytes: usize,
}

/// The sound that came out.
#[derive(Clone, Debug, Serialize)]
pub struct AudioReport {
    /// Frames a second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Frames.
    pub frames: u64,
    /// The largest sample; 32768 is full scale.
    pub peak: u16,
    /// Samples at full scale.
    pub clipped: u64,
    /// Root mean square, in dB against full scale.
    pub rms_db: f64,
    #[serde(skip)]
    power: f64,
}

impl AudioReport {
    /// Nothing yet.
    pub fn new(rate: u32, channels: u16) -> Self {
        Self {
            rate,
            channels,
            frames: 0,
            peak: 0,
            clipped: 0,
            rms_db: f64::NEG_INFINITY,
            power: 0.0,
        }
    }

    /// Adds a block of interleaved samples.
    #[expect(clippy::cast_precision_loss, reason = "a level in decibels")]
    pub fn add(&mut self, block: &[i16]) {
        for sample in block {
            let size = sample.unsigned_abs();
            self.peak = self.peak.max(size);
            self.clipped += u64::from(size >= 32_767);
            self.power += f64::from(*sample) * f64::from(*sample);
        }
        self.frames += block.len() as u64 / u64::from(self.channels.max(1));
        let mean = self.power / (self.frames * u64::from(self.channels)).max(1) as f64;
        self.rms_db = 10.0 * (mean / (32768.0 * 32768.0)).log10();
    }

    /// The peak in dB against full scale.
    pub fn peak_db(&self) -> f64 {
        20.0 * (f64::from(self.peak) / 32768.0).log10()
    }

    /// Length in seconds.
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.rate.max(1))
    }
}

/// The synthesizer's own running statistics.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct VoiceReport {
    /// Voices sounding at once, on average over the song.
    pub average: u32,
    /// Notes that no voice was left for.
    pub lost_notes: u32,
}

/// What `render` and `demo` tell.
#[derive(Clone, Debug, Serialize)]
pub struct RenderReport {
    /// Which driver.
    pub driver: DriverReport,
    /// Which song.
    pub song: SongReport,
    /// Which bank.
    pub bank: BankReport,
    /// What came out.
    pub audio: AudioReport,
    /// The synthesizer's own statistics.
    pub voices: VoiceReport,
    /// Processor time of rendering (driver and simulated machine), in milliseconds a second of sound.
    pub cpu_ms_per_second: f64,
    /// Leaks and broken rules.
    pub violations: Vec<String>,
    /// What was repaired or left out, and what could not be heard.
    pub warnings: Vec<String>,
}

impl RenderReport {
    /// Whether something went wrong that a listener may not notice.
    pub fn verdict(&self) -> anyhow::Result<()> {
        verdict(&self.violations)
    }
}

/// What `uart` tells.
#[derive(Clone, Debug, Serialize)]
pub struct UartReport {
    /// Which driver.
    pub driver: DriverReport,
    /// Which song.
    pub song: SongReport,
    /// Bytes on the wire.
    pub bytes: usize,
    /// Whether they are exactly the song's messages in order.
    pub exact: bool,
    /// How long after its due time a message was wholly out, at most, in milliseconds.
    pub latest_ms: f64,
    /// The same, on average.
    pub average_ms: f64,
    /// Each packet that was handed down: a message, or a part of a system exclusive one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Vec<WirePacket>>,
    /// Leaks and broken rules.
    pub violations: Vec<String>,
    /// What was repaired or left out.
    pub warnings: Vec<String>,
}

/// What went over the wire at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WirePacket {
    /// When its first bit left, in seconds from the start of the song.
    pub seconds: f64,
    /// Its bytes in hexadecimal, a blank between two.
    pub bytes: String,
}

impl UartReport {
    /// Whether bytes are missing or the driver broke a rule.
    pub fn verdict(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.exact,
            "the bytes on the wire are not the song's messages"
        );
        verdict(&self.violations)
    }
}

pub(crate) fn verdict(violations: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!(
        violations.is_empty(),
        "the driver broke {} rule(s): {}",
        violations.len(),
        violations.join("; ")
    );
    Ok(())
}

impl fmt::Display for DriverReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.bytes, &self.sha256) {
            (Some(path), Some(bytes), Some(digest)) => {
                write!(f, "{} ({bytes} bytes, sha256 {digest})", path.display())?;
                if self.outdated {
                    f.write_str(", older than its sources: `cargo xtask sys` builds it anew")?;
                }
                Ok(())
            }
            _ => f.write_str("the native build of the driver"),
        }
    }
}

impl fmt::Display for SongReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        write!(f, "{}: ", terminal::line(&path))?;
        if let Some(title) = &self.title {
            write!(f, "\"{}\", ", terminal::line(title))?;
        }
        write!(
            f,
            "{}, {} on {}, {}",
            clock(self.seconds),
            counted(self.notes, "note"),
            counted(self.channels, "channel"),
            counted(self.messages, "message")
        )
    }
}

impl fmt::Display for RenderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bank,
            audio,
            voices,
            ..
        } = self;
        writeln!(f, "driver   {}", self.driver)?;
        writeln!(f, "song     {}", self.song)?;
        writeln!(
            f,
            "bank     {}: {}, {}, {:.1} MiB downloaded",
            bank.path.display(),
            counted(bank.instruments, "instrument"),
            counted(bank.waves, "wave"),
            mebibytes(bank.bytes)
        )?;
        writeln!(
            f,
            "sound    {} at {} Hz, peak {:.1} dBFS, rms {:.1} dBFS, {} clipped samples",
            clock(audio.seconds()),
            audio.rate,
            audio.peak_db(),
            audio.rms_db,
            audio.clipped
        )?;
        writeln!(
            f,
            "voices   {} at once on average, {} notes lost",
            voices.average, voices.lost_notes
        )?;
        writeln!(
            f,
            "time     {:.1} ms of one processor a second of sound",
            self.cpu_ms_per_second
        )?;
        write!(f, "machine  {}", clean(&self.violations))
    }
}

impl fmt::Display for UartReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "driver   {}", self.driver)?;
        writeln!(f, "song     {}", self.song)?;
        let exact = if self.exact {
            "exactly the song's messages"
        } else {
            "NOT the song's messages"
        };
        writeln!(f, "wire     {} bytes, {exact}", self.bytes)?;
        writeln!(
            f,
            "timing   out {:.2} ms after their time on average, {:.2} ms at most",
            self.average_ms, self.latest_ms
        )?;
        write!(f, "machine  {}", clean(&self.violations))
    }
}

fn clean(violations: &[String]) -> String {
    if violations.is_empty() {
        "no leak, no lock, PASSIVE".to_owned()
    } else {
        format!("BROKEN: {}", violations.join("\n         "))
    }
}

/// The trace of a machine, one line an event.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            write!(
                f,
                "{:>12.6}  {:<7}  {}",
                seconds(i64::try_from(line.at).unwrap_or(i64::MAX)),
                line.level,
                line.name
            )?;
            for (name, value) in &line.fields {
                write!(f, "  {name}={value}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// `1:23.4`
pub(crate) fn clock(seconds: f64) -> String {
    // In tenths first: 59.96 s are 1:00.0 and not 0:60.0.
    let tenths = (seconds * 10.0).round();
    format!(
        "{}:{:04.1}",
        (tenths / 600.0).floor(),
        tenths % 600.0 / 10.0
    )
}

/// How many of a thing, which forms its plural with an s.
fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn seconds(at: i64) -> f64 {
    at as f64 / SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_no_sixtieth_second() {
        for (seconds, text) in [
            (0.0, "0:00.0"),
            (9.04, "0:09.0"),
            (59.94, "0:59.9"),
            (59.96, "1:00.0"),
            (4474.0 * 60.0 + 4.5, "4474:04.5"),
        ] {
            assert_eq!(clock(seconds), text);
        }
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(counted(1, "note"), "1 note");
        assert_eq!(counted(0, "note"), "0 notes");
        assert_eq!(counted(2038, "note"), "2038 notes");
    }
}
