//! The commands as their user sees them.

mod common;

use common::{Place, dmus};
use serde_json::Value;
use std::fs;

#[test]
fn the_demo_writes_its_files_and_tells_what_was_played() {
    let place = Place::new();
    let out = place.path("demo");
    let text = common::succeeds(
        dmus()
            .args(["demo", "--native", "--json", "--out"])
            .arg(&out),
    );
    let report: Value = serde_json::from_slice(&text).unwrap();
    let synth = &report["synth"];
    assert_eq!(synth["voices"]["lost_notes"], 0);
    assert_eq!(synth["violations"], Value::Array(Vec::new()));
    assert_eq!(report["uart"]["exact"], true);
    assert_eq!(report["timing"]["worst_frames"], 0);
    // Loud enough to be heard, not so loud that it clips.
    let peak = synth["audio"]["peak"].as_f64().unwrap();
    println!(
        "peak {peak}, {} voices, timing {}",
        synth["voices"]["average"], report["timing"]
    );
    assert!((12_000.0..32_000.0).contains(&peak), "{peak}");
    assert_eq!(synth["audio"]["clipped"], 0);
    for name in ["demo.wav", "demo.mid", "demo.dls", "demo.png", "uart.mid"] {
        assert!(fs::metadata(out.join(name)).unwrap().len() > 1000, "{name}");
    }
    assert!(
        fs::read(out.join("demo.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    assert_eq!(fs::read_dir(out).unwrap().count(), 5, "nothing else");
}

#[test]
fn info_knows_songs_banks_and_sounds() {
    let place = Place::new();
    let text = common::succeeds(dmus().arg("info").arg(place.song()).arg(place.bank()));
    let text = String::from_utf8(text).unwrap();
    for part in [
        "\"First Light\"",
        "14 channels",
        "Electric Bass (finger)",
        "129 instruments",
        "Standard Kit",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    let json = common::succeeds(dmus().arg("info").arg("--json").arg(place.song()));
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json[0]["kind"], "song");
    assert_eq!(json[0]["channels"].as_array().unwrap().len(), 14);
    let text = place.file("text.txt", b"neither");
    assert!(common::fails(dmus().arg("info").arg(text)).contains("text.txt: byte 0x0: neither"));
}

#[test]
fn the_trace_is_decoded() {
    let place = Place::new();
    let text = common::succeeds(dmus().arg("trace").arg(place.song()).arg("--native"));
    let text = String::from_utf8(text).unwrap();
    for part in [
        "DriverStarted",
        "StreamOpened",
        "UartOpened  acknowledged=true",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}
