//! Pitch and what interpolation adds to a sine.

use dmusmini::synth::Interpolation;
use dmusmini_collection::Frames;
use dmusmini_reference::measure::{cents, decibels, fit_sine, frequency};
use dmusmini_reference::test_bank::{RATE, UNITY, noise, sine, single};

use crate::player::{Driver, Player, SUBJECTS, Subject, at_least, at_most};

#[test]
fn every_key_is_in_tune() {
    let bank = single(sine(260.0), &[]);
    for &subject in SUBJECTS {
        // The reference shows on some keys that the measurement is good enough.
        let stride = if subject == Subject::Reference { 16 } else { 1 };
        for rate in [44_100, 48_000] {
            let mut worst = 0.0_f64;
            for key in (0..128_u8).step_by(stride) {
                let right = 260.0 * (f64::from(i32::from(key) - i32::from(UNITY)) / 12.0).exp2();
                // Long enough for some tens of cycles of the lowest keys.
                let seconds = if key < 36 { 3 } else { 1 };
                let mut player = subject.player(&bank, rate);
                player.full_left();
                player.note_on(0, key, 127);
                let heard = player.left(rate as usize * seconds);
                worst = worst.max(cents(frequency(&heard, right, rate.into()) / right).abs());
            }
            at_most(
                subject,
                &format!("pitch error at {rate} Hz, cents"),
                worst,
                0.005,
            );
        }
    }
}

#[test]
fn a_sine_moved_by_a_semitone_stays_clean() {
    for &subject in SUBJECTS {
        for (hertz, bar) in [(1000.0, 84.0), (5000.0, 79.0), (10_000.0, 74.0)] {
            let ratio = signal_to_noise(subject, hertz, 1);
            at_least(
                subject,
                &format!("SNR of {hertz} Hz up a semitone, dB"),
                ratio,
                bar,
            );
        }
    }
}

#[test]
fn a_sine_on_its_root_stays_as_clean_as_16_bits_allow() {
    for &subject in SUBJECTS {
        let ratio = signal_to_noise(subject, 1000.0, 0);
        at_least(subject, "SNR on the root, dB", ratio, 86.0);
    }
}

/// In 16-bit output, panned to the centre, source peak 16,384.
fn signal_to_noise(subject: Subject, hertz: f64, semitones: u8) -> f64 {
    let bank = single(sine(hertz), &[]);
    noise_of(&mut *subject.player(&bank, RATE), hertz, semitones)
}

pub(crate) fn noise_of(player: &mut dyn Player, hertz: f64, semitones: u8) -> f64 {
    player.control(0, 7, 127);
    player.control(0, 11, 127);
    player.note_on(0, UNITY + semitones, 127);
    player.pcm(4410);
    let heard: Vec<f64> = player
        .pcm(44_100)
        .into_iter()
        .map(|[left, _]| left)
        .collect();
    let sounding = hertz * (f64::from(semitones) / 12.0).exp2();
    // Pitch has its own bar; what counts here is what is not the sine.
    let found = frequency(&heard, sounding, RATE.into());
    let (amplitude, noise) = fit_sine(&heard, found, RATE.into());
    decibels(amplitude / 2_f64.sqrt() / noise)
}

#[test]
fn hard_left_on_the_root_is_the_wave_itself() {
    let bank = single(noise(), &[]);
    let Frames::Sixteen(wave) = &bank.waves[0].frames else {
        panic!("the test bank is 16 bits wide")
    };
    for &subject in SUBJECTS {
        let mut player = subject.player(&bank, RATE);
        player.full_left();
        player.note_on(0, UNITY, 127);
        let heard = player.pcm(2 * wave.len());
        let wrong = heard.iter().zip(wave.iter().cycle());
        let wrong =
            wrong.filter(|([left, right], wave)| *left != f64::from(**wave) || *right != 0.0);
        at_most(
            subject,
            "frames that differ from the wave",
            wrong.count() as f64,
            0.0,
        );
    }
}

/// The other interpolations are for those who want their cycles back; they have bars as well.
#[test]
fn four_points_are_as_clean_as_a_cubic_can_be() {
    for (hertz, bar) in [(1000.0, 76.0), (5000.0, 46.0), (10_000.0, 26.0)] {
        let bank = single(sine(hertz), &[]);
        let mut player = Driver::new(&bank, RATE, Interpolation::FourPoint);
        let ratio = noise_of(&mut player, hertz, 1);
        let what = format!("4-point SNR of {hertz} Hz up a semitone, dB");
        at_least(Subject::Driver, &what, ratio, bar);
    }
    for interpolation in [Interpolation::Linear, Interpolation::Sinc8] {
        for hertz in [1000.0, 5000.0, 10_000.0] {
            let mut player = Driver::new(&single(sine(hertz), &[]), RATE, interpolation);
            let ratio = noise_of(&mut player, hertz, 1);
            println!("{interpolation:?} SNR of {hertz} Hz up a semitone: {ratio:.1} dB");
        }
    }
}
