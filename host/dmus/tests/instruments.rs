//! Which instruments play a song, and what is said of notes that none plays.

mod common;

use common::{Place, dmus};
use dmusmini_collection::{Bank, Instrument, Region, Sample, Wave};
use std::path::Path;

/// The standard kit's flag.
const DRUMS: u32 = 0x8000_0000;
/// Hertz of the melodic instrument, and of the kit, whatever the key.
const MELODY: u32 = 441;
const KIT: u32 = 882;

/// Program 0 and kit 0 of bank 0, for keys 40 to 80.
fn bank() -> Vec<u8> {
    let wave = |hertz: u32| {
        let period = 44_100 / hertz;
        let frames = (0..4410).map(|i| if i % period < period / 2 { 9000 } else { -9000 });
        Wave::new("square", 44_100, frames.collect())
    };
    let instrument = |(wave, patch): (usize, u32)| Instrument {
        patch,
        regions: vec![Region {
            keys: (40, 80),
            sample: Some(Sample::new(60).with_loop(0, 4400)),
            ..Region::new(wave)
        }],
        ..Instrument::default()
    };
    Bank {
        name: "two".to_owned(),
        instruments: [(0, 0), (1, DRUMS)].into_iter().map(instrument).collect(),
        waves: [MELODY, KIT].map(wave).to_vec(),
    }
    .to_dls()
}

/// A song of one track: these messages, then a note of key 60 for a second on `channel`, counted
/// from 0.
fn song(messages: &[&[u8]], channel: u8) -> Vec<u8> {
    let mut track = Vec::new();
    for message in messages {
        track.push(0);
        match message {
            [0xF0, rest @ ..] => {
                track.extend([0xF0, u8::try_from(rest.len()).unwrap()]);
                track.extend(rest.iter());
            }
            short => track.extend(short.iter()),
        }
    }
    track.extend([0, 0x90 | channel, 60, 127]);
    // Two quarters of half a second.
    track.extend([0x87, 0x68, 0x80 | channel, 60, 0, 0, 0xFF, 0x2F, 0]);
    let mut file = Vec::from(*b"MThd\0\0\0\x06\0\0\0\x01\x01\xF4MTrk");
    file.extend(u32::try_from(track.len()).unwrap().to_be_bytes());
    file.extend(track);
    file
}

/// What came of a song.
struct Rendered {
    /// Of the note; none if all is silent.
    hertz: Option<u32>,
    /// Lines on standard error.
    said: Vec<String>,
    report: serde_json::Value,
}

fn render(messages: &[&[u8]], channel: u8, more: &[&str]) -> Rendered {
    let place = Place::new();
    let song = place.file("song.mid", &song(messages, channel));
    let bank = place.file("bank.dls", &bank());
    let wav = place.path("out.wav");
    let mut run = dmus();
    run.args(["render", "--native", "--json"]).args(more);
    run.arg(&song).arg("-b").arg(&bank).arg("-o").arg(&wav);
    let output = run.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    Rendered {
        hertz: hertz(&wav),
        said: said.lines().map(str::to_owned).collect(),
        report: serde_json::from_slice(&output.stdout).unwrap(),
    }
}

/// How often a second the first channel rises through zero, in the first quarter of a second.
fn hertz(wav: &Path) -> Option<u32> {
    let samples: Result<Vec<i16>, _> = hound::WavReader::open(wav)
        .unwrap()
        .into_samples()
        .collect();
    let left: Vec<i16> = samples.unwrap().into_iter().step_by(2).collect();
    if left.iter().all(|&sample| sample == 0) {
        return None;
    }
    let quarter = left.get(..11_025).unwrap();
    let rises = quarter
        .windows(2)
        .filter(|pair| pair[0] < 0 && pair[1] >= 0);
    let rises = u32::try_from(rises.count()).unwrap() * 4;
    [MELODY, KIT]
        .into_iter()
        .find(|hertz| hertz.abs_diff(rises) <= 8)
}

#[test]
fn notes_that_nothing_plays_are_named() {
    let played = render(&[&[0xC5, 10], &[0x95, 50, 90]], 5, &[]);
    assert_eq!(played.hertz, None);
    let line = "channel 6, bank 0:0, program 10: 2 notes find no instrument";
    assert_eq!(played.said, [format!("warning: {line}")]);
    assert_eq!(played.report["warnings"], serde_json::json!([line]));

    // A key that its kit lacks.
    let played = render(&[&[0x99, 20, 90]], 0, &[]);
    assert_eq!(played.hertz, Some(MELODY));
    let line =
        "channel 10, bank 0:0, kit 0: 1 note lies outside of the keys and velocities of its kit";
    assert_eq!(played.said, [format!("warning: {line}")]);

    // Nothing to say.
    let played = render(&[], 0, &[]);
    assert_eq!((played.hertz, played.said.len()), (Some(MELODY), 0));
    assert_eq!(played.report["warnings"], serde_json::json!([]));
}

#[test]
fn other_banks_stand_in_unless_they_must_not() {
    let banks: [&[&[u8]]; 2] = [
        &[&[0xB0, 0, 1], &[0xC0, 0]],
        &[&[0xB0, 0, 121], &[0xB0, 32, 3], &[0xC0, 0]],
    ];
    for messages in banks {
        assert_eq!(render(messages, 0, &[]).hertz, Some(MELODY));
        let exact = render(messages, 0, &["--exact-banks"]);
        assert_eq!(exact.hertz, None);
        assert!(
            exact.said[0].starts_with("warning: channel 1, bank 1"),
            "{:?}",
            exact.said
        );
    }
    // A kit that is not there, from a bank that is not: the standard kit, by either rule.
    let kit: &[&[u8]] = &[&[0xB9, 0, 120], &[0xC9, 25]];
    for more in [&[][..], &["--exact-banks"]] {
        assert_eq!(render(kit, 9, more).hertz, Some(KIT));
    }
}

#[test]
fn general_midi_2_chooses_between_rhythm_and_melody() {
    let gm2: &[u8] = &[0xF0, 0x7E, 0x7F, 9, 3, 0xF7];
    for more in [&[][..], &["--exact-banks"]] {
        let melodic: &[&[u8]] = &[gm2, &[0xB9, 0, 121], &[0xC9, 0]];
        assert_eq!(render(melodic, 9, more).hertz, Some(MELODY), "channel 10");
        let rhythm: &[&[u8]] = &[gm2, &[0xBA, 0, 120], &[0xCA, 0]];
        assert_eq!(render(rhythm, 10, more).hertz, Some(KIT), "channel 11");
    }
}
