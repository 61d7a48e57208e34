//! Straight lines over a few frames, without a division each.
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a quotient by at least 1 is no larger than the difference"
)]

use super::BLOCK_FRAMES;

/// 2^24 / `frames`, for at most a block of them; of 0, as of 1.
pub(super) const fn inverse(frames: usize) -> i64 {
    const INVERSES: [i64; BLOCK_FRAMES + 1] = {
        let mut table = [1 << 24; BLOCK_FRAMES + 1];
        let mut n = 1;
        while n <= BLOCK_FRAMES {
            table[n] = (1 << 24) / n as i64;
            n += 1;
        }
        table
    };
    if frames <= BLOCK_FRAMES {
        INVERSES[frames]
    } else {
        0
    }
}

/// What to add each frame to get from `from` to `to`, given the [`inverse`] of the frames.
///
/// Rounded towards nothing, so that a line to zero never crosses it: the mix bus takes gains for
/// unsigned numbers, and one just below zero would be the loudest of all.
pub(super) const fn step(from: i32, to: i32, inverse: i64) -> i32 {
    let distance = (to as i64).wrapping_sub(from as i64);
    let whole = distance.wrapping_mul(inverse);
    // A negative product is moved up by all but one of the bits that are about to be cut off.
    (whole.wrapping_add((whole >> 63) & 0xFF_FFFF) >> 24) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_within_a_step_a_frame() {
        for frames in 1..=64_usize {
            for (from, to) in [(0, 1 << 24), (-(1 << 27), 1 << 27), (1 << 22, 7)] {
                let step = i64::from(step(from, to, inverse(frames)));
                let end = i64::from(from) + step * frames as i64;
                let slack = frames as i64 + ((i64::from(to) - i64::from(from)).abs() >> 17);
                assert!(
                    (end - i64::from(to)).abs() <= slack,
                    "{frames} {from} {to} {end}"
                );
            }
        }
    }

    #[test]
    fn lines_never_overshoot() {
        for frames in 1..=64_usize {
            for from in [1, 5, 63, 64, 1000, 4095, 1 << 20] {
                let step = step(from, 0, inverse(frames));
                let count = i32::try_from(frames).unwrap();
                assert!(from + step * count >= 0, "{frames} {from} {step}");
                let step = super::step(0, from, inverse(frames));
                assert!(step * count <= from, "{frames} {from} {step}");
            }
        }
    }
}
