//! The parts that carry: each reads the harmony and gives it a figure.

use super::harmony::{Chord, chords};
use crate::score::{Note, QUARTER};
use crate::track::{Part, at};

const EIGHTH: u32 = QUARTER / 2;

pub(super) fn parts() -> Vec<Part> {
    vec![
        piano(),
        pad(),
        bass(),
        strings(),
        guitar(),
        choir(),
        harp(),
        timpani(),
    ]
}

fn piano() -> Part {
    let mut part = Part::new("Piano", 1, 0, 92, 54);
    for chord in chords(1, 4).iter().chain(&chords(21, 24)) {
        ripple(&mut part, chord, 62);
    }
    for chord in &chords(5, 12) {
        for (offset, velocity) in [(0, 62), (3 * EIGHTH, 50), (6 * EIGHTH, 54)] {
            strike(&mut part, chord, offset, 2 * EIGHTH, velocity);
        }
    }
    for chord in chords(13, 20).iter().chain(&chords(25, 30)) {
        for eighth in 0..chord.length / EIGHTH {
            let velocity = [82, 58, 66, 74, 58, 70, 62, 66][eighth as usize % 8];
            strike(&mut part, chord, eighth * EIGHTH, EIGHTH, velocity);
        }
    }
    for chord in &chords(31, 33) {
        ripple(&mut part, chord, 58);
    }
    // The last chord is rolled, and rings.
    part.play(34, 54, "D2/1 |");
    for (index, key) in [50, 57, 62, 66, 69, 76, 81].into_iter().enumerate() {
        let start = at(34, 1.0) + 55 * (index as u32 + 1);
        part.note(
            Note {
                start,
                length: at(35, 4.0) - start,
                key,
                accent: false,
            },
            56 - index as u8,
        );
    }
    for chord in chords(1, 34) {
        let end = if chord.start >= at(34, 1.0) {
            at(35, 4.5)
        } else {
            chord.start + chord.length
        };
        part.pedal(chord.start, end);
    }
    part
}

/// Up through the chord and down again in eighths.
fn ripple(part: &mut Part, chord: &Chord, velocity: u8) {
    let [first, second, third, fourth] = chord.voices;
    let figure = [
        chord.bass, first, second, third, fourth, third, second, first,
    ];
    for (index, key) in (0..chord.length / EIGHTH).zip(figure) {
        let start = chord.start + index * EIGHTH;
        let strength = velocity + if index == 0 { 8 } else { 0 };
        part.note(
            Note {
                start,
                length: EIGHTH,
                key,
                accent: false,
            },
            strength,
        );
    }
}

fn strike(part: &mut Part, chord: &Chord, offset: u32, length: u32, velocity: u8) {
    if offset >= chord.length {
        return;
    }
    for key in &chord.voices[..3] {
        part.note(
            Note {
                start: chord.start + offset,
                length,
                key: *key,
                accent: false,
            },
            velocity,
        );
    }
}

fn pad() -> Part {
    let mut part = Part::new("Pad", 2, 89, 84, 64);
    hold(&mut part, &chords(1, 12), 0, 60);
    hold(&mut part, &chords(21, 24), 0, 66);
    hold(&mut part, &chords(31, 34), 0, 58);
    part.ramp(11, (at(1, 1.0), 40), (at(4, 1.0), 118));
    part.ramp(11, (at(5, 1.0), 118), (at(6, 1.0), 82));
    part.ramp(11, (at(20, 1.0), 82), (at(22, 1.0), 120));
    part.ramp(11, (at(33, 3.0), 120), (at(35, 1.0), 10));
    part
}

fn strings() -> Part {
    let mut part = Part::new("Strings", 4, 48, 84, 40);
    hold(&mut part, &chords(11, 20), 12, 78);
    hold(&mut part, &chords(24, 32), 12, 84);
    hold(&mut part, &chords(33, 34), 0, 64);
    for (low, high, from, to) in [
        (24, 124, at(11, 1.0), at(13, 1.0)),
        (30, 127, at(24, 1.0), at(25, 1.0)),
    ] {
        part.ramp(11, (from, low), (to, high));
    }
    part.ramp(11, (at(13, 2.0), 124), (at(14, 1.0), 96));
    part.ramp(11, (at(19, 1.0), 96), (at(20, 1.0), 124));
    part.ramp(11, (at(20, 2.0), 124), (at(20, 4.9), 50));
    part.ramp(11, (at(31, 2.0), 127), (at(32, 4.0), 80));
    part.ramp(11, (at(33, 3.0), 80), (at(34, 4.5), 12));
    part
}

fn choir() -> Part {
    let mut part = Part::new("Choir", 9, 52, 98, 76);
    hold(&mut part, &chords(21, 24), 0, 76);
    hold(&mut part, &chords(25, 33), 0, 70);
    part.ramp(11, (at(21, 1.0), 50), (at(23, 1.0), 112));
    part.ramp(11, (at(25, 1.0), 112), (at(25, 3.0), 88));
    part.ramp(11, (at(30, 1.0), 88), (at(31, 1.0), 120));
    part.ramp(11, (at(31, 2.0), 120), (at(33, 4.5), 20));
    part
}

/// Holds each chord to its end; voices that stay the same are struck again, as a section would change bows.
fn hold(part: &mut Part, chords: &[Chord], up: u8, velocity: u8) {
    for chord in chords {
        for key in chord.voices {
            part.note(
                Note {
                    start: chord.start,
                    length: chord.length,
                    key: key + up,
                    accent: false,
                },
                velocity,
            );
        }
    }
}

fn bass() -> Part {
    let mut part = Part::new("Bass", 3, 33, 116, 64);
    for chord in &chords(5, 12) {
        let fifth = chord.bass + if chord.bass > 42 { 0 } else { 7 };
        for (offset, length, key, velocity) in [
            (0, 3, chord.bass, 92),
            (3, 1, chord.bass, 70),
            (4, 2, fifth, 78),
            (6, 2, chord.bass, 84),
        ] {
            if offset * EIGHTH < chord.length {
                let start = chord.start + offset * EIGHTH;
                part.note(
                    Note {
                        start,
                        length: length * EIGHTH,
                        key,
                        accent: false,
                    },
                    velocity,
                );
            }
        }
    }
    for chord in chords(13, 20).iter().chain(&chords(25, 30)) {
        for eighth in 0..chord.length / EIGHTH {
            let key = chord.bass
                + if eighth % 8 == 3 || eighth % 8 == 6 {
                    12
                } else {
                    0
                };
            let velocity = if eighth % 2 == 0 { 96 } else { 80 };
            let start = chord.start + eighth * EIGHTH;
            part.note(
                Note {
                    start,
                    length: EIGHTH - 20,
                    key,
                    accent: false,
                },
                velocity,
            );
        }
    }
    for chord in chords(22, 24).iter().chain(&chords(31, 34)) {
        part.note(
            Note {
                start: chord.start,
                length: chord.length,
                key: chord.bass,
                accent: false,
            },
            76,
        );
    }
    // A slide into the last chorus.
    part.bend((at(24, 4.5), 0.0), (at(24, 4.95), -2.0));
    part.bend((at(25, 1.0), 0.0), (at(25, 1.1), 0.0));
    part
}

fn guitar() -> Part {
    let mut part = Part::new("Guitar", 7, 24, 108, 30);
    for chord in &chords(5, 12) {
        let [first, second, third, fourth] = chord.voices;
        let figure = [first, third, second, fourth, third, second, fourth, third];
        for (index, key) in (0..chord.length / EIGHTH).zip(figure) {
            let velocity = [78, 60, 66, 72, 60, 68, 74, 62][index as usize % 8];
            let start = chord.start + index * EIGHTH;
            part.note(
                Note {
                    start,
                    length: 2 * EIGHTH,
                    key,
                    accent: false,
                },
                velocity,
            );
        }
    }
    // In the chorus it strums the off-beats.
    for chord in chords(13, 20).iter().chain(&chords(25, 30)) {
        for eighth in (1..chord.length / EIGHTH).step_by(2) {
            for (string, key) in (0..).zip(chord.voices) {
                let start = chord.start + eighth * EIGHTH + 9 * string;
                part.note(
                    Note {
                        start,
                        length: EIGHTH / 2,
                        key: key + 12,
                        accent: false,
                    },
                    56,
                );
            }
        }
    }
    part
}

fn harp() -> Part {
    let mut part = Part::new("Harp", 13, 46, 88, 96);
    for chord in &chords(21, 24) {
        let steps = chord.length / (EIGHTH / 2);
        for step in 0..steps {
            let climb = if step < steps / 2 { step } else { steps - step };
            let key = chord.voices[climb as usize % 4] + 12 * (climb / 4) as u8;
            let start = chord.start + step * EIGHTH / 2;
            part.note(
                Note {
                    start,
                    length: EIGHTH,
                    key,
                    accent: false,
                },
                54 + climb as u8 * 2,
            );
        }
    }
    // A run up into the last chorus, and one into the end.
    for (bar, beat, keys) in [
        (24, 3.0, [57, 61, 64, 67, 69, 73, 76, 79, 81, 85, 88, 91]),
        (33, 3.5, [50, 54, 57, 62, 64, 66, 69, 74, 76, 78, 81, 86]),
    ] {
        for (index, key) in (0..).zip(keys) {
            let start = at(bar, beat) + index * QUARTER / 6;
            part.note(
                Note {
                    start,
                    length: QUARTER,
                    key,
                    accent: false,
                },
                50 + 3 * index as u8,
            );
        }
    }
    part.pedal(at(33, 3.5), at(35, 1.0));
    part
}

fn timpani() -> Part {
    let mut part = Part::new("Timpani", 14, 47, 96, 64);
    // Rolls: they swell by velocity.
    for (bar, key, steps) in [(24, 45, 16_u32), (30, 45, 16)] {
        for step in 0..steps {
            let start = at(bar, 3.0) + step * QUARTER / 8;
            part.note(
                Note {
                    start,
                    length: QUARTER / 8,
                    key,
                    accent: false,
                },
                (36 + 4 * step) as u8,
            );
        }
    }
    part.play(25, 104, "G2/2 R |");
    part.play(31, 108, "D2/1 |");
    part.play(34, 56, "D2/1 |");
    part
}
