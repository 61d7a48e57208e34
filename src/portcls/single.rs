//! `float` fields of clients' structures, read and written with integers (contract section 10: the
//! kernel does not calculate in floating point).
//!
//! A number comes as so many hundredths or thousandths: what the field's range is worth. Any bits
//! that a client can send have an answer.
#![forbid(unsafe_code)]

/// The bits of an IEEE 754 single.
pub type Bits = u32;

/// The number times `scale`, rounded to the nearest; halves away from zero. What is too large for
/// an `i32` is its end; `None` is not a number.
#[must_use]
pub fn to_scaled(bits: Bits, scale: u32) -> Option<i32> {
    let exponent = bits >> MANTISSA_BITS & 0xFF;
    let fraction = bits & MANTISSA;
    if exponent == 0xFF && fraction != 0 {
        return None;
    }
    // A number below the normal ones has no hidden bit, and the exponent of the smallest of them.
    let mantissa = if exponent == 0 {
        fraction
    } else {
        fraction | HIDDEN
    };
    // Below 2^56.
    let product = u64::from(mantissa).wrapping_mul(u64::from(scale));
    let size = if exponent > BIAS_AND_BITS {
        // The point is behind the product, which a shift of 8 makes too large for any answer.
        product << exponent.wrapping_sub(BIAS_AND_BITS).min(8)
    } else {
        let shift = BIAS_AND_BITS.wrapping_sub(exponent.max(1)).min(63);
        let half = (1_u64 << shift) >> 1;
        product.wrapping_add(half) >> shift
    };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let signed = if bits >> 31 == 0 {
        size
    } else {
        size.wrapping_neg()
    };
    let end = if signed < 0 { i32::MIN } else { i32::MAX };
    Some(i32::try_from(signed).unwrap_or(end))
}

/// The single that is nearest to `value / scale`; of two equally near, the even one. A scale of
/// zero counts as one.
#[must_use]
pub fn from_scaled(value: i32, scale: u32) -> Bits {
    let sign = u32::from(value < 0) << 31;
    let size = u64::from(value.unsigned_abs());
    let scale = u64::from(scale.max(1));
    if size == 0 {
        return 0;
    }
    // With its highest bit at the top, the value's quotient has at least 31 bits: a mantissa, one to
    // round by, and `sticky` for whatever is below.
    let up = size.leading_zeros();
    let raised = size.wrapping_shl(up);
    let quotient = raised.checked_div(scale).unwrap_or(0);
    let sticky = quotient.wrapping_mul(scale) != raised;
    let top = quotient.checked_ilog2().unwrap_or(0);
    let extra = top.wrapping_sub(MANTISSA_BITS);
    let kept = quotient.wrapping_shr(extra);
    let rest = quotient.wrapping_sub(kept.wrapping_shl(extra));
    let half = 1_u64.wrapping_shl(extra) >> 1;
    let above = rest > half || (rest == half && (sticky || kept & 1 != 0));
    let rounded = kept.wrapping_add(u64::from(above));
    let exponent = top.wrapping_sub(up);
    // Rounding up may have made one bit more.
    if rounded >> (MANTISSA_BITS + 1) == 0 {
        pack(sign, exponent, rounded)
    } else {
        pack(sign, exponent.wrapping_add(1), rounded >> 1)
    }
}

/// A normal number between 2^exponent and twice that; the exponent may be below zero, and wraps.
fn pack(sign: u32, exponent: u32, mantissa: u64) -> Bits {
    let exponent = exponent.wrapping_add(BIAS);
    let fraction = u32::try_from(mantissa & u64::from(MANTISSA)).unwrap_or(0);
    sign | exponent << MANTISSA_BITS | fraction
}

const MANTISSA_BITS: u32 = 23;
const MANTISSA: u32 = (1 << MANTISSA_BITS) - 1;
const HIDDEN: u32 = 1 << MANTISSA_BITS;
const BIAS: u32 = 127;
const BIAS_AND_BITS: u32 = BIAS + MANTISSA_BITS;

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::float_cmp,
    reason = "compared with the processor's own floating point"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_client_writes_it_reads() {
        let ranges = [(100, -9600..=0), (1000, 1..=999), (1, 1..=3000)];
        for (scale, range) in ranges {
            for scaled in range.step_by(if cfg!(miri) { 997 } else { 1 }) {
                let value = f64::from(scaled) / f64::from(scale);
                #[expect(clippy::cast_possible_truncation, reason = "as a C compiler does")]
                let single = value as f32;
                assert_eq!(to_scaled(single.to_bits(), scale), Some(scaled));
                assert_eq!(f32::from_bits(from_scaled(scaled, scale)), single);
            }
        }
    }

    #[test]
    fn the_ends_of_what_there_is() {
        let scaled = |value: f32| to_scaled(value.to_bits(), 100);
        assert_eq!(scaled(f32::NAN), None);
        assert_eq!(scaled(-f32::NAN), None);
        assert_eq!(scaled(f32::INFINITY), Some(i32::MAX));
        assert_eq!(scaled(f32::NEG_INFINITY), Some(i32::MIN));
        assert_eq!(scaled(f32::MAX), Some(i32::MAX));
        assert_eq!(scaled(f32::MIN_POSITIVE), Some(0));
        assert_eq!(scaled(f32::from_bits(1)), Some(0));
        assert_eq!(scaled(-0.0), Some(0));
        assert_eq!(scaled(0.125), Some(13));
        assert_eq!(scaled(-0.125), Some(-13));
        assert_eq!(from_scaled(0, 0), 0);
        assert_eq!(f32::from_bits(from_scaled(i32::MIN, 1)), -2_147_483_648.0);
        assert_eq!(
            f32::from_bits(from_scaled(1, u32::MAX)),
            1.0 / 4_294_967_295.0
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 2048 }))]

        #[test]
        fn any_bits_become_what_the_processor_makes_of_them(bits: u32, scale in 1_u32..=1000) {
            let value = f64::from(f32::from_bits(bits)) * f64::from(scale);
            let expected = (!value.is_nan()).then(|| {
                #[expect(clippy::cast_possible_truncation, reason = "saturates")]
                let whole = value.round() as i32;
                whole
            });
            prop_assert_eq!(to_scaled(bits, scale), expected);
        }

        #[test]
        fn any_quotient_is_rounded_as_the_processor_does(
            value in prop_oneof![any::<i32>(), -9999..=9999],
            scale in 1_u32..=1000,
        ) {
            // A double's quotient of two such numbers is never halfway between two singles unless
            // it is exact.
            #[expect(clippy::cast_possible_truncation, reason = "as a C compiler does")]
            let expected = (f64::from(value) / f64::from(scale)) as f32;
            prop_assert_eq!(f32::from_bits(from_scaled(value, scale)), expected);
        }
    }
}
