//! Every output rate: the same equations, the same notes.

use dmusmini::synth::Interpolation;
use dmusmini_collection::{Block, destination as dst, source as src, transform as trn, units};
use dmusmini_reference::measure::frequency;
use dmusmini_reference::test_bank::{UNITY, sine, single};

use crate::player::{Player, Subject, at_most, twin};
use crate::song::{messages, real_bank, residual};

/// 96 kHz is beyond what a wave pin offers; the synth takes it.
const RATES: [u32; 8] = [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000];
const MODES: [Interpolation; 4] = [
    Interpolation::Linear,
    Interpolation::FourPoint,
    Interpolation::Sinc8,
    Interpolation::Sinc16,
];

#[test]
fn every_rate_is_in_tune() {
    let bank = single(sine(1000.0), &[]);
    let mut worst = 0.0_f64;
    for rate in RATES {
        let mut player = Subject::Driver.player(&bank, rate);
        player.full_left();
        player.note_on(0, UNITY, 127);
        let heard = player.left(rate as usize);
        let found = frequency(&heard[100..], 1000.0, rate.into());
        worst = worst.max(1200.0 * (found / 1000.0).log2().abs());
    }
    at_most(Subject::Driver, "pitch at eight rates, cents", worst, 0.005);
}

/// A note with filter, oscillators and envelopes, by every interpolation at every rate.
#[test]
fn every_rate_and_interpolation_does_what_the_equations_say() {
    let swing = trn::SOURCE_BIPOLAR;
    let blocks = [
        Block::fixed(dst::EG1_ATTACK, units::time(0.02)),
        Block::fixed(dst::EG1_DECAY, units::time(2.0)),
        Block::fixed(dst::EG1_SUSTAIN, units::percent(80.0)),
        Block::fixed(dst::EG1_RELEASE, units::time(0.5)),
        Block::fixed(dst::EG2_ATTACK, units::time(0.1)),
        Block::fixed(dst::CUTOFF, units::frequency(900.0)),
        Block::fixed(dst::Q, units::decibels(6.0)),
        Block::new(src::EG2, 0, dst::CUTOFF, 0, units::cents(600.0)),
        Block::new(src::LFO, 0, dst::GAIN, swing, units::decibels(2.0)),
        Block::new(src::VIBRATO, 0, dst::PITCH, swing, units::cents(20.0)),
    ];
    let bank = single(sine(260.0), &blocks);
    for rate in RATES {
        for mode in MODES {
            let frames = rate as usize / 2;
            let render = |mut player: Box<dyn Player>| {
                player.note_on(7, 64, 100);
                player.note_off(u64::from(rate) / 4, 64);
                player.render(frames)
            };
            let heard = render(Box::new(crate::player::Driver::new(&bank, rate, mode)));
            let (rms, _) = residual(&heard, &render(twin(&bank, rate, mode)));
            let what = format!("{rate} Hz, {mode:?}: residual, dBFS");
            at_most(Subject::Driver, &what, rms, -85.0);
        }
    }
}

/// Ten seconds of a song at rates other than the one that all other songs are played at.
#[test]
fn a_song_is_the_references_at_other_rates() {
    for rate in [22_050, 48_000] {
        let (Some(bank), Some(messages)) = (real_bank(), messages("freedoom1_D_E1M1.mid", rate))
        else {
            return;
        };
        let seconds = 10;
        let render = |mut player: Box<dyn Player>| {
            let end = seconds * u64::from(rate);
            for (frame, message) in messages.iter().filter(|(frame, _)| *frame < end) {
                player.schedule(*frame, message);
            }
            player.render(end as usize)
        };
        let heard = render(Subject::Driver.player(&bank, rate));
        let ideal = render(twin(&bank, rate, Interpolation::default()));
        let (rms, peak) = residual(&heard, &ideal);
        println!("{rate} Hz: residual {rms:.1} dBFS RMS, worst sample {peak:.1} dBFS");
        assert!(rms <= -80.0 && peak <= -60.0);
    }
}
