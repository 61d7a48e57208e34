//! Real songs with the real bank.

use std::path::PathBuf;

use crate::player::{Subject, twin};
use dmusmini::synth::Interpolation;
use dmusmini_collection::{Bank, Collection};
use dmusmini_reference::measure::{decibels, peak, rms};
use midly::{MetaMessage, Smf, Timing, TrackEventKind};

/// Test data by name; a visible line and none where it is absent.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("DMUSMINI_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = directory.join(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: no {} (set DMUSMINI_DATA)", path.display());
    None
}

pub(crate) fn real_bank() -> Option<Bank> {
    let path = data("TimGM6mb.dls")?;
    Some(
        Collection::open(path)
            .expect("the real bank is well-formed")
            .into_bank(),
    )
}

/// A song's messages with the frames they fall on.
pub(crate) fn messages(name: &str, rate: u32) -> Option<Vec<(u64, Vec<u8>)>> {
    let bytes = std::fs::read(data(name)?).expect("the file can be read");
    let song = Smf::parse(&bytes).expect("the song is well-formed");
    let Timing::Metrical(ticks) = song.header.timing else {
        panic!("{name} is in SMPTE time")
    };
    let mut events = Vec::new();
    for track in &song.tracks {
        let mut now = 0_u64;
        for event in track {
            now += u64::from(event.delta.as_int());
            events.push((now, event.kind));
        }
    }
    events.sort_by_key(|(tick, _)| *tick);
    let mut messages = Vec::new();
    let (mut seconds, mut last, mut tempo) = (0.0, 0, 500_000.0);
    for (tick, kind) in events {
        seconds += (tick - last) as f64 * tempo / 1e6 / f64::from(ticks.as_int());
        last = tick;
        let frame = (seconds * f64::from(rate)) as u64;
        match kind {
            TrackEventKind::Meta(MetaMessage::Tempo(t)) => tempo = f64::from(t.as_int()),
            TrackEventKind::Midi { channel, message } => {
                let mut bytes = Vec::new();
                let live = midly::live::LiveEvent::Midi { channel, message };
                live.write(&mut bytes).expect("a vector takes everything");
                messages.push((frame, bytes));
            }
            TrackEventKind::SysEx(data) => {
                messages.push((frame, [&[0xF0], data].concat()));
            }
            _ => {}
        }
    }
    Some(messages)
}

/// How loud the difference of two renderings is: RMS and peak in dBFS.
pub(crate) fn residual(a: &[[f64; 2]], b: &[[f64; 2]]) -> (f64, f64) {
    let difference: Vec<f64> = a
        .iter()
        .zip(b)
        .flat_map(|(a, b)| [a[0] - b[0], a[1] - b[1]])
        .collect();
    (
        decibels(rms(&difference) / 32_768.0),
        decibels(peak(&difference) / 32_768.0),
    )
}

#[test]
fn the_reference_plays_a_song_to_its_end() {
    const RATE: u32 = 44_100;
    let (Some(bank), Some(messages)) = (real_bank(), messages("freedoom1_D_INTROA.mid", RATE))
    else {
        return;
    };
    let mut player = Subject::Reference.player(&bank, RATE);
    let end = messages.last().map_or(0, |(frame, _)| *frame);
    for (frame, message) in &messages {
        player.schedule(*frame, message);
    }
    let heard = player.render(end as usize + 10 * RATE as usize);
    let loudest = heard
        .iter()
        .flatten()
        .fold(0.0_f64, |peak, x| peak.max(x.abs()));
    println!("{} messages, peak {loudest:.0}", messages.len());
    assert!(loudest > 1000.0);
    let (_, tail) = residual(&heard[heard.len() - 4410..], &vec![[0.0; 2]; 4410]);
    assert!(tail < -80.0, "something hangs: {tail} dBFS");
}

/// A song on the driver's synth and on its twin in `f64`, before clipping.
fn compare(name: &str, seconds: usize) {
    const RATE: u32 = 44_100;
    let (Some(bank), Some(messages)) = (real_bank(), messages(name, RATE)) else {
        return;
    };
    let end = messages.last().map_or(0, |(frame, _)| *frame) as usize + 5 * RATE as usize;
    let frames = end.min(seconds * RATE as usize);
    let mut driver = Subject::Driver.player(&bank, RATE);
    let mut twin = twin(&bank, RATE, Interpolation::default());
    for (frame, message) in messages.iter().filter(|(frame, _)| *frame < frames as u64) {
        driver.schedule(*frame, message);
        twin.schedule(*frame, message);
    }
    let (mut square, mut worst, mut worst_at, mut loudest) = (0.0, 0.0_f64, 0, 0.0_f64);
    for second in 0..frames / RATE as usize {
        let (a, b) = (driver.render(RATE as usize), twin.render(RATE as usize));
        for (n, (a, b)) in a.iter().zip(&b).enumerate() {
            for side in [0, 1] {
                let off = (a[side] - b[side]).abs();
                square += off * off;
                loudest = loudest.max(b[side].abs());
                if off > worst {
                    (worst, worst_at) = (off, second * RATE as usize + n);
                }
            }
        }
    }
    let rms = decibels((square / (2 * frames) as f64).sqrt() / 32_768.0);
    let peak = decibels(worst / 32_768.0);
    println!(
        "{name}: {} s, peak {:.1} dBFS, residual {rms:.1} dBFS RMS (at most -80), worst sample \
         {peak:.1} dBFS (at most -60) at frame {worst_at}",
        frames / RATE as usize,
        decibels(loudest / 32_768.0),
    );
    assert!(
        rms <= -80.0 && peak <= -60.0,
        "{name}: {rms:.1} dBFS, worst {peak:.1} dBFS"
    );
}

#[test]
fn introa_is_the_references() {
    compare("freedoom1_D_INTROA.mid", 60);
}

#[test]
fn e1m1_is_the_references() {
    compare("freedoom1_D_E1M1.mid", long());
}

#[test]
fn e2m4_is_the_references() {
    compare("freedoom1_D_E2M4.mid", long());
}

#[test]
fn e3m8_is_the_references() {
    compare("freedoom1_D_E3M8.mid", long());
}

#[test]
fn adrian_is_the_references() {
    compare("freedoom2_D_ADRIAN.mid", long());
}

/// Seconds of a long song: the reference takes its time. `cargo xtask soak` plays them whole.
fn long() -> usize {
    match std::env::var("DMUSMINI_SOAK").as_deref() {
        Ok("full") => usize::MAX / 1_000_000,
        _ => 60,
    }
}
