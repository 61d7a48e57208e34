//! `dmus render`

use super::playing::{Played, Playing};
use crate::arguments::Render;
use crate::output::{self, Output};
use crate::plot::{self, Picture, Sound};
use crate::report::{RenderReport, SongReport};
use crate::session::{Driver, SynthSession};
use crate::wav::WavOutput;
use anyhow::Result;
use dmusmini_collection::{Collection, Level};
use dmusmini_song::Song;
use std::path::Path;

pub(super) fn run(arguments: &Render, quiet: bool) -> Result<()> {
    let inputs: [&Path; 2] = [&arguments.song, &arguments.bank];
    output::distinct(&arguments.output, &inputs)?;
    if let Some(plot) = &arguments.plot {
        output::distinct(plot, &[inputs[0], inputs[1], &arguments.output])?;
    }
    let song = Song::open(&arguments.song)?;
    let bank = Collection::open(&arguments.bank)?;
    let driver = arguments.driver.load()?;
    let settings = arguments.synth.settings();
    let mut wav = WavOutput::create(&arguments.output, settings.rate, settings.channels)?;
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
    let played = playing.play(synth, |block| {
        if plot.is_some() {
            sound.samples.extend_from_slice(block);
        }
        wav.write(block)
    })?;
    wav.commit()?;
    let report = report(&driver, &song, played);
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
    output::warn(&report.warnings);
    if arguments.json {
        output::print(format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else if !quiet {
        output::print(format!("{report}\n"))?;
    }
    report.verdict()
}

pub(super) fn report(driver: &Driver, song: &Song, played: Played) -> RenderReport {
    RenderReport {
        driver: driver.report(),
        song: SongReport::of(song),
        bank: played.bank,
        cpu_ms_per_second: 1000.0 * played.render_time.as_secs_f64()
            / played.audio.seconds().max(1e-3),
        audio: played.audio,
        voices: played.voices,
        warnings: played.warnings,
        violations: played.machine.violations,
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
