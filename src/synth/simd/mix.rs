//! Adding voices to the mix bus: one, left and right in the halves of a register, or two, one voice
//! in each half.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_load_si128, _mm_loadu_si128, _mm_mul_epu32, _mm_set_epi64x,
    _mm_set1_epi32, _mm_shuffle_epi32, _mm_srli_epi64, _mm_store_si128, _mm_unpackhi_epi64,
    _mm_unpacklo_epi64, _mm_xor_si128,
};

use crate::synth::bus::{Frame, Line, Twin};

/// As the portable `super::bus::add`.
#[inline]
pub(in crate::synth) fn add(bus: &mut [Frame], frames: &[i32], line: Line) {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { add_sse2(bus, frames, line) }
}

#[target_feature(enable = "sse2")]
fn add_sse2(bus: &mut [Frame], frames: &[i32], line: Line) {
    let mut gain = gains(line);
    let step = steps(line);
    let sign = _mm_set1_epi32(i32::MIN);
    let length = frames.len().min(bus.len());
    let (bus, frames) = (&mut bus[..length], &frames[..length]);
    let (bus_fours, bus_rest) = bus.as_chunks_mut::<4>();
    let (fours, rest) = frames.as_chunks::<4>();
    for (slots, four) in bus_fours.iter_mut().zip(fours) {
        let values = _mm_xor_si128(load(four), sign);
        let doubled = [
            _mm_shuffle_epi32::<0x00>(values),
            _mm_shuffle_epi32::<0x55>(values),
            _mm_shuffle_epi32::<0xAA>(values),
            _mm_shuffle_epi32::<0xFF>(values),
        ];
        for (slot, value) in slots.iter_mut().zip(doubled) {
            accumulate(&mut slot.0, _mm_mul_epu32(value, gain));
            gain = _mm_add_epi64(gain, step);
        }
    }
    for (slot, &value) in bus_rest.iter_mut().zip(rest) {
        let value = _mm_xor_si128(_mm_set1_epi32(value), sign);
        accumulate(&mut slot.0, _mm_mul_epu32(value, gain));
        gain = _mm_add_epi64(gain, step);
    }
}

/// As [`add`] for each of two voices with runs of the bus's length, to the first `SIDES` sides.
#[inline]
pub(in crate::synth) fn add_two<const SIDES: usize>(
    bus: &mut [Twin],
    frames: [&[i32]; 2],
    lines: [Line; 2],
) {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { add_two_sse2::<SIDES>(bus, frames, lines) }
}

#[target_feature(enable = "sse2")]
fn add_two_sse2<const SIDES: usize>(bus: &mut [Twin], [a, b]: [&[i32]; 2], lines: [Line; 2]) {
    let mut gains = Twins::of(lines);
    let (fours_a, rest_a) = a.as_chunks::<4>();
    let (fours_b, rest_b) = b.as_chunks::<4>();
    let (bus_fours, bus_rest) = bus.as_chunks_mut::<4>();
    for ((slots, four_a), four_b) in bus_fours.iter_mut().zip(fours_a).zip(fours_b) {
        for (slot, frame) in slots.iter_mut().zip(spread(four_a, four_b)) {
            gains.add::<SIDES>(slot, frame);
        }
    }
    let done = 4 * fours_a.len();
    for (half, rest, line) in [(0, rest_a, lines[0]), (1, rest_b, lines[1])] {
        add_half(bus_rest, half, rest, line.after(done));
    }
}

/// Adds the frames of one voice of a pair: what is left of less than four.
#[inline]
pub(super) fn add_half(bus: &mut [Twin], half: usize, frames: &[i32], line: Line) {
    for (n, (Twin(sides), &frame)) in bus.iter_mut().zip(frames).enumerate() {
        let unsigned = u64::from(frame.cast_unsigned() ^ 0x8000_0000);
        for (parts, gain) in sides.iter_mut().zip(line.after(n).gains) {
            if let Some(part) = parts.get_mut(half) {
                let product = unsigned.wrapping_mul(gain.into());
                *part = part.wrapping_add(product.cast_signed());
            }
        }
    }
}

/// Four frames of two voices, one voice in the low part of each half, and 2^31 added to all.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn spread(a: &[i32; 4], b: &[i32; 4]) -> [__m128i; 4] {
    let sign = _mm_set1_epi32(i32::MIN);
    let (a, b) = (_mm_xor_si128(load(a), sign), _mm_xor_si128(load(b), sign));
    let (low, high) = (_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b));
    [
        low,
        _mm_srli_epi64::<32>(low),
        high,
        _mm_srli_epi64::<32>(high),
    ]
}

/// The gains of two voices, one in the low part of each half, and how they move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twins {
    left: __m128i,
    right: __m128i,
    left_step: __m128i,
    right_step: __m128i,
}

impl Twins {
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn of([a, b]: [Line; 2]) -> Self {
        let both = |side: usize| _mm_set_epi64x(i64::from(b.gains[side]), i64::from(a.gains[side]));
        let steps =
            |side: usize| _mm_set_epi64x(i64::from(b.steps[side]), i64::from(a.steps[side]));
        Self {
            left: both(0),
            right: both(1),
            left_step: steps(0),
            right_step: steps(1),
        }
    }

    /// Adds a frame of both to the first `SIDES` sides and goes on to the next.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn add<const SIDES: usize>(&mut self, Twin(sides): &mut Twin, frame: __m128i) {
        let [left, right] = sides;
        if SIDES > 0 {
            accumulate(left, _mm_mul_epu32(frame, self.left));
            self.left = _mm_add_epi64(self.left, self.left_step);
        }
        if SIDES > 1 {
            accumulate(right, _mm_mul_epu32(frame, self.right));
            self.right = _mm_add_epi64(self.right, self.right_step);
        }
    }
}

/// A gain in the low half of each lane, which is all that is multiplied.
#[inline]
#[target_feature(enable = "sse2")]
fn gains(line: Line) -> __m128i {
    let [left, right] = line.gains.map(i64::from);
    _mm_set_epi64x(right, left)
}

#[inline]
#[target_feature(enable = "sse2")]
fn steps(line: Line) -> __m128i {
    let [left, right] = line.steps.map(i64::from);
    _mm_set_epi64x(right, left)
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load(four: &[i32; 4]) -> __m128i {
    // SAFETY: the array has 16 bytes; no alignment is needed.
    unsafe { _mm_loadu_si128(four.as_ptr().cast()) }
}

/// Adds to a pair of sums, which `Frame` and `Twin` align.
#[inline]
#[target_feature(enable = "sse2")]
fn accumulate(sums: &mut [i64; 2], value: __m128i) {
    let place: *mut __m128i = sums.as_mut_ptr().cast();
    // SAFETY: both are multiples of 16 bytes long, in which pairs of sums follow each other from
    // their aligned beginning.
    let sum = _mm_add_epi64(unsafe { _mm_load_si128(place) }, value);
    // SAFETY: as above, and borrowed mutably.
    unsafe { _mm_store_si128(place, sum) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::*;
    use crate::synth::bus;
    use std::vec::Vec;

    #[test]
    fn mixes_as_the_portable_code_does() {
        let mut random = noise();
        for length in 0..=64 {
            let frames: Vec<i32> = (0..length).map(|_| random().cast_signed()).collect();
            let line = Line {
                gains: [random() >> 6, random() >> 6],
                steps: [random().cast_signed() >> 12, random().cast_signed() >> 12],
            };
            let (mut fast, mut slow) = ([Frame::default(); 64], [Frame::default(); 64]);
            add(&mut fast, &frames, line);
            bus::add(&mut slow, &frames, line);
            assert_eq!(fast, slow);

            let other: Vec<i32> = (0..length).map(|_| random().cast_signed()).collect();
            let lines = [
                line,
                Line {
                    gains: [u32::MAX, 5],
                    steps: [-77, i32::MAX],
                },
            ];
            let mut twins = [Twin::default(); 64];
            add_two::<2>(&mut twins[..frames.len()], [&frames, &other], lines);
            for (half, frames) in [&frames, &other].into_iter().enumerate() {
                let mut slow = [Frame::default(); 64];
                bus::add(&mut slow, frames, lines[half]);
                let fast = twins.map(|Twin(sides)| Frame(sides.map(|parts| parts[half])));
                assert_eq!(fast, slow);
            }
        }
    }
}
