//! The chorus: one delay line, read by a slow sine on the left and a quarter turn later on the
//! right.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "delays are inside the line by construction"
)]

use crate::fixed;
use crate::mem::{Buffer, OutOfMemory};

#[derive(Debug)]
pub(super) struct Chorus {
    memory: Buffer<i32>,
    at: usize,
    /// Turns, Q32.
    phase: u32,
    speed: u32,
    /// Frames, Q16.
    delay: i64,
    depth: i64,
    /// The delays of both sides at the next frame, and what each frame adds, frames in Q32.
    delays: [Glide; 2],
    /// Frames for which the delays go on so.
    straight: u8,
    /// Frames since anything came in.
    quiet: usize,
}

impl Chorus {
    pub(super) fn try_new(rate: u32) -> Result<Self, OutOfMemory> {
        let frames = |microseconds: u64| ((u64::from(rate) * microseconds) << 16) / 1_000_000;
        Ok(Self {
            // 12 ms at 96 kHz fit.
            memory: Buffer::try_filled(FRAMES, 0)?,
            at: 0,
            phase: 0,
            // 0.4 Hz.
            speed: ((4_u64 << 32) / 10).checked_div(rate.into()).unwrap_or(0) as u32,
            delay: i64::try_from(frames(8000)).unwrap_or(0),
            depth: i64::try_from(frames(2500)).unwrap_or(0),
            delays: [Glide::default(); 2],
            straight: 0,
            quiet: usize::MAX,
        })
    }

    /// Adds the chorus of a run of frames to `out`, which is as long; Q8 of a 16-bit sample's step in and out.
    pub(super) fn run(&mut self, input: &[i32], out: &mut [[i32; 2]]) {
        for (&input, [left, right]) in input.iter().zip(out) {
            self.phase = self.phase.wrapping_add(self.speed);
            if input != 0 {
                self.quiet = 0;
            } else if self.quiet > FRAMES {
                self.straight = 0;
                continue;
            }
            self.quiet = self.quiet.saturating_add(1);
            if self.straight == 0 {
                self.turn();
            }
            self.straight = self.straight.saturating_sub(1);
            self.at = self.at.wrapping_add(1);
            let Some(memory) = self.memory.first_chunk_mut::<FRAMES>() else {
                return;
            };
            memory[self.at % FRAMES] = input;
            let [left_delay, right_delay] = &mut self.delays;
            *left = left.wrapping_add(left_delay.read(memory, self.at));
            *right = right.wrapping_add(right_delay.read(memory, self.at));
        }
    }

    /// Puts both delays on the line from this frame's to that of [`STRAIGHT`] frames on: the sine bends
    /// by less than a millionth of its swing between them.
    fn turn(&mut self) {
        let delay_at = |phase: u32| {
            let swing = i64::from(fixed::sine(phase)).wrapping_mul(self.depth) >> 14;
            (self.delay << 16).wrapping_add(swing).max(0)
        };
        let way = self.speed.wrapping_mul(STRAIGHT.into());
        for (side, delay) in self.delays.iter_mut().enumerate() {
            let phase = self.phase.wrapping_add((side as u32) << 30);
            let now = delay_at(phase);
            let then = delay_at(phase.wrapping_add(way));
            let step = then.wrapping_sub(now) / i64::from(STRAIGHT);
            *delay = Glide { now, step };
        }
        self.straight = STRAIGHT;
    }

    /// Forgets what it has heard.
    pub(super) fn fall_silent(&mut self) {
        self.memory.fill(0);
        self.quiet = usize::MAX;
    }
}

/// A delay in frames (Q32), and what each frame adds.
#[derive(Clone, Copy, Debug, Default)]
struct Glide {
    now: i64,
    step: i64,
}

impl Glide {
    /// What came in so long before `at`, and goes on.
    fn read(&mut self, memory: &[i32; FRAMES], at: usize) -> i32 {
        let whole = (self.now >> 32) as usize;
        let frame = |back: usize| i64::from(memory[at.wrapping_sub(back) % FRAMES]);
        let (near, far) = (frame(whole), frame(whole.wrapping_add(1)));
        let part = self.now >> 16 & 0xFFFF;
        self.now = self.now.wrapping_add(self.step);
        near.wrapping_add(far.wrapping_sub(near).wrapping_mul(part) >> 16) as i32
    }
}

/// Frames from one place on the sine to the next.
const STRAIGHT: u8 = 16;
/// A power of two, so that places wrap without a comparison.
const FRAMES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    impl Chorus {
        /// One frame.
        fn next(&mut self, input: i32) -> [i32; 2] {
            let mut out = [[0; 2]];
            self.run(&[input], &mut out);
            out[0]
        }
    }

    /// A delay of 8 ms that swings by 2.5 ms at 0.4 Hz, a quarter of a turn ahead on the right,
    /// read between frames in a straight line.
    #[test]
    fn does_what_the_equations_say() {
        for rate in [8000_u32, 44_100, 96_000] {
            let mut chorus = Chorus::try_new(rate).unwrap();
            let second = f64::from(rate);
            // A step of the phase is a whole number of 2^-32 turns, close enough to 0.4 Hz.
            let step = f64::from(chorus.speed) / 4_294_967_296.0;
            assert!((step * second / 0.4 - 1.0).abs() < 1e-4);
            let wave = |n: f64| {
                let time = n / second;
                if n < 0.0 {
                    0.0
                } else {
                    4e6 * (core::f64::consts::TAU * 440.0 * time).sin()
                }
            };
            let mut worst = 0.0_f64;
            for n in 0..2 * rate {
                let out = chorus.next(wave(f64::from(n)).round() as i32);
                for (value, ahead) in out.into_iter().zip([0.0, 0.25]) {
                    let turns = step * f64::from(n + 1) + ahead;
                    let swing = (core::f64::consts::TAU * turns).sin();
                    let delay = second * (0.008 + 0.0025 * swing);
                    let at = f64::from(n) - delay;
                    let (near, part) = (wave(at.floor()), at - at.floor());
                    let ideal = near + (wave(at.floor() + 1.0) - near) * part;
                    worst = worst.max((f64::from(value) - ideal).abs());
                }
            }
            let off = 20.0 * (worst / f64::from(1 << 23)).log10();
            std::println!("{rate} Hz: worst sample off by {off:.1} dBFS");
            assert!(off < -80.0);
        }
    }

    #[test]
    fn an_impulse_comes_back_once_a_side_within_the_swing() {
        let mut chorus = Chorus::try_new(44_100).unwrap();
        let mut sums = [0_i64; 2];
        for n in 0..3000 {
            let out = chorus.next(if n == 0 { 1 << 20 } else { 0 });
            if out != [0; 2] {
                assert!((242..=464).contains(&n), "{n}");
            }
            for (sum, side) in sums.iter_mut().zip(out) {
                *sum += i64::from(side);
            }
        }
        for sum in sums {
            assert!((sum - (1 << 20)).abs() < 1 << 14, "{sum}");
        }
        assert_eq!(chorus.next(0), [0; 2]);
    }
}
