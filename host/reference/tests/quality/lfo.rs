//! Both oscillators: frequency, depth, delay.

use std::f64::consts::TAU;

use dmusmini_collection::{Block, destination as dst, source as src, transform as trn, units};
use dmusmini_reference::measure::{cents, decibels, frequency, slope};
use dmusmini_reference::test_bank::{LEVEL, RATE, UNITY, constant, sine, single};

use crate::player::{SUBJECTS, Subject, at_most};

const RATE_F: f64 = RATE as f64;

/// The level in decibels while the modulation LFO moves it by `depth`.
fn tremolo(subject: Subject, depth: f64, more: &[Block], count: usize) -> Vec<f64> {
    let connection = Block::new(
        src::LFO,
        0,
        dst::GAIN,
        trn::SOURCE_BIPOLAR,
        units::decibels(depth),
    );
    let blocks = [&[connection], more].concat();
    let mut player = subject.player(&single(constant(), &blocks), RATE);
    player.full_left();
    player.note_on(0, UNITY, 127);
    player
        .left(count)
        .into_iter()
        .map(|x| decibels(x / LEVEL))
        .collect()
}

#[test]
fn frequency_is_right() {
    for &subject in SUBJECTS {
        let mut worst = 0.0_f64;
        for hertz in [0.1, 0.5, 1.0, 4.0, 5.0, 8.0, 20.0] {
            let blocks = [
                Block::fixed(dst::LFO_FREQUENCY, units::frequency(hertz)),
                Block::fixed(dst::LFO_DELAY, units::time(0.0)),
            ];
            // Twenty cycles or ten seconds' worth, whichever is more.
            let seconds = (20.0_f64 / hertz).clamp(10.0, 200.0);
            let level = tremolo(subject, 6.0, &blocks, (seconds * RATE_F) as usize);
            // A frame in fifty is plenty for an oscillator this slow.
            let level: Vec<f64> = level.into_iter().step_by(50).collect();
            worst = worst.max((frequency(&level, hertz, RATE_F / 50.0) / hertz - 1.0).abs());
        }
        at_most(
            subject,
            "LFO frequency 0.1 .. 20 Hz, relative error",
            worst,
            0.001,
        );
    }
}

/// The specified trap: a block for the frequency replaces the default and is not added to it.
#[test]
fn five_hertz_asked_for_are_five_hertz() {
    for &subject in SUBJECTS {
        for blocks in [
            vec![],
            vec![Block::fixed(dst::LFO_FREQUENCY, units::frequency(5.0))],
        ] {
            let level = tremolo(subject, 6.0, &blocks, 4 * RATE as usize);
            let level: Vec<f64> = level.into_iter().step_by(50).collect();
            let found = frequency(&level, 5.0, RATE_F / 50.0);
            at_most(subject, "5 Hz, error in Hz", (found - 5.0).abs(), 0.005);
        }
    }
}

#[test]
fn gain_depth_reaches_both_sides() {
    for &subject in SUBJECTS {
        let mut worst = 0.0_f64;
        for depth in [1.0, 6.0, 12.0] {
            let level = tremolo(subject, depth, &[], 2 * RATE as usize);
            let highest = level.iter().copied().fold(f64::MIN, f64::max);
            let lowest = level.iter().copied().fold(f64::MAX, f64::min);
            worst = worst
                .max((highest - depth).abs())
                .max((lowest + depth).abs());
        }
        at_most(subject, "tremolo depth, dB", worst, 0.05);
    }
}

/// Cents above 1 kHz, by the phase of the signal against a 1 kHz carrier, over one period each.
fn pitch_track(subject: Subject, blocks: &[Block], count: usize) -> Vec<f64> {
    // One period of 1,050 Hz is 42 frames: the average over it has no ripple at rest.
    let carrier = 1050.0;
    let mut player = subject.player(&single(sine(1050.0), blocks), RATE);
    player.full_left();
    player.note_on(0, UNITY, 127);
    let heard = player.left(count);
    let mut phases = Vec::new();
    for (block, frames) in heard.chunks_exact(42).enumerate() {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, x) in frames.iter().enumerate() {
            let angle = TAU * (carrier / RATE_F * (block * 42 + n) as f64).fract();
            re += x * angle.cos();
            im -= x * angle.sin();
        }
        phases.push(im.atan2(re));
    }
    let advance = |pair: &[f64]| {
        let turn = (pair[1] - pair[0]) / TAU;
        let turn = turn - turn.round();
        cents((carrier + turn * RATE_F / 42.0) / carrier)
    };
    phases.windows(2).map(advance).collect()
}

/// Depth is read as the swing of the pitch track, compared with the same reading of the ideal.
#[test]
fn pitch_depth_is_right() {
    for &subject in SUBJECTS {
        let mut worst = 0.0_f64;
        for (lfo, depth) in [(src::LFO, 20.0), (src::VIBRATO, 50.0), (src::LFO, 100.0)] {
            let blocks = [Block::new(
                lfo,
                0,
                dst::PITCH,
                trn::SOURCE_BIPOLAR,
                units::cents(depth),
            )];
            let count = 3 * RATE as usize;
            let found = pitch_track(subject, &blocks, count);
            let ideal = pitch_track(Subject::Reference, &blocks, count);
            let swing = |track: &[f64]| {
                let positive = track.iter().copied().fold(f64::MIN, f64::max);
                let negative = track.iter().copied().fold(f64::MAX, f64::min);
                (positive, negative)
            };
            let (found, ideal) = (swing(&found), swing(&ideal));
            println!("{subject:?}: {depth} cents: {found:?}, ideal reads {ideal:?}");
            assert!(
                (ideal.0 / depth - 1.0).abs() < 0.1,
                "the reading itself is off: {ideal:?}"
            );
            worst = worst
                .max((found.0 - ideal.0).abs())
                .max((found.1 - ideal.1).abs());
        }
        at_most(subject, "vibrato depth, cents", worst, 0.2);
    }
}

/// The first quarter cycle is a straight line (triangle) or nearly one (sine near 0): where it
/// leaves 0 the delay is over.
#[test]
fn delay_is_right() {
    for &subject in SUBJECTS {
        let mut worst = 0.0_f64;
        for seconds in [0.0, 0.01, 0.1, 1.0] {
            let blocks = [
                Block::fixed(dst::LFO_DELAY, units::time(seconds)),
                Block::fixed(dst::LFO_FREQUENCY, units::frequency(1.0)),
            ];
            let count = ((seconds + 0.1) * RATE_F) as usize;
            let level = tremolo(subject, 12.0, &blocks, count);
            let from = level.iter().position(|&x| x > 0.2).expect("it rises");
            let to = level.iter().position(|&x| x > 1.2).expect("it rises");
            let rise = slope(&level[from..to]);
            let middle = (from + to - 1) as f64 / 2.0;
            let mean = level[from..to].iter().sum::<f64>() / (to - from) as f64;
            let start = (middle - mean / rise) / RATE_F;
            worst = worst.max((start - seconds).abs());
        }
        at_most(subject, "LFO delay, seconds", worst, 0.001);
    }
}
