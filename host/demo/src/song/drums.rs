//! The drum kit, in the step notation of drum machines: one line a drum, one character a sixteenth.
//!
//! `x` is a stroke, `X` an accent, `o` a soft one, `.` nothing.

use crate::score::{Note, QUARTER};
use crate::track::{Part, SET_UP, at};

const KICK: u8 = 36;
const RIM: u8 = 37;
const SNARE: u8 = 38;
const CLOSED: u8 = 42;
const PEDAL: u8 = 44;
const OPEN: u8 = 46;
const CRASH: u8 = 49;
const RIDE: u8 = 51;
const TAMBOURINE: u8 = 54;
const SHAKER: u8 = 70;

const VERSE: &[(u8, &str)] = &[
    (KICK, "X.....x...x....."),
    (RIM, "....x.......x..."),
    (CLOSED, "x.o.x.o.x.o.x.o."),
    (SHAKER, "o.xoo.xoo.xoo.xo"),
];
const VERSE_TURN: &[(u8, &str)] = &[
    (KICK, "X.....x...x..x.."),
    (RIM, "....x.......x..."),
    (CLOSED, "x.o.x.o.x.o.x..."),
    (OPEN, "..............x."),
    (SHAKER, "o.xoo.xoo.xoo.xo"),
];
const CHORUS: &[(u8, &str)] = &[
    (KICK, "X.....x.x.x....."),
    (SNARE, "....X.......X..o"),
    (CLOSED, "x.o.x.o.x.o.x.o."),
    (TAMBOURINE, "..o.x.o...o.x.o."),
];
const CHORUS_TURN: &[(u8, &str)] = &[
    (KICK, "X.....x.x.x...x."),
    (SNARE, "....X..o.o..X..."),
    (CLOSED, "x.o.x.o.x.o.x..."),
    (OPEN, "..............x."),
    (TAMBOURINE, "..o.x.o...o.x.o."),
];
const LAST_CHORUS: &[(u8, &str)] = &[
    (KICK, "X.....x.x.x..x.."),
    (SNARE, "....X.......X..o"),
    (RIDE, "x.o.x.o.x.o.x.o."),
    (PEDAL, "....o.......o..."),
    (TAMBOURINE, "..o.x.o...o.x.o."),
];
const HALF_TIME: &[(u8, &str)] = &[
    (KICK, "x..............."),
    (RIM, "........x......."),
    (RIDE, "o...o...o...o..."),
];

pub(super) fn part() -> Part {
    let mut part = Part::new("Drums", 10, 0, 104, 64);
    part.control(SET_UP / 4, 91, 24);
    for bar in 5..=11 {
        pattern(
            &mut part,
            bar,
            if bar % 4 == 0 { VERSE_TURN } else { VERSE },
        );
    }
    fill(&mut part, 12);
    for bar in 13..=19 {
        pattern(
            &mut part,
            bar,
            if bar % 4 == 0 { CHORUS_TURN } else { CHORUS },
        );
    }
    pattern(
        &mut part,
        20,
        &[
            (KICK, "X......."),
            (SNARE, "....X..."),
            (CLOSED, "x.o.x.o."),
        ],
    );
    for bar in 21..=23 {
        pattern(&mut part, bar, HALF_TIME);
    }
    roll(&mut part, 24);
    for bar in 25..=29 {
        pattern(&mut part, bar, LAST_CHORUS);
    }
    fill(&mut part, 30);
    for bar in [13, 17, 25, 31] {
        pattern(&mut part, bar, &[(CRASH, "X")]);
    }
    pattern(&mut part, 31, &[(KICK, "X")]);
    pattern(
        &mut part,
        34,
        &[(KICK, "o"), (57, "o"), (81, "....x...........")],
    );
    part
}

fn pattern(part: &mut Part, bar: u32, lines: &[(u8, &str)]) {
    for (key, steps) in lines {
        for (step, mark) in (0..).zip(steps.chars()) {
            let velocity = match mark {
                'X' => 112,
                'x' => 88,
                'o' => 58,
                _ => continue,
            };
            stroke(part, at(bar, 1.0) + step * QUARTER / 4, *key, velocity);
        }
    }
}

/// Half a bar of time, then down the toms.
fn fill(part: &mut Part, bar: u32) {
    pattern(
        part,
        bar,
        &[
            (KICK, "X.....x.x.....x."),
            (SNARE, "....x...x.X....."),
            (CLOSED, "x.o.x.o........."),
            (50, "...........xx..."),
            (47, ".............x.."),
            (43, "..............xx"),
            (41, "...............X"),
        ],
    );
}

/// A snare roll that grows, under a ride.
fn roll(part: &mut Part, bar: u32) {
    pattern(
        part,
        bar,
        &[(KICK, "x.......x......."), (RIDE, "o...o...o...o...")],
    );
    for step in 0..16_u32 {
        stroke(
            part,
            at(bar, 3.0) + step * QUARTER / 8,
            SNARE,
            (30 + 5 * step) as u8,
        );
    }
}

fn stroke(part: &mut Part, start: u32, key: u8, velocity: u8) {
    part.note(
        Note {
            start,
            length: QUARTER / 4,
            key,
            accent: false,
        },
        velocity,
    );
}
