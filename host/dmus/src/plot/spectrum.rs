//! The levels of all frequencies around one moment.

use crate::wav::Sound;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Frames in a window: 93 ms at 44.1 kHz, lines 10.8 Hz apart.
const SIZE: usize = 4096;

pub(super) struct Analyser<'a> {
    sound: &'a Sound,
    transform: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    input: Vec<f64>,
    output: Vec<Complex<f64>>,
}

impl<'a> Analyser<'a> {
    #[expect(clippy::cast_precision_loss, reason = "up to 4096")]
    pub(super) fn new(sound: &'a Sound) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(SIZE);
        let turn = std::f64::consts::TAU / SIZE as f64;
        Self {
            sound,
            window: (0..SIZE)
                .map(|index| 0.5 - 0.5 * (turn * index as f64).cos())
                .collect(),
            input: transform.make_input_vec(),
            output: transform.make_output_vec(),
            transform,
        }
    }

    /// The frequency step between two levels of [`at`](Self::at).
    #[expect(clippy::cast_precision_loss, reason = "4096")]
    pub(super) fn step(&self) -> f64 {
        f64::from(self.sound.rate) / SIZE as f64
    }

    /// Levels in dB against a full-scale sine, for a window centred on a time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "frame numbers of a sound in memory"
    )]
    pub(super) fn at(&mut self, seconds: f64) -> Vec<f64> {
        let channels = usize::from(self.sound.channels);
        let centre = (seconds * f64::from(self.sound.rate)) as usize;
        for (index, (slot, window)) in self.input.iter_mut().zip(&self.window).enumerate() {
            let frame = (centre + index).checked_sub(SIZE / 2);
            let samples = frame.and_then(|frame| {
                self.sound
                    .samples
                    .get(frame * channels..(frame + 1) * channels)
            });
            let sum: f64 = samples
                .unwrap_or_default()
                .iter()
                .map(|sample| f64::from(*sample))
                .sum();
            *slot = window * sum / (32768.0 * channels as f64);
        }
        if self
            .transform
            .process(&mut self.input, &mut self.output)
            .is_err()
        {
            return Vec::new();
        }
        // A full-scale sine has a quarter of the window's length in its line.
        let full = SIZE as f64 / 4.0;
        self.output
            .iter()
            .map(|line| 20.0 * (line.norm() / full).max(1e-9).log10())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "a test signal")]
    fn a_full_scale_sine_is_at_zero_decibels() {
        let step = std::f64::consts::TAU * 93.0 / 4096.0;
        let samples = (0..44_100)
            .map(|index| (32_767.0 * (step * f64::from(index)).sin()) as i16)
            .collect();
        let sound = Sound {
            rate: 44_100,
            channels: 1,
            samples,
        };
        let levels = Analyser::new(&sound).at(0.5);
        assert!(levels[93].abs() < 0.01, "{}", levels[93]);
        assert!(levels[200] < -90.0, "{}", levels[200]);
    }
}
