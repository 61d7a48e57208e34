//! "First Light": the bundled song. An original piece for fourteen channels, a minute and a half long.
//!
//! | bars | what |
//! |---|---|
//! | 1-4 | piano and pad, alone |
//! | 5-12 | verse: flute over guitar and bass, drums with a rim click |
//! | 13-20 | chorus: lead with bends and vibrato, strings, brass |
//! | 21-24 | everything falls away: choir, vibraphone, harp; a lift of a whole tone |
//! | 25-30 | chorus in D |
//! | 31-34 | a minor fourth, and home; the tempo lets go |
//!
//! It uses what a synthesizer must get right and what is heard when it does not: tempo ramps, pitch bends, the modulation
//! wheel, the sustain pedal, swells by expression, key groups of the drum kit, and a GM reset and master volume as SysEx.

mod accompaniment;
mod drums;
mod harmony;
mod melody;

use crate::track::{SET_UP, at, meta};
use midly::num::{u15, u24, u28};
use midly::{Format, Header, MetaMessage, Smf, Timing, Track, TrackEvent, TrackEventKind};

/// The song as a Standard MIDI File, format 1.
///
/// # Panics
///
/// If a part is misspelt; the tests play all of them.
#[must_use]
pub fn song() -> Vec<u8> {
    let mut parts = melody::parts();
    parts.extend(accompaniment::parts());
    parts.push(drums::part());
    let mut tracks = vec![conductor()];
    tracks.extend(parts.into_iter().map(crate::track::Part::into_track));
    let timing = Timing::Metrical(u15::new(crate::score::QUARTER as u16));
    let smf = Smf {
        header: Header::new(Format::Parallel, timing),
        tracks,
    };
    let mut file = Vec::new();
    smf.write_std(&mut file)
        .expect("writing to memory succeeds");
    file
}

/// Tempo, names, and the two system exclusive messages.
fn conductor() -> Track<'static> {
    const GM_ON: &[u8] = &[0x7E, 0x7F, 0x09, 0x01, 0xF7];
    const MASTER_VOLUME: &[u8] = &[0x7F, 0x7F, 0x04, 0x01, 0x00, 0x7F, 0xF7];
    let mut track = vec![
        meta(0, MetaMessage::TrackName(b"First Light")),
        meta(
            0,
            MetaMessage::Copyright(b"Part of dmusmini. MIT OR Apache-2.0."),
        ),
        meta(0, MetaMessage::TimeSignature(1, 2, 24, 8)),
        TrackEvent {
            delta: u28::new(0),
            kind: TrackEventKind::SysEx(GM_ON),
        },
        TrackEvent {
            delta: u28::new(0),
            kind: TrackEventKind::SysEx(MASTER_VOLUME),
        },
    ];
    let mut now = 0;
    for (tick, tempo) in tempos() {
        let microseconds = (60_000_000.0 / tempo).round() as u32;
        track.push(meta(tick - now, MetaMessage::Tempo(u24::new(microseconds))));
        now = tick;
        if tick == 0 {
            track.push(meta(SET_UP, MetaMessage::TimeSignature(4, 2, 24, 8)));
            now = SET_UP;
        }
    }
    track.push(meta(at(36, 1.0) - now, MetaMessage::EndOfTrack));
    track
}

/// Quarters a minute, where they change.
fn tempos() -> Vec<(u32, f64)> {
    let mut map = vec![(0, 88.0), (at(5, 1.0), 96.0)];
    let mut ramp = |(from, slow): (u32, f64), (to, fast): (u32, f64)| {
        let steps = (to - from) / (crate::score::QUARTER / 2);
        map.extend((0..=steps).map(|step| {
            let along = f64::from(step) / f64::from(steps);
            (
                from + (along * f64::from(to - from)) as u32,
                slow + along * (fast - slow),
            )
        }));
    };
    ramp((at(12, 1.0), 96.0), (at(13, 1.0), 104.0));
    ramp((at(20, 3.0), 104.0), (at(21, 1.0), 92.0));
    ramp((at(24, 1.0), 92.0), (at(25, 1.0), 106.0));
    ramp((at(30, 1.0), 106.0), (at(31, 1.0), 88.0));
    ramp((at(31, 3.0), 86.0), (at(33, 1.0), 66.0));
    map
}
