//! Many players on one note: every harmonic is a cluster of lines, the wider the higher it is.

use crate::dsp::{Canvas, Noise, bell, cents, exp, key_hz, pow};
use crate::wave::Wave;

/// A section of bowed strings: a sawtooth through the resonances of wooden bodies.
pub(super) fn strings(key: u8) -> Wave {
    let body = |hz: f64| {
        0.35 + 0.5 * bell(hz - 280.0, 90.0)
            + 0.7 * bell(hz - 520.0, 140.0)
            + 0.6 * bell(hz - 1100.0, 300.0)
            + 0.75 * bell(hz - 2600.0, 700.0)
    };
    cluster(("Strings", key), 11.0, (22_050, 0.8, 0.16), |k, hz| {
        body(hz) * pow(k, -1.0) * exp(-hz / 4200.0)
    })
}

/// A choir on an open "ah": four formants that stay where they are while the note moves.
pub(super) fn choir(key: u8) -> Wave {
    let formants = |hz: f64| {
        0.02 + bell(hz - 680.0, 120.0)
            + 0.55 * bell(hz - 1120.0, 130.0)
            + 0.16 * bell(hz - 2650.0, 220.0)
            + 0.10 * bell(hz - 3400.0, 260.0)
    };
    cluster(("Choir", key), 10.0, (22_050, 0.8, 0.15), |k, hz| {
        let voice = if k < 1.5 { 0.45 } else { 0.0 };
        (formants(hz) + voice) * pow(k, -0.55)
    })
}

/// A few sawtooth oscillators a shade apart.
pub(super) fn saw(key: u8) -> Wave {
    let hz = key_hz(key);
    let (rate, looped) = if key < 50 {
        (22_050, 0.6)
    } else {
        (32_000, 0.45)
    };
    let mut canvas = Canvas::new(rate, hz, 0.0, looped);
    let hz = canvas.hz();
    let mut noise = Noise::new(u64::from(key) ^ 0x5A3);
    let (mut k, top) = (1.0, canvas.top());
    while k * hz < top {
        let edge = 1.0 / (1.0 + exp((k * hz - 0.8 * top) / (0.05 * top)));
        for (detune, gain) in [(-6.0, 0.6), (0.0, 1.0), (6.5, 0.6)] {
            let phase = if detune == 0.0 { 0.0 } else { noise.phase() };
            canvas.line(k * hz * cents(detune), phase, |_| gain * edge / k);
        }
        k += 1.0;
    }
    canvas.finish(format!("Saw {key}"), 0.16, 0.9)
}

fn cluster(
    (name, key): (&str, u8),
    spread: f64,
    (rate, looped, rms): (u32, f64, f64),
    gain: impl Fn(f64, f64) -> f64,
) -> Wave {
    let mut canvas = Canvas::new(rate, key_hz(key), 0.0, looped);
    let hz = canvas.hz();
    let mut noise = Noise::new(u64::from(key) ^ 0xE45);
    let mut k = 1.0;
    while k * hz < canvas.top() {
        let level = gain(k, k * hz);
        canvas.band(k * hz, k * hz * (cents(spread) - 1.0), &mut noise, |_| {
            level
        });
        k += 1.0;
    }
    canvas.finish(format!("{name} {key}"), rms, 0.9)
}
