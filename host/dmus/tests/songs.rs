//! Real songs through both builds of the driver, and the wire.
//!
//! Every song of the test data, with its real bank.

mod common;

use common::{Place, dmus};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const QUICK: &str = "freedoom1_D_INTROA.mid";
const LONG: [&str; 4] = [
    "freedoom1_D_E1M1.mid",
    "freedoom1_D_E2M4.mid",
    "freedoom1_D_E3M8.mid",
    "freedoom2_D_ADRIAN.mid",
];

/// Every song.
fn songs(data: &Path) -> Vec<PathBuf> {
    [QUICK]
        .iter()
        .chain(&LONG)
        .map(|name| data.join(name))
        .collect()
}

#[test]
fn image_and_native_build_render_the_same_samples() {
    let (Some(data), Some(image)) = (common::data(), common::image()) else {
        return;
    };
    let place = Place::new();
    for song in songs(&data) {
        let native = render(&place, &song, &data, &["--native"]);
        let loaded = render(&place, &song, &data, &["--sys", image.to_str().unwrap()]);
        assert_eq!(loaded.1["driver"]["kind"], "image");
        assert!(
            native.0 == loaded.0,
            "{}: the two builds differ",
            song.display()
        );
        println!(
            "{}: {} bytes, bit-identical; peak {}, {} notes lost, image {} and native {} ms a second",
            song.file_name().unwrap().to_string_lossy(),
            native.0.len(),
            loaded.1["audio"]["peak"],
            loaded.1["voices"]["lost_notes"],
            loaded.1["cpu_ms_per_second"],
            native.1["cpu_ms_per_second"]
        );
    }
}

/// Renders a song with the real bank; the file and the report, which must be clean.
fn render(place: &Place, song: &Path, data: &Path, driver: &[&str]) -> (Vec<u8>, Value) {
    let output = place.path("out.wav");
    let text = common::succeeds(
        dmus()
            .arg("render")
            .arg(song)
            .arg("-b")
            .arg(data.join("TimGM6mb.dls"))
            .arg("-o")
            .arg(&output)
            .arg("--json")
            .args(driver),
    );
    let report: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(report["voices"]["lost_notes"], 0, "{}", song.display());
    assert_eq!(
        report["violations"],
        Value::Array(Vec::new()),
        "{}",
        song.display()
    );
    assert!(
        report["audio"]["peak"].as_u64().unwrap() > 1000,
        "{}: silent",
        song.display()
    );
    (fs::read(output).unwrap(), report)
}

#[test]
fn the_wire_carries_exactly_the_songs_messages_paced() {
    let Some(data) = common::data() else { return };
    let place = Place::new();
    let drivers = [
        Some(vec!["--native".to_owned()]),
        common::image().map(|path| vec!["--sys".to_owned(), path.display().to_string()]),
    ];
    for driver in drivers.into_iter().flatten() {
        for song in [QUICK].iter().chain(&LONG).map(|name| data.join(name)) {
            let (file, raw) = (place.path("wire.mid"), place.path("wire.syx"));
            let text = common::succeeds(
                dmus()
                    .arg("uart")
                    .arg(&song)
                    .arg("-o")
                    .arg(&file)
                    .arg("--json")
                    .args(&driver),
            );
            let report: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(report["exact"], true, "{}", song.display());
            common::succeeds(
                dmus()
                    .arg("uart")
                    .arg(&song)
                    .arg("-o")
                    .arg(&raw)
                    .args(&driver),
            );

            let played = dmusmini_song::Song::open(&song).unwrap();
            assert_eq!(fs::read(&raw).unwrap(), played.wire_bytes());
            let arrived = dmusmini_song::Song::open(&file).unwrap();
            assert_eq!(arrived.events.len(), played.events.len());
            assert_paced(&played, &arrived);
            println!(
                "{}: {} messages in order, {} ms late on average, {} at most",
                song.file_name().unwrap().to_string_lossy(),
                played.events.len(),
                report["average_ms"],
                report["latest_ms"]
            );
        }
    }
}

/// Each message is out no earlier than its wire time (320 us a byte) after it was due and after the one before it, and no
/// later than a millisecond of sequencer and 2 ms of driver after it could have been.
fn assert_paced(played: &dmusmini_song::Song, arrived: &dmusmini_song::Song) {
    const BYTE: i64 = 3_200;
    const TICK: i64 = 400;
    let (mut earliest, mut last) = (0_i64, 0_i64);
    for (due, out) in played.events.iter().zip(&arrived.events) {
        assert_eq!(due.message, out.message);
        let length = i64::try_from(due.message.len()).unwrap() * BYTE;
        earliest = earliest.max(due.at) + length;
        assert!(
            out.at >= due.at + length - TICK && out.at >= last + length - TICK,
            "{} too early",
            out.at
        );
        assert!(
            out.at <= earliest + 30_000 + TICK,
            "{} too late for {earliest}",
            out.at
        );
        // A late message delays what follows it.
        earliest = earliest.max(out.at);
        last = out.at;
    }
}

#[test]
fn raw_bytes_go_to_standard_output() {
    let place = Place::new();
    let song = place.song();
    let bytes = common::succeeds(
        dmus()
            .arg("uart")
            .arg(&song)
            .args(["-o", "-", "--native", "--quiet"]),
    );
    assert_eq!(
        bytes,
        dmusmini_song::Song::open(&song).unwrap().wire_bytes()
    );
    place.holds_nothing_else(&["song.mid"]);
}

#[test]
fn a_polled_device_plays_too() {
    let place = Place::new();
    let song = place.song();
    let text = common::succeeds(
        dmus()
            .arg("uart")
            .arg(&song)
            .arg("-o")
            .arg(place.path("out.mid"))
            .args(["--native", "--polled", "--json"]),
    );
    let report: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(report["exact"], true);
}
