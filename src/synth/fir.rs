//! Reading a wave between its frames: a row of weights for each position, portable.
//!
//! The portable code is the definition; [`super::simd`] does the same in SSE2, bit for bit.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "positions are split into whole frames and phases"
)]

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
    /// Goes on by one output frame, the `n`th since the cursor was set.
    pub(super) const fn advance(&mut self, n: usize) {
        self.position = self.position.wrapping_add(self.step);
        if n & 3 == 3 {
            self.step = self.step.wrapping_add_signed(self.change);
        }
    }

    /// Whether the next `count` output frames read only the first `length` frames. May say no
    /// for the last few that do.
    pub(super) fn stays_inside<const TAPS: usize, const ROWS: usize>(
        &self,
        length: usize,
        count: usize,
    ) -> bool {
        let count = count as u64;
        let bends = i64::try_from(count / 4).unwrap_or(i64::MAX);
        let end = self
            .step
            .checked_add_signed(self.change.saturating_mul(bends));
        let Some(fastest) = end.map(|end| end.max(self.step)) else {
            return false;
        };
        let farthest = self
            .position
            .saturating_add(half_row::<ROWS>())
            .saturating_add(fastest.saturating_mul(count.saturating_sub(1)));
        // A saturated position is too far for any wave.
        (farthest >> 32).saturating_add(TAPS as u64) <= length as u64
    }
}

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
    for (n, slot) in out.iter_mut().enumerate() {
        let position = cursor.position.wrapping_add(half_row::<ROWS>());
        let index = usize::try_from(position >> 32).unwrap_or(usize::MAX);
        let taps = frames
            .get(index..)
            .and_then(|rest| rest.first_chunk::<TAPS>());
        *slot = match (taps, rows.0.get(row_of::<ROWS>(position))) {
            (Some(taps), Some(row)) => dot(taps, row),
            _ => 0,
        };
        cursor.advance(n);
    }
}

fn dot<const TAPS: usize>(taps: &[i16; TAPS], row: &[i16; TAPS]) -> i32 {
    let products = taps
        .iter()
        .zip(row)
        .map(|(&a, &b)| i32::from(a) * i32::from(b));
    // No sum overflows: a row's magnitudes add up to less than 65,536.
    products.fold(0, i32::wrapping_add)
}
