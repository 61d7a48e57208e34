//! The inner loops in SSE2, which every x64 kernel has: interpolating here, mixing and filtering
//! in the modules below.
//!
//! Bit-identical to [`super::fir`], [`super::bus`] and [`super::filter`]; tests compare them.
//! Integer instructions only, no AVX and no floating point, so a kernel need not save any state.
#![expect(
    unsafe_code,
    reason = "loads at computed positions, checked once for a whole run of frames"
)]

mod filter;
mod mix;

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_load_si128, _mm_loadl_epi64, _mm_loadu_si32,
    _mm_loadu_si128, _mm_madd_epi16, _mm_setzero_si128, _mm_storeu_si128, _mm_unpackhi_epi32,
    _mm_unpackhi_epi64, _mm_unpacklo_epi32, _mm_unpacklo_epi64,
};

pub(super) use filter::{add_filtered, add_filtered_and_send};
pub(super) use mix::{add, add_two};

use super::fir::{self, Cursor};
use crate::tables::Rows;

/// As [`fir::interpolate`].
#[inline]
pub(super) fn interpolate<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    frames: &[i16],
    cursor: &mut Cursor,
    out: &mut [i32],
) {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { interpolate_sse2(rows, frames, cursor, out) }
}

#[target_feature(enable = "sse2")]
fn interpolate_sse2<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    frames: &[i16],
    cursor: &mut Cursor,
    out: &mut [i32],
) {
    if !cursor.stays_inside::<TAPS, ROWS>(frames.len(), out.len()) {
        fir::interpolate(rows, frames, cursor, out);
        return;
    }
    let half_row = fir::half_row::<ROWS>();
    let mut position = cursor.position.wrapping_add(half_row);
    let mut step = cursor.step;
    let (fours, rest) = out.as_chunks_mut::<4>();
    for four in fours {
        // Each waits for the one before it, which costs less than what the others would take to
        // be made.
        let second = position.wrapping_add(step);
        let third = second.wrapping_add(step);
        let fourth = third.wrapping_add(step);
        let places = [position, second, third, fourth];
        let partial = places.map(|place| {
            // SAFETY: `stays_inside` holds for this frame and all others of `out`.
            unsafe { partial_sums(rows, frames, place) }
        });
        store(four, sums(partial));
        position = fourth.wrapping_add(step);
        step = step.wrapping_add_signed(cursor.change);
    }
    for slot in rest {
        // SAFETY: as above.
        let partial = unsafe { partial_sums(rows, frames, position) };
        let zero = _mm_setzero_si128();
        *slot = _mm_cvtsi128_si32(sums([partial, zero, zero, zero]));
        position = position.wrapping_add(step);
    }
    cursor.position = position.wrapping_sub(half_row);
    cursor.step = step;
}

/// The products of one frame, added up to four partial sums.
///
/// # Safety
///
/// `TAPS` frames must follow the whole part of `position` in `frames`.
#[inline]
#[target_feature(enable = "sse2")]
unsafe fn partial_sums<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    frames: &[i16],
    position: u64,
) -> __m128i {
    let index = (position >> 32) as usize;
    // SAFETY: the caller's promise.
    let taps = unsafe { frames.get_unchecked(index..) };
    // SAFETY: `row_of` is below `ROWS`.
    let row = unsafe { rows.0.get_unchecked(fir::row_of::<ROWS>(position)) };
    match TAPS {
        16 => {
            // SAFETY: 16 frames follow.
            let low = unsafe { load8(taps.as_ptr()) };
            // SAFETY: 16 frames follow; the second half starts at the eighth.
            let rest = unsafe { taps.as_ptr().add(8) };
            // SAFETY: 8 of them are left there.
            let high = unsafe { load8(rest) };
            // SAFETY: a row of 16 has 32 bytes, and `Rows` aligns the first.
            let row_low = unsafe { _mm_load_si128(row.as_ptr().cast()) };
            // SAFETY: the row has a second half.
            let rest = unsafe { row.as_ptr().add(8) };
            // SAFETY: 16 bytes behind an aligned place is another.
            let row_high = unsafe { _mm_load_si128(rest.cast()) };
            _mm_add_epi32(_mm_madd_epi16(low, row_low), _mm_madd_epi16(high, row_high))
        }
        8 => {
            // SAFETY: 8 frames follow.
            let taps = unsafe { load8(taps.as_ptr()) };
            // SAFETY: a row of 8 has 16 bytes, and `Rows` aligns the first.
            let row = unsafe { _mm_load_si128(row.as_ptr().cast()) };
            _mm_madd_epi16(taps, row)
        }
        4 => {
            // SAFETY: 4 frames follow.
            let taps = unsafe { _mm_loadl_epi64(taps.as_ptr().cast()) };
            // SAFETY: a row of 4 has 8 bytes.
            let row = unsafe { _mm_loadl_epi64(row.as_ptr().cast()) };
            _mm_madd_epi16(taps, row)
        }
        2 => {
            // SAFETY: 2 frames follow.
            let taps = unsafe { _mm_loadu_si32(taps.as_ptr().cast()) };
            // SAFETY: a row of 2 has 4 bytes.
            let row = unsafe { _mm_loadu_si32(row.as_ptr().cast()) };
            _mm_madd_epi16(taps, row)
        }
        _ => _mm_setzero_si128(),
    }
}

/// # Safety
///
/// 16 bytes must be readable at `frames`.
#[inline]
#[target_feature(enable = "sse2")]
unsafe fn load8(frames: *const i16) -> __m128i {
    // SAFETY: the caller's promise; no alignment is needed.
    unsafe { _mm_loadu_si128(frames.cast()) }
}

/// Adds the four partial sums of each of four frames.
#[inline]
#[target_feature(enable = "sse2")]
fn sums([a, b, c, d]: [__m128i; 4]) -> __m128i {
    let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd))
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(four: &mut [i32; 4], values: __m128i) {
    // SAFETY: the array has 16 bytes; no alignment is needed.
    unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), values) }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "noise in every bit")]
mod tests {
    use super::*;
    use crate::tables::{CUBIC, LINEAR, SINC8, SINC16, SINC16_LOW};
    use std::vec::Vec;

    /// Noise that is the same everywhere.
    pub(super) fn noise() -> impl FnMut() -> u32 {
        let mut state = 1_u32;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state ^ state >> 15
        }
    }

    fn compare<const TAPS: usize, const ROWS: usize>(rows: &Rows<TAPS, ROWS>) {
        let mut random = noise();
        let frames: Vec<i16> = (0..700)
            .map(|_| (random() >> 16).cast_signed() as i16)
            .collect();
        for round in 0..2000 {
            let length = random() as usize % 65;
            let mut cursor = Cursor {
                position: u64::from(random()) << 8,
                step: u64::from(random()) << (round % 3),
                change: i64::from(random().cast_signed()) >> (round % 16),
            };
            let mut other = cursor;
            let (mut fast, mut slow) = ([0; 64], [0; 64]);
            interpolate(rows, &frames, &mut cursor, &mut fast[..length.min(64)]);
            fir::interpolate(rows, &frames, &mut other, &mut slow[..length.min(64)]);
            assert_eq!(fast, slow, "{TAPS} taps, round {round}");
            assert_eq!(cursor, other);
        }
    }

    #[test]
    fn interpolates_as_the_portable_code_does() {
        compare(&LINEAR);
        compare(&CUBIC);
        compare(&SINC8);
        compare(&SINC16);
        compare(&SINC16_LOW[1]);
    }
}
