//! What the driver refuses of a bank costs that item, and the driver's own reason is told.

mod common;

use common::{Place, dmus};
use dmusmini_collection::{Bank, Instrument, Region, Wave};
use std::path::Path;
use std::process::Output;

/// DLS has no upper limit for rates; the driver has 192 kHz.
const TOO_FAST: u32 = 192_001;

fn instrument(patch: u32, name: &str, regions: Vec<Region>) -> Instrument {
    Instrument {
        patch,
        name: name.into(),
        regions,
        articulation: Vec::new(),
    }
}

/// One wave that the driver takes and one of `rate`, which two instruments play in part and wholly.
fn bank(rate: u32) -> Bank {
    let square = |name: &str, rate| {
        let frames = (0..4000).map(|n| if n / 50 % 2 == 0 { 8000 } else { -8000 });
        Wave::new(name, rate, frames.collect())
    };
    Bank {
        name: "fast".into(),
        waves: vec![square("good", 44_100), square("fast", rate)],
        instruments: vec![
            instrument(
                0,
                "Both",
                vec![
                    Region::new(1).with_keys(0, 59),
                    Region::new(0).with_keys(60, 127),
                ],
            ),
            instrument(1, "Lost", vec![Region::new(1)]),
        ],
    }
}

/// A song of one note, C4, in the first program.
fn song() -> Vec<u8> {
    let track = b"\x00\xC0\x00\x00\x90\x3C\x64\x60\x80\x3C\x40\x00\xFF\x2F\x00";
    let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
    bytes.extend(u32::try_from(track.len()).unwrap().to_be_bytes());
    bytes.extend(track);
    bytes
}

fn render(place: &Place, bank: &Path, build: &[String]) -> Output {
    dmus()
        .arg("render")
        .arg(place.file("song.mid", &song()))
        .arg("--bank")
        .arg(bank)
        .arg("-o")
        .arg(place.path("out.wav"))
        .arg("--json")
        .args(build)
        .output()
        .unwrap()
}

fn builds() -> Vec<Vec<String>> {
    let image = common::image().map(|path| vec!["--sys".to_owned(), path.display().to_string()]);
    [Some(vec!["--native".to_owned()]), image]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn a_refused_wave_costs_its_regions_and_is_named_with_the_drivers_cause() {
    let place = Place::new();
    let path = place.file("fast.dls", &bank(TOO_FAST).to_dls());
    for build in builds() {
        let output = render(&place, &path, &build);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let warnings: Vec<&str> = said
            .lines()
            .filter(|l| l.starts_with("warning: "))
            .collect();
        assert_eq!(warnings.len(), 1, "{said}");
        // The format stands at byte 12 of DMUS_WAVE, which comes after the header and two offsets.
        for part in [
            "fast.dls",
            "wave \"fast\"",
            "the sample rate is out of range at byte 36 of the download",
            "STATUS_",
            "instrument \"Both\" (bank 0:0, program 0) loses 1 region(s)",
            "instrument \"Lost\" (bank 0:0, program 1) has no wave left",
        ] {
            assert!(warnings[0].contains(part), "{part}: {said}");
        }
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["bank"]["waves"], 1, "{report}");
        assert_eq!(report["bank"]["instruments"], 1, "{report}");
        assert_eq!(report["voices"]["lost_notes"], 0, "{report}");
        assert!(report["audio"]["peak"].as_u64().unwrap() > 1000, "{report}");
    }
}

#[test]
fn a_bank_of_which_nothing_is_taken_is_an_error() {
    let place = Place::new();
    let mut bank = bank(TOO_FAST);
    bank.waves[0].rate = TOO_FAST;
    let path = place.file("fast.dls", &bank.to_dls());
    for build in builds() {
        let output = render(&place, &path, &build);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in [
            "fast.dls",
            "no instrument",
            "the sample rate is out of range",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!place.path("out.wav").exists());
    }
}

#[test]
fn a_wave_that_has_no_room_is_named_with_its_size() {
    let place = Place::new();
    let mut bank = bank(22_050);
    bank.waves[1] = Wave::new("large", 22_050, vec![0; 600_000]);
    let path = place.file("large.dls", &bank.to_dls());
    for mut build in builds() {
        build.push("--quota=1".to_owned());
        let output = render(&place, &path, &build);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        for part in ["wave \"large\"", "no room for its 1200", "--quota"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
