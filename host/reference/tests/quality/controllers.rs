//! Whom a controller moves, and what Reset All Controllers leaves (dls.md sections 3.2 and 5).

use dmusmini::synth::{Config, Effects};
use dmusmini_collection::{
    Bank, Block, Instrument, Region, destination as dst, source as src, units,
};
use dmusmini_reference::test_bank::{LEVEL, UNITY, constant, sine, single};

use crate::rig::{Rig, cents, dc, law, near, tone};

/// Sets a registered parameter of a channel.
fn parameter(rig: &mut Rig, channel: u8, number: u8, msb: u8, lsb: u8) {
    for (controller, value) in [(101, 0), (100, number), (6, msb), (38, lsb)] {
        rig.send(&[0xB0 | channel, controller, value]);
    }
}

/// The pitch of what sounds, in cents from 1 kHz, to a tenth.
fn pitch(rig: &mut Rig, what: &str, expected: f64) {
    let found = cents(rig.hertz(1000.0 * (expected / 1200.0).exp2()));
    println!("{what}: {found:.3} cents (expected {expected:.3})");
    assert!((found - expected).abs() < 0.1, "{what}");
}

#[test]
fn reset_all_controllers_keeps_parameters_and_deselects_them() {
    let mut rig = tone();
    parameter(&mut rig, 0, 0, 12, 50);
    parameter(&mut rig, 0, 1, 96, 0);
    parameter(&mut rig, 0, 2, 66, 0);
    // Selected when the reset comes.
    parameter(&mut rig, 0, 0, 12, 50);
    rig.send(&[0xE0, 0, 0]);
    rig.send(&[0xB0, 121, 0]);
    rig.send(&[0x90, UNITY, 127]);
    pitch(&mut rig, "fine and coarse stay, the wheel does not", 250.0);
    // Nobody listens to data entry.
    rig.send(&[0xB0, 6, 3]);
    rig.send(&[0xB0, 38, 7]);
    rig.send(&[0xE0, 0, 96]);
    pitch(&mut rig, "half the range of the wheel", 250.0 + 625.0);
}

#[test]
fn reset_all_controllers_lifts_the_pedals() {
    for pedal in [64, 66] {
        let mut rig = dc();
        let play = |rig: &mut Rig, key, velocity| rig.send(&[0x90, key, velocity]);
        play(&mut rig, 50, 127);
        play(&mut rig, 60, 90);
        rig.send(&[0xB0, pedal, 127]);
        rig.send(&[0x80, 50, 0]);
        near("held by a pedal", rig.level(), 1.0 + law(90));
        rig.send(&[0xB1, 121, 0]);
        near("another channel's reset", rig.level(), 1.0 + law(90));
        rig.send(&[0xB0, 121, 0]);
        near("the key that is down is left", rig.level(), law(90));
        rig.send(&[0x80, 60, 0]);
        near("and its pedal is up", rig.level(), 0.0);
        // Both pedals hold: one is not enough.
        play(&mut rig, 50, 127);
        rig.send(&[0xB0, 66, 127]);
        rig.send(&[0xB0, 64, 127]);
        rig.send(&[0x80, 50, 0]);
        rig.send(&[0xB0, pedal, 0]);
        near("held by the other pedal", rig.level(), 1.0);
        rig.send(&[0xB0, 121, 0]);
        near("by neither", rig.level(), 0.0);
    }
}

/// CC96 and CC97 move the selected parameter by its finest step (RP-018): a cent of bend range, which
/// carries into the semitones; a step of fine tuning; a semitone of coarse tuning.
#[test]
fn parameters_go_up_and_down_by_a_step() {
    let mut rig = tone();
    let step = |rig: &mut Rig, controller, times| {
        for _ in 0..times {
            rig.send(&[0xB0, controller, 0]);
        }
    };
    rig.send(&[0x90, UNITY, 127]);
    parameter(&mut rig, 0, 0, 11, 95);
    step(&mut rig, 96, 10);
    rig.send(&[0xE0, 0, 96]);
    pitch(&mut rig, "bend range up", 602.5);
    step(&mut rig, 97, 205);
    pitch(&mut rig, "and down", 500.0);
    step(&mut rig, 97, 2000);
    pitch(&mut rig, "not below nothing", 0.0);
    parameter(&mut rig, 0, 1, 95, 127);
    step(&mut rig, 96, 1);
    pitch(&mut rig, "fine tuning up", 50.0);
    step(&mut rig, 97, 4096);
    pitch(&mut rig, "and down", 0.0);
    parameter(&mut rig, 0, 2, 65, 0);
    step(&mut rig, 96, 1);
    rig.send(&[0x90, UNITY, 127]);
    pitch(&mut rig, "coarse tuning up", 200.0);
    // Of no parameter, and of somebody else's.
    rig.send(&[0xB0, 101, 127]);
    rig.send(&[0xB0, 100, 127]);
    step(&mut rig, 97, 3);
    rig.send(&[0xB0, 99, 0]);
    rig.send(&[0xB0, 98, 2]);
    step(&mut rig, 97, 3);
    rig.send(&[0x90, UNITY, 127]);
    pitch(&mut rig, "nobody's", 200.0);
}

/// The dry sound is hard left, so the right side is the chorus alone: a constant, which shows each
/// step of its send.
#[test]
fn sends_follow_their_controllers_without_a_click() {
    let config = Config {
        effects: Effects {
            chorus: true,
            ..Effects::default()
        },
        ..Config::default()
    };
    let mut rig = Rig::new(&single(constant(), &[]), &config);
    rig.send(&[0xB0, 93, 1]);
    rig.send(&[0x90, UNITY, 127]);
    rig.right(3000);
    for (controller, value, level) in [(93, 127, 0.992), (7, 64, 0.252), (11, 0, 0.0), (93, 0, 0.0)]
    {
        rig.send(&[0xB0, controller, value]);
        let heard = rig.right(3000);
        let steps = heard.windows(2).map(|w| (w[1] - w[0]).abs());
        let steepest = steps.fold(0.0, f64::max) / LEVEL;
        let end = heard.last().copied().unwrap_or(0.0) / LEVEL;
        println!("CC{controller} {value}: {end:.3}, the steepest step {steepest:.3}");
        assert!((end - level).abs() < 0.01, "CC{controller} {value}");
        assert!(steepest < 1.0 / 32.0, "CC{controller} {value} clicks");
    }
}

/// Keys that are moved beyond the last one are the last one.
#[test]
fn keys_are_moved_to_the_ends_and_no_further() {
    for (key, coarse, own) in [(100, 127, 127), (30, 0, 0)] {
        let mut bank = single(constant(), &[]);
        bank.instruments[0].regions[0].keys = (own, own);
        let mut rig = Rig::new(&bank, &Config::default());
        parameter(&mut rig, 0, 2, coarse, 0);
        rig.send(&[0x90, key, 127]);
        near("the last key's region", rig.level(), 1.0);
    }
}

/// A drum's key is its name: what moves keys leaves drums alone, what tunes does not.
#[test]
fn coarse_tuning_is_not_for_drums() {
    let bank = Bank {
        instruments: [0, 0x8000_0000]
            .map(|patch| Instrument {
                patch,
                // A key that is moved plays nothing.
                regions: vec![Region::new(0).with_keys(UNITY, UNITY + 3)],
                ..Instrument::default()
            })
            .to_vec(),
        waves: vec![sine(1000.0)],
        ..Bank::default()
    };
    for (channel, coarse) in [(0, 200.0), (9, 0.0)] {
        let mut rig = Rig::new(&bank, &Config::default());
        let key = |rig: &mut Rig| {
            rig.send(&[0xB0 | channel, 120, 0]);
            rig.send(&[0x90 | channel, UNITY, 127]);
        };
        parameter(&mut rig, channel, 2, 66, 0);
        key(&mut rig);
        pitch(&mut rig, "RPN 2", coarse);
        parameter(&mut rig, channel, 1, 96, 0);
        pitch(&mut rig, "and RPN 1", coarse + 50.0);
        rig.send(&[0xF0, 0x7F, 0x7F, 4, 4, 0, 66, 0xF7]);
        pitch(&mut rig, "and master coarse", 2.0 * coarse + 50.0);
        rig.send(&[0xF0, 0x7F, 0x7F, 4, 3, 0, 96, 0xF7]);
        pitch(&mut rig, "and master fine", 2.0 * coarse + 100.0);
        // For the notes that follow as well.
        key(&mut rig);
        pitch(&mut rig, "a new note", 2.0 * coarse + 100.0);
    }
}

#[test]
fn key_pressure_is_of_one_key_and_channel_pressure_of_all() {
    // Half the level at 64.
    let quieter = |source| Block::new(source, 0, dst::GAIN, 0, units::decibels(-12.0412));
    let both = [quieter(src::POLY_PRESSURE), quieter(src::CHANNEL_PRESSURE)];
    let mut rig = Rig::new(&single(constant(), &both), &Config::default());
    let [a, b, c] = [100, 70, 40].map(law);
    rig.send(&[0x90, 50, 100]);
    rig.send(&[0x90, 60, 70]);
    rig.send(&[0x91, 60, 40]);
    near("no pressure", rig.level(), a + b + c);
    rig.send(&[0xA0, 60, 64]);
    // Has the other channel's note read its sources again.
    rig.send(&[0xD1, 0]);
    near("on one key", rig.level(), a + b / 2.0 + c);
    rig.send(&[0xA0, 61, 127]);
    near("on a key that is up", rig.level(), a + b / 2.0 + c);
    rig.send(&[0xD0, 64]);
    near("on the channel too", rig.level(), a / 2.0 + b / 4.0 + c);
    rig.send(&[0xA0, 60, 0]);
    near("on the channel alone", rig.level(), a / 2.0 + b / 2.0 + c);
    rig.send(&[0xA0, 50, 64]);
    rig.send(&[0xB0, 121, 0]);
    near("after a reset", rig.level(), a + b + c);
}
