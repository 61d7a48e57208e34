//! The arithmetic under the tones. Times are in seconds, frequencies in hertz, levels are amplitudes (1 = full scale).

mod canvas;
mod filter;
mod level;
mod noise;

pub(crate) use canvas::{Canvas, add_line};
pub(crate) use filter::{Biquad, one_pole};
pub(crate) use level::{fade_out, normalise_peak, normalise_rms, remove_dc};
pub(crate) use noise::Noise;

/// `x` to the power of `y`.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// e to the power of `x`.
pub(crate) fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// The amplitude of a level in decibels.
pub(crate) fn decibels(level: f64) -> f64 {
    libm::pow(10.0, level / 20.0)
}

/// The frequency ratio of an interval in cents.
pub(crate) fn cents(interval: f64) -> f64 {
    libm::exp2(interval / 1200.0)
}

/// The frequency of a MIDI key in equal temperament at A4 = 440 Hz.
pub(crate) fn key_hz(key: u8) -> f64 {
    440.0 * libm::exp2((f64::from(key) - 69.0) / 12.0)
}

/// A bell curve of unit height.
pub(crate) fn bell(distance: f64, width: f64) -> f64 {
    libm::exp(-0.5 * (distance / width) * (distance / width))
}
