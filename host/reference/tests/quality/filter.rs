//! The filter's response and its noise.

use dmusmini_collection::{Block, destination as dst, units};
use dmusmini_reference::filter::model;
use dmusmini_reference::measure::{amplitude_at, decibels, fit_sine};
use dmusmini_reference::test_bank::{RATE, UNITY, multitone, sine, single};

use crate::player::{SUBJECTS, Subject, at_most};

fn blocks(cutoff: f64, q: f64) -> [Block; 2] {
    [
        Block::fixed(dst::CUTOFF, units::frequency(cutoff)),
        Block::fixed(dst::Q, units::decibels(q)),
    ]
}

/// The multitone through a filter (none: unfiltered), one second after it settled.
fn heard(subject: Subject, filter: &[Block]) -> Vec<f64> {
    let (tones, _) = multitone();
    let mut player = subject.player(&single(tones, filter), RATE);
    player.full_left();
    player.note_on(0, UNITY, 127);
    player.left(22_050);
    player.left(RATE as usize)
}

#[test]
fn the_response_is_the_models() {
    let (_, tones) = multitone();
    let rate = f64::from(RATE);
    for &subject in SUBJECTS {
        let dry = heard(subject, &[]);
        let dry: Vec<f64> = tones.iter().map(|&f| amplitude_at(&dry, f, rate)).collect();
        let mut worst = 0.0_f64;
        for cutoff in [200.0, 500.0, 1000.0, 2500.0, 5000.0, 7998.0] {
            for q in [0.0, 3.0, 6.0, 12.0, 18.0, 22.5] {
                let wet = heard(subject, &blocks(cutoff, q));
                let highest = (4.0 * cutoff).min(0.45 * rate);
                for (&tone, dry) in tones.iter().zip(&dry).filter(|(tone, _)| **tone <= highest) {
                    let ideal = decibels(model(tone, cutoff, q, rate));
                    if ideal > -40.0 {
                        let error = decibels(amplitude_at(&wet, tone, rate) / dry) - ideal;
                        worst = worst.max(error.abs());
                    }
                }
            }
        }
        at_most(subject, "filter response, 36 settings, dB", worst, 0.1);
    }
}

#[test]
fn the_lowest_cutoff_is_quiet() {
    for &subject in SUBJECTS {
        let mut worst = -200.0_f64;
        for q in [0.0, 12.0, 22.5] {
            let mut player = subject.player(&single(sine(100.0), &blocks(200.0, q)), RATE);
            player.full_left();
            player.note_on(0, UNITY, 127);
            player.left(44_100);
            let (_, noise) = fit_sine(&player.left(44_100), 100.0, RATE.into());
            worst = worst.max(decibels(noise / 32_768.0));
        }
        at_most(subject, "noise at 200 Hz cutoff, dBFS", worst, -85.0);
    }
}

/// Off is off: nothing is lost at 20 kHz.
#[test]
fn no_cutoff_means_no_filter() {
    for &subject in SUBJECTS {
        let plain = heard(subject, &[]);
        let with_q = heard(subject, &[Block::fixed(dst::Q, units::decibels(20.0))]);
        assert!(plain == with_q, "{subject:?}");
    }
}
