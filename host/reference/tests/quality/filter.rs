//! The filter's response and its noise.

use dmusmini::synth::Interpolation;
use dmusmini_collection::{Block, destination as dst, source as src, units};
use dmusmini_reference::filter::model;
use dmusmini_reference::measure::{amplitude_at, decibels, fit_sine};
use dmusmini_reference::test_bank::{RATE, UNITY, multitone, sine, single};

use crate::player::{Player, SUBJECTS, Subject, at_most, twin};
use crate::song::residual;

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

/// As the basses of the real bank do it: EG2 throws the cutoff up by four octaves in 6 ms, at a
/// sharp resonance, and lets it fall again. Lines that are too long cut the corner off.
#[test]
fn a_fast_sweep_is_followed() {
    // One note, twice as loud as a song has it. Without control points at EG2's corners the last
    // is at -62 dBFS, without more of them on the way the first at -34.
    let sweeps = [
        (0.006, 0.8, -55.0),
        (0.03, 0.1, -65.0),
        (0.002, 0.02, -55.0),
        (0.3, 1.6, -75.0),
    ];
    for (attack, decay, bar) in sweeps {
        let sweep = [
            Block::fixed(dst::EG2_ATTACK, units::time(attack)),
            Block::fixed(dst::EG2_DECAY, units::time(decay)),
            Block::fixed(dst::EG2_SUSTAIN, units::percent(10.0)),
            Block::new(src::EG2, 0, dst::CUTOFF, 0, units::cents(4725.0)),
        ];
        let (tones, _) = multitone();
        let bank = single(tones, &[&blocks(293.0, 12.9)[..], &sweep].concat());
        let render = |mut player: Box<dyn Player>| {
            player.note_on(37, UNITY - 14, 127);
            player.render(20_000)
        };
        let heard = render(Subject::Driver.player(&bank, RATE));
        let ideal = render(twin(&bank, RATE, Interpolation::default()));
        let (rms, worst) = residual(&heard, &ideal);
        println!("up in {attack} s, down in {decay} s: {rms:.1} dBFS RMS, worst {worst:.1}");
        at_most(Subject::Driver, "worst sample, dBFS", worst, bar);
    }
}
