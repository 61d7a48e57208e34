//! The default pan formula (RP-036; dls.md section 4.5).

use std::f64::consts::FRAC_PI_2;

/// Left and right amplitude for a position of -500 (left) ..=500.
pub fn gains(position: f64) -> [f64; 2] {
    let p = (position.clamp(-500.0, 500.0) + 500.0) / 1000.0;
    if p <= 0.0 {
        [1.0, 0.0]
    } else if p >= 1.0 {
        [0.0, 1.0]
    } else {
        [(FRAC_PI_2 * p).cos(), (FRAC_PI_2 * p).sin()]
    }
}

/// What CC10 adds to the position through its default connection, such that both 0 and 1 are hard
/// left, 127 is hard right and the steps between them are equal. (The specification's scale of
/// 50.8 % says the same rounded to a tenth of a per cent.)
pub fn from_controller(value: u8) -> f64 {
    500.0 * (f64::from(value.max(1)) - 64.0) / 63.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_constant_and_the_far_side_silent() {
        for value in 0..128 {
            let [left, right] = gains(from_controller(value));
            assert!((left.hypot(right) - 1.0).abs() < 1e-12);
        }
        assert_eq!(gains(from_controller(0)), [1.0, 0.0]);
        assert_eq!(gains(from_controller(1)), [1.0, 0.0]);
        assert_eq!(gains(from_controller(127)), [0.0, 1.0]);
        let [left, right] = gains(from_controller(64));
        assert!((left - right).abs() < 1e-12);
    }
}
