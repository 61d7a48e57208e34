//! The resonant low-pass: a pre-warped bilinear two-pole (dls.md section 4.4).

use std::f64::consts::PI;

/// What the filter is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    b: [f64; 3],
    a: [f64; 2],
}

impl Coefficients {
    /// For a cutoff and a rate in hertz and a resonance in decibels.
    pub fn new(cutoff: f64, q_decibels: f64, rate: f64) -> Self {
        let k = (PI * cutoff / rate).tan();
        let q = 10_f64.powf((q_decibels - 3.01) / 20.0);
        let gain = 10_f64.powf(-q_decibels / 40.0);
        let a0 = 1.0 + k / q + k * k;
        let b = gain * k * k / a0;
        Self {
            b: [b, 2.0 * b, b],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        }
    }
}

/// The filter's memory, in the transposed form: what earlier frames add to the next output and to
/// the one after it. (With fixed coefficients all forms are one; the text does not say which to
/// use while they move.)
#[derive(Clone, Debug, Default)]
pub struct Filter {
    next: f64,
    after: f64,
}

impl Filter {
    /// Filters one frame.
    pub fn process(&mut self, c: &Coefficients, x: f64) -> f64 {
        let y = c.b[0] * x + self.next;
        self.next = c.b[1] * x - c.a[0] * y + self.after;
        self.after = c.b[2] * x - c.a[1] * y;
        y
    }
}

/// |H| that the specification's model asks for, as a factor.
pub fn model(frequency: f64, cutoff: f64, q_decibels: f64, rate: f64) -> f64 {
    let w = (PI * frequency / rate).tan() / (PI * cutoff / rate).tan();
    let q = 10_f64.powf((q_decibels - 3.01) / 20.0);
    let gain = 10_f64.powf(-q_decibels / 40.0);
    gain / (1.0 - w * w).hypot(w / q)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{amplitude_at, decibels};

    #[test]
    fn meets_its_model() {
        let rate = 44_100.0;
        for (cutoff, q) in [(200.0, 0.0), (1000.0, 12.0), (7998.0, 22.5)] {
            let coefficients = Coefficients::new(cutoff, q, rate);
            let mut filter = Filter::default();
            let mut impulse = vec![0.0; 44_100];
            impulse[0] = 1.0;
            let response: Vec<f64> = impulse
                .iter()
                .map(|&x| filter.process(&coefficients, x))
                .collect();
            for frequency in [20.0, cutoff / 2.0, cutoff, 2.0 * cutoff] {
                // The amplitude of a sine component is twice the transform over its length.
                let found = amplitude_at(&response, frequency, rate) * 44_100.0 / 2.0;
                let expected = model(frequency, cutoff, q, rate);
                let error = decibels(found / expected);
                assert!(error.abs() < 0.01, "{cutoff} {q} {frequency}: {error}");
            }
        }
    }
}
