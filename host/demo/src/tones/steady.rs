//! Sounds that never change: an organ's drawbars, a square wave, and wind.

use crate::dsp::{Canvas, Noise, bell, cents, exp, key_hz, pow};
use crate::wave::Wave;

/// Drawbars 16', 5⅓', 8', 4', 2⅔', 2', 1⅗', 1⅓', 1'.
pub(super) fn organ(key: u8) -> Wave {
    const DRAWBARS: [(f64, f64); 9] = [
        (0.5, 0.55),
        (1.5, 0.4),
        (1.0, 1.0),
        (2.0, 0.6),
        (3.0, 0.4),
        (4.0, 0.28),
        (5.0, 0.1),
        (6.0, 0.12),
        (8.0, 0.2),
    ];
    let mut canvas = Canvas::new(22_050, key_hz(key), 0.0, 0.45);
    let hz = canvas.hz();
    let mut noise = Noise::new(u64::from(key) ^ 0x0A6);
    for (ratio, gain) in DRAWBARS {
        // The tone wheels' leakage: a faint neighbour on each side.
        for (detune, share) in [(0.0, 1.0), (-5.0, 0.06), (5.0, 0.06)] {
            canvas.line(hz * ratio * cents(detune), noise.phase(), |_| gain * share);
        }
    }
    canvas.finish(format!("Organ {key}"), 0.2, 0.9)
}

/// A band-limited square wave in a loop of a few cycles.
pub(super) fn square(key: u8) -> Wave {
    let mut canvas = Canvas::new(32_000, key_hz(key), 0.0, 0.06);
    let (hz, top) = (canvas.hz(), canvas.top());
    let mut k = 1.0;
    while k * hz < top {
        let edge = 1.0 / (1.0 + exp((k * hz - 0.8 * top) / (0.05 * top)));
        canvas.line(k * hz, 0.0, |_| edge / k);
        k += 2.0;
    }
    canvas.finish(format!("Square {key}"), 0.16, 0.9)
}

/// Coloured noise that loops: breath, surf, applause.
pub(super) fn wind(key: u8) -> Wave {
    let mut canvas = Canvas::new(22_050, key_hz(key), 0.0, 0.8);
    let mut noise = Noise::new(0x817D);
    let mut hz = 60.0;
    while hz < canvas.top() {
        let level = pow(hz / 500.0, -0.35) * (0.4 + bell(hz - 900.0, 700.0));
        canvas.line(hz, noise.phase(), |_| level);
        hz += 1.0 / 0.8;
    }
    canvas.finish("Wind", 0.16, 0.9)
}
