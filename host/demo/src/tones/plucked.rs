//! Strings that are struck or plucked.
//!
//! A string's partials lie a little sharp of the harmonics (stiffness), start with the amplitudes that the striking point
//! leaves them, and die the sooner the higher they are. The wave holds the decay *relative to the fundamental*; the
//! fundamental's own is the volume envelope of the patch, so that a key held for ten seconds needs one second of wave.

use super::ringing::{Partial, ring};
use crate::dsp::{Noise, exp, key_hz, one_pole, pow};
use crate::wave::Wave;
use std::f64::consts::PI;

struct StringTone {
    name: &'static str,
    /// Where it is struck, as a fraction of its length.
    position: f64,
    /// How fast the amplitudes fall with the partial's number.
    slope: f64,
    /// Where the amplitudes begin to fall exponentially, in hertz.
    bright: f64,
    /// f(k) = k·f·sqrt(1 + stiffness·k²)
    stiffness: f64,
    /// Decay of partial k against the first, in nepers a second: linear and quadratic in k − 1.
    damping: [f64; 2],
    /// Level and low-pass frequency of the knock of hammer, finger or pick.
    knock: (f64, f64),
    rate: u32,
    attack: f64,
    looped: f64,
    /// Level of the loop.
    rms: f64,
}

pub(super) fn piano(key: u8) -> Wave {
    let up = (f64::from(key) - 60.0) / 12.0;
    string(
        key,
        &StringTone {
            name: "Piano",
            position: 0.122,
            slope: 0.85 + 0.08 * up,
            bright: 1900.0 * pow(1.5, up),
            stiffness: 0.00035 * pow(2.1, up),
            damping: [0.28 * pow(1.35, up), 0.012 * pow(1.6, up)],
            knock: (0.10 * pow(1.25, up), 900.0 * pow(1.4, up)),
            rate: if key < 60 { 22_050 } else { 32_000 },
            attack: if key < 70 { 0.45 } else { 0.3 },
            looped: if key < 70 { 0.45 } else { 0.3 },
            rms: 0.12,
        },
    )
}

pub(super) fn nylon_guitar(key: u8) -> Wave {
    string(
        key,
        &StringTone {
            name: "Nylon guitar",
            position: 0.21,
            slope: 1.15,
            bright: 1700.0,
            stiffness: 0.000_05,
            damping: [0.65, 0.035],
            knock: (0.06, 1400.0),
            rate: 22_050,
            attack: 0.38,
            looped: 0.25,
            rms: 0.13,
        },
    )
}

pub(super) fn steel_guitar(key: u8) -> Wave {
    string(
        key,
        &StringTone {
            name: "Steel guitar",
            position: 0.13,
            slope: 0.85,
            bright: 3200.0,
            stiffness: 0.000_12,
            damping: [0.4, 0.015],
            knock: (0.05, 3500.0),
            rate: 22_050,
            attack: 0.38,
            looped: 0.22,
            rms: 0.12,
        },
    )
}

pub(super) fn bass(key: u8) -> Wave {
    string(
        key,
        &StringTone {
            name: "Bass",
            position: 0.19,
            slope: 1.05,
            bright: 1100.0,
            stiffness: 0.000_1,
            damping: [0.55, 0.03],
            knock: (0.05, 1200.0),
            rate: 22_050,
            attack: 0.32,
            looped: 0.3,
            rms: 0.2,
        },
    )
}

fn string(key: u8, tone: &StringTone) -> Wave {
    let hz = key_hz(key);
    let mut noise = Noise::new(u64::from(key) ^ 0x5712);
    let partials: Vec<Partial> = (1..=120_u32)
        .map(f64::from)
        .map(|k| {
            let comb = (PI * k * tone.position).sin_abs() + 0.03;
            Partial {
                hz: hz * k * (1.0 + tone.stiffness * k * k).sqrt() / (1.0 + tone.stiffness).sqrt(),
                gain: comb * pow(k, -tone.slope) * exp(-hz * (k - 1.0) / tone.bright),
                decay: tone.damping[0] * (k - 1.0) + tone.damping[1] * (k - 1.0) * (k - 1.0),
                phase: if k < 3.0 { 0.0 } else { noise.phase() },
            }
        })
        .collect();
    let mut canvas = ring(tone.rate, hz, tone.attack, tone.looped, &partials);
    // Two strings a shade apart: the quieter one beats against the first from the second partial on.
    let grid = 1.0 / tone.looped;
    for partial in partials.iter().skip(1).take(24) {
        canvas.line(partial.hz + grid, noise.phase(), |at| {
            0.22 * partial.gain * exp(-0.7 * partial.decay * at)
        });
    }
    knock(
        canvas.before_loop(),
        f64::from(tone.rate),
        tone.knock,
        &mut noise,
    );
    canvas.finish(format!("{} {key}", tone.name), tone.rms, 0.92)
}

/// A short thump, gone within 60 ms.
fn knock(samples: &mut [f64], rate: f64, (level, hz): (f64, f64), noise: &mut Noise) {
    let mut burst: Vec<f64> = (0..(0.06 * rate) as usize)
        .map(|index| {
            let at = index as f64 / rate;
            noise.sample() * exp(-at / 0.011) * (1.0 - exp(-at / 0.0008))
        })
        .collect();
    one_pole(&mut burst, rate, hz);
    one_pole(&mut burst, rate, hz);
    crate::dsp::normalise_peak(&mut burst, level);
    crate::dsp::fade_out(&mut burst, (0.01 * rate) as usize);
    samples
        .iter_mut()
        .zip(&burst)
        .for_each(|(sample, add)| *sample += add);
}

trait SinAbs {
    fn sin_abs(self) -> f64;
}

impl SinAbs for f64 {
    /// |sin x| from the portable library.
    fn sin_abs(self) -> f64 {
        libm::fabs(libm::sin(self))
    }
}
