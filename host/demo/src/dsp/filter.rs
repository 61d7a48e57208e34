//! The two filters that the noises need: one pole, and the two-pole forms of the audio equaliser cookbook.

use std::f64::consts::TAU;

/// A one-pole low-pass at `hz`, in place.
pub(crate) fn one_pole(samples: &mut [f64], rate: f64, hz: f64) {
    let keep = libm::exp(-TAU * hz / rate);
    let mut state = 0.0;
    for sample in samples {
        state = *sample + keep * (state - *sample);
        *sample = state;
    }
}

/// A two-pole filter.
pub(crate) struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
}

impl Biquad {
    pub(crate) fn high_pass(rate: f64, hz: f64, q: f64) -> Self {
        let (alpha, cos) = angle(rate, hz, q);
        Self::from_raw(
            [
                f64::midpoint(1.0, cos),
                -(1.0 + cos),
                f64::midpoint(1.0, cos),
            ],
            alpha,
            cos,
        )
    }

    pub(crate) fn band_pass(rate: f64, hz: f64, q: f64) -> Self {
        let (alpha, cos) = angle(rate, hz, q);
        Self::from_raw([alpha, 0.0, -alpha], alpha, cos)
    }

    /// Filters in place, from rest.
    pub(crate) fn run(&self, samples: &mut [f64]) {
        let [b0, b1, b2] = self.b;
        let [a1, a2] = self.a;
        let (mut first, mut second) = (0.0, 0.0);
        for sample in samples {
            let input = *sample;
            let output = b0 * input + first;
            first = b1 * input - a1 * output + second;
            second = b2 * input - a2 * output;
            *sample = output;
        }
    }

    fn from_raw(b: [f64; 3], alpha: f64, cos: f64) -> Self {
        let scale = 1.0 / (1.0 + alpha);
        Self {
            b: b.map(|value| value * scale),
            a: [-2.0 * cos * scale, (1.0 - alpha) * scale],
        }
    }
}

fn angle(rate: f64, hz: f64, q: f64) -> (f64, f64) {
    let (sin, cos) = libm::sincos(TAU * hz / rate);
    (sin / (2.0 * q), cos)
}
