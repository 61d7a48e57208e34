//! A looped tone built from sine lines, with a loop that cannot click.
//!
//! Every line is moved to the nearest frequency that has a whole number of cycles in the loop, and its gain stands still
//! from the loop's first sample on. The loop is therefore periodic by construction, however many inharmonic or detuned
//! lines there are: no cross-fade, no search for zero crossings. With a loop of half a second the lines move by at most
//! one hertz, which reads as life rather than as mistuning; the fundamental is exact, because the loop's length is chosen
//! for it.

use super::{Noise, bell};
use crate::wave::{Loop, Wave};
use std::f64::consts::TAU;

pub(crate) struct Canvas {
    rate: f64,
    samples: Vec<f64>,
    loop_start: usize,
    loop_length: usize,
    cycles: usize,
}

impl Canvas {
    /// An empty tone of `hz` with `attack` seconds before a loop of about `looped` seconds.
    pub(crate) fn new(rate: u32, hz: f64, attack: f64, looped: f64) -> Self {
        let rate = f64::from(rate);
        let (cycles, loop_length) = fit_loop(rate, hz, looped);
        let loop_start = (attack * rate).round() as usize;
        Self {
            rate,
            samples: vec![0.0; loop_start + loop_length],
            loop_start,
            loop_length,
            cycles,
        }
    }

    /// The fundamental that the loop really holds.
    pub(crate) fn hz(&self) -> f64 {
        self.cycles as f64 * self.grid()
    }

    /// The highest frequency worth adding: a little below half the rate, where a sinc interpolator still passes it.
    pub(crate) fn top(&self) -> f64 {
        self.rate * 0.45
    }

    /// Adds one line. `gain` is a function of the time in seconds, which slows down and stops at the loop.
    pub(crate) fn line(&mut self, hz: f64, phase: f64, gain: impl Fn(f64) -> f64) {
        let bin = (hz / self.grid()).round();
        if bin < 1.0 || bin * self.grid() > self.top() {
            return;
        }
        let frequency = bin / self.loop_length as f64;
        let stop = self.loop_start as f64 / self.rate;
        let rate = self.rate;
        add_line(&mut self.samples, frequency, phase, |at| {
            gain(settle(at / rate, stop))
        });
    }

    /// Adds a cluster of lines under a bell curve of `width` hertz, as many players around one note make it. The cluster
    /// as a whole has the power of one line of `gain`.
    pub(crate) fn band(
        &mut self,
        hz: f64,
        width: f64,
        noise: &mut Noise,
        gain: impl Fn(f64) -> f64,
    ) {
        let grid = self.grid();
        let centre = (hz / grid).round();
        let reach = (2.5 * width / grid).floor();
        if reach < 1.0 {
            self.line(hz, noise.phase(), gain);
            return;
        }
        let offsets = || (0..=(2.0 * reach) as i64).map(|index| index as f64 - reach);
        let power: f64 = offsets()
            .map(|offset| bell(offset * grid, width))
            .map(|g| g * g)
            .sum();
        let scale = 1.0 / power.sqrt();
        for offset in offsets() {
            let share = scale * bell(offset * grid, width);
            self.line((centre + offset) * grid, noise.phase(), |at| {
                share * gain(at)
            });
        }
    }

    /// The samples, for what is not made of lines (a hammer's knock). Keep out of the loop.
    pub(crate) fn before_loop(&mut self) -> &mut [f64] {
        let end = self.loop_start;
        &mut self.samples[..end]
    }

    /// The finished wave at the given root-mean-square level of its loop, or as near as `peak` allows.
    pub(crate) fn finish(mut self, name: impl Into<String>, rms: f64, peak: f64) -> Wave {
        super::normalise_rms(&mut self.samples, self.loop_start, rms, peak);
        let hz = self.hz();
        let looped = Loop {
            start: self.loop_start as u32,
            length: self.loop_length as u32,
        };
        Wave::new(name, self.rate as u32, &self.samples, hz, Some(looped))
    }

    fn grid(&self) -> f64 {
        self.rate / self.loop_length as f64
    }
}

/// The number of cycles and of samples for a loop of about `seconds` that is best in tune with `hz`.
///
/// Wave pitch is corrected in whole cents, so the length whose error is nearest to a whole number of cents wins.
fn fit_loop(rate: f64, hz: f64, seconds: f64) -> (usize, usize) {
    let wanted = (seconds * hz).round().max(1.0) as usize;
    (wanted.saturating_sub(3).max(1)..=wanted + 3)
        .map(|cycles| {
            let length = (cycles as f64 * rate / hz).round();
            let error = 1200.0 * libm::log2(cycles as f64 * rate / length / hz);
            ((error - error.round()).abs(), cycles, length as usize)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or((1, 1), |(_, cycles, length)| (cycles, length))
}

/// Time that runs normally at first, slows down from 60 % of the way and stands still at `stop`.
fn settle(at: f64, stop: f64) -> f64 {
    let bend = 0.6 * stop;
    if at <= bend {
        return at;
    }
    let late = at.min(stop) - bend;
    bend + late - late * late / (2.0 * (stop - bend)).max(1e-9)
}

/// Adds a sine of `frequency` cycles a sample. The gain is asked for once a block and ramps in between.
pub(crate) fn add_line(out: &mut [f64], frequency: f64, phase: f64, gain: impl Fn(f64) -> f64) {
    const BLOCK: usize = 64;
    const INAUDIBLE: f64 = 1e-7;
    let (turn_sin, turn_cos) = libm::sincos(TAU * frequency);
    let mut from = gain(0.0);
    for (index, block) in out.chunks_mut(BLOCK).enumerate() {
        let start = (index * BLOCK) as f64;
        let to = gain(start + block.len() as f64);
        if from.abs() > INAUDIBLE || to.abs() > INAUDIBLE {
            let turns = frequency * start + phase;
            let (mut sin, mut cos) = libm::sincos(TAU * (turns - turns.floor()));
            let step = (to - from) / block.len() as f64;
            let mut level = from;
            for sample in block {
                *sample += level * sin;
                level += step;
                (sin, cos) = (
                    sin * turn_cos + cos * turn_sin,
                    cos * turn_cos - sin * turn_sin,
                );
            }
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::key_hz;

    #[test]
    fn every_key_fits_its_loop_within_a_fifth_of_a_cent_of_a_whole_cent() {
        let worst = (21..=108)
            .map(|key| {
                let canvas = Canvas::new(22_050, key_hz(key), 0.3, 0.5);
                let error = 1200.0 * libm::log2(canvas.hz() / key_hz(key));
                (error - error.round()).abs()
            })
            .fold(0.0, f64::max);
        assert!(worst < 0.2, "{worst} cents");
    }

    #[test]
    fn the_loop_continues_the_wave_without_a_step() {
        let mut canvas = Canvas::new(32_000, 261.6, 0.1, 0.3);
        let mut noise = Noise::new(1);
        canvas.band(261.6, 3.0, &mut noise, exp_decay);
        canvas.line(1234.5, 0.2, |at| 0.5 * exp_decay(at));
        let length = canvas.loop_length;
        // The sample after the last must be the first of the loop: extend by one sample and compare.
        let extended = {
            let mut longer = Canvas {
                samples: vec![0.0; canvas.samples.len() + 64],
                ..Canvas::new(32_000, 261.6, 0.1, 0.3)
            };
            let mut noise = Noise::new(1);
            longer.band(261.6, 3.0, &mut noise, exp_decay);
            longer.line(1234.5, 0.2, |at| 0.5 * exp_decay(at));
            longer.samples
        };
        for offset in 0..64 {
            let after = extended[canvas.loop_start + length + offset];
            let first = canvas.samples[canvas.loop_start + offset];
            assert!(
                (after - first).abs() < 1e-3,
                "{offset}: {after} against {first}"
            );
        }
    }

    fn exp_decay(at: f64) -> f64 {
        libm::exp(-5.0 * at)
    }
}
