//! Levels: velocity, volume, expression, pan.

use dmusmini_reference::measure::decibels;
use dmusmini_reference::test_bank::{LEVEL, RATE, UNITY, constant, single};
use dmusmini_reference::{curve, pan};

use crate::player::{SUBJECTS, Subject, at_most};

/// Left and right level of the constant wave after everything settled, 1 is the wave itself.
fn settled(subject: Subject, velocity: u8, controls: &[(u8, u8)]) -> [f64; 2] {
    let bank = single(constant(), &[]);
    let mut player = subject.player(&bank, RATE);
    player.full_left();
    for &(controller, value) in controls {
        player.control(0, controller, value);
    }
    player.note_on(0, UNITY, velocity);
    let [left, right] = player.render(600)[599];
    [left / LEVEL, right / LEVEL]
}

#[test]
fn velocity_volume_and_expression_follow_the_law() {
    for &subject in SUBJECTS {
        for (name, controller) in [("velocity", None), ("CC7", Some(7)), ("CC11", Some(11))] {
            let (mut worst, mut worst_low) = (0.0_f64, 0.0_f64);
            for value in 1..128_u8 {
                let [left, _] = match controller {
                    None => settled(subject, value, &[]),
                    Some(controller) => settled(subject, 127, &[(controller, value)]),
                };
                let error = decibels(left) - 40.0 * (f64::from(value) / 127.0).log10();
                let worst = if value < 8 {
                    &mut worst_low
                } else {
                    &mut worst
                };
                *worst = worst.max(error.abs());
            }
            at_most(subject, &format!("{name} law from 8 on, dB"), worst, 0.02);
            at_most(subject, &format!("{name} law below 8, dB"), worst_low, 0.5);
        }
        let [silence, _] = settled(subject, 127, &[(7, 0)]);
        at_most(subject, "level at CC7 0, dB", decibels(silence), -95.9);
    }
}

/// The three factors multiply.
#[test]
fn velocity_volume_and_expression_multiply() {
    for &subject in SUBJECTS {
        let [left, _] = settled(subject, 90, &[(7, 64), (11, 100)]);
        let law = |v: f64| 40.0 * (v / 127.0).log10();
        let error = decibels(left) - law(90.0) - law(64.0) - law(100.0);
        at_most(
            subject,
            "velocity 90, CC7 64, CC11 100, dB off",
            error.abs(),
            0.02,
        );
    }
}

#[test]
fn pan_follows_rp_036() {
    for &subject in SUBJECTS {
        let (mut worst, mut power) = (0.0_f64, 0.0_f64);
        for value in 0..128_u8 {
            let heard = settled(subject, 127, &[(10, value)]);
            let right = pan::gains(pan::from_controller(value));
            for (heard, right) in heard.into_iter().zip(right) {
                if right == 0.0 {
                    assert_eq!(
                        heard, 0.0,
                        "{subject:?}: the far side sounds at CC10 {value}"
                    );
                } else {
                    worst = worst.max(decibels(heard / right).abs());
                }
            }
            power = power.max(decibels(heard[0].hypot(heard[1])).abs());
        }
        at_most(subject, "pan law over 128 positions, dB", worst, 0.05);
        at_most(subject, "pan power, dB", power, 0.02);
        let hard = [0, 1, 127].map(|value| settled(subject, 127, &[(10, value)]));
        assert_eq!(hard[0][1], 0.0);
        assert_eq!(hard[1][1], 0.0);
        assert_eq!(hard[2][0], 0.0);
    }
}

#[test]
fn the_law_of_the_specification_is_the_reference_curve() {
    let law = curve::Transform {
        curve: 1,
        bipolar: false,
        inverted: true,
    };
    for v in 1..128_u8 {
        let ideal = 40.0 * (f64::from(v) / 127.0).log10();
        assert!((-96.0 * law.apply(curve::Value::Seven(v)) - ideal).abs() < 1e-9);
    }
}
