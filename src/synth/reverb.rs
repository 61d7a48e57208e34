//! The reverb: four delay lines that feed each other.
//!
//! Obeys the four numbers of `SYNTH_REVERB_PARAMS` (abi section 5.4), as integers. Each line loses
//! what makes 60 dB in the reverberation time, and treble faster by the ratio. The lines mix
//! through an orthogonal matrix, so losses are all there is: it cannot grow.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "samples are clamped, coefficients are at most 1"
)]

use crate::fixed::{self, ONE, Power};
use crate::mem::{Buffer, OutOfMemory};

/// `SYNTH_REVERB_PARAMS` without floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverbParameters {
    /// `fInGain` in 1/100 dB, -9,600..=0.
    pub in_gain: i32,
    /// `fReverbMix` in 1/100 dB, -9,600..=0.
    pub mix: i32,
    /// `fReverbTime` in milliseconds, 1..=3,000.
    pub time: u32,
    /// `fHighFreqRTRatio` in thousandths, 1..=999.
    pub high_ratio: u32,
}

impl Default for ReverbParameters {
    fn default() -> Self {
        Self {
            in_gain: 0,
            mix: -1000,
            time: 1500,
            high_ratio: 500,
        }
    }
}

#[derive(Debug)]
pub(super) struct Reverb {
    lines: [Line; 4],
    rate: u32,
    in_gain: Glide,
    mix: Glide,
    /// Frames until what was set is reached.
    left: u8,
    /// Frames since anything was heard.
    quiet: usize,
}

#[derive(Debug)]
struct Line {
    memory: Buffer<i32>,
    at: usize,
    /// Loss of one pass.
    gain: Glide,
    /// Weight of the new value in the treble loss.
    brightness: Glide,
    low: i64,
}

/// A factor on its way, in a straight line: one that jumps is heard as a click. Q30.
#[derive(Clone, Copy, Debug)]
struct Glide {
    now: i64,
    target: i64,
}

impl Glide {
    const fn at(value: i64) -> Self {
        Self {
            now: value,
            target: value,
        }
    }

    /// A frame on, of so many.
    fn advance(&mut self, left: u8) {
        let way = self.target.wrapping_sub(self.now);
        let step = way.checked_div(left.into()).unwrap_or(way);
        self.now = self.now.wrapping_add(step);
    }
}

impl Reverb {
    pub(super) fn try_new(rate: u32) -> Result<Self, OutOfMemory> {
        let line = |frames: u32| {
            // The lengths are for 44.1 kHz.
            let scaled = u64::from(frames).wrapping_mul(rate.into()) / 44_100;
            let frames = usize::try_from(scaled.max(1)).map_err(|_| OutOfMemory)?;
            Ok(Line {
                memory: Buffer::try_filled(frames, 0)?,
                at: 0,
                gain: Glide::at(0),
                brightness: Glide::at(i64::from(ONE)),
                low: 0,
            })
        };
        let [a, b, c, d] = LENGTHS;
        let mut reverb = Self {
            lines: [line(a)?, line(b)?, line(c)?, line(d)?],
            rate,
            in_gain: Glide::at(0),
            mix: Glide::at(0),
            left: 0,
            quiet: usize::MAX,
        };
        reverb.set(&ReverbParameters::default());
        Ok(reverb)
    }

    /// Forgets what it has heard.
    pub(super) fn fall_silent(&mut self) {
        for line in &mut self.lines {
            line.memory.fill(0);
            line.low = 0;
        }
        self.quiet = usize::MAX;
    }

    /// Takes new parameters, within a few frames; what sounds goes on.
    pub(super) fn set(&mut self, parameters: &ReverbParameters) {
        let gain = |hundredths: i32| {
            let tenths = i64::from(hundredths.clamp(-9600, 0));
            fixed::amplitude((tenths << 16) / 10).min(ONE.into()) as i64
        };
        self.in_gain.target = gain(parameters.in_gain);
        self.mix.target = gain(parameters.mix);
        self.left = WAY;
        let time = u64::from(parameters.time.clamp(1, 3000));
        let ratio = i64::from(parameters.high_ratio.clamp(1, 999));
        for line in &mut self.lines {
            // 60 dB are 9.96578 octaves.
            let frames = (line.memory.len() as u64).wrapping_mul(1000);
            let passes = time.wrapping_mul(self.rate.into()).max(1);
            let part = u128::from(frames).wrapping_mul(SIXTY_DB) / u128::from(passes);
            let loss = i64::try_from(part).unwrap_or(i64::MAX).min(200 << 32);
            let gain = Power::of_two(-loss).scaled(30).min(ONE.into()) as i64;
            // At half the output rate the filter b / (1 - (1 - b) z) passes b / (2 - b); treble
            // shall lose 1/ratio times as much.
            let extra = loss.saturating_mul(1000 - ratio) / ratio;
            let wanted = Power::of_two(-extra.min(200 << 32)).scaled(30).max(1 << 12);
            let wanted = wanted.min(ONE.into()) as i64;
            line.gain.target = gain;
            line.brightness.target = (wanted << 31)
                .checked_div(wanted.wrapping_add(ONE.into()))
                .unwrap_or(ONE.into());
        }
        if self.is_quiet() {
            // Nothing is heard of the way.
            while self.left > 0 {
                self.advance();
            }
        }
    }

    /// Whether nothing was heard for as long as anything may still come.
    fn is_quiet(&self) -> bool {
        self.quiet > self.lines[3].memory.len()
    }

    /// The parameters, a frame on.
    fn advance(&mut self) {
        self.in_gain.advance(self.left);
        self.mix.advance(self.left);
        for line in &mut self.lines {
            line.gain.advance(self.left);
            line.brightness.advance(self.left);
        }
        self.left = self.left.saturating_sub(1);
    }

    /// One frame, Q8 of a 16-bit sample's step in and out.
    pub(super) fn next(&mut self, input: i32) -> [i32; 2] {
        if input.unsigned_abs() > AUDIBLE {
            self.quiet = 0;
        } else if self.is_quiet() {
            return [0; 2];
        }
        if self.left > 0 {
            self.advance();
        }
        let input = times(input.into(), self.in_gain.now);
        let [a, b, c, d] = &mut self.lines;
        let [a, b, c, d] = [a.read(), b.read(), c.read(), d.read()];
        let loudest = a.abs().max(b.abs()).max(c.abs()).max(d.abs());
        let heard = loudest > i64::from(AUDIBLE);
        self.quiet = if heard {
            0
        } else {
            self.quiet.saturating_add(1)
        };
        // Hadamard's matrix, halved.
        let (ab, cd) = (
            (a.wrapping_add(b), a.wrapping_sub(b)),
            (c.wrapping_add(d), c.wrapping_sub(d)),
        );
        let mixed = [
            ab.0.wrapping_add(cd.0),
            ab.1.wrapping_add(cd.1),
            ab.0.wrapping_sub(cd.0),
            ab.1.wrapping_sub(cd.1),
        ];
        for (line, value) in self.lines.iter_mut().zip(mixed) {
            line.write(input.wrapping_add(value / 2));
        }
        [a.wrapping_add(c), b.wrapping_add(d)].map(|side| clamp(times(side, self.mix.now)))
    }
}

impl Line {
    /// The oldest value after its losses.
    fn read(&mut self) -> i64 {
        let value = i64::from(self.memory.get(self.at).copied().unwrap_or(0));
        let step = times(value.wrapping_sub(self.low), self.brightness.now);
        self.low = self.low.wrapping_add(step);
        times(self.low, self.gain.now)
    }

    fn write(&mut self, value: i64) {
        if let Some(slot) = self.memory.get_mut(self.at) {
            *slot = clamp(value);
        }
        let next = self.at.wrapping_add(1);
        self.at = if next < self.memory.len() { next } else { 0 };
    }
}

/// Toward zero, so that what remains dies.
const fn times(value: i64, q30: i64) -> i64 {
    value.wrapping_mul(q30) / ONE as i64
}

fn clamp(value: i64) -> i32 {
    value.clamp(-LOUDEST, LOUDEST) as i32
}

/// Primes between 32 and 47 ms, the last the longest.
const LENGTHS: [u32; 4] = [1423, 1601, 1867, 2053];
/// 60 dB in octaves, Q32.
const SIXTY_DB: u128 = 42_802_718_894;
/// Frames that new parameters take.
const WAY: u8 = 64;
/// A quarter of a 16-bit step.
const AUDIBLE: u32 = 64;
/// 30 dB above full scale.
const LOUDEST: i64 = 1 << 28;

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "energies and equations are in floats"
)]
mod tests {
    use super::*;

    /// Energy of each tenth of a second after an impulse.
    fn decay(parameters: ReverbParameters) -> std::vec::Vec<f64> {
        let mut reverb = Reverb::try_new(44_100).unwrap();
        reverb.set(&parameters);
        let mut energies = std::vec::Vec::new();
        let mut input = 1 << 26;
        for _ in 0..30 {
            let mut energy = 0.0;
            for _ in 0..4410 {
                let [left, right] = reverb.next(input).map(f64::from);
                energy += left * left + right * right;
                input = 0;
            }
            energies.push(10.0 * (energy + 1e-9).log10());
        }
        energies
    }

    #[test]
    fn falls_60_db_in_its_time() {
        for time in [500, 1000, 2000] {
            let parameters = ReverbParameters {
                time,
                high_ratio: 999,
                mix: 0,
                in_gain: 0,
            };
            let energies = decay(parameters);
            let span = (time / 200) as usize;
            let fall = energies[1] - energies[1 + span];
            let ideal = 60.0 * span as f64 * 100.0 / f64::from(time);
            std::println!("{time} ms: {fall:.1} dB in {span} tenths, ideal {ideal:.1}");
            assert!((fall - ideal).abs() < 2.0);
        }
    }

    /// The same network in floating point, from the parameters' meaning: 60 dB in the time, and
    /// treble `1000 / high_ratio` times as fast.
    #[test]
    fn does_what_the_equations_say() {
        for (rate, parameters) in [
            (44_100, ReverbParameters::default()),
            (
                22_050,
                ReverbParameters {
                    in_gain: -300,
                    mix: -600,
                    time: 2500,
                    high_ratio: 250,
                },
            ),
        ] {
            let mut reverb = Reverb::try_new(rate).unwrap();
            reverb.set(&parameters);
            let amplitude = |hundredths: i32| 10_f64.powf(f64::from(hundredths) / 2000.0);
            let seconds = f64::from(parameters.time) / 1000.0;
            let ratio = f64::from(parameters.high_ratio) / 1000.0;
            let mut lines = LENGTHS.map(|frames| {
                let frames = (u64::from(frames) * u64::from(rate) / 44_100) as usize;
                let passes = seconds * f64::from(rate) / frames as f64;
                let gain = 10_f64.powf(-3.0 / passes);
                let treble = gain.powf(1.0 / ratio - 1.0);
                let weight = 2.0 * treble / (1.0 + treble);
                (std::vec![0.0_f64; frames], gain, weight, 0.0_f64)
            });
            let mut random = 1_u32;
            let (mut error, mut loudest) = (0.0_f64, 0.0_f64);
            for n in 0..2 * rate as usize {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Noise at -6 dBFS for a quarter of the time, then the tail.
                let input = if n < rate as usize / 2 {
                    (random >> 10).cast_signed() - (1 << 21)
                } else {
                    0
                };
                let out = reverb.next(input);
                let old = [0, 1, 2, 3].map(|i| {
                    let (memory, gain, weight, low) = &mut lines[i];
                    *low += (memory[n % memory.len()] - *low) * *weight;
                    *low * *gain
                });
                for (i, (memory, ..)) in lines.iter_mut().enumerate() {
                    let sign =
                        |j: usize| f64::from(1 - 2 * ((i & j).count_ones() & 1).cast_signed());
                    let mixed: f64 = (0..4).map(|j| sign(j) * old[j]).sum();
                    let length = memory.len();
                    memory[n % length] =
                        f64::from(input) * amplitude(parameters.in_gain) + mixed / 2.0;
                }
                for (side, value) in out.into_iter().enumerate() {
                    let ideal = (old[side] + old[side + 2]) * amplitude(parameters.mix);
                    error = error.max((f64::from(value) - ideal).abs());
                    loudest = loudest.max(ideal.abs());
                }
            }
            let decibels = |x: f64| 20.0 * (x / f64::from(1 << 23)).log10();
            let (error, loudest) = (decibels(error), decibels(loudest));
            std::println!("{rate} Hz: peak {loudest:.1} dBFS, worst sample off by {error:.1} dBFS");
            assert!(loudest > -30.0 && error < -80.0);
        }
    }

    /// Parameters that change under a steady tone are heard as another level, not as a click.
    #[test]
    fn parameters_move_without_a_click() {
        let mut reverb = Reverb::try_new(44_100).unwrap();
        let parameters = ReverbParameters {
            high_ratio: 999,
            ..ReverbParameters::default()
        };
        reverb.set(&parameters);
        let mut last = 0;
        let mut steepest = |reverb: &mut Reverb, frames: usize| {
            let steps = (0..frames).map(|_| {
                let [left, _] = reverb.next(1 << 20);
                let step = left.abs_diff(last);
                last = left;
                step
            });
            steps.max().unwrap()
        };
        steepest(&mut reverb, 200_000);
        let level = f64::from(reverb.next(1 << 20)[0]);
        for (in_gain, mix, time) in [(0, 0, 1500), (-600, 0, 1500), (-600, -1000, 200)] {
            reverb.set(&ReverbParameters {
                in_gain,
                mix,
                time,
                ..parameters
            });
            let step = f64::from(steepest(&mut reverb, 1000));
            std::println!("{in_gain} {mix} {time}: {:.3} of the level", step / level);
            assert!(step < 0.06 * level);
            steepest(&mut reverb, 200_000);
        }
    }

    #[test]
    fn dies_completely() {
        let mut reverb = Reverb::try_new(8000).unwrap();
        let mut last = [1; 2];
        for n in 0..80_000 {
            last = reverb.next(if n < 100 { i32::MAX } else { 0 });
        }
        assert_eq!(last, [0; 2]);
        assert!(reverb.quiet > 372);
    }
}
