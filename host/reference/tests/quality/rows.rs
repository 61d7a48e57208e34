//! Every row of the table of connections (dls.md section 3.2), with and without its block.

use dmusmini::synth::Interpolation;
use dmusmini_collection::{Block, destination as dst, source as src, transform as trn, units};
use dmusmini_reference::test_bank::{RATE, rows, sine, single};

use crate::player::{Player, SUBJECTS, Subject, twin};
use crate::song::residual;

/// Blocks that let every row be heard: something hangs on each envelope and oscillator.
fn surroundings() -> Vec<Block> {
    let swing = trn::SOURCE_BIPOLAR;
    vec![
        Block::fixed(dst::EG1_ATTACK, units::time(0.05)),
        Block::fixed(dst::EG1_HOLD, units::time(0.05)),
        Block::fixed(dst::EG1_DECAY, units::time(3.0)),
        Block::fixed(dst::EG1_SUSTAIN, units::percent(80.0)),
        Block::fixed(dst::EG1_RELEASE, units::time(0.8)),
        Block::fixed(dst::EG2_ATTACK, units::time(0.1)),
        Block::fixed(dst::EG2_HOLD, units::time(0.05)),
        Block::fixed(dst::EG2_DECAY, units::time(0.4)),
        Block::fixed(dst::EG2_SUSTAIN, units::percent(60.0)),
        Block::fixed(dst::EG2_RELEASE, units::time(0.8)),
        Block::fixed(dst::CUTOFF, units::frequency(2500.0)),
        Block::new(src::EG2, 0, dst::PITCH, 0, units::cents(200.0)),
        Block::new(src::LFO, 0, dst::GAIN, swing, units::decibels(2.0)),
        Block::new(src::VIBRATO, 0, dst::PITCH, swing, units::cents(10.0)),
    ]
}

/// A note with every controller away from its default, cut by the same key, then released.
pub(crate) fn script(player: &mut dyn Player) {
    for (controller, value) in [(7, 110), (11, 120), (10, 40), (1, 90), (91, 30), (93, 20)] {
        player.control(0, controller, value);
    }
    for (controller, value) in [(101, 0), (100, 1), (6, 80), (38, 0), (100, 2), (6, 66)] {
        player.control(0, controller, value);
    }
    player.schedule(0, &[0xD0, 70]);
    player.schedule(0, &[0xE0, 0, 80]);
    player.note_on(0, 67, 90);
    player.note_on(15_000, 67, 70);
    player.note_off(30_000, 67);
}

const FRAMES: usize = 40_000;

fn render(subject: Subject, blocks: &[Block]) -> Vec<[f64; 2]> {
    let mut player = subject.player(&single(sine(1000.0), blocks), RATE);
    script(&mut *player);
    player.render(FRAMES)
}

#[test]
fn a_block_that_says_the_default_changes_nothing() {
    for &subject in SUBJECTS {
        for (name, default, _) in rows() {
            let mut blocks = surroundings();
            blocks.retain(|block| !block.same_triple(&default));
            let without = render(subject, &blocks);
            blocks.push(default);
            assert!(render(subject, &blocks) == without, "{subject:?}: {name}");
        }
        println!(
            "{subject:?}: {} defaults hold whether they are said or not",
            rows().len()
        );
    }
}

#[test]
fn a_block_that_says_something_else_is_heard() {
    for &subject in SUBJECTS {
        let mut heard = 0;
        for (name, default, other) in rows() {
            // Effects are off here; the sends have their own tests.
            if name.contains("reverb") || name.contains("chorus") {
                continue;
            }
            let mut blocks = surroundings();
            blocks.retain(|block| !block.same_triple(&default));
            let without = render(subject, &blocks);
            blocks.push(other);
            assert!(render(subject, &blocks) != without, "{subject:?}: {name}");
            heard += 1;
        }
        println!("{subject:?}: {heard} rows are heard");
    }
}

/// Every row said differently, played by the driver's synth and by its twin in `f64`.
#[test]
fn every_row_does_what_the_equations_say() {
    let mut worst = (-200.0_f64, "");
    let mut failed = Vec::new();
    for (name, default, other) in rows() {
        let mut blocks = surroundings();
        blocks.retain(|block| !block.same_triple(&default));
        blocks.push(other);
        let heard = render(Subject::Driver, &blocks);
        let bank = single(sine(1000.0), &blocks);
        let mut player = twin(&bank, RATE, Interpolation::default());
        script(&mut *player);
        let (rms, peak) = residual(&heard, &player.render(FRAMES));
        println!("{name}: residual {rms:.1} dBFS, peak {peak:.1} dBFS");
        if rms > worst.0 {
            worst = (rms, name);
        }
        if rms > BAR {
            failed.push(name);
        }
    }
    println!(
        "worst row: {} with {:.1} dBFS (at most {BAR})",
        worst.1, worst.0
    );
    assert!(failed.is_empty(), "above {BAR} dBFS: {failed:?}");
}

/// Oscillators and EG2 run from note-on, even while nothing hangs on them.
#[test]
fn a_depth_that_comes_late_finds_its_source_on_the_way() {
    let swing = trn::SOURCE_BIPOLAR;
    let blocks = [
        Block::new(
            src::VIBRATO,
            src::CC1,
            dst::PITCH,
            swing,
            units::cents(50.0),
        ),
        Block::new(src::LFO, src::CC1, dst::GAIN, swing, units::decibels(6.0)),
        Block::new(src::EG2, src::CC1, dst::PITCH, 0, units::cents(100.0)),
        Block::fixed(dst::EG2_ATTACK, units::time(1.0)),
    ];
    let bank = single(sine(1000.0), &blocks);
    let render = |mut player: Box<dyn Player>| {
        player.note_on(0, 67, 90);
        player.control(15_000, 1, 100);
        player.control(30_000, 1, 0);
        player.control(35_000, 1, 50);
        player.note_off(38_000, 67);
        player.render(FRAMES)
    };
    let heard = render(Subject::Driver.player(&bank, RATE));
    let ideal = render(twin(&bank, RATE, Interpolation::default()));
    let (rms, peak) = residual(&heard, &ideal);
    println!("late depths: residual {rms:.1} dBFS, peak {peak:.1} dBFS");
    assert!(rms <= LATE_BAR);
}

/// The driver takes up to 32 frames to follow where the reference jumps.
const LATE_BAR: f64 = -55.0;

/// RMS of the difference. One loud note; whole songs must stay below -80.
const BAR: f64 = -70.0;
