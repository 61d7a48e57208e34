//! The commands against the real driver under the simulated port.

mod simulated;

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser as _;
use dmusctl::{
    Filter, OsError, System,
    arguments::Arguments,
    commands,
    devices::Devices,
    error::{exit_code, to_json},
    output::{Output, Report},
    stop::Stop,
};
use dmusmini_simulator::{
    chip::{Cable, Config},
    session::{Binary, Hardware, Session},
};
use dmusmini_song::{Event, SECOND, Song};
use simulated::Simulated;

/// Runs command lines on a machine with both devices, a cable from the MPU-401's output to its input, as `seen`
/// shows it; what the last one came to.
fn run_seen<'a, S: System + 'a>(
    session: &'a Session,
    lines: &[&[&str]],
    seen: impl FnOnce(Simulated<'a>) -> S,
) -> anyhow::Result<Report> {
    let cable = Config {
        cable: Cable::Loopback,
        ..Config::default()
    };
    let system = seen(Simulated {
        machine: session.machine(),
        devices: vec![
            session.install(&Hardware::synth()).unwrap(),
            session.install(&Hardware::uart(cable)).unwrap(),
        ],
    });
    let mut last = None;
    for words in lines {
        let words = ["dmusctl"].iter().chain(*words);
        let arguments = Arguments::try_parse_from(words).unwrap();
        let output = Output { json: true };
        last = Some(commands::run(
            &arguments.command,
            &system,
            output,
            &Stop::default(),
        ));
    }
    last.unwrap()
}

/// Runs command lines on such a machine; what the last one came to. Nothing may be left behind.
fn run_on(binary: &Binary, lines: &[&[&str]]) -> anyhow::Result<Report> {
    let session = Session::boot(binary).unwrap();
    let report = run_seen(&session, lines, |machine| machine);
    let end = session.shut_down();
    assert!(end.is_clean(), "{end}");
    report
}

fn run(words: &[&str]) -> anyhow::Result<Report> {
    run_on(&Binary::Native, &[words])
}

/// The cross-built image; a visible line where it was not built.
fn image() -> Option<Binary> {
    let binary = Binary::built_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    if let Binary::Sys(path) = &binary
        && !path.exists()
    {
        println!("skipped for the image: build it with `cargo xtask sys`");
        return None;
    }
    Some(binary)
}

fn selftest_on(binary: &Binary) {
    let report = run_on(binary, &[&["selftest", "--loopback"]]).unwrap();
    assert_eq!(report.exit_code, 0, "{}", report.text);
    assert_eq!(report.json["failed"], 0);
    let passed = report.json["passed"].as_u64().unwrap();
    assert_eq!(
        passed + 1,
        report.json["checks"].as_array().unwrap().len() as u64
    );
    assert!(passed >= 30, "{}", report.text);
}

#[test]
fn selftest() {
    selftest_on(&Binary::Native);
}

#[test]
fn selftest_of_the_image() {
    if let Some(image) = image() {
        selftest_on(&image);
    }
}

/// A song of one note a tenth of a second, a program change and a long message.
fn song(folder: &Path) -> PathBuf {
    let mut events = vec![Event {
        at: 0,
        message: vec![0xC0, 0],
    }];
    for number in 0..20 {
        let at = number * SECOND / 10;
        let key = 60 + u8::try_from(number).unwrap();
        events.push(Event {
            at,
            message: vec![0x90, key, 100],
        });
        events.push(Event {
            at: at + SECOND / 20,
            message: vec![0x80, key, 0],
        });
    }
    let path = folder.join("song.mid");
    dmusmini_song::write(&events, None, File::create(&path).unwrap()).unwrap();
    path
}

/// A bank in a file: the bundled one's piano.
fn bank(folder: &Path) -> PathBuf {
    let mut bank = dmusmini_demo::bank();
    bank.instruments.truncate(1);
    let path = folder.join("bank.dls");
    std::fs::write(&path, bank.to_dls()).unwrap();
    path
}

#[test]
fn list_shows_both_filters() {
    let report = run(&["list"]).unwrap();
    let filters = report.json["filters"].as_array().unwrap();
    assert_eq!(filters.len(), 2);
    assert_eq!(filters[0]["pins"].as_array().unwrap().len(), 3);
    assert_eq!(filters[1]["pins"].as_array().unwrap().len(), 5);
    assert_eq!(filters[1]["pins"][0]["formats"][0], "MIDI");
    assert_eq!(filters[0]["pins"][2]["flow"], "out");
    assert!(report.text.contains("KSCATEGORY_AUDIO"), "{}", report.text);
    let one = run(&["list", "--filter", "uart"]).unwrap();
    assert_eq!(one.json["filters"].as_array().unwrap().len(), 1);
}

/// A machine whose filters of one name cannot be opened, as while their device stops.
struct Refusing<'a> {
    machine: Simulated<'a>,
    name: &'static str,
}

impl System for Refusing<'_> {
    fn filters(&self) -> Result<Vec<String>, OsError> {
        self.machine.filters()
    }

    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError> {
        if path.contains(self.name) {
            return Err(OsError::win32(format!("opening {path}"), 2));
        }
        self.machine.open(path)
    }

    fn now(&self) -> i64 {
        self.machine.now()
    }

    fn sleep(&self, time: Duration) {
        self.machine.sleep(time);
    }

    fn shares_time(&self) -> bool {
        self.machine.shares_time()
    }

    fn devices(&self) -> Option<&dyn Devices> {
        None
    }
}

#[test]
fn a_filter_that_cannot_be_opened_does_not_hide_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(folder.path());
    let song = song.to_str().unwrap();

    let refused = |name, words: &[&str]| {
        let session = Session::boot(&Binary::Native).unwrap();
        let report = run_seen(&session, &[words], |machine| Refusing { machine, name });
        let end = session.shut_down();
        assert!(end.is_clean(), "{end}");
        report
    };
    let report = refused("UART", &["list"]).unwrap();
    assert_eq!(report.exit_code, 1);
    assert_eq!(report.json["filters"].as_array().unwrap().len(), 1);
    let failed = report.json["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["path"].as_str().unwrap().contains("UART"));
    assert_eq!(failed[0]["error"]["win32"], 2);
    assert!(report.text.contains("(error 2)"), "{}", report.text);

    let played = refused("UART", &["play", song]).unwrap();
    assert_eq!(played.exit_code, 0);

    for words in [&["list"][..], &["play", song]] {
        let error = refused("simulated", words).unwrap_err();
        assert_eq!(to_json(&error)["error"]["win32"], 2);
    }
}

#[test]
fn a_filter_that_is_not_there_is_a_precondition() {
    let error = run(&["list", "--filter", "OPL3"]).unwrap_err();
    assert_eq!(exit_code(&error), 2);
    let text = error.to_string();
    assert!(text.contains("OPL3") && text.contains("DMusic"), "{text}");
}

#[test]
fn a_song_is_played_to_either_filter_and_captured_over_the_cable() {
    let folder = tempfile::tempdir().unwrap();
    let song = song(folder.path());
    let song = song.to_str().unwrap();
    for (filter, pin) in [
        ("UART", "0"),
        ("UART", "1"),
        ("DMusic", "0"),
        ("DMusic", "1"),
    ] {
        let words = ["play", song, "--filter", filter, "--pin", pin];
        let report = run(&words).unwrap();
        assert_eq!(report.json["played"], 41, "{filter} {pin}: {}", report.text);
    }
    let error = run(&["play", song, "--filter", "UART", "--pin", "2"]).unwrap_err();
    assert_eq!(exit_code(&error), 2);
}

#[test]
fn a_bank_is_downloaded_and_a_song_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let (song, bank) = (song(folder.path()), bank(folder.path()));
    let (song, bank) = (song.to_str().unwrap(), bank.to_str().unwrap());
    let report = run(&["download", bank]).unwrap();
    assert!(
        report.json["downloads"].as_u64().unwrap() > 1,
        "{}",
        report.text
    );

    let wave = folder.path().join("out.wav");
    let out = wave.to_str().unwrap();
    let words = ["render", song, "--bank", bank, "-o", out, "--tail", "0.5"];
    let report = run(&words).unwrap();
    assert_eq!(report.json["lost_notes"], 0);
    assert_eq!(report.json["messages"], 41);
    let native = std::fs::read(&wave).unwrap();
    let reader = hound::WavReader::open(&wave).unwrap();
    assert_eq!(reader.spec().sample_rate, 44_100);
    assert_eq!(
        u64::from(reader.duration()),
        report.json["frames"].as_u64().unwrap()
    );
    assert!(
        report.json["peak"].as_u64().unwrap() > 300,
        "{}",
        report.text
    );

    // A second run, and the image, give the same bytes.
    run(&words).unwrap();
    assert_eq!(std::fs::read(&wave).unwrap(), native);
    if let Some(image) = image() {
        run_on(&image, &[&words]).unwrap();
        assert!(
            std::fs::read(&wave).unwrap() == native,
            "the image renders something else"
        );
    }
}

/// What `RUNNINGSTATS` has no field for.
#[test]
fn notes_that_nothing_plays_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let bank = bank(folder.path());
    let path = folder.path().join("missing.mid");
    let messages: [&[u8]; 4] = [
        &[0xC5, 10],
        &[0x95, 60, 100],
        &[0x95, 62, 100],
        &[0x90, 60, 100],
    ];
    let events: Vec<Event> = messages
        .iter()
        .map(|message| Event {
            at: SECOND / 10,
            message: message.to_vec(),
        })
        .collect();
    dmusmini_song::write(&events, None, File::create(&path).unwrap()).unwrap();
    let out = folder.path().join("out.wav");
    let [song, bank, out] = [&path, &bank, &out].map(|path| path.to_str().unwrap());
    let words = ["render", song, "--bank", bank, "-o", out, "--tail", "0.5"];
    for report in [
        Some(run(&words)),
        image().map(|image| run_on(&image, &[&words])),
    ] {
        let Some(report) = report else { continue };
        let report = report.unwrap();
        let line = "channel 6, bank 0:0, program 10: 2 notes find no instrument";
        assert_eq!(report.json["warnings"], serde_json::json!([line]));
        // They are no lost notes: there were voices.
        assert_eq!(report.json["lost_notes"], 0);
        let cpu = report.json["cpu_percent"].as_f64().unwrap();
        assert!((0.0..100.0).contains(&cpu), "{cpu}");
    }
    // The MPU-401 has no instruments, and nothing to tell.
    let report = run(&["play", song, "--filter", "UART"]).unwrap();
    assert_eq!(report.json["warnings"], serde_json::json!([]));
}

#[test]
fn a_capture_without_input_is_an_empty_song() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("in.mid");
    let out = out.to_str().unwrap();
    let report = run(&["capture", out, "--seconds", "0.5"]).unwrap();
    assert_eq!(report.json["captured"], 0);
    assert!(Song::open(out).unwrap().events.is_empty());
}

#[test]
fn a_capture_that_cannot_be_written_does_not_begin() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("gone/in.mid");
    // Eleven days, and simulated ones are not much shorter.
    let error = run(&["capture", out.to_str().unwrap(), "--seconds", "1000000"]).unwrap_err();
    assert!(format!("{error:#}").contains("in.mid"), "{error:#}");
}

#[test]
fn files_that_are_not_there_are_named() {
    for words in [
        &["play", "no.mid"][..],
        &["download", "no.dls"],
        &["render", "no.mid", "-o", "x.wav"],
    ] {
        let error = run(words).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains(words[1]), "{text}");
        assert_eq!(exit_code(&error), 1);
    }
}

#[test]
fn device_nodes_are_windows_own() {
    for words in [&["status"][..], &["uninstall"], &["restart"], &["sleep"]] {
        let error = run(words).unwrap_err();
        assert_eq!(dmusctl::error::to_json(&error)["error"]["win32"], 120);
    }
}
