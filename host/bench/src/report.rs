//! All rows in one run: the driver's synth and its peers, held voices and a song.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use dmusmini_collection::Collection;
use dmusmini_song::Event;
use serde_json::json;

use crate::driver::Driver;
use crate::song::Song;
use crate::{Mode, bank};

/// Where everything is.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bank as a DLS collection
    #[arg(long)]
    bank: PathBuf,
    /// The same bank as a SoundFont, for the peers
    #[arg(long, default_value = "/usr/share/sounds/sf2/TimGM6mb.sf2")]
    font: PathBuf,
    /// A song
    #[arg(long)]
    song: PathBuf,
    /// The program that times the peers that are crates
    #[arg(long)]
    peers: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One measurement.
#[derive(Debug)]
struct Row {
    engine: &'static str,
    mode: String,
    voices: u32,
    /// Nanoseconds a voice and frame, or milliseconds a second of song.
    value: f64,
}

const VOICES: u16 = 64;
/// Seconds of held notes.
const HELD: f64 = 8.0;
const RATE: f64 = 44_100.0;

/// Measures and prints.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut held = Vec::new();
    for (mode, name) in MODES {
        for (filter, suffix) in [(false, ""), (true, "-filter")] {
            let mut synth = Driver::new(&bank::tones(filter), mode.into(), VOICES)?;
            synth.hold(VOICES);
            held.push(Row {
                engine: "dmusmini",
                mode: format!("{name}{suffix}"),
                voices: VOICES.into(),
                value: best(3, || {
                    let blocks = 4000;
                    let time = synth.time_blocks(blocks)?;
                    Ok(time / (f64::from(blocks) * 64.0 * f64::from(VOICES)))
                })?,
            });
        }
    }
    let song = Song::open(&arguments.song)?;
    let real = Collection::open(&arguments.bank)?.into_bank();
    let mut songs = Vec::new();
    for (mode, name) in MODES {
        let value = best(2, || {
            let mut synth = Driver::new(&real, mode.into(), VOICES)?;
            Ok(song.play(&mut synth)? / 1e6 / song.seconds())
        })?;
        let mode = name.to_owned();
        songs.push(Row {
            engine: "dmusmini",
            mode,
            voices: VOICES.into(),
            value,
        });
    }

    // Peers hold notes of the real bank: strings, looped, one voice a note in every engine.
    let notes = std::env::temp_dir().join(format!("dmusmini-held-{}.mid", std::process::id()));
    dmusmini_song::write(&held_notes(), None, File::create(&notes)?)?;
    let mut driver = Driver::new(&real, Mode::Sinc16.into(), VOICES)?;
    for (at, message) in Song::open(&notes)?.messages {
        driver.schedule(at, &message);
    }
    driver.time_blocks(100)?;
    let sounding = driver.voices();
    // All rounds end before the notes do.
    let blocks = 1200;
    let value = best(3, || {
        Ok(driver.time_blocks(blocks)? / (f64::from(blocks) * 64.0 * f64::from(sounding)))
    })?;
    let mode = "sinc16 (bank)".to_owned();
    held.push(Row {
        engine: "dmusmini",
        mode,
        voices: sounding,
        value,
    });
    for (engine, mode) in PEERS {
        let per_second = |song: &Path, seconds: f64| -> Result<f64> {
            let time = |seconds| peer(arguments, engine, mode, song, seconds);
            // What starting takes cancels.
            Ok((time(seconds)? - time(0.1)?) / (seconds - 0.1))
        };
        let time = best(2, || per_second(&notes, HELD))?;
        let value = time / (RATE * f64::from(sounding));
        held.push(Row {
            engine,
            mode: mode.to_owned(),
            voices: sounding,
            value,
        });
        let value = best(2, || Ok(per_second(&arguments.song, song.seconds())? / 1e6))?;
        songs.push(Row {
            engine,
            mode: mode.to_owned(),
            voices: VOICES.into(),
            value,
        });
    }
    std::fs::remove_file(&notes)?;
    if arguments.json {
        println!("{}", as_json(&held, &songs));
    } else {
        println!("{}", as_markdown(&held, &songs, &arguments.song));
    }
    Ok(())
}

/// The least of several measurements: what else runs on the machine only adds.
fn best(times: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..times {
        least = least.min(measure()?);
    }
    Ok(least)
}

/// Nanoseconds of processor time that a peer takes.
fn peer(arguments: &Arguments, engine: &str, mode: &str, song: &Path, seconds: f64) -> Result<f64> {
    if engine == "fluidsynth" {
        return fluidsynth(arguments, mode, song, seconds);
    }
    let output = Command::new(&arguments.peers)
        .args([engine, mode])
        .args([&arguments.font, song])
        .arg(seconds.to_string())
        .output()?;
    ensure!(
        output.status.success(),
        "{engine}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// fluidsynth renders whole files: those of one length are cut by the song's own end, so its time
/// is taken for the file as it is or, for 0.1 s, for an empty one.
fn fluidsynth(arguments: &Arguments, mode: &str, song: &Path, seconds: f64) -> Result<f64> {
    let interpolation = if mode == "linear" { 1 } else { 4 };
    let directory = std::env::temp_dir();
    let commands = directory.join(format!("dmusmini-fluid-{}.cfg", std::process::id()));
    std::fs::write(&commands, format!("interp {interpolation}\n"))?;
    let empty = directory.join(format!("dmusmini-empty-{}.mid", std::process::id()));
    dmusmini_song::write(&[], None, File::create(&empty)?)?;
    let song = if seconds < 1.0 { empty.as_path() } else { song };
    let output = Command::new("bash")
        .args(["-c", "TIMEFORMAT='%U'; time \"$0\" \"$@\" > /dev/null 2>&1"])
        .args([
            "fluidsynth",
            "-ni",
            "-q",
            "-F",
            "/dev/null",
            "-T",
            "raw",
            "-r",
            "44100",
        ])
        .args([
            "-R",
            "0",
            "-C",
            "0",
            "-o",
            "synth.polyphony=64",
            "-o",
            "synth.cpu-cores=1",
        ])
        .arg("-f")
        .args([&commands, &arguments.font])
        .arg(song)
        .output()?;
    std::fs::remove_file(&commands)?;
    std::fs::remove_file(&empty)?;
    let text = String::from_utf8(output.stderr)?;
    let seconds: f64 = text.trim().parse().with_context(|| text.clone())?;
    Ok(seconds * 1e9)
}

/// 64 notes on 15 channels, held for [`HELD`] seconds.
fn held_notes() -> Vec<Event> {
    let mut messages = Vec::new();
    let channel = |n: u8| n % 15 + u8::from(n % 15 >= 9);
    for n in 0..15 {
        messages.push((0, vec![0xC0 | channel(n), 48]));
    }
    for n in 0..VOICES as u8 {
        messages.push((0, vec![0x90 | channel(n), 52 + n / 15 * 3, 100]));
    }
    let end = (HELD * dmusmini_song::SECOND as f64) as i64;
    for n in 0..VOICES as u8 {
        messages.push((end, vec![0x80 | channel(n), 52 + n / 15 * 3, 64]));
    }
    let event = |(at, message)| Event { at, message };
    messages.into_iter().map(event).collect()
}

fn as_json(held: &[Row], songs: &[Row]) -> serde_json::Value {
    let rows = held.iter().map(|row| {
        json!({"engine": row.engine, "mode": row.mode, "voices": row.voices, "ns_per_voice_frame": row.value})
    });
    let songs = songs.iter().map(|row| {
        json!({"engine": row.engine, "mode": row.mode, "voices": row.voices, "ms_per_second": row.value})
    });
    json!({"rows": rows.collect::<Vec<_>>(), "songs": songs.collect::<Vec<_>>()})
}

fn as_markdown(held: &[Row], songs: &[Row], song: &Path) -> String {
    let mut text =
        String::from("| engine | mode | voices | ns a voice and frame |\n|---|---|---|---|\n");
    for row in held {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} |",
            row.engine, row.mode, row.voices, row.value
        );
    }
    let name = song.file_stem().unwrap_or_default().to_string_lossy();
    let _ = write!(
        text,
        "\n| {name}: engine | mode | ms of one processor a second |\n|---|---|---|\n"
    );
    for row in songs {
        let _ = writeln!(text, "| {} | {} | {:.2} |", row.engine, row.mode, row.value);
    }
    text
}

const MODES: [(Mode, &str); 4] = [
    (Mode::Linear, "linear"),
    (Mode::Cubic4, "cubic4"),
    (Mode::Sinc8, "sinc8"),
    (Mode::Sinc16, "sinc16"),
];
const PEERS: [(&str, &str); 5] = [
    ("oxisynth", "linear"),
    ("oxisynth", "cubic4"),
    ("rustysynth", "linear"),
    ("fluidsynth", "linear"),
    ("fluidsynth", "cubic4"),
];
