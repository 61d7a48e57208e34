//! Reading numbers off rendered frames: levels, pitch, noise, responses, slopes.

use std::f64::consts::TAU;

/// A factor in decibels.
pub fn decibels(factor: f64) -> f64 {
    20.0 * factor.abs().max(1e-30).log10()
}

/// Root mean square.
pub fn rms(frames: &[f64]) -> f64 {
    (frames.iter().map(|x| x * x).sum::<f64>() / frames.len().max(1) as f64).sqrt()
}

/// The largest magnitude.
pub fn peak(frames: &[f64]) -> f64 {
    frames.iter().fold(0.0, |peak, x| peak.max(x.abs()))
}

/// Real and imaginary part of the component at `frequency`, scaled so that a sine has its
/// amplitude as magnitude. Exact if whole cycles fit.
pub fn component(frames: &[f64], frequency: f64, rate: f64) -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    for (n, x) in frames.iter().enumerate() {
        let (sine, cosine) = (TAU * (frequency / rate * n as f64).fract()).sin_cos();
        sum.0 += x * cosine;
        sum.1 -= x * sine;
    }
    let scale = 2.0 / frames.len().max(1) as f64;
    (sum.0 * scale, sum.1 * scale)
}

/// Amplitude of the sine at `frequency`.
pub fn amplitude_at(frames: &[f64], frequency: f64, rate: f64) -> f64 {
    let (re, im) = component(frames, frequency, rate);
    re.hypot(im)
}

/// A sine of known frequency with its amplitude, phase and offset fitted by least squares;
/// returns (amplitude, RMS of what is left).
pub fn fit_sine(frames: &[f64], frequency: f64, rate: f64) -> (f64, f64) {
    // Normal equations for a cosine, a sine and a constant.
    let mut matrix = [[0.0; 4]; 3];
    for (n, &x) in frames.iter().enumerate() {
        let (sine, cosine) = (TAU * (frequency / rate * n as f64).fract()).sin_cos();
        let basis = [cosine, sine, 1.0];
        for (row, &b) in matrix.iter_mut().zip(&basis) {
            for (cell, value) in row.iter_mut().zip([cosine, sine, 1.0, x]) {
                *cell += b * value;
            }
        }
    }
    let [c, s, offset] = solve(matrix);
    let rest: Vec<f64> = frames
        .iter()
        .enumerate()
        .map(|(n, &x)| {
            let (sine, cosine) = (TAU * (frequency / rate * n as f64).fract()).sin_cos();
            x - c * cosine - s * sine - offset
        })
        .collect();
    (c.hypot(s), rms(&rest))
}

/// Gaussian elimination with pivoting.
fn solve(mut m: [[f64; 4]; 3]) -> [f64; 3] {
    for column in 0..3 {
        let pivot = (column..3)
            .max_by(|&a, &b| m[a][column].abs().total_cmp(&m[b][column].abs()))
            .unwrap_or(column);
        m.swap(column, pivot);
        for row in 0..3 {
            if row != column {
                let factor = m[row][column] / m[column][column];
                let source = m[column];
                for (cell, value) in m[row].iter_mut().zip(source) {
                    *cell -= factor * value;
                }
            }
        }
    }
    [m[0][3] / m[0][0], m[1][3] / m[1][1], m[2][3] / m[2][2]]
}

/// Frequency of a single steady sine, found from the phase advance between two windowed stretches,
/// first short ones (no ambiguity), then long ones (precision); `near` must be right within some
/// hertz.
pub fn frequency(frames: &[f64], near: f64, rate: f64) -> f64 {
    let longest = frames.len() / 2;
    let cycles = |length: usize| near / rate * length as f64;
    let mut estimate = near;
    for length in [longest / 64, longest / 16, longest / 4, longest, longest] {
        // Too few cycles, and the window no longer keeps the image at the negative frequency out.
        if cycles(length) < 8.0 && length != longest {
            continue;
        }
        let first = windowed_phase(&frames[..length], estimate, rate);
        let second = windowed_phase(&frames[length..2 * length], estimate, rate);
        // Each stretch starts at phase 0, so the estimate's own advance is missing.
        let own = TAU * (estimate / rate * length as f64).fract();
        let mut error = second - first - own;
        error -= TAU * (error / TAU).round();
        estimate += error / TAU * rate / length as f64;
    }
    estimate
}

/// Phase of the component at `frequency`, through a Hann window.
fn windowed_phase(frames: &[f64], frequency: f64, rate: f64) -> f64 {
    let length = frames.len() as f64;
    let window = |n: usize| 0.5 - 0.5 * (TAU * (n as f64 + 0.5) / length).cos();
    let windowed: Vec<f64> = frames
        .iter()
        .enumerate()
        .map(|(n, x)| x * window(n))
        .collect();
    let (re, im) = component(&windowed, frequency, rate);
    im.atan2(re)
}

/// 1,200 cents are an octave.
pub fn cents(ratio: f64) -> f64 {
    1200.0 * ratio.log2()
}

/// Slope of a straight line through (index, value) by least squares, per index.
pub fn slope(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / n;
    let (mut up, mut down) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let x = index as f64 - middle;
        up += x * (value - mean);
        down += x * x;
    }
    up / down
}

/// Where `frames` first reach `level`, between two frames by a straight line.
pub fn first_crossing(frames: &[f64], level: f64) -> Option<f64> {
    if frames.first().is_some_and(|&x| x >= level) {
        return Some(0.0);
    }
    let found = frames
        .windows(2)
        .position(|pair| pair[0] < level && pair[1] >= level)?;
    let (before, after) = (frames[found], frames[found + 1]);
    Some(found as f64 + (level - before) / (after - before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, amplitude: f64, rate: f64, count: usize) -> Vec<f64> {
        let phase = |n: usize| TAU * frequency * n as f64 / rate + 0.3;
        (0..count).map(|n| amplitude * phase(n).sin()).collect()
    }

    #[test]
    fn pitch_is_found() {
        for (true_pitch, near) in [(261.626, 262.0), (8000.123, 8001.0), (16.35, 16.36)] {
            let found = frequency(&sine(true_pitch, 1.0, 44_100.0, 88_200), near, 44_100.0);
            assert!(
                cents(found / true_pitch).abs() < 2e-4,
                "{true_pitch}: {found}"
            );
        }
    }

    #[test]
    fn a_sine_is_split_from_its_noise() {
        let mut frames = sine(997.0, 1000.0, 44_100.0, 20_000);
        for (n, x) in frames.iter_mut().enumerate() {
            *x += if n % 2 == 0 { 1.0 } else { -1.0 };
        }
        let (amplitude, noise) = fit_sine(&frames, 997.0, 44_100.0);
        assert!((amplitude - 1000.0).abs() < 0.01);
        assert!((noise - 1.0).abs() < 0.01);
    }

    #[test]
    fn lines_and_crossings() {
        let line: Vec<f64> = (0..100).map(|n| 3.0 - 0.25 * f64::from(n)).collect();
        assert!((slope(&line) + 0.25).abs() < 1e-12);
        assert_eq!(first_crossing(&[0.0, 1.0, 3.0], 2.0), Some(1.5));
        assert_eq!(first_crossing(&[0.0, 1.0], 2.0), None);
    }
}
