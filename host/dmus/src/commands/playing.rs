//! Playing a song on the synthesizer: what `render`, `trace` and `demo` have in common.

use crate::interrupt;
use crate::progress::Progress;
use crate::report::{AudioReport, BankReport, VoiceReport};
use crate::session::{Machine, SynthSession, SynthSettings};
use crate::warnings::Warnings;
use anyhow::{Result, bail};
use dmusmini_collection::{Collection, ItemKind, Level, Loss, Options, Selection};
use dmusmini_song::{SECOND, Song};
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write;
use std::time::Duration;

/// How to play.
pub(crate) struct Playing<'a> {
    pub(crate) song: &'a Song,
    pub(crate) bank: &'a Collection,
    pub(crate) settings: SynthSettings,
    pub(crate) level: Level,
    /// Seconds after the song's end at most.
    pub(crate) tail: f64,
    pub(crate) quiet: bool,
}

/// What came of it.
pub(crate) struct Played {
    pub(crate) bank: BankReport,
    pub(crate) audio: AudioReport,
    pub(crate) voices: VoiceReport,
    pub(crate) machine: Machine,
    /// Processor time of the render calls.
    pub(crate) render_time: Duration,
}

/// How long this thread has run; what else the machine does is not in it.
fn processor_time() -> Duration {
    // It neither fails nor goes back.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Blocks a second: as an audio engine would ask for them.
const PERIODS_A_SECOND: u32 = 100;
/// Silence of this length, after the song's end, ends the rendering.
const SILENCE_SECONDS: u32 = 1;

impl Playing<'_> {
    /// Plays the song; every block of sound goes to `sink`. What the driver does not take of the bank is
    /// warned of, or refused, as [`Warnings`] has it.
    pub(crate) fn play(
        &self,
        mut synth: SynthSession,
        warnings: &mut Warnings,
        mut sink: impl FnMut(&[i16]) -> Result<()>,
    ) -> Result<Played> {
        let bank = self.download(&synth, warnings)?;
        synth.play(self.song)?;
        let rate = self.settings.rate;
        let end = frames(self.song.length, rate);
        let period = rate / PERIODS_A_SECOND;
        let limit = most_frames(self.song, rate, self.tail);
        let progress = Progress::new(limit, "rendering", self.quiet);
        let mut audio = AudioReport::new(rate, self.settings.channels);
        let (mut silence, mut render_time) = (0, Duration::ZERO);
        while audio.frames < limit && !(audio.frames > end && silence > SILENCE_SECONDS * rate) {
            interrupt::check()?;
            let begun = processor_time();
            let block = synth.render(period as usize)?;
            render_time += processor_time().saturating_sub(begun);
            silence = if block.iter().all(|sample| *sample == 0) {
                silence + period
            } else {
                0
            };
            audio.add(block);
            sink(block)?;
            progress.at(audio.frames);
        }
        let statistics = synth.statistics()?;
        let voices = VoiceReport {
            average: statistics.voices,
            lost_notes: statistics.lost_notes,
        };
        for silence in synth.silences()? {
            warnings.say(&silence);
        }
        Ok(Played {
            bank,
            audio,
            voices,
            machine: synth.close(),
            render_time,
        })
    }

    /// Downloads the bank. What the driver refuses is left out, and with a wave the regions that play it.
    fn download(&self, synth: &SynthSession, warnings: &mut Warnings) -> Result<BankReport> {
        let options = Options {
            level: self.level,
            is_gm: true,
            ..Options::default()
        };
        let path = self.bank.path();
        let mut report = BankReport {
            path: path.to_owned(),
            ..BankReport::default()
        };
        let mut first_refused = None;
        let mut downloads = self.bank.bank().downloads(&Selection::All, options);
        while let Some(item) = downloads.next() {
            interrupt::check()?;
            if let Err(cause) = synth.download(&item.bytes) {
                let losses = losses(&downloads.leave_out(item.id));
                let refused = format!(
                    "{}: {item}: the driver refuses it: {cause:#}: left out{losses}",
                    path.display()
                );
                warnings.repair(&refused)?;
                first_refused.get_or_insert(refused);
                continue;
            }
            match item.kind {
                ItemKind::Wave => report.waves += 1,
                ItemKind::Instrument { .. } => report.instruments += 1,
            }
            report.bytes += item.bytes.len();
        }
        match first_refused {
            Some(first) if report.instruments == 0 => {
                bail!("the driver takes no instrument of the bank; {first}")
            }
            _ => Ok(report),
        }
    }
}

/// What instruments lose with a wave.
fn losses(losses: &[Loss]) -> String {
    const TOLD: usize = 4;
    let mut text = String::new();
    for loss in losses.iter().take(TOLD) {
        let _ = write!(text, "; {loss}");
    }
    if let Some(more @ 1..) = losses.len().checked_sub(TOLD) {
        let _ = write!(text, "; {more} more instruments lose regions");
    }
    text
}

/// Frames that a song and `tail` seconds after it take at most.
pub(crate) fn most_frames(song: &Song, rate: u32, tail: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most ten minutes"
    )]
    let tail = (tail * f64::from(rate)) as u64;
    frames(song.length, rate).saturating_add(tail)
}

/// The first frame that lies wholly after a time.
fn frames(at: i64, rate: u32) -> u64 {
    u64::try_from(i128::from(at) * i128::from(rate) / i128::from(SECOND)).unwrap_or(0)
}
