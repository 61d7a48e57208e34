//! Playing a song on the synthesizer: what `render`, `trace` and `demo` have in common.

use crate::interrupt;
use crate::progress::Progress;
use crate::report::{AudioReport, BankReport};
use crate::session::{Machine, Statistics, Synth, SynthSettings};
use anyhow::{Context, Result};
use dmusmini_collection::{Collection, ItemKind, Level, Options, Selection};
use dmusmini_song::{SECOND, Song};
use std::time::{Duration, Instant};

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
    pub(crate) statistics: Statistics,
    pub(crate) machine: Machine,
    /// Time spent in the driver's render calls.
    pub(crate) render_time: Duration,
}

/// Frames a render call asks for: 10 ms, as an audio engine would.
const PERIODS_A_SECOND: u32 = 100;
/// How far ahead of the sound events are handed over, as DirectMusic's port does.
const AHEAD: i64 = SECOND / 2;
/// Silence of this length, after the song's end, ends the rendering.
const SILENCE_SECONDS: u32 = 1;

impl Playing<'_> {
    /// Plays the song; every block of sound goes to `sink`.
    pub(crate) fn play(
        &self,
        mut synth: Box<dyn Synth>,
        mut sink: impl FnMut(&[i16]) -> Result<()>,
    ) -> Result<Played> {
        let bank = self.download(synth.as_mut())?;
        let rate = i64::from(self.settings.rate);
        let period = self.settings.rate / PERIODS_A_SECOND;
        #[expect(clippy::cast_possible_truncation, reason = "at most ten minutes")]
        let limit =
            frame_at(self.song.length, rate) + (self.tail * f64::from(self.settings.rate)) as i64;
        let progress = Progress::new(u64::try_from(limit)?, "rendering", self.quiet);
        let mut block = vec![0; period as usize * usize::from(self.settings.channels)];
        let mut audio = AudioReport::new(self.settings.rate, self.settings.channels);
        let mut events = self.song.events.iter().peekable();
        let (mut position, mut silence, mut render_time) = (0, 0, Duration::ZERO);
        let mut most_voices = 0;
        while position < limit
            && !(position > frame_at(self.song.length, rate)
                && silence > SILENCE_SECONDS * self.settings.rate)
        {
            interrupt::check()?;
            let horizon = position * SECOND / rate + AHEAD;
            while let Some(event) = events.next_if(|event| event.at <= horizon) {
                synth.play(event.at, &event.message)?;
            }
            let begun = Instant::now();
            synth.render(&mut block)?;
            render_time += begun.elapsed();
            silence = if block.iter().all(|sample| *sample == 0) {
                silence + period
            } else {
                0
            };
            audio.add(&block);
            sink(&block)?;
            position += i64::from(period);
            most_voices = most_voices.max(synth.statistics()?.voices);
            progress.at(u64::try_from(position)?);
        }
        let statistics = Statistics {
            voices: most_voices,
            ..synth.statistics()?
        };
        Ok(Played {
            bank,
            audio,
            statistics,
            machine: synth.close()?,
            render_time,
        })
    }

    fn download(&self, synth: &mut dyn Synth) -> Result<BankReport> {
        let options = Options {
            level: self.level,
            is_gm: true,
            ..Options::default()
        };
        let items = self.bank.bank().download_set(&Selection::All, options);
        let mut report = BankReport {
            path: self.bank.path().to_owned(),
            ..BankReport::default()
        };
        for item in &items {
            interrupt::check()?;
            synth.download(&item.bytes).with_context(|| {
                format!(
                    "{}: the driver refuses {:?}",
                    self.bank.path().display(),
                    item.name
                )
            })?;
            match item.kind {
                ItemKind::Wave => report.waves += 1,
                ItemKind::Instrument { .. } => report.instruments += 1,
            }
            report.bytes += item.bytes.len();
        }
        Ok(report)
    }
}

fn frame_at(at: i64, rate: i64) -> i64 {
    at * rate / SECOND
}
