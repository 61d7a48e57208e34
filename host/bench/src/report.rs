//! All measurements in one run: the driver's synth and its peers.

mod bars;
pub(crate) mod instructions;
mod markdown;
mod ours;
mod peers;

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;
use dmusmini_bench::song::Song;
use dmusmini_bench::{Mode, held};
use dmusmini_collection::Collection;
use serde_json::{Value, json};

use bars::Bar;
use instructions::Counts;
pub(crate) use ours::notes as held;
use ours::timed;
use peers::{Bench, PEERS};

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
    /// This program, built without SIMD
    #[arg(long)]
    portable: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One measurement.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    engine: &'static str,
    mode: String,
    voices: u16,
    /// Nanoseconds a voice and frame, or milliseconds a second of song.
    value: f64,
}

impl Row {
    fn new(engine: &'static str, mode: &str, suffix: &str, voices: u16, value: f64) -> Self {
        Self {
            engine,
            mode: format!("{mode}{suffix}"),
            voices,
            value,
        }
    }

    fn as_json(&self, unit: &str) -> Value {
        json!({
            "engine": self.engine,
            "mode": self.mode,
            "voices": self.voices,
            unit: self.value,
        })
    }
}

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    /// Held notes of the real bank, in every engine.
    held: Vec<Row>,
    /// The driver's bare paths.
    paths: Vec<Row>,
    /// Without SIMD: plain, filtered.
    portable: [f64; 2],
    songs: Vec<Row>,
    song: String,
    counts: Counts,
    bars: Vec<Bar>,
}

/// Measures and prints.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let report = measure(arguments)?;
    if arguments.json {
        say!("{}", report.as_json());
    } else {
        say!("{}", report.as_markdown());
    }
    for bar in &report.bars {
        complain!("{bar}");
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Report> {
    let peers = Bench {
        program: &arguments.peers,
        font: &arguments.font,
    };
    let song = Song::open(&arguments.song)?;
    let bank = Collection::open(&arguments.bank)?.into_bank();

    let paths = timed("paths", ours::paths)?;
    let portable = timed("portable paths", || {
        let of = |filter| ours::tones_of(&arguments.portable, filter);
        Ok([of(false)?, of(true)?])
    })?;
    let held = timed("held notes", || held_notes(&bank, &peers))?;
    let songs = timed("song", || {
        let mut rows = Vec::new();
        for mode in Mode::ALL {
            let value = ours::song(&bank, &song, mode, SONG_ROUNDS)?;
            rows.push(Row::new("dmusmini", mode.name(), "", held::VOICES, value));
        }
        for peer in PEERS {
            let value = peers.per_second(peer, &arguments.song, song.seconds(), SONG_ROUNDS)? / 1e6;
            rows.push(Row::new(peer.0, peer.1, "", held::VOICES, value));
        }
        Ok(rows)
    })?;
    let limits = timed("limits", limits)?;
    let counts = timed("instructions", || instructions::count(None))?;
    let mut bars = of_time(&paths, portable, &held, &songs);
    bars.extend(limits);
    bars.extend(bars::of_instructions(&counts));
    let name = arguments.song.file_stem().unwrap_or_default();
    Ok(Report {
        held,
        paths,
        portable,
        songs,
        song: name.to_string_lossy().into_owned(),
        counts,
        bars,
    })
}

/// The same notes of the same bank in every engine, without a filter and with one.
fn held_notes(bank: &dmusmini_collection::Bank, peers: &Bench<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (program, suffix) in [(held::PLAIN, ""), (held::FILTERED, "-filter")] {
        let notes = held::notes(program);
        for mode in Mode::ALL {
            let value = ours::notes(bank, program, mode, 1000, HELD_ROUNDS)?;
            rows.push(Row::new(
                "dmusmini",
                mode.name(),
                suffix,
                held::VOICES,
                value,
            ));
        }
        let file = std::env::temp_dir().join(format!("dmusmini-held-{}.mid", std::process::id()));
        dmusmini_song::write(&notes, None, File::create(&file)?)?;
        for peer in PEERS {
            let time = peers.per_second(peer, &file, held::SECONDS, HELD_ROUNDS)?;
            let value = time / (RATE * f64::from(held::VOICES));
            rows.push(Row::new(peer.0, peer.1, suffix, held::VOICES, value));
        }
        std::fs::remove_file(&file)?;
    }
    Ok(rows)
}

fn limits() -> Result<Vec<Bar>> {
    let (queue, lost) = ours::queue()?;
    Ok(vec![
        Bar::at_most(
            "cost of a voice among 1,024 against one of 64, difference",
            ours::unevenness()?,
            5.0,
            "%",
        ),
        Bar::at_most(
            "1,024 voices at 48 kHz, no filter, of one core",
            ours::thousand_voices()?,
            10.0,
            "%",
        ),
        Bar::at_most(
            "a synth with nothing to play, of one core",
            ours::idle()?,
            0.1,
            "%",
        ),
        Bar::at_most(
            "an event in order, in and out, of a million",
            queue,
            100.0,
            "ns",
        ),
        Bar::at_most(
            "events lost of a million, with room for all",
            lost.into(),
            0.0,
            "",
        ),
    ])
}

/// The bars that want a quiet machine.
fn of_time(paths: &[Row], portable: [f64; 2], held: &[Row], songs: &[Row]) -> Vec<Bar> {
    let of = |rows: &[Row], engine: &str, mode: &str| {
        let row = rows
            .iter()
            .find(|row| row.engine == engine && row.mode == mode);
        row.map_or(f64::NAN, |row| row.value)
    };
    let best_peer = |rows: &[Row], mode: &str| {
        let peers = rows.iter().filter(|row| row.engine != "dmusmini");
        let suited = peers.filter(|row| row.mode.contains('-') == mode.contains('-'));
        let of_mode = suited.filter(|row| mode.is_empty() || row.mode.starts_with(mode));
        of_mode.fold(f64::INFINITY, |least, row| least.min(row.value))
    };
    let plain = of(held, "dmusmini", "sinc16");
    let filtered = of(held, "dmusmini", "sinc16-filter");
    let song = of(songs, "dmusmini", "sinc16");
    vec![
        Bar::at_most(
            "sinc16, no filter, gains moving",
            of(paths, "dmusmini", "sinc16"),
            1.6,
            "ns",
        ),
        Bar::at_most(
            "sinc16, filter, two LFOs, two envelopes",
            of(paths, "dmusmini", "sinc16-filter"),
            2.6,
            "ns",
        ),
        Bar::at_most("without SIMD: sinc16", portable[0], 2.4, "ns"),
        Bar::at_most("without SIMD: sinc16, all on", portable[1], 3.8, "ns"),
        Bar::at_least(
            "held notes, sinc16, against the fastest peer's linear",
            best_peer(held, "linear") / plain,
            2.6,
            "times",
        ),
        Bar::at_least(
            "held notes, sinc16, against fluidsynth's default",
            of(held, "fluidsynth", "cubic4") / plain,
            3.6,
            "times",
        ),
        Bar::at_least(
            "held notes, sinc16-filter, against the fastest peer",
            best_peer(held, "linear-") / filtered,
            1.6,
            "times",
        ),
        Bar::at_most("song, a second of it", song, 6.0, "ms"),
        Bar::at_most("song, a second of it (stretch)", song, 4.5, "ms"),
        Bar::at_least(
            "song, against the best peer",
            best_peer(songs, "") / song,
            1.6,
            "times",
        ),
    ]
}

impl Report {
    fn as_json(&self) -> Value {
        let rows = |rows: &[Row], unit: &str| -> Vec<Value> {
            rows.iter().map(|row| row.as_json(unit)).collect()
        };
        let bars = self.bars.iter().map(|bar| {
            json!({
                "what": bar.what,
                "number": bar.number,
                "bar": bar.limit,
                "unit": bar.unit,
                "met": bar.is_met(),
            })
        });
        json!({
            "rows": rows(&self.held, "ns_per_voice_frame"),
            "paths": rows(&self.paths, "ns_per_voice_frame"),
            "songs": rows(&self.songs, "ms_per_second"),
            "portable": {"sinc16": self.portable[0], "sinc16-filter": self.portable[1]},
            "instructions": {"sinc16": self.counts.plain, "sinc16-filter": self.counts.filtered},
            "bars": bars.collect::<Vec<_>>(),
        })
    }
}

/// The least of several measurements: what else runs on the machine only adds.
fn best(times: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..times {
        least = least.min(measure()?);
    }
    Ok(least)
}

const RATE: f64 = 44_100.0;
/// How often held notes are timed, of whatever engine.
const HELD_ROUNDS: usize = 4;
/// How often a song is played, by whatever engine.
const SONG_ROUNDS: usize = 3;
