//! Pitch and what interpolation adds to a sine.

use dmusmini_collection::Frames;
use dmusmini_reference::measure::{cents, decibels, fit_sine, frequency};
use dmusmini_reference::test_bank::{RATE, UNITY, noise, sine, single};

use crate::player::{SUBJECTS, Subject, at_least, at_most};

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
    let mut player = subject.player(&bank, RATE);
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
    let (amplitude, noise) = fit_sine(&heard, sounding, RATE.into());
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
