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

    /// Adds the reverb of a run of frames to `out`, which is as long; Q8 of a 16-bit sample's step in and out.
    pub(super) fn run(&mut self, mut input: &[i32], mut out: &mut [[i32; 2]]) {
        while !input.is_empty() {
            let frames = if self.is_quiet() {
                let loud = |sample: &i32| sample.unsigned_abs() > AUDIBLE;
                match input.iter().position(loud) {
                    None => return,
                    Some(0) => {
                        self.quiet = 0;
                        continue;
                    }
                    Some(silent) => silent,
                }
            } else {
                self.run_some(input, out)
            };
            input = input.get(frames..).unwrap_or_default();
            out = core::mem::take(&mut out)
                .get_mut(frames..)
                .unwrap_or_default();
        }
    }

    /// As [`run`](Self::run), for as many frames as no line comes to the end of its memory in, and the
    /// reverb cannot fall silent in: at least one. Says how many.
    fn run_some(&mut self, input: &[i32], out: &mut [[i32; 2]]) -> usize {
        if self.left > 0 {
            self.advance();
        }
        let longest = self.lines[3].memory.len();
        let awake = longest.saturating_sub(self.quiet).saturating_add(1);
        // Parameters on their way are other ones for each frame.
        let most = if self.left > 0 { 1 } else { awake };
        let frames = self
            .lines
            .iter()
            .fold(most.min(input.len()), |frames, line| {
                frames.min(line.memory.len().saturating_sub(line.at))
            });
        let (in_gain, mix) = (self.in_gain.now, self.mix.now);
        let [a, b, c, d] = &mut self.lines;
        let (mut state_a, mut state_b) = (a.loss(), b.loss());
        let (mut state_c, mut state_d) = (c.loss(), d.loss());
        let pairs = a.ahead(frames).iter_mut().zip(b.ahead(frames));
        let fours = pairs.zip(c.ahead(frames).iter_mut().zip(d.ahead(frames)));
        let mut quiet = self.quiet;
        for (((slot_a, slot_b), (slot_c, slot_d)), (&input, sum)) in
            fours.zip(input.iter().zip(out))
        {
            if input.unsigned_abs() > AUDIBLE {
                quiet = 0;
            }
            let input = times(input.into(), in_gain);
            let (a, b) = (state_a.read(*slot_a), state_b.read(*slot_b));
            let (c, d) = (state_c.read(*slot_c), state_d.read(*slot_d));
            let loudest = a.abs().max(b.abs()).max(c.abs()).max(d.abs());
            let after = quiet.wrapping_add(1);
            quiet = if loudest > i64::from(AUDIBLE) {
                0
            } else {
                after
            };
            // Hadamard's matrix, halved.
            let (ab, cd) = (a.wrapping_add(b), c.wrapping_add(d));
            let (a_b, c_d) = (a.wrapping_sub(b), c.wrapping_sub(d));
            let fed = |value: i64| clamp(input.wrapping_add(value >> 1));
            *slot_a = fed(ab.wrapping_add(cd));
            *slot_b = fed(a_b.wrapping_add(c_d));
            *slot_c = fed(ab.wrapping_sub(cd));
            *slot_d = fed(a_b.wrapping_sub(c_d));
            let sides = [a.wrapping_add(c), b.wrapping_add(d)];
            for (sum, side) in sum.iter_mut().zip(sides) {
                *sum = sum.wrapping_add(times(side, mix) as i32);
            }
        }
        self.quiet = quiet;
        for (line, state) in self
            .lines
            .iter_mut()
            .zip([state_a, state_b, state_c, state_d])
        {
            line.low = state.low;
            line.move_on(frames);
        }
        frames
    }
}

impl Line {
    /// What happens to a value that comes out, at the parameters of now.
    const fn loss(&self) -> Loss {
        Loss {
            low: self.low,
            brightness: self.brightness.now,
            gain: self.gain.now,
        }
    }

    /// The oldest values, in whose places the newest go.
    fn ahead(&mut self, frames: usize) -> &mut [i32] {
        let end = self.at.saturating_add(frames);
        self.memory.get_mut(self.at..end).unwrap_or_default()
    }

    fn move_on(&mut self, frames: usize) {
        let next = self.at.saturating_add(frames);
        self.at = if next < self.memory.len() { next } else { 0 };
    }
}

/// The losses of one line.
#[derive(Clone, Copy, Debug)]
struct Loss {
    low: i64,
    brightness: i64,
    gain: i64,
}

impl Loss {
    /// A value after its losses.
    fn read(&mut self, value: i32) -> i64 {
        let step = times(i64::from(value).wrapping_sub(self.low), self.brightness);
        self.low = self.low.wrapping_add(step);
        times(self.low, self.gain)
    }
}

/// Rounds down: what remains of a sound for ever is far from audible, and ends with the silence.
const fn times(value: i64, q30: i64) -> i64 {
    value.wrapping_mul(q30) >> 30
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
const _: () = assert!(AUDIBLE.is_power_of_two());
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

    impl Reverb {
        /// One frame.
        fn next(&mut self, input: i32) -> [i32; 2] {
            let mut out = [[0; 2]];
            self.run(&[input], &mut out);
            out[0]
        }
    }

    /// Runs of any length are the frames one by one: through silence and waking, while parameters
    /// move, around the ends of the lines.
    #[test]
    fn a_run_is_its_frames() {
        let mut reverbs = [(); 2].map(|()| Reverb::try_new(8000).unwrap());
        let mut random = 1_u32;
        let mut noise = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random >> 8
        };
        for round in 0..3000 {
            let length = noise() as usize % 129;
            let loud = round % 100 < 10;
            let input: std::vec::Vec<i32> = (0..length)
                .map(|_| {
                    if loud {
                        noise().cast_signed() - (1 << 23)
                    } else {
                        0
                    }
                })
                .collect();
            if round % 70 == 5 {
                for reverb in &mut reverbs {
                    reverb.set(&ReverbParameters {
                        time: 100 + round,
                        ..ReverbParameters::default()
                    });
                }
            }
            let [whole, single] = &mut reverbs;
            let mut out = std::vec![[1, -2]; length];
            whole.run(&input, &mut out);
            for (input, [left, right]) in input.into_iter().zip(out) {
                assert_eq!(single.next(input), [left - 1, right + 2], "round {round}");
            }
        }
        assert_eq!(reverbs[0].quiet, reverbs[1].quiet);
    }

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
