//! Adding a voice to the mix bus.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_load_si128, _mm_loadu_si128, _mm_mul_epu32, _mm_set_epi64x,
    _mm_set1_epi32, _mm_shuffle_epi32, _mm_store_si128, _mm_xor_si128,
};

use crate::synth::bus::{Frame, Line};

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
            accumulate(slot, _mm_mul_epu32(value, gain));
            gain = _mm_add_epi64(gain, step);
        }
    }
    for (slot, &value) in bus_rest.iter_mut().zip(rest) {
        let value = _mm_xor_si128(_mm_set1_epi32(value), sign);
        accumulate(slot, _mm_mul_epu32(value, gain));
        gain = _mm_add_epi64(gain, step);
    }
}

/// A gain in the low half of each lane, which is all that is multiplied.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn gains(line: Line) -> __m128i {
    let [left, right] = line.gains.map(i64::from);
    _mm_set_epi64x(right, left)
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn steps(line: Line) -> __m128i {
    let [left, right] = line.steps.map(i64::from);
    _mm_set_epi64x(right, left)
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load(four: &[i32; 4]) -> __m128i {
    // SAFETY: the array has 16 bytes; no alignment is needed.
    unsafe { _mm_loadu_si128(four.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn accumulate(slot: &mut Frame, value: __m128i) {
    let place: *mut __m128i = core::ptr::from_mut(slot).cast();
    // SAFETY: `Frame` is aligned to 16 bytes and as long.
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
        }
    }
}
