//! The chords, bar by bar; every accompanying part reads them from here.

use crate::score::{BAR, key};
use crate::track::at;

/// A chord: where it stands, its bass, and four voices above in close position.
pub(super) struct Chord {
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) bass: u8,
    pub(super) voices: [u8; 4],
}

/// `bass: four voices`; two chords in a bar are separated by a semicolon.
const BARS: [&str; 34] = [
    "A2: C4 E4 G4 B4",
    "F2: A3 C4 E4 G4",
    "C3: G3 C4 E4 G4",
    "G2: G3 C4 D4 G4; G2: G3 B3 D4 G4",
    "A2: A3 C4 E4 G4",
    "F2: A3 C4 E4 F4",
    "C3: G3 C4 E4 G4",
    "B2: G3 B3 D4 G4",
    "A2: A3 C4 E4 G4",
    "F2: A3 C4 E4 F4",
    "D3: A3 C4 D4 F4",
    "E2: A3 B3 D4 E4; E2: G#3 B3 D4 E4",
    "F2: A3 C4 F4 A4",
    "G2: B3 D4 G4 A4",
    "A2: A3 C4 E4 A4",
    "E2: G3 C4 E4 G4",
    "F2: A3 C4 F4 A4",
    "G2: B3 D4 G4 B4",
    "A2: A3 C4 E4 A4; B2: B3 D4 G4 B4",
    "C3: C4 E4 G4 C5",
    "F2: A3 C4 E4 G4",
    "E2: G3 B3 D4 E4",
    "D2: A3 C4 E4 F4",
    "G2: A3 C4 D4 F4; A2: A3 C#4 E4 G4",
    "G2: B3 D4 G4 B4",
    "A2: C#4 E4 A4 B4",
    "B2: B3 D4 F#4 B4",
    "F#2: A3 D4 F#4 A4",
    "E2: B3 D4 E4 G4",
    "A2: B3 D4 E4 G4; A2: A3 C#4 E4 G4",
    "D2: A3 D4 F#4 A4",
    "D2: Bb3 D4 E4 G4",
    "D2: A3 D4 E4 F#4",
    "D2: A3 D4 F#4 A4",
];

/// The chords of bars `first` to `last`.
pub(super) fn chords(first: u32, last: u32) -> Vec<Chord> {
    (first..=last).flat_map(in_bar).collect()
}

fn in_bar(bar: u32) -> Vec<Chord> {
    let texts: Vec<&str> = BARS[bar as usize - 1].split(';').collect();
    let length = BAR / texts.len() as u32;
    (0..)
        .zip(&texts)
        .map(|(index, text)| chord(text, at(bar, 1.0) + index * length, length))
        .collect()
}

fn chord(text: &str, start: u32, length: u32) -> Chord {
    let (bass, voices) = text.split_once(':').expect("a bass before the colon");
    let mut keys = voices
        .split_whitespace()
        .map(|name| key(name).expect("a pitch"));
    let voices = std::array::from_fn(|_| keys.next().expect("four voices"));
    Chord {
        start,
        length,
        bass: key(bass.trim()).expect("a pitch"),
        voices,
    }
}
