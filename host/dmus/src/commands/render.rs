//! `dmus render`

use super::needed_instruments;
use super::playing::{self, Played, Playing};
use crate::arguments::Render;
use crate::output::{self, Output};
use crate::plot::{self, Picture, Sound};
use crate::report::{RenderReport, SongReport};
use crate::session::{Driver, SynthSession};
use crate::warnings::Warnings;
use crate::wav::{Plan, WavOutput};
use anyhow::{Result, bail};
use dmusmini_collection::Level;
use dmusmini_song::Song;
use std::path::Path;

pub(super) fn run(arguments: &Render, quiet: bool, mut warnings: Warnings) -> Result<()> {
    let mut files: Vec<&Path> = vec![&arguments.song];
    files.extend(arguments.bank.as_deref());
    output::distinct(&arguments.output, &files)?;
    if let Some(plot) = &arguments.plot {
        files.push(&arguments.output);
        output::distinct(plot, &files)?;
    }
    let song = Song::open(&arguments.song)?;
    warnings.of_song(&song)?;
    let bank = needed_instruments(&song, arguments.bank.as_deref(), &mut warnings)?;
    let driver = arguments.driver.load()?;
    let settings = arguments.synth.settings();
    let plan = Plan {
        song: &song.path,
        rate: settings.rate,
        channels: settings.channels,
        frames: playing::most_frames(&song, settings.rate, arguments.synth.tail),
        is_rf64: arguments.rf64,
    };
    if arguments.plot.is_some() && plan.bytes() > MOST_TO_DRAW {
        bail!(
            "{}: its {} of sound are too much for one picture",
            song.path.display(),
            output::size(plan.bytes())
        );
    }
    let mut wav = WavOutput::create(&arguments.output, &plan)?;
    // Before the song is played: whoever waited for it wants no complaint about the picture then.
    let plot = arguments.plot.as_deref().map(Output::create).transpose()?;
    let mut sound = Sound {
        rate: settings.rate,
        channels: settings.channels,
        samples: Vec::new(),
    };
    let playing = Playing {
        song: &song,
        bank: &bank,
        settings,
        level: if arguments.synth.level1 {
            Level::One
        } else {
            Level::Two
        },
        tail: arguments.synth.tail,
        quiet,
    };
    let synth = SynthSession::open(&driver, settings)?;
    let played = playing.play(synth, &mut warnings, |block| {
        if plot.is_some() {
            sound.samples.extend_from_slice(block);
        }
        wav.write(block)
    })?;
    wav.commit()?;
    let report = report(&driver, &song, played, warnings);
    if let Some(output) = plot {
        let (title, subtitle) = captions(&report);
        plot::draw(
            &Picture {
                title: &title,
                subtitle: &subtitle,
                sound: &sound,
                song: Some(&song),
            },
            output,
        )?;
    }
    if arguments.json {
        output::print_json(&report)?;
    } else if !quiet {
        output::print(&format!("{report}\n"))?;
    }
    report.verdict()
}

/// A picture is drawn from sound in memory: some three hours of it.
const MOST_TO_DRAW: u64 = 2 << 30;

pub(super) fn report(
    driver: &Driver,
    song: &Song,
    played: Played,
    warnings: Warnings,
) -> RenderReport {
    RenderReport {
        driver: driver.report(),
        song: SongReport::of(song),
        bank: played.bank,
        cpu_ms_per_second: 1000.0 * played.render_time.as_secs_f64()
            / played.audio.seconds().max(1e-3),
        audio: played.audio,
        voices: played.voices,
        violations: played.machine.violations,
        warnings: warnings.into_list(),
    }
}

/// Title and second line of a picture.
pub(super) fn captions(report: &RenderReport) -> (String, String) {
    let file = report
        .song
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let title = report.song.title.clone().filter(|title| !title.is_empty());
    let title = title.map_or_else(
        || file.clone().into_owned(),
        |title| format!("{title}  ({file})"),
    );
    let driver = match (&report.driver.path, &report.driver.sha256) {
        (Some(path), Some(digest)) => {
            format!(
                "{} {}",
                path.file_name().unwrap_or_default().to_string_lossy(),
                digest.get(..12).unwrap_or_default()
            )
        }
        _ => "the driver built natively".to_owned(),
    };
    let subtitle = format!(
        "played by {driver}    {} notes    {} voices on average    {} lost    {:.1} ms CPU a second    {} Hz",
        report.song.notes,
        report.voices.average,
        report.voices.lost_notes,
        report.cpu_ms_per_second,
        report.audio.rate
    );
    (title, subtitle)
}
