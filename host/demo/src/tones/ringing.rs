//! Things that ring in a few modes of their own: bars, bells, the tines of an electric piano.

use crate::dsp::{Canvas, exp, key_hz, pow};
use crate::wave::Wave;

/// One mode: where it lies, how loud it starts, how much faster than the envelope it dies (nepers a second).
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial {
    pub(super) hz: f64,
    pub(super) gain: f64,
    pub(super) decay: f64,
    pub(super) phase: f64,
}

/// A canvas with the partials on it.
pub(super) fn ring(rate: u32, hz: f64, attack: f64, looped: f64, partials: &[Partial]) -> Canvas {
    let mut canvas = Canvas::new(rate, hz, attack, looped);
    for partial in partials {
        canvas.line(partial.hz, partial.phase, |at| {
            partial.gain * exp(-partial.decay * at)
        });
    }
    canvas
}

/// A tine and its tone bar: a pure low note with a bell of short life on top.
pub(super) fn electric_piano(key: u8) -> Wave {
    let up = (f64::from(key) - 60.0) / 12.0;
    let bell = pow(0.8, up);
    modes(
        ("Electric piano", key),
        &[
            (1.0, 1.0, 0.0),
            (2.0, 0.30, 0.9),
            (3.0, 0.16, 1.6),
            (4.0, 0.07, 2.4),
            (5.0, 0.035, 4.0),
            (7.0, 0.05 * bell, 8.0),
            (13.0, 0.05 * bell, 15.0),
            (14.0, 0.09 * bell, 13.0),
            (15.0, 0.05 * bell, 16.0),
        ],
        (22_050, 0.32, 0.2, 0.2),
    )
}

/// A bar tuned as a vibraphone's: fundamental, double octave, and a short third mode.
pub(super) fn bar(key: u8) -> Wave {
    modes(
        ("Bar", key),
        &[
            (1.0, 1.0, 0.0),
            (3.99, 0.28, 5.0),
            (9.9, 0.16, 22.0),
            (2.0, 0.03, 3.0),
        ],
        (22_050, 0.3, 0.2, 0.22),
    )
}

/// A small bell or glockenspiel: the modes of a free bar, with a faint twin that makes it shimmer.
pub(super) fn bell(key: u8) -> Wave {
    modes(
        ("Bell", key),
        &[
            (1.0, 1.0, 0.0),
            (1.004, 0.25, 0.3),
            (2.0, 0.12, 1.0),
            (2.756, 0.35, 2.2),
            (2.77, 0.10, 2.0),
            (5.404, 0.22, 6.0),
            (8.93, 0.10, 14.0),
        ],
        (32_000, 0.35, 0.25, 0.2),
    )
}

fn modes(
    (name, key): (&str, u8),
    modes: &[(f64, f64, f64)],
    (rate, attack, looped, rms): (u32, f64, f64, f64),
) -> Wave {
    let hz = key_hz(key);
    let partials: Vec<Partial> = modes
        .iter()
        .map(|&(ratio, gain, decay)| Partial {
            hz: hz * ratio,
            gain,
            decay,
            phase: 0.0,
        })
        .collect();
    ring(rate, hz, attack, looped, &partials).finish(format!("{name} {key}"), rms, 0.9)
}
