//! Skins, sticks and hands.

use crate::dsp::{Biquad, Noise, decibels, exp, fade_out, normalise_peak, one_pole, remove_dc};
use crate::wave::Wave;
use std::f64::consts::TAU;

#[derive(Clone, Copy)]
pub(super) enum Stroke {
    Hard,
    Soft,
}

pub(super) fn kick() -> Wave {
    let rate = 32_000;
    let mut out = silence(rate, 0.42);
    drop_tone(&mut out, rate, (48.0, 175.0, 0.022), 0.13, 1.0);
    let mut click = burst(rate, out.len(), 0.0035, 0x41);
    Biquad::band_pass(f64::from(rate), 2800.0, 0.6).run(&mut click);
    mix(&mut out, &click, 1.1);
    finish("Kick", rate, out, 0.95, 58.0)
}

pub(super) fn snare(stroke: Stroke) -> Wave {
    let rate = 32_000;
    let (wires, shell, length, top) = match stroke {
        Stroke::Hard => (1.0, 0.8, 0.09, 9000.0),
        Stroke::Soft => (0.55, 0.8, 0.06, 5000.0),
    };
    let mut out = silence(rate, 0.32);
    drop_tone(&mut out, rate, (182.0, 245.0, 0.012), 0.055, shell);
    drop_tone(&mut out, rate, (331.0, 380.0, 0.010), 0.032, 0.5 * shell);
    let mut rattle = burst(rate, out.len(), length, 0x52);
    Biquad::high_pass(f64::from(rate), 1100.0, 0.7).run(&mut rattle);
    one_pole(&mut rattle, f64::from(rate), top);
    mix(&mut out, &rattle, 1.5 * wires);
    let mut crack = burst(rate, out.len(), 0.006, 0x53);
    Biquad::band_pass(f64::from(rate), 3800.0, 0.8).run(&mut crack);
    mix(&mut out, &crack, wires);
    finish("Snare", rate, out, 0.92, 185.0)
}

pub(super) fn rim() -> Wave {
    let rate = 32_000;
    let mut out = silence(rate, 0.09);
    drop_tone(&mut out, rate, (1720.0, 1800.0, 0.004), 0.011, 0.8);
    drop_tone(&mut out, rate, (465.0, 500.0, 0.004), 0.016, 0.6);
    let mut click = burst(rate, out.len(), 0.002, 0x61);
    Biquad::high_pass(f64::from(rate), 2000.0, 0.7).run(&mut click);
    mix(&mut out, &click, 0.8);
    finish("Rim", rate, out, 0.9, 440.0)
}

pub(super) fn clap() -> Wave {
    let rate = 32_000;
    let mut noise = Noise::new(0x71);
    let mut out: Vec<f64> = (0..(0.26 * f64::from(rate)) as usize)
        .map(|index| {
            let at = index as f64 / f64::from(rate);
            // Three hands ahead of the crowd.
            let hands: f64 = [0.0, 0.011, 0.021]
                .iter()
                .filter(|&&hand| at >= hand)
                .map(|hand| exp(-(at - hand) / 0.0035))
                .sum();
            let crowd = if at >= 0.030 {
                0.8 * exp(-(at - 0.030) / 0.048)
            } else {
                0.0
            };
            noise.sample() * (hands + crowd)
        })
        .collect();
    let rate_hz = f64::from(rate);
    Biquad::band_pass(rate_hz, 1250.0, 0.75).run(&mut out);
    Biquad::high_pass(rate_hz, 500.0, 0.7).run(&mut out);
    finish("Clap", rate, out, 0.9, 440.0)
}

/// Tuned to A2, so that kits can lay it across their keys.
pub(super) fn tom() -> Wave {
    let rate = 22_050;
    let mut out = silence(rate, 0.62);
    drop_tone(&mut out, rate, (110.0, 158.0, 0.05), 0.17, 1.0);
    drop_tone(&mut out, rate, (175.0, 230.0, 0.03), 0.07, 0.35);
    let mut stick = burst(rate, out.len(), 0.008, 0x81);
    Biquad::band_pass(f64::from(rate), 1800.0, 0.6).run(&mut stick);
    mix(&mut out, &stick, 0.5);
    finish("Tom", rate, out, 0.92, 110.0)
}

/// Tuned to A3.
pub(super) fn conga() -> Wave {
    let rate = 22_050;
    let mut out = silence(rate, 0.36);
    drop_tone(&mut out, rate, (220.0, 252.0, 0.015), 0.085, 1.0);
    drop_tone(&mut out, rate, (405.0, 440.0, 0.010), 0.03, 0.3);
    let mut hand = burst(rate, out.len(), 0.005, 0x91);
    Biquad::band_pass(f64::from(rate), 2400.0, 0.7).run(&mut hand);
    mix(&mut out, &hand, 0.7);
    finish("Conga", rate, out, 0.92, 220.0)
}

/// A wood block on A5.
pub(super) fn wood() -> Wave {
    let rate = 22_050;
    let mut out = silence(rate, 0.12);
    drop_tone(&mut out, rate, (880.0, 900.0, 0.004), 0.022, 1.0);
    drop_tone(&mut out, rate, (2240.0, 2260.0, 0.004), 0.012, 0.4);
    finish("Wood block", rate, out, 0.9, 880.0)
}

fn silence(rate: u32, seconds: f64) -> Vec<f64> {
    vec![0.0; (seconds * f64::from(rate)) as usize]
}

/// A sine that falls from `high` to `low` with time constant `fall` while it dies with time constant `decay`.
fn drop_tone(
    out: &mut [f64],
    rate: u32,
    (low, high, fall): (f64, f64, f64),
    decay: f64,
    gain: f64,
) {
    let mut turns = 0.0;
    for (index, sample) in out.iter_mut().enumerate() {
        let at = index as f64 / f64::from(rate);
        *sample += gain * libm::sin(TAU * turns) * exp(-at / decay) * (1.0 - exp(-at / 0.0006));
        turns += (low + (high - low) * exp(-at / fall)) / f64::from(rate);
    }
}

/// White noise that dies with time constant `decay`.
fn burst(rate: u32, length: usize, decay: f64, seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    (0..length)
        .map(|index| noise.sample() * exp(-(index as f64) / (decay * f64::from(rate))))
        .collect()
}

fn mix(out: &mut [f64], add: &[f64], gain: f64) {
    out.iter_mut()
        .zip(add)
        .for_each(|(sample, add)| *sample += gain * add);
}

fn finish(name: &str, rate: u32, mut out: Vec<f64>, peak: f64, hz: f64) -> Wave {
    remove_dc(&mut out);
    let tail = out.len() / 4;
    fade_out(&mut out, tail);
    normalise_peak(&mut out, peak * decibels(-0.3));
    Wave::new(name, rate, &out, hz, None)
}
