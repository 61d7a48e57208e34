//! What the driver refuses of a bank costs that item, and sound that a WAV file cannot hold is refused beforehand: the commands
//! against the real driver.

mod simulated;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use clap::Parser as _;
use dmusctl::{
    arguments::Arguments,
    commands,
    error::exit_code,
    output::{Output, Report},
    stop::Stop,
};
use dmusmini_collection::{Bank, Instrument, Region, Wave};
use dmusmini_simulator::session::{Binary, Hardware, Session};
use dmusmini_song::{Event, SECOND};
use simulated::Simulated;

/// DLS has no upper limit for rates; the driver has 192 kHz.
const TOO_FAST: u32 = 192_001;

/// Runs a command line on a machine with a synthesizer. Nothing may be left behind.
fn run(binary: &Binary, words: &[&str]) -> anyhow::Result<Report> {
    let session = Session::boot(binary).unwrap();
    let system = Simulated {
        machine: session.machine(),
        devices: vec![session.install(&Hardware::synth()).unwrap()],
    };
    let arguments = Arguments::try_parse_from(["dmusctl"].iter().chain(words)).unwrap();
    let output = Output { json: true };
    let report = commands::run(&arguments.command, &system, output, &Stop::default());
    drop(system);
    let end = session.shut_down();
    assert!(end.is_clean(), "{end}");
    report
}

/// The driver's builds; a visible line where the image was not built.
fn builds() -> Vec<Binary> {
    let image = Binary::built_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let is_there = matches!(&image, Binary::Sys(path) if path.exists());
    if !is_there {
        println!("skipped for the image: build it with `cargo xtask sys`");
    }
    let image = is_there.then_some(image);
    [Some(Binary::Native), image]
        .into_iter()
        .flatten()
        .collect()
}

/// A wave of `rate` and one that the driver takes; an instrument that plays both, and one that plays the first.
fn bank(folder: &Path, rate: u32, other: u32) -> PathBuf {
    let square = |name: &str, rate| {
        let frames = (0..4000).map(|n| if n / 50 % 2 == 0 { 8000 } else { -8000 });
        Wave::new(name, rate, frames.collect())
    };
    let instrument = |patch, name: &str, regions| Instrument {
        patch,
        name: name.into(),
        regions,
        articulation: Vec::new(),
    };
    let bank = Bank {
        name: "fast".into(),
        waves: vec![square("fast", rate), square("good", other)],
        instruments: vec![
            instrument(
                0,
                "Both",
                vec![
                    Region::new(0).with_keys(0, 59),
                    Region::new(1).with_keys(60, 127),
                ],
            ),
            instrument(1, "Lost", vec![Region::new(0)]),
        ],
    };
    let path = folder.join("fast.dls");
    std::fs::write(&path, bank.to_dls()).unwrap();
    path
}

/// A note of the first program.
fn song(folder: &Path) -> PathBuf {
    let event = |at, message: [u8; 3]| Event {
        at,
        message: message.to_vec(),
    };
    let events = [event(0, [0x90, 60, 100]), event(SECOND / 2, [0x80, 60, 64])];
    let path = folder.join("song.mid");
    dmusmini_song::write(&events, None, File::create(&path).unwrap()).unwrap();
    path
}

/// The one warning says what was refused, why, and what is lost with it.
fn assert_warned(report: &Report) {
    let warnings = report.json["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let warning = warnings[0].as_str().unwrap();
    for part in [
        "fast.dls: wave \"fast\"",
        "the driver refuses it: SYNTH_DLS_DOWNLOAD: ",
        "(status 0xc000000d)",
        "left out",
        "instrument \"Both\" (bank 0:0, program 0) loses 1 region(s)",
        "instrument \"Lost\" (bank 0:0, program 1) has no wave left",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
}

#[test]
fn a_refused_wave_costs_its_regions_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (song, bank) = (song(folder.path()), bank(folder.path(), TOO_FAST, 44_100));
    let out = folder.path().join("out.wav");
    let [song, bank, out] = [&song, &bank, &out].map(|path| path.to_str().unwrap());
    for build in builds() {
        let report = run(&build, &["download", bank]).unwrap();
        assert_warned(&report);
        // One wave and one instrument.
        assert_eq!(report.json["downloads"], 2, "{}", report.text);
        assert_eq!(report.exit_code, 0);

        let words = ["render", song, "--bank", bank, "-o", out, "--tail", "0.5"];
        let report = run(&build, &words).unwrap();
        assert_warned(&report);
        assert_eq!(report.json["lost_notes"], 0);
        assert!(
            report.json["peak"].as_u64().unwrap() > 1000,
            "{}",
            report.text
        );
    }
}

#[test]
fn a_bank_of_which_nothing_is_taken_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (song, bank) = (song(folder.path()), bank(folder.path(), TOO_FAST, TOO_FAST));
    let out = folder.path().join("out.wav");
    let [song, bank, out] = [&song, &bank, &out].map(|path| path.to_str().unwrap());
    for build in builds() {
        for words in [
            &["download", bank][..],
            &["render", song, "--bank", bank, "-o", out],
        ] {
            let error = run(&build, words).unwrap_err();
            assert_eq!(exit_code(&error), 1);
            let text = error.to_string();
            for part in [
                "the driver takes no instrument",
                "fast.dls",
                "(status 0xc000000d)",
            ] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}

/// A million seconds of 16-bit stereo at 44,100 Hz are 176 GB.
#[test]
fn a_wav_of_4_gib_is_refused_before_anything_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(folder.path());
    let out = folder.path().join("out.wav");
    let [song, out] = [&song, &out].map(|path| path.to_str().unwrap());
    // What stands there already stays.
    std::fs::write(out, "kept").unwrap();
    let words = ["render", song, "-o", out, "--tail", "1000000"];
    let error = run(&Binary::Native, &words).unwrap_err();
    assert_eq!(exit_code(&error), 1);
    let text = error.to_string();
    for part in [
        "song.mid: its 16666:",
        "164.3 GiB",
        "out.wav) holds less than 4 GiB",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(std::fs::read(out).unwrap(), b"kept");
}
