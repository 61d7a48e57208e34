//! Metal: plates with hundreds of modes, and the few bright ones of bells and jingles.

use super::ringing::{Partial, ring};
use crate::dsp::{Biquad, Noise, exp, fade_out, normalise_peak, remove_dc};
use crate::wave::Wave;
use std::f64::consts::TAU;

pub(super) fn closed_hat() -> Wave {
    plate("Closed hi-hat", 0.09, 0.018, (7200.0, 0x101), 5200.0)
}

pub(super) fn open_hat() -> Wave {
    plate("Open hi-hat", 0.55, 0.16, (7000.0, 0x101), 4800.0)
}

pub(super) fn crash() -> Wave {
    plate("Crash cymbal", 1.25, 0.38, (4200.0, 0x103), 1400.0)
}

/// A plate with a ping on it.
pub(super) fn ride() -> Wave {
    let rate = 32_000_u32;
    let mut out = shimmer(rate, 0.85, 0.28, 5200.0, 0x104);
    Biquad::high_pass(f64::from(rate), 2600.0, 0.7).run(&mut out);
    normalise_peak(&mut out, 0.5);
    for (hz, gain, decay) in [
        (3170.0, 0.30, 0.10),
        (4630.0, 0.24, 0.08),
        (5410.0, 0.20, 0.16),
        (2240.0, 0.10, 0.2),
    ] {
        for (index, sample) in out.iter_mut().enumerate() {
            let at = index as f64 / f64::from(rate);
            *sample += gain * libm::sin(TAU * hz * at) * exp(-at / decay);
        }
    }
    finish("Ride cymbal", rate, out, 0.8)
}

pub(super) fn cowbell() -> Wave {
    let rate = 22_050_u32;
    let mut out = vec![0.0; (0.28 * f64::from(rate)) as usize];
    for (hz, gain) in [
        (562.0, 1.0),
        (845.0, 0.8),
        (1690.0, 0.3),
        (2530.0, 0.25),
        (3380.0, 0.12),
    ] {
        for (index, sample) in out.iter_mut().enumerate() {
            let at = index as f64 / f64::from(rate);
            *sample +=
                gain * libm::sin(TAU * hz * at) * (0.7 * exp(-at / 0.018) + 0.3 * exp(-at / 0.11));
        }
    }
    finish("Cowbell", rate, out, 0.85)
}

pub(super) fn tambourine() -> Wave {
    let rate = 32_000_u32;
    let mut out = shimmer(rate, 0.26, 0.06, 8200.0, 0x106);
    Biquad::high_pass(f64::from(rate), 5500.0, 0.9).run(&mut out);
    finish("Tambourine", rate, out, 0.8)
}

/// Grains thrown forward: noise that swells before it stops.
pub(super) fn shaker() -> Wave {
    let rate = 32_000_u32;
    let mut noise = Noise::new(0x107);
    let mut out: Vec<f64> = (0..(0.12 * f64::from(rate)) as usize)
        .map(|index| {
            let at = index as f64 / f64::from(rate);
            let swell = if at < 0.035 {
                at / 0.035
            } else {
                exp(-(at - 0.035) / 0.018)
            };
            noise.sample() * swell
        })
        .collect();
    Biquad::band_pass(f64::from(rate), 6800.0, 1.1).run(&mut out);
    finish("Shaker", rate, out, 0.75)
}

/// A looped ring: how long it sounds is the patch's business, mute and open share the wave.
pub(super) fn triangle() -> Wave {
    let modes = [
        (1.0, 1.0, 0.0),
        (1.62, 0.5, 1.0),
        (2.51, 0.7, 0.5),
        (3.26, 0.35, 2.0),
    ];
    let partials: Vec<Partial> = modes
        .iter()
        .map(|&(ratio, gain, decay)| Partial {
            hz: 2093.0 * ratio,
            gain,
            decay,
            phase: 0.0,
        })
        .collect();
    ring(22_050, 2093.0, 0.1, 0.12, &partials).finish("Triangle", 0.2, 0.8)
}

fn plate(name: &str, seconds: f64, decay: f64, (centre, seed): (f64, u64), high_pass: f64) -> Wave {
    let rate = 32_000;
    let mut out = shimmer(rate, seconds, decay, centre, seed);
    Biquad::high_pass(f64::from(rate), high_pass, 0.8).run(&mut out);
    finish(name, rate, out, 0.85)
}

/// Dense inharmonic modes under a noisy stroke; high modes die first.
fn shimmer(rate: u32, seconds: f64, decay: f64, centre: f64, seed: u64) -> Vec<f64> {
    const MODES: usize = 90;
    let mut noise = Noise::new(seed);
    let rate = f64::from(rate);
    let mut out = vec![0.0; (seconds * rate) as usize];
    for _ in 0..MODES {
        let hz = centre * libm::exp2(3.0 * noise.phase() - 1.8);
        let life = decay * (0.5 + 0.9 * noise.phase()) * (centre / hz).clamp(0.5, 1.6);
        let gain = 0.4 + 0.6 * noise.phase();
        let phase = noise.phase();
        if hz < 0.46 * rate {
            crate::dsp::add_line(&mut out, hz / rate, phase, |at| {
                gain * exp(-at / rate / life)
            });
        }
    }
    let mut spray = noise;
    for (index, sample) in out.iter_mut().enumerate() {
        let at = index as f64 / rate;
        *sample +=
            7.0 * spray.sample() * (0.55 * exp(-at / (0.5 * decay)) + 0.45 * exp(-at / 0.012));
    }
    out
}

fn finish(name: &str, rate: u32, mut out: Vec<f64>, peak: f64) -> Wave {
    remove_dc(&mut out);
    let tail = out.len() / 3;
    fade_out(&mut out, tail);
    normalise_peak(&mut out, peak);
    Wave::new(name, rate, &out, 440.0, None)
}
