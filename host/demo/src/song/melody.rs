//! The parts that sing: flute, lead, vibraphone, glockenspiel, and the horns that answer.

use crate::track::{Part, SET_UP, at};

pub(super) fn parts() -> Vec<Part> {
    vec![flute(), lead(), vibraphone(), glockenspiel(), horns()]
}

fn flute() -> Part {
    let mut part = Part::new("Flute", 5, 73, 108, 74);
    part.play(
        5,
        84,
        "R/8 E5 A5/4. G5/8 E5/4 | F5/4 E5/8 C5/4. D5/4 | E5/2. R/8 G5 | D5/4. E5/8 D5/4 B4 |",
    );
    part.play(
        9,
        90,
        "R/8 E5 A5/4. B5/8 C6/4 | A5/4. G5/8 F5/4 C5 | D5/4 F5 A5/4. G5/8 | B5/4 A5 G#5/2 |",
    );
    part.swell_vibrato(at(7, 1.5), at(7, 4.0), 60);
    part.swell_vibrato(at(12, 3.2), at(13, 1.0), 75);
    part.ramp(11, (at(12, 3.0), 118), (at(12, 4.9), 84));
    part.control(at(13, 1.0), 11, 127);
    // The last word, over the minor fourth.
    part.play(31, 72, "R/2 R/8 A5 B5 D6 | Bb5/4. A5/8 G5/4 E5 | F#5/1 |");
    part.swell_vibrato(at(33, 2.0), at(33, 4.5), 60);
    part.ramp(11, (at(33, 1.5), 122), (at(34, 1.0), 30));
    part
}

fn lead() -> Part {
    let mut part = Part::new("Lead", 6, 81, 106, 60);
    bend_range(&mut part, 2);
    part.play(13, 92, "C5/8 F5 A5!/4. G5/8 A5/4 | B5/4. A5/8 G5/4 D5 | E5/8 A5 C6!/4. B5/8 A5/4 | G5/2 E5/4 C5/8 D5 |");
    part.play(
        17,
        98,
        "F5/4. A5/8 C6/4 D6 | B5/4. C6/8 D6/4 G5 | E6!/4. D6/8 C6 B5 G5/4 | C6/2. R/4 |",
    );
    part.play(25, 100, "D5/8 G5 B5!/4. A5/8 B5/4 | C#6/4. B5/8 A5/4 E5 | F#5/8 B5 D6!/4. C#6/8 B5/4 | A5/2 F#5/4 D5/8 E5 |");
    part.play(
        29,
        104,
        "G5/4. B5/8 D6/4 E6 | E6!/4. D6/8 C#6/4 E6 | F#6!/2. R/4 |",
    );
    for (bar, beat, interval) in [
        (13, 2.0, 2.0),
        (15, 2.0, 1.5),
        (19, 1.0, 2.0),
        (25, 2.0, 2.0),
        (27, 2.0, 1.5),
        (30, 1.0, 1.0),
        (31, 1.0, 2.0),
    ] {
        part.scoop(at(bar, beat), interval);
    }
    for (from, to, depth) in [
        (16, 16, 70),
        (18, 18, 50),
        (20, 20, 95),
        (28, 28, 75),
        (31, 31, 100),
    ] {
        part.swell_vibrato(at(from, 1.4), at(to, 3.8), depth);
    }
    // The long note of the first chorus falls away.
    part.bend((at(20, 3.0), 0.0), (at(20, 3.98), -2.0));
    part.bend((at(21, 1.0), 0.0), (at(21, 1.1), 0.0));
    part.ramp(11, (at(20, 2.0), 127), (at(20, 3.95), 70));
    part.control(at(21, 1.0), 11, 127);
    part.ramp(11, (at(31, 2.0), 127), (at(31, 3.98), 40));
    part
}

fn vibraphone() -> Part {
    let mut part = Part::new("Vibraphone", 11, 11, 92, 84);
    part.play(
        21,
        74,
        "A5/4. G5/8 E5/2 | G5/4. E5/8 B4/2 | F5/4. E5/8 A4/2 | D5/4 E5 A5 C#6 |",
    );
    part.play(1, 52, "R/1 | R/2 R/4 E6/4 | R/1 | R/4 D6/4 G5/2 |");
    part.play(33, 56, "R/4 F#5 A5 E6 | D6/1 |");
    for bar in [21, 22, 23, 33] {
        part.pedal(at(bar, 1.0), at(bar + 1, 1.0));
    }
    part
}

fn glockenspiel() -> Part {
    let mut part = Part::new("Glockenspiel", 12, 9, 92, 46);
    part.play(16, 62, "R/2 G5/8 E5 C5 G5 |");
    part.play(20, 66, "C5/8 E5 G5 C6 E6/4 R |");
    part.play(28, 68, "R/2 A5/8 F#5 D5 A5 |");
    part.play(31, 66, "D5/8 F#5 A5 D6 F#6/4 R |");
    part.play(34, 48, "R/2 A5/4 D6 |");
    part
}

fn horns() -> Part {
    let mut part = Part::new("Brass", 8, 61, 70, 88);
    part.play(
        16,
        92,
        "R/4 [C4 E4 G4]_/8 R [C4 E4 G4]!/4 [D4 G4]_/8 [D4 G4] |",
    );
    part.play(
        18,
        90,
        "R/1 | [A3 C4 E4]/2 [B3 D4 G4]/2 | [C4 E4 G4]!/2. R/4 |",
    );
    part.play(
        25,
        90,
        "R/1 | R/4 R/8 [C#4 E4 A4]!_/8 R/4 [C#4 E4 A4]_/8 [C#4 E4 A4]!_ |",
    );
    part.play(
        28,
        96,
        "R/4 [D4 F#4 A4]_/8 R [D4 F#4 A4]!/4 [E4 A4]_/8 [E4 A4] |",
    );
    part.play(30, 96, "[B3 D4 E4]/2 [A3 C#4 E4]/2 | [A3 D4 F#4]!/1 |");
    part.ramp(11, (at(19, 1.0), 70), (at(20, 1.0), 122));
    part.ramp(11, (at(20, 1.5), 122), (at(20, 3.9), 60));
    part.control(at(21, 1.0), 11, 118);
    part.ramp(11, (at(30, 1.0), 76), (at(31, 1.0), 127));
    part.ramp(11, (at(31, 2.0), 127), (at(31, 4.9), 30));
    part
}

/// RPN 0: how far the wheel reaches, in semitones.
fn bend_range(part: &mut Part, semitones: u8) {
    for (controller, value) in [
        (101, 0),
        (100, 0),
        (6, semitones),
        (38, 0),
        (101, 127),
        (100, 127),
    ] {
        part.control(SET_UP / 4, controller, value);
    }
}
