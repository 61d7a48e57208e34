//! Reading a wave at a position between its frames, with its loop.

use std::sync::Arc;

use dmusmini_collection::{Frames, Loop, Wave};

/// Where interpolation coefficients come from: the one thing taken from the synth under test.
pub trait Kernel {
    /// How many frames are combined; the first lies `taps() / 2 - 1` before the position.
    fn taps(&self) -> usize;

    /// The coefficients for a position `fraction` (0..1) after a frame, read `step` frames at a
    /// time; `out` has [`taps`](Self::taps) places.
    fn coefficients(&self, fraction: f64, step: f64, out: &mut [f64]);
}

impl<K: Kernel + ?Sized> Kernel for Arc<K> {
    fn taps(&self) -> usize {
        (**self).taps()
    }

    fn coefficients(&self, fraction: f64, step: f64, out: &mut [f64]) {
        (**self).coefficients(fraction, step, out);
    }
}

/// Two points, exact.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

impl Kernel for Linear {
    fn taps(&self) -> usize {
        2
    }

    fn coefficients(&self, fraction: f64, _: f64, out: &mut [f64]) {
        out.copy_from_slice(&[1.0 - fraction, fraction]);
    }
}

/// A windowed sinc: rows for closely spaced positions, with straight lines between the rows.
/// Made for steps up to 1; higher ones alias like those of any table.
#[derive(Clone, Debug)]
pub struct Sinc {
    taps: usize,
    rows: Vec<Vec<f64>>,
}

impl Sinc {
    /// How finely positions are spaced; lines between them add an error below -130 dB.
    const ROWS: usize = 4096;

    /// `taps` (even) points under a Kaiser window.
    pub fn new(taps: usize, beta: f64) -> Self {
        let half = taps as f64 / 2.0;
        let row = |number: usize| {
            let fraction = number as f64 / Self::ROWS as f64;
            let tap = |tap: usize| {
                let x = tap as f64 - (half - 1.0) - fraction;
                let inside = (1.0 - (x / half).powi(2)).max(0.0).sqrt();
                sinc(x) * bessel(beta * inside) / bessel(beta)
            };
            let taps: Vec<f64> = (0..taps).map(tap).collect();
            let sum: f64 = taps.iter().sum();
            taps.iter().map(|c| c / sum).collect()
        };
        Self {
            taps,
            rows: (0..=Self::ROWS).map(row).collect(),
        }
    }
}

impl Kernel for Sinc {
    fn taps(&self) -> usize {
        self.taps
    }

    fn coefficients(&self, fraction: f64, _: f64, out: &mut [f64]) {
        let place = fraction * Self::ROWS as f64;
        let row = (place as usize).min(Self::ROWS - 1);
        let part = place - row as f64;
        let rows = self.rows[row].iter().zip(&self.rows[row + 1]);
        for (slot, (low, high)) in out.iter_mut().zip(rows) {
            *slot = low + part * (high - low);
        }
    }
}

fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..60 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

/// A wave as the oscillator reads it: 16-bit full scale is 32,768.
#[derive(Clone, Debug)]
pub struct Source {
    frames: Vec<f64>,
    /// Frames a second.
    pub rate: f64,
}

impl Source {
    /// The frames of `wave`; 8-bit ones widened to 16.
    pub fn new(wave: &Wave) -> Self {
        let frames = match &wave.frames {
            Frames::Eight(frames) => frames
                .iter()
                .map(|&x| (f64::from(x) - 128.0) * 256.0)
                .collect(),
            Frames::Sixteen(frames) => frames.iter().map(|&x| x.into()).collect(),
        };
        Self {
            frames,
            rate: wave.rate.into(),
        }
    }

    fn frame(&self, index: i64) -> f64 {
        usize::try_from(index)
            .ok()
            .and_then(|n| self.frames.get(n))
            .copied()
            .unwrap_or(0.0)
    }
}

/// A reading position. It never wraps: a loop repeats the wave, it does not move the reader.
#[derive(Clone, Debug)]
pub struct Oscillator {
    position: f64,
    wave_loop: Option<Loop>,
    /// Frames that were repeated when the loop was left, once it was.
    left_after: Option<i64>,
}

impl Oscillator {
    /// At the first frame.
    pub fn new(wave_loop: Option<Loop>) -> Self {
        Self {
            position: 0.0,
            wave_loop,
            left_after: None,
        }
    }

    /// Note-off: a release loop is left.
    pub fn release(&mut self) {
        if let Some(found) = self.wave_loop
            && found.until_release
            && self.left_after.is_none()
        {
            let length = i64::from(found.length);
            let into = self.position as i64 - i64::from(found.start);
            self.left_after = Some(into.div_euclid(length).max(0) * length);
        }
    }

    /// Whether the wave has ended, and `ringing` frames more: an interpolator reads that far back.
    pub fn is_over(&self, source: &Source, ringing: usize) -> bool {
        let played = match (self.wave_loop, self.left_after) {
            (None, _) => self.position,
            (Some(_), None) => return false,
            (Some(_), Some(repeated)) => self.position - repeated as f64,
        };
        played >= (source.frames.len() + ringing) as f64
    }

    /// The wave here.
    pub fn read(&self, source: &Source, kernel: &dyn Kernel, step: f64) -> f64 {
        let taps = kernel.taps();
        let mut coefficients = [0.0; 64];
        let coefficients = &mut coefficients[..taps];
        let whole = self.position.floor();
        kernel.coefficients(self.position - whole, step, coefficients);
        let first = whole as i64 - (taps as i64 / 2 - 1);
        let mut sum = 0.0;
        for (index, coefficient) in (first..).zip(coefficients.iter()) {
            sum += coefficient * source.frame(self.place(index));
        }
        sum
    }

    /// `step` frames on.
    pub fn advance(&mut self, step: f64) {
        self.position += step;
    }

    /// Which frame of the wave stands at `index` of the endless tape that the loop makes of it.
    fn place(&self, index: i64) -> i64 {
        let Some(found) = self.wave_loop else {
            return index;
        };
        let (start, length) = (i64::from(found.start), i64::from(found.length));
        match self.left_after {
            Some(repeated) if index >= start + repeated => index - repeated,
            _ if index < start + length => index,
            _ => start + (index - start) % length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::new(&Wave::new("ramp", 8000, (0..10).collect()))
    }

    fn play(oscillator: &mut Oscillator, step: f64, count: usize) -> Vec<f64> {
        let source = source();
        let mut out = Vec::new();
        for _ in 0..count {
            out.push(oscillator.read(&source, &Linear, step));
            oscillator.advance(step);
        }
        out
    }

    #[test]
    fn forward_loop_repeats_for_ever() {
        let mut oscillator = Oscillator::new(Some(Loop {
            until_release: false,
            start: 2,
            length: 3,
        }));
        let heard = play(&mut oscillator, 1.0, 9);
        assert_eq!(heard, [0.0, 1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 2.0]);
        oscillator.release();
        assert_eq!(play(&mut oscillator, 1.0, 2), [3.0, 4.0]);
    }

    #[test]
    fn a_step_may_be_longer_than_the_loop() {
        let mut oscillator = Oscillator::new(Some(Loop {
            until_release: false,
            start: 1,
            length: 2,
        }));
        assert_eq!(play(&mut oscillator, 7.0, 4), [0.0, 1.0, 2.0, 1.0]);
    }

    #[test]
    fn release_loop_plays_on_to_the_end() {
        let mut oscillator = Oscillator::new(Some(Loop {
            until_release: true,
            start: 2,
            length: 3,
        }));
        play(&mut oscillator, 1.0, 7);
        oscillator.release();
        let heard = play(&mut oscillator, 1.0, 6);
        assert_eq!(heard, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert!(oscillator.is_over(&source(), 0));
    }
}
