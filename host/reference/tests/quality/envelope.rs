//! Onset, attack, decay, sustain, release.

use dmusmini_collection::{Block, destination as dst, units};
use dmusmini_reference::measure::{decibels, first_crossing, slope};
use dmusmini_reference::test_bank::{LEVEL, RATE, Random, UNITY, constant, single};

use crate::player::{SUBJECTS, Subject, at_most};

/// The gain curve of a note of `held` frames, `count` frames in all.
fn curve(subject: Subject, blocks: &[Block], held: usize, count: usize) -> Vec<f64> {
    let mut player = subject.player(&single(constant(), blocks), RATE);
    player.full_left();
    player.note_on(0, UNITY, 127);
    player.note_off(held as u64, UNITY);
    player.left(count).into_iter().map(|x| x / LEVEL).collect()
}

#[test]
fn a_note_starts_on_its_frame() {
    for &subject in SUBJECTS {
        let mut random = Random(11);
        let mut spread = 0.0_f64;
        for _ in 0..200 {
            let mut player = subject.player(&single(constant(), &[]), RATE);
            let at = random.below(2000);
            player.note_on(at.into(), UNITY, 1 + random.below(127) as u8);
            let heard = player.left(2100);
            let first = heard
                .iter()
                .position(|&x| x != 0.0)
                .expect("the note sounds");
            spread = spread.max((first as f64 - f64::from(at)).abs());
        }
        at_most(subject, "onset, frames away from the event", spread, 0.0);
    }
}

#[test]
fn attack_is_straight_and_as_long_as_asked() {
    for &subject in SUBJECTS {
        let (mut time, mut half) = (0.0_f64, 0.0_f64);
        for seconds in [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0] {
            let frames = seconds * f64::from(RATE);
            let blocks = [Block::fixed(dst::EG1_ATTACK, units::time(seconds))];
            let heard = curve(
                subject,
                &blocks,
                usize::MAX / 2,
                (frames * 1.2) as usize + 100,
            );
            let crossing = |level| first_crossing(&heard, level).expect("the attack gets there");
            let rise = crossing(0.9) - crossing(0.1);
            time = time.max((rise / (0.8 * frames) - 1.0).abs());
            // Between two frames by a straight line, as the attack is one.
            let (whole, part) = ((frames / 2.0).floor(), (frames / 2.0).fract());
            let at = whole as usize;
            let middle = heard[at] + part * (heard[at + 1] - heard[at]);
            half = half.max((middle - 0.5).abs());
        }
        at_most(
            subject,
            "attack 1 ms .. 1 s, 10-90 % time, relative error",
            time,
            0.005,
        );
        at_most(subject, "attack, level at half time, error", half, 0.01);
    }
}

/// Decibels a second between -6 and `floor` dB.
fn slope_of(heard: &[f64], floor: f64) -> f64 {
    let levels: Vec<f64> = heard.iter().map(|&x| decibels(x)).collect();
    let from = levels.iter().position(|&x| x < -6.0).expect("it falls");
    let to = levels
        .iter()
        .position(|&x| x < floor)
        .expect("it falls further");
    slope(&levels[from..to]) * f64::from(RATE)
}

#[test]
fn decay_and_release_fall_at_the_rate_of_the_text() {
    for &subject in SUBJECTS {
        let (mut decay, mut release) = (0.0_f64, 0.0_f64);
        for seconds in [0.1, 0.5, 2.0, 7.0] {
            let time = units::time(seconds);
            let frames = (seconds * 0.75 * f64::from(RATE)) as usize;
            let blocks = [
                Block::fixed(dst::EG1_DECAY, time),
                Block::fixed(dst::EG1_SUSTAIN, 0),
            ];
            let heard = curve(subject, &blocks, usize::MAX / 2, frames);
            decay = decay.max((slope_of(&heard, -66.0) / (-96.0 / seconds) - 1.0).abs());
            let blocks = [Block::fixed(dst::EG1_RELEASE, time)];
            let heard = curve(subject, &blocks, 1000, frames + 1000);
            release = release.max((slope_of(&heard, -66.0) / (-96.0 / seconds) - 1.0).abs());
        }
        at_most(subject, "decay slope, relative error", decay, 0.001);
        at_most(subject, "release slope, relative error", release, 0.001);
    }
}

#[test]
fn sustain_is_a_share_of_96_decibels() {
    for &subject in SUBJECTS {
        let mut worst = 0.0_f64;
        for percent in [95.0, 90.0, 75.0, 50.0, 40.0, 25.0] {
            let blocks = [
                Block::fixed(dst::EG1_DECAY, units::time(0.1)),
                Block::fixed(dst::EG1_SUSTAIN, units::percent(percent)),
            ];
            let heard = curve(subject, &blocks, usize::MAX / 2, 6000);
            let ideal = -96.0 * (1.0 - percent / 100.0);
            worst = worst.max((decibels(heard[5999]) - ideal).abs());
        }
        at_most(subject, "sustain level, dB", worst, 0.05);
    }
}

/// Constant rate, not constant time: from -48 dB the release lasts half as long.
#[test]
fn release_starts_where_the_level_is() {
    for &subject in SUBJECTS {
        let blocks = [
            Block::fixed(dst::EG1_DECAY, units::time(0.05)),
            Block::fixed(dst::EG1_SUSTAIN, units::percent(50.0)),
            Block::fixed(dst::EG1_RELEASE, units::time(1.0)),
        ];
        let heard = curve(subject, &blocks, 4000, 40_000);
        let at = 4000 + (0.125 * f64::from(RATE)) as usize;
        let error = decibels(heard[at]) - (-48.0 - 12.0);
        at_most(
            subject,
            "level an eighth of a second into a release from -48 dB",
            error.abs(),
            0.05,
        );
        let end = heard.iter().rposition(|&x| x != 0.0).expect("it sounds");
        let seconds = (end - 4000) as f64 / f64::from(RATE);
        println!("{subject:?}: that release ends after {seconds:.3} s (0.5 at most)");
        assert!((0.33..=0.505).contains(&seconds));
    }
}

/// Note-off in the attack goes on from the level that was reached.
#[test]
fn release_during_the_attack_has_no_step() {
    for &subject in SUBJECTS {
        let blocks = [
            Block::fixed(dst::EG1_ATTACK, units::time(0.2)),
            Block::fixed(dst::EG1_RELEASE, units::time(2.0)),
        ];
        let heard = curve(subject, &blocks, 4410, 8000);
        let step = (heard[4411] - heard[4409]).abs();
        at_most(subject, "step at note-off half way up", step, 0.001);
        at_most(
            subject,
            "level there, error",
            (heard[4410] - 0.5).abs(),
            0.002,
        );
    }
}

/// Note-off in the delay ends the note unheard.
#[test]
fn release_during_the_delay_is_silence() {
    for &subject in SUBJECTS {
        let blocks = [
            Block::fixed(dst::EG1_DELAY, units::time(0.1)),
            Block::fixed(dst::EG1_RELEASE, units::time(2.0)),
        ];
        let heard = curve(subject, &blocks, 1000, 10_000);
        assert!(heard.iter().all(|&x| x == 0.0), "{subject:?}");
        let heard = curve(subject, &blocks, 8000, 10_000);
        let first = heard.iter().position(|&x| x != 0.0).expect("it sounds");
        at_most(
            subject,
            "delay of 4,410 frames, frames off",
            (first as f64 - 4410.0).abs(),
            2.0,
        );
    }
}
