//! The two-pole resonant low-pass (dls.md section 4.4).
//!
//! H(s) = g / (1 + s/q + s^2) through the pre-warped bilinear transform, with its zeros at half
//! the output rate. The rounding errors of the coefficients cancel at zero frequency, so the level
//! of the lowest cutoff is right. Outputs are rounded to 12 bits below a 16-bit step, which the
//! lowest cutoff raises to -129 dBFS of noise, and have 24 dB of room above full scale, twice what
//! the highest resonance needs. Over a control interval coefficients move in small even steps, one
//! every four frames: all filters between two stable ones are stable.
//!
//! The portable code is the definition; `super::simd` does the same in SSE2, bit for bit, for
//! two voices at once and together with their mix.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "coefficients and samples are in range by construction, and wrap if they are not"
)]

use crate::fixed::{self, ONE, Power};

/// The filter's coefficients. Its other numerator weights are 2 b0 and b0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coefficients {
    /// Numerator, with the level reduction for resonance; Q27, never negative.
    pub b0: i32,
    /// What of the last output is added, Q30. Negative only for a cutoff above a quarter of the
    /// rate.
    pub last: i32,
    /// What of the output before is taken off, Q30; never negative.
    pub before: i32,
}

/// A resonance, prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resonance {
    /// 1/q, Q30.
    damping: u32,
    /// 10^(-Q/40), Q30.
    level: u32,
}

impl Resonance {
    /// From Q in 16.16 tenths of a decibel, moved into 0..=22.5 dB.
    #[must_use]
    pub fn new(tenths: i64) -> Self {
        let tenths = tenths.clamp(0, 225 << 16);
        // q = 10^((Q - 3.01) / 20); at Q = 0 its inverse is 1.414.
        let damping = fixed::amplitude((301 << 16) / 10 - tenths);
        let level = fixed::amplitude(-(tenths >> 1));
        Self {
            damping: u32::try_from(damping).unwrap_or(u32::MAX),
            level: u32::try_from(level).unwrap_or(ONE),
        }
    }
}

/// What one output rate makes of cutoffs.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// log2(2 * 440 Hz / rate) in Q32 octaves: what 6,900 pitch cents are of half the rate.
    reference: i64,
}

impl Tuning {
    /// For an output of `rate` frames a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self {
            reference: fixed::log2(880).wrapping_sub(fixed::log2(u64::from(rate))),
        }
    }

    /// The coefficients of a cutoff in 16.16 pitch cents, which is moved into 200..=7,998 Hz and
    /// below 0.49 of the rate.
    #[must_use]
    pub fn coefficients(&self, cutoff: i64, resonance: Resonance) -> Coefficients {
        let cents = cutoff.clamp(LOWEST, HIGHEST).wrapping_sub(6900 << 16);
        let octaves = self.reference.wrapping_add(fixed::octaves_of_cents(cents));
        // The half angle, pi fc / fs, in quarter turns (Q30).
        let angle = Power::of_two(octaves).scaled(30).min(WIDEST) as u32;
        let sin = u64::from(fixed::quarter_sine(angle));
        let cos = u64::from(fixed::quarter_sine(ONE.saturating_sub(angle)));
        // alpha = sin cos / q; all filter weights are divided by 1 + alpha.
        let alpha = ((sin * cos) >> 30).wrapping_mul(u64::from(resonance.damping)) >> 30;
        let inverse = (1_u64 << 62)
            .checked_div(u64::from(ONE) + alpha)
            .unwrap_or(0); // Q32
        let twice = ((inverse + 1) >> 1) as i64; // 2 / (1 + alpha) in Q30 is Q32 >> 1
        // sin^2 / (1 + alpha) in Q30: precise even for the lowest cutoff.
        let share = ((sin * sin) >> 28).wrapping_mul(inverse) >> 34;
        let b0 = (share.wrapping_mul(u64::from(resonance.level)) + (1 << 32)) >> 33;
        Coefficients {
            b0: b0 as i32,
            last: twice.wrapping_sub((share as i64).wrapping_mul(4)) as i32,
            before: twice.wrapping_sub(ONE.into()) as i32,
        }
    }
}

/// One voice's filter: its memory and where its coefficients are going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub(super) state: State,
    pub(super) now: Coefficients,
}

/// What earlier frames add to the next output and to the one after it, Q42 (the transposed form).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) next: i64,
    pub(super) after: i64,
}

/// A run of frames for one filter, and the coefficients that it shall end with.
#[derive(Debug)]
pub struct Run<'a> {
    /// Whose.
    pub filter: &'a mut Filter,
    /// Q15 in; Q12 out, because resonance needs the room.
    pub frames: &'a mut [i32],
    /// At the end of the run.
    pub target: Coefficients,
}

impl Filter {
    /// A filter at rest.
    #[must_use]
    pub fn new(coefficients: Coefficients) -> Self {
        Self {
            state: State::default(),
            now: coefficients,
        }
    }

    /// Takes other coefficients at once.
    pub fn set(&mut self, coefficients: Coefficients) {
        self.now = coefficients;
    }
}

/// Filters one run.
#[expect(clippy::needless_pass_by_value, reason = "a run is used up")]
pub fn run(a: Run<'_>) {
    let slope = a.slope();
    let (mut state, mut c) = (a.filter.state, a.filter.now);
    for four in a.frames.chunks_mut(4) {
        for frame in four {
            *frame = state.step(&c, *frame);
        }
        c.advance(&slope);
    }
    (a.filter.state, a.filter.now) = (state, a.target);
}

/// Filters two runs of the same length at once. Each frame of a filter waits for the one before
/// it; a second filter makes use of the wait.
pub fn run_two([a, b]: &mut [Run<'_>; 2]) {
    let (mut course_a, mut course_b) = (Course::of(a), Course::of(b));
    let (fours_a, rest_a) = a.frames.as_chunks_mut::<4>();
    let (fours_b, rest_b) = b.frames.as_chunks_mut::<4>();
    for (four_a, four_b) in fours_a.iter_mut().zip(fours_b) {
        for (frame_a, frame_b) in four_a.iter_mut().zip(four_b) {
            *frame_a = course_a.step(*frame_a);
            *frame_b = course_b.step(*frame_b);
        }
        course_a.advance();
        course_b.advance();
    }
    for (frame_a, frame_b) in rest_a.iter_mut().zip(rest_b) {
        *frame_a = course_a.step(*frame_a);
        *frame_b = course_b.step(*frame_b);
    }
    (a.filter.state, a.filter.now) = (course_a.state(), a.target);
    (b.filter.state, b.filter.now) = (course_b.state(), b.target);
}

/// A filter while it runs: state and coefficients times four, so that an output is the upper half
/// of a sum, and half a step of the output in the state already, so that no frame waits for it.
///
/// Its outputs are those of [`State::step`], whatever overflows: none depends on more than the
/// state's lower 62 bits, which are the same.
#[derive(Clone, Copy, Debug)]
struct Course {
    next: i64,
    after: i64,
    b0: i64,
    last: i64,
    /// Taken off by adding its negative.
    before: i64,
    slope: [i64; 3],
}

impl Course {
    fn of(run: &Run<'_>) -> Self {
        let [b0, last, before] = run.filter.now.quadrupled();
        let State { next, after } = run.filter.state;
        let biased = |part: i64| part.wrapping_add(HALF_STEP).wrapping_shl(2);
        Self {
            next: biased(next),
            after: biased(after),
            b0,
            last,
            before,
            slope: run.slope().quadrupled(),
        }
    }

    #[inline]
    fn step(&mut self, frame: i32) -> i32 {
        let input = self.b0.wrapping_mul(i64::from(frame));
        let y = input.wrapping_add(self.next) >> (OUTPUT_SHIFT + 2);
        self.next = input
            .wrapping_mul(2)
            .wrapping_add(self.after)
            .wrapping_add(self.last.wrapping_mul(y));
        self.after = input
            .wrapping_add(HALF_STEP << 2)
            .wrapping_add(self.before.wrapping_mul(y));
        y as i32
    }

    #[inline]
    fn advance(&mut self) {
        let [b0, last, before] = self.slope;
        self.b0 = self.b0.wrapping_add(b0);
        self.last = self.last.wrapping_add(last);
        self.before = self.before.wrapping_add(before);
    }

    fn state(&self) -> State {
        let [next, after] = [self.next, self.after].map(|part| (part >> 2).wrapping_sub(HALF_STEP));
        State { next, after }
    }
}

impl Run<'_> {
    /// What each coefficient moves by after every four frames.
    pub(super) fn slope(&self) -> Coefficients {
        let (from, to) = (&self.filter.now, &self.target);
        if from == to {
            return Coefficients::default();
        }
        let inverse = super::ramp::inverse(self.frames.len().div_ceil(4));
        let slope = |from: i32, to: i32| super::ramp::step(from, to, inverse);
        Coefficients {
            b0: slope(from.b0, to.b0),
            last: slope(from.last, to.last),
            before: slope(from.before, to.before),
        }
    }
}

impl Coefficients {
    /// Times four, and the last negated.
    fn quadrupled(&self) -> [i64; 3] {
        [
            i64::from(self.b0).wrapping_mul(4),
            i64::from(self.last).wrapping_mul(4),
            i64::from(self.before).wrapping_mul(-4),
        ]
    }

    #[inline]
    pub(super) const fn advance(&mut self, slope: &Self) {
        self.b0 = self.b0.wrapping_add(slope.b0);
        self.last = self.last.wrapping_add(slope.last);
        self.before = self.before.wrapping_add(slope.before);
    }
}

impl State {
    #[inline]
    pub(super) fn step(&mut self, c: &Coefficients, frame: i32) -> i32 {
        // The zeros weigh the input by 1, 2 and 1.
        let input = i64::from(c.b0).wrapping_mul(i64::from(frame));
        let sum = input.wrapping_add(self.next).wrapping_add(HALF_STEP);
        let y = (sum >> OUTPUT_SHIFT) as i32;
        self.next = input
            .wrapping_mul(2)
            .wrapping_add(self.after)
            .wrapping_add(i64::from(c.last).wrapping_mul(i64::from(y)));
        self.after = input.wrapping_sub(i64::from(c.before).wrapping_mul(i64::from(y)));
        y
    }
}

/// From the state's Q42 to the output's Q12.
pub(super) const OUTPUT_SHIFT: i32 = 30;
/// Half a step of the output in the state's unit.
pub(super) const HALF_STEP: i64 = 1 << (OUTPUT_SHIFT - 1);
/// 200 Hz and 7,998 Hz in 16.16 pitch cents.
const LOWEST: i64 = 5535 << 16;
const HIGHEST: i64 = 11_921 << 16;
/// 0.98 of half the output rate, Q30: the bilinear transform has no place beyond.
const WIDEST: u64 = 1_052_266_987;

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the model is in floats"
)]
mod tests {
    use super::*;
    use core::f64::consts::PI;
    use std::vec::Vec;

    /// The model of dls.md section 4.4, in dB.
    fn ideal(f: f64, fc: f64, q_db: f64, rate: f64) -> f64 {
        let w = (PI * f / rate).tan() / (PI * fc / rate).tan();
        let (q, g) = (10_f64.powf((q_db - 3.01) / 20.0), 10_f64.powf(-q_db / 40.0));
        let (re, im) = (1.0 - w * w, w / q);
        20.0 * (g / (re * re + im * im).sqrt()).log10()
    }

    /// The magnitude of the quantised coefficients, in dB.
    fn response(c: Coefficients, f: f64, rate: f64) -> f64 {
        let b0 = f64::from(c.b0) / f64::from(1 << 27);
        let [a1, a2] = [-c.last, c.before].map(|c| f64::from(c) / f64::from(1 << 30));
        let w = 2.0 * PI * f / rate;
        let polynomial = |c: [f64; 3]| {
            let re = c[0] + c[1] * w.cos() + c[2] * (2.0 * w).cos();
            let im = c[1] * w.sin() + c[2] * (2.0 * w).sin();
            (re * re + im * im).sqrt()
        };
        20.0 * (polynomial([b0, 2.0 * b0, b0]) / polynomial([1.0, a1, a2])).log10()
    }

    #[test]
    fn response_is_the_models_to_a_hundredth_of_a_decibel() {
        let mut worst: f64 = 0.0;
        for rate in [22_050.0, 44_100.0, 48_000.0, 96_000.0] {
            for cents in (5535..=11_900).step_by(335) {
                let fc = 440.0 * 2_f64.powf((f64::from(cents) - 6900.0) / 1200.0);
                for q in [0, 30, 60, 120, 225] {
                    let c = Tuning::new(rate as u32)
                        .coefficients(i64::from(cents) << 16, Resonance::new(q << 16));
                    let top = (4.0 * fc).min(0.45 * rate);
                    for n in 0..=200 {
                        let f = top * f64::from(n) / 200.0;
                        let wanted = ideal(f, fc, q as f64 / 10.0, rate);
                        if wanted > -40.0 {
                            worst = worst.max((response(c, f, rate) - wanted).abs());
                        }
                    }
                }
            }
        }
        std::println!("filter: worst response error {worst:.4} dB");
        assert!(worst < 0.01);
    }

    #[test]
    fn a_constant_comes_out_at_its_level_and_noise_stays_low() {
        let resonance = Resonance::new(0);
        let c = Tuning::new(48_000).coefficients(LOWEST, resonance);
        let mut filter = Filter::new(c);
        let mut frames: Vec<i32> = std::vec![16_384 << 15; 48_000];
        run(Run {
            filter: &mut filter,
            frames: &mut frames,
            target: c,
        });
        let error = f64::from(frames[47_999]) / f64::from(16_384 << 12) - 1.0;
        std::println!("filter: DC error at 200 Hz {:.5} dB", 8.686 * error);
        assert!(error.abs() < 2e-4);
    }

    /// The loudest that can be fed to the highest resonance, while its cutoff goes up and down:
    /// outputs keep far enough from their ends not to wrap around.
    #[test]
    fn the_loudest_input_fits() {
        let tuning = Tuning::new(44_100);
        for q in [0, 120, 225] {
            let at = |cents: i64| tuning.coefficients(cents << 16, Resonance::new(q << 16));
            let mut most = 0;
            for cents in (5535..=11_921).step_by(200) {
                let fc = 440.0 * 2_f64.powf((cents as f64 - 6900.0) / 1200.0);
                for swing in [0, 100, 1200] {
                    let mut filter = Filter::new(at(cents));
                    for block in 0..300_i64 {
                        let mut frames = [0_i32; 64];
                        for (n, frame) in frames.iter_mut().enumerate() {
                            let turns = (block * 64) as f64 + n as f64;
                            let up = (turns * fc / 44_100.0).fract() < 0.5;
                            *frame = if up { i32::MAX } else { i32::MIN };
                        }
                        let way = if block % 2 == 0 { swing } else { -swing };
                        run(Run {
                            filter: &mut filter,
                            frames: &mut frames,
                            target: at(cents + way),
                        });
                        let peak = frames.iter().map(|y| y.unsigned_abs()).max();
                        most = most.max(peak.unwrap_or(0));
                    }
                }
            }
            let level = 20.0 * (f64::from(most) / f64::from(1 << 27)).log10();
            std::println!("Q {q}: at most {level:.1} dB above full scale");
            assert!(level < 18.0, "{q}: {level}");
        }
    }

    #[test]
    fn two_at_once_are_the_same_as_one_after_the_other() {
        let tuning = Tuning::new(44_100);
        let c = |cents: i64, q: i64| tuning.coefficients(cents << 16, Resonance::new(q << 16));
        let frames: Vec<i32> = (0..63_i32).map(|n| n.wrapping_mul(0x1357_9BDF)).collect();
        for (target_a, target_b) in [(c(9000, 10), c(7000, 90)), (c(9100, 10), c(7000, 0))] {
            let (mut a, mut b) = (Filter::new(c(9000, 10)), Filter::new(c(7000, 90)));
            let (mut a2, mut b2) = (a, b);
            let [mut fa, mut fb, mut ga, mut gb] = [(); 4].map(|()| frames.clone());
            run(Run {
                filter: &mut a,
                frames: &mut fa,
                target: target_a,
            });
            run(Run {
                filter: &mut b,
                frames: &mut fb,
                target: target_b,
            });
            run_two(&mut [
                Run {
                    filter: &mut a2,
                    frames: &mut ga,
                    target: target_a,
                },
                Run {
                    filter: &mut b2,
                    frames: &mut gb,
                    target: target_b,
                },
            ]);
            assert_eq!((fa, fb), (ga, gb));
            assert_eq!((a, b), (a2, b2));
        }
    }
}
