//! `dmus demo`: the bundled song through the real driver, onto paper.

use super::playing::Playing;
use super::{render, uart};
use crate::arguments::Demo;
use crate::output::{self, Output};
use crate::plot::{self, Picture, Sound};
use crate::report::{RenderReport, UartReport};
use crate::session::{SynthSession, SynthSettings};
use crate::timing::{self, TimingReport};
use crate::wav::WavOutput;
use anyhow::{Context, Result};
use dmusmini_collection::{Collection, Level};
use dmusmini_song::Song;
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::path::Path;

/// What the demo tells.
#[derive(Serialize)]
struct DemoReport {
    synth: RenderReport,
    timing: TimingReport,
    uart: UartReport,
}

pub(super) fn run(arguments: &Demo, quiet: bool) -> Result<()> {
    let out = &arguments.out;
    std::fs::create_dir_all(out)
        .with_context(|| format!("{}: cannot create the directory", out.display()))?;
    let driver = arguments.driver.load()?;
    let song = Song::open(save(&out.join("demo.mid"), &dmusmini_demo::song())?)?;
    let bank = Collection::open(save(
        &out.join("demo.dls"),
        &dmusmini_demo::bank().to_dls(),
    )?)?;

    let settings = SynthSettings {
        effects: 3,
        ..SynthSettings::DEFAULT
    };
    let mut wav = WavOutput::create(&out.join("demo.wav"), settings.rate, settings.channels)?;
    let mut sound = Sound {
        rate: settings.rate,
        channels: settings.channels,
        samples: Vec::new(),
    };
    let playing = Playing {
        song: &song,
        bank: &bank,
        settings,
        level: Level::Two,
        tail: 8.0,
        quiet,
    };
    let played = playing.play(SynthSession::open(&driver, settings)?, |block| {
        sound.samples.extend_from_slice(block);
        wav.write(block)
    })?;
    let synth = render::report(&driver, &song, played);

    let (bytes, uart) = uart::play(&song, &driver, false, quiet)?;
    let wire_path = out.join("uart.mid");
    let wire = Output::create(&wire_path)?;
    uart::write(&wire, &wire_path, &song, &bytes)
        .with_context(|| format!("{}: cannot write", wire_path.display()))?;

    let timing = timing::measure(&driver, SynthSettings::DEFAULT)?;
    let (title, subtitle) = render::captions(&synth);
    plot::draw(
        &Picture {
            title: &title,
            subtitle: &subtitle,
            sound: &sound,
            song: Some(&song),
        },
        Output::create(&out.join("demo.png"))?,
    )?;
    wav.commit()?;
    wire.commit()?;
    let report = DemoReport {
        synth,
        timing,
        uart,
    };
    output::warn(&report.synth.warnings);
    if arguments.json {
        output::print(format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else if !quiet {
        let files = ["demo.wav", "uart.mid", "demo.png"]
            .map(|name| out.join(name).display().to_string())
            .join(", ");
        output::print(format!("{report}\nfiles    {files}\n"))?;
    }
    report.synth.verdict()?;
    report.uart.verdict()
}

fn save<'a>(path: &'a Path, bytes: &[u8]) -> Result<&'a Path> {
    let output = Output::create(path)?;
    output
        .file()
        .write_all(bytes)
        .with_context(|| format!("{}: cannot write", path.display()))?;
    output.commit()?;
    Ok(path)
}

impl fmt::Display for DemoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.synth)?;
        writeln!(f, "timing   {}", self.timing)?;
        write!(
            f,
            "uart     {} bytes on the wire, {}; out {:.2} ms after their time on average, {:.2} ms at most",
            self.uart.bytes,
            if self.uart.exact {
                "exactly the song's messages"
            } else {
                "NOT the song's messages"
            },
            self.uart.average_ms,
            self.uart.latest_ms
        )
    }
}
