//! Musical quantities as DLS stores them: 32-bit integers, 16.16 of the unit.

/// Seconds as absolute time cents; 0 s is its own value.
pub fn time(seconds: f64) -> i32 {
    if seconds <= 0.0 {
        i32::MIN
    } else {
        fixed(1200.0 * seconds.log2())
    }
}

/// Hertz as absolute pitch cents.
pub fn frequency(hertz: f64) -> i32 {
    fixed(6900.0 + 1200.0 * (hertz / 440.0).log2())
}

/// Cents.
pub fn cents(cents: f64) -> i32 {
    fixed(cents)
}

/// Decibels, positive is louder.
pub fn decibels(decibels: f64) -> i32 {
    fixed(10.0 * decibels)
}

/// Per cent.
pub fn percent(percent: f64) -> i32 {
    fixed(10.0 * percent)
}

/// 16.16, rounded to the nearest and kept in range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, as wanted"
)]
fn fixed(value: f64) -> i32 {
    (value * 65_536.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_the_documented_pairs() {
        let near = |fixed, whole: i32| (f64::from(fixed) / 65_536.0 - f64::from(whole)).abs() < 0.5;
        assert!(near(time(0.010), -7973));
        assert!(near(time(0.015), -7271));
        assert_eq!(time(1.0), 0);
        assert!(near(time(40.0), 6386));
        assert_eq!(time(0.0), i32::MIN);
        assert_eq!(frequency(440.0), 6900 << 16);
        assert!(near(frequency(5.0), -851));
        assert_eq!(decibels(-96.0), -960 << 16);
        assert_eq!(percent(100.0), 1000 << 16);
    }
}
