//! Reading a wave between its frames: a row of weights for each position, portable.
//!
//! The portable code is the definition; [`super::simd`] does the same in SSE2, bit for bit.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "positions are split into whole frames and phases; blocks are short"
)]

use super::BLOCK_FRAMES;
use crate::tables::Rows;

/// A place in a wave and the speed there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Frames, Q32.
    pub(super) position: u64,
    /// Frames of the wave for each output frame, Q32.
    pub(super) step: u64,
    /// What the step grows by after every fourth output frame.
    pub(super) change: i64,
}

impl Cursor {
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    /// Whether the next `count` output frames read only the first `length` frames. May say no
    /// for the last few that do.
    pub(super) fn stays_inside<const TAPS: usize, const ROWS: usize>(
        &self,
        length: usize,
        count: usize,
    ) -> bool {
        let Some(fastest) = self.fastest().filter(|_| count <= BLOCK_FRAMES) else {
            return false;
        };
        // Far below 2^64: the step is below 2^45 and the count at most 128.
        let way = fastest.wrapping_mul((count as u64).wrapping_sub(1));
        let start = self.position.wrapping_add(half_row::<ROWS>());
        let (farthest, overflowed) = start.overflowing_add(way);
        let end = (farthest >> 32).wrapping_add(TAPS as u64);
        count > 0 && self.position < 1 << 63 && !overflowed && end <= length as u64
    }

    /// The largest step within a block; none if steps are beyond all sense.
    pub(super) const fn fastest(&self) -> Option<u64> {
        let change = self.change.wrapping_mul(BENDS);
        let end = self.step.wrapping_add_signed(change);
        let fastest = if end > self.step { end } else { self.step };
        if fastest < LIMIT && self.change.unsigned_abs() < LIMIT {
            Some(fastest)
        } else {
            None
        }
    }
}

/// A block's frames bend the step this often.
const BENDS: i64 = BLOCK_FRAMES as i64 / 4;
/// Twice the fastest step that a voice asks for.
const LIMIT: u64 = 1 << 45;

/// The nearest row's share of a position is half a row earlier and half a row later.
pub(super) const fn half_row<const ROWS: usize>() -> u64 {
    (1 << 31) / ROWS as u64
}

/// The row of a position to which [`half_row`] was added.
pub(super) const fn row_of<const ROWS: usize>(position: u64) -> usize {
    (position as u32 >> (32 - ROWS.trailing_zeros())) as usize
}

/// Fills `out` with **negated** interpolated frames in Q15 and moves the cursor behind them.
///
/// `frames` starts `TAPS/2 - 1` frames before position 0. Frames that a position reads past the
/// end of `frames` are silent.
pub(super) fn interpolate<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    frames: &[i16],
    cursor: &mut Cursor,
    out: &mut [i32],
) {
    let mut position = cursor.position.wrapping_add(half_row::<ROWS>());
    let mut step = cursor.step;
    let (fours, rest) = out.as_chunks_mut::<4>();
    for four in fours {
        for slot in four {
            *slot = frame(rows, frames, position);
            position = position.wrapping_add(step);
        }
        step = step.wrapping_add_signed(cursor.change);
    }
    for slot in rest {
        *slot = frame(rows, frames, position);
        position = position.wrapping_add(step);
    }
    cursor.position = position.wrapping_sub(half_row::<ROWS>());
    cursor.step = step;
}

/// The frame at a position to which [`half_row`] was added.
#[inline]
fn frame<const TAPS: usize, const ROWS: usize>(
    rows: &Rows<TAPS, ROWS>,
    frames: &[i16],
    position: u64,
) -> i32 {
    // Below 2^32, so that the end does not wrap around: one comparison is left of the check.
    let index = (position >> 32) as usize;
    let taps = frames
        .get(index..index.wrapping_add(TAPS))
        .and_then(|taps| taps.first_chunk());
    match (taps, rows.0.get(row_of::<ROWS>(position))) {
        (Some(taps), Some(row)) => dot(taps, row),
        _ => 0,
    }
}

#[inline]
fn dot<const TAPS: usize>(taps: &[i16; TAPS], row: &[i16; TAPS]) -> i32 {
    let products = taps
        .iter()
        .zip(row)
        .map(|(&a, &b)| i32::from(a) * i32::from(b));
    // No sum overflows: a row's magnitudes add up to less than 65,536.
    products.fold(0, i32::wrapping_add)
}
