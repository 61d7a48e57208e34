//! The mix bus: what all voices add up to before it becomes 16-bit samples.
//!
//! A bus frame is a pair of 64-bit sums (left and right, or two effect sends) of products of
//! negated Q15 frames (see [`super::fir`]) and Q22 gains. SSE2 multiplies unsigned numbers only,
//! so a voice adds (frame + 2^31) * gain; the surplus 2^31 * gain is a straight line in time, and
//! [`Surplus`] keeps the sum of all these lines with two numbers a voice, to be taken off once a
//! block.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_wrap,
    reason = "two's complement is the point of the unsigned product"
)]

use super::BLOCK_FRAMES;
use super::filter::{self, Run};
use super::level::Pair;
use crate::mem::{Buffer, OutOfMemory};

/// A pair of sums, aligned for whole-register access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub(super) struct Frame(pub(super) [i64; 2]);

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
/// The left and the right sum of one frame, each of them in two parts: one of either voice of a
/// pair. SSE2 adds a pair so without moving anything between the halves of a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub(super) struct Twin(pub(super) [[i64; 2]; 2]);

/// A pair of gains (Q22) on a straight line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// At the first frame.
    pub(super) gains: Pair,
    /// What each frame adds.
    pub(super) steps: [i32; 2],
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
impl Line {
    /// Whether it adds to the first side alone: most voices are sent to the reverb and not to the chorus.
    const fn is_one_sided(&self) -> bool {
        self.gains[1] == 0 && self.steps[1] == 0
    }

    /// The line from its frame `n` on.
    pub(super) fn after(self, n: usize) -> Self {
        let [left, right] = self.gains;
        #[expect(clippy::cast_possible_truncation, reason = "blocks are short")]
        let way = self.steps.map(|step| step.wrapping_mul(n as i32));
        Self {
            gains: [
                left.wrapping_add_signed(way[0]),
                right.wrapping_add_signed(way[1]),
            ],
            ..self
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64"), feature = "portable"))]
#[expect(clippy::cast_sign_loss, reason = "as SSE2 sees it")]
/// Adds `frames` times the gains of a line.
pub(super) fn add(bus: &mut [Frame], frames: &[i32], line: Line) {
    let Line {
        gains: [mut left, mut right],
        steps,
    } = line;
    for (Frame(slot), &frame) in bus.iter_mut().zip(frames) {
        let unsigned = u64::from(frame as u32 ^ 0x8000_0000);
        let [a, b] = *slot;
        *slot = [
            a.wrapping_add(unsigned.wrapping_mul(u64::from(left)) as i64),
            b.wrapping_add(unsigned.wrapping_mul(u64::from(right)) as i64),
        ];
        left = left.wrapping_add_signed(steps[0]);
        right = right.wrapping_add_signed(steps[1]);
    }
}

#[cfg(any(test, not(target_arch = "x86_64"), feature = "portable"))]
#[expect(clippy::cast_sign_loss, reason = "as SSE2 sees it")]
/// As [`add`] for two voices at once: their sums are loaded and stored once.
fn add_two(bus: &mut [Frame], [frames_a, frames_b]: [&[i32]; 2], [a, b]: [Line; 2]) {
    let ([mut left_a, mut right_a], [mut left_b, mut right_b]) = (a.gains, b.gains);
    for ((Frame(slot), &frame_a), &frame_b) in bus.iter_mut().zip(frames_a).zip(frames_b) {
        let frame_a = u64::from(frame_a as u32 ^ 0x8000_0000);
        let frame_b = u64::from(frame_b as u32 ^ 0x8000_0000);
        let product = |frame: u64, gain: u32| frame.wrapping_mul(u64::from(gain)) as i64;
        let [left, right] = *slot;
        *slot = [
            left.wrapping_add(product(frame_a, left_a))
                .wrapping_add(product(frame_b, left_b)),
            right
                .wrapping_add(product(frame_a, right_a))
                .wrapping_add(product(frame_b, right_b)),
        ];
        left_a = left_a.wrapping_add_signed(a.steps[0]);
        right_a = right_a.wrapping_add_signed(a.steps[1]);
        left_b = left_b.wrapping_add_signed(b.steps[0]);
        right_b = right_b.wrapping_add_signed(b.steps[1]);
    }
}

/// A pair of sums for each frame of a block. On the heap: three kilobytes are much for a kernel's
/// stack, which a synth crosses while it is made.
#[derive(Debug)]
pub(super) struct Bus {
    frames: Buffer<Frame>,
    /// What was added by pairs of voices, if anything was.
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    twins: Buffer<Twin>,
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    has_twins: bool,
    surplus: Buffer<Surplus>,
    /// A bit for each frame that has a surplus.
    marks: u128,
}
const _: () = assert!(BLOCK_FRAMES == u128::BITS as usize);

/// Where voices are added to.
#[derive(Debug)]
pub(super) struct Buses<'a> {
    pub(super) mix: &'a mut Bus,
    /// What goes to the effects, if there are any.
    pub(super) sends: Option<&'a mut Bus>,
}

/// At one frame, what the sum of all gain lines jumps by and what its slope changes by.
#[derive(Clone, Copy, Debug, Default)]
struct Surplus {
    jump: [i64; 2],
    bend: [i64; 2],
}

impl Buses<'_> {
    /// Adds two voices' runs of equal lengths, with what of them is sent to the effects.
    pub(super) fn add_two(
        &mut self,
        at: usize,
        frames: [&[i32]; 2],
        lines: [Line; 2],
        sent: Option<[Line; 2]>,
    ) {
        self.mix.add_two(at, frames, lines);
        if let (Some(sends), Some(sent)) = (&mut self.sends, sent) {
            sends.add_two(at, frames, sent);
        }
    }

    /// Filters two voices' frames and adds them; the frames are used up.
    pub(super) fn add_filtered(
        &mut self,
        at: usize,
        mut runs: [Run<'_>; 2],
        lines: [Line; 2],
        sent: Option<[Line; 2]>,
    ) {
        #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
        if self.add_filtered_at_once(at, &mut runs, lines, sent) {
            return;
        }
        filter::run_two(&mut runs);
        let frames = runs.each_ref().map(|run| &*run.frames);
        self.add_two(at, frames, lines, sent);
    }

    /// As [`add_filtered`](Self::add_filtered), or false and nothing is done.
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    fn add_filtered_at_once(
        &mut self,
        at: usize,
        runs: &mut [Run<'_>; 2],
        lines: [Line; 2],
        sent: Option<[Line; 2]>,
    ) -> bool {
        let end = at.saturating_add(runs[0].frames.len());
        let Some(mix) = self.mix.twins.get_mut(at..end) else {
            return false;
        };
        let sends = match (&mut self.sends, sent) {
            (Some(sends), Some(sent)) => Some((sends, sent)),
            _ => None,
        };
        let Some((sends, sent)) = sends else {
            let done = super::simd::add_filtered(mix, runs, lines);
            if done {
                self.mix.note_twins(at, end, lines);
            }
            return done;
        };
        let Some(bus) = sends.twins.get_mut(at..end) else {
            return false;
        };
        let (buses, all) = ([mix, bus], [lines, sent]);
        let done = if sent.iter().all(Line::is_one_sided) {
            super::simd::add_filtered_and_send::<1>(buses, runs, all)
        } else {
            super::simd::add_filtered_and_send::<2>(buses, runs, all)
        };
        if done {
            self.mix.note_twins(at, end, lines);
            sends.note_twins(at, end, sent);
        }
        done
    }
}

impl Bus {
    pub(super) fn try_new() -> Result<Self, OutOfMemory> {
        Ok(Self {
            frames: Buffer::try_filled(BLOCK_FRAMES, Frame::default())?,
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            twins: Buffer::try_filled(BLOCK_FRAMES, Twin::default())?,
            #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
            has_twins: false,
            surplus: Buffer::try_filled(BLOCK_FRAMES, Surplus::default())?,
            marks: 0,
        })
    }

    /// Adds a run of a voice's frames, the first at frame `at` of the block.
    pub(super) fn add(&mut self, at: usize, frames: &[i32], line: Line) {
        let end = at.saturating_add(frames.len());
        let Some(bus) = self.frames.get_mut(at..end) else {
            return;
        };
        #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
        super::simd::add(bus, frames, line);
        #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
        add(bus, frames, line);
        self.note_surplus(at, end, line);
    }

    /// Adds two voices' runs of equal lengths.
    pub(super) fn add_two(&mut self, at: usize, frames: [&[i32]; 2], lines: [Line; 2]) {
        let end = at.saturating_add(frames[0].len());
        #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
        let bus = self.twins.get_mut(at..end);
        #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
        let bus = self.frames.get_mut(at..end);
        let Some(bus) = bus else {
            return;
        };
        #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
        {
            if lines.iter().all(Line::is_one_sided) {
                super::simd::add_two::<1>(bus, frames, lines);
            } else {
                super::simd::add_two::<2>(bus, frames, lines);
            }
            self.has_twins = true;
        }
        #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
        add_two(bus, frames, lines);
        for line in lines {
            self.note_surplus(at, end, line);
        }
    }

    /// Two lines of gains go from frame `at` to frame `end` of the pairs' sums.
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    fn note_twins(&mut self, at: usize, end: usize, lines: [Line; 2]) {
        self.has_twins = true;
        for line in lines {
            self.note_surplus(at, end, line);
        }
    }

    /// A line of gains goes from frame `at` to frame `end`.
    fn note_surplus(&mut self, at: usize, end: usize, line: Line) {
        let gains = line.gains.map(i64::from);
        let steps = line.steps.map(i64::from);
        self.add_surplus(at, gains, steps);
        if end < BLOCK_FRAMES {
            let count = end.wrapping_sub(at) as i64;
            let last = [0, 1].map(|side| {
                let gain = steps[side].wrapping_mul(count).wrapping_add(gains[side]);
                gain.wrapping_neg()
            });
            self.add_surplus(end, last, steps.map(i64::wrapping_neg));
        }
    }

    fn add_surplus(&mut self, at: usize, jump: [i64; 2], bend: [i64; 2]) {
        if let Some(surplus) = self.surplus.get_mut(at) {
            self.marks |= 1 << (at % BLOCK_FRAMES);
            for side in [0, 1] {
                surplus.jump[side] = surplus.jump[side].wrapping_add(jump[side]);
                surplus.bend[side] = surplus.bend[side].wrapping_add(bend[side]);
            }
        }
    }

    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    /// Adds the pairs' parts to the sums.
    fn bring_twins_together(&mut self) {
        if core::mem::take(&mut self.has_twins) {
            let frames = self.frames.iter_mut().zip(self.twins.iter_mut());
            for (Frame(frame), twin) in frames {
                let Twin(sides) = core::mem::take(twin);
                for (sum, [a, b]) in frame.iter_mut().zip(sides) {
                    *sum = sum.wrapping_add(a).wrapping_add(b);
                }
            }
        }
    }

    /// Forgets what was added.
    pub(super) fn clear(&mut self) {
        self.drain([(); BLOCK_FRAMES], |(), _| ());
    }

    /// Hands out the true sums in Q37 of a 16-bit sample's step, one to each place of `out`, and
    /// falls silent. Nothing was added behind the last place.
    pub(super) fn drain<T>(
        &mut self,
        out: impl IntoIterator<Item = T>,
        mut each: impl FnMut(T, [i64; 2]),
    ) {
        let mut line = [0_i64; 2];
        let mut slope = [0_i64; 2];
        let mut marks = core::mem::take(&mut self.marks);
        #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
        self.bring_twins_together();
        let frames = self.frames.iter_mut().zip(out);
        let mut surplus = self.surplus.iter_mut();
        for ((Frame(frame), place), surplus) in frames.zip(surplus.by_ref()) {
            if marks & 1 != 0 {
                let Surplus { jump, bend } = core::mem::take(surplus);
                for side in [0, 1] {
                    line[side] = line[side].wrapping_add(jump[side]);
                    slope[side] = slope[side].wrapping_add(bend[side]);
                }
            }
            marks >>= 1;
            let mut sums = [0; 2];
            for side in [0, 1] {
                // Voices add negated frames.
                sums[side] = (line[side] << 31).wrapping_sub(frame[side]);
                line[side] = line[side].wrapping_add(slope[side]);
            }
            each(place, sums);
            *frame = [0; 2];
        }
        // Lines that ended with the last frame ended behind it.
        if marks != 0 {
            surplus.for_each(|surplus| *surplus = Surplus::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_surplus_cancels_exactly() {
        let mut bus = Bus::try_new().unwrap();
        let frames: Vec<i32> = (0..64)
            .map(|n| 71_234_567_i32.wrapping_mul(n - 30))
            .collect();
        let mut ideal = [[0_i64; 2]; BLOCK_FRAMES];
        for (at, end, gains, steps) in [
            (0, 64, [1 << 22, 5], [0, 1]),
            (3, 17, [1000, 1 << 24], [-60, -1000]),
            (17, 64, [77, 0], [13, 0]),
            (20, 20, [5, 5], [5, 5]),
        ] {
            bus.add(at, &frames[at..end], Line { gains, steps });
            for n in at..end {
                for side in [0, 1] {
                    let gain = i64::from(gains[side]) + i64::from(steps[side]) * (n - at) as i64;
                    ideal[n][side] -= i64::from(frames[n]) * gain;
                }
            }
        }
        let mut sums = [[0; 2]; BLOCK_FRAMES];
        bus.drain(&mut sums, |place, sums| *place = sums);
        assert_eq!(sums, ideal);
        bus.drain(&mut sums, |_, sums| assert_eq!(sums, [0, 0]));
    }

    #[test]
    fn nothing_is_left_of_a_short_block() {
        let mut bus = Bus::try_new().unwrap();
        let line = Line {
            gains: [1000, 7],
            steps: [3, -1],
        };
        bus.add(0, &[1 << 30; 20], line);
        bus.add_two(4, [&[5; 16], &[-(1 << 30); 16]], [line; 2]);
        let mut sums = [[0; 2]; BLOCK_FRAMES];
        bus.drain(&mut sums[..20], |place, sums| *place = sums);
        assert_eq!(sums[0], [-1000 << 30, -7 << 30]);
        assert_eq!(sums[4][0], (-1012 << 30) - 1000 * 5 + (1000 << 30));
        bus.drain(&mut sums, |_, sums| assert_eq!(sums, [0, 0]));
    }

    #[test]
    fn two_at_once_are_the_same_as_one_after_the_other() {
        let frames = [0x1357_9BDF_i32, -0x0246_8ACF]
            .map(|seed| -> Vec<i32> { (0..63_i32).map(|n| seed.wrapping_mul(n - 30)).collect() });
        let lines = [([1 << 29, 0], [-60, 1]), ([77, u32::MAX], [i32::MAX, -1])];
        let lines = lines.map(|(gains, steps)| Line { gains, steps });
        let (mut together, mut apart) = ([Frame([5, -7]); 63], [Frame([5, -7]); 63]);
        add_two(&mut together, [&frames[0], &frames[1]], lines);
        for (frames, line) in frames.iter().zip(lines) {
            add(&mut apart, frames, line);
        }
        assert_eq!(together, apart);
    }
}
