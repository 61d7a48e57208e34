//! The units of DLS parameters: 32-bit integers holding 16.16 of the unit (dls.md section 1).
#![forbid(unsafe_code)]

/// A time, logarithmic: seconds = 2^(value / 65,536 / 1,200). [`TimeCents::ZERO`] is 0 s.
///
/// Used for absolute times; a relative time (velocity to attack) is a plain [`Cents`]-like number
/// that is added to it and so multiplies the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeCents(pub i32);

impl TimeCents {
    /// No time at all; not a point on the logarithmic scale.
    pub const ZERO: Self = Self(i32::MIN);

    /// A whole number of time cents; 0 is one second.
    #[must_use]
    pub const fn from_whole(cents: i16) -> Self {
        Self(widen(cents))
    }

    /// This time, or `longest` where it is longer.
    #[must_use]
    pub const fn at_most(self, longest: Self) -> Self {
        if self.0 > longest.0 { longest } else { self }
    }
}

/// A frequency: hertz = 440 * 2^((value / 65,536 - 6,900) / 1,200).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PitchCents(pub i32);

impl PitchCents {
    /// A whole number of pitch cents; 6,900 is 440 Hz.
    #[must_use]
    pub const fn from_whole(cents: i16) -> Self {
        Self(widen(cents))
    }

    /// This frequency, moved into `low..=high`.
    #[must_use]
    pub const fn within(self, low: Self, high: Self) -> Self {
        Self(clamp(self.0, low.0, high.0))
    }
}

/// A relative pitch: 65,536 units are one cent, 1,200 cents one octave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cents(pub i32);

impl Cents {
    /// A whole number of cents.
    #[must_use]
    pub const fn from_whole(cents: i16) -> Self {
        Self(widen(cents))
    }

    /// This pitch, moved into `-limit..=limit`.
    #[must_use]
    pub const fn within(self, limit: Self) -> Self {
        Self(clamp(self.0, -limit.0, limit.0))
    }
}

/// A level change: 65,536 units are 0.1 dB; negative is quieter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gain(pub i32);

impl Gain {
    /// A whole number of tenths of a decibel.
    #[must_use]
    pub const fn from_tenths(tenths: i16) -> Self {
        Self(widen(tenths))
    }

    /// This gain, moved into `low..=high`.
    #[must_use]
    pub const fn within(self, low: Self, high: Self) -> Self {
        Self(clamp(self.0, low.0, high.0))
    }
}

/// A proportion: 65,536 units are 0.1 %, so 1,000 * 65,536 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permille(pub i32);

impl Permille {
    /// A whole number of tenths of a per cent.
    #[must_use]
    pub const fn from_whole(tenths: i16) -> Self {
        Self(widen(tenths))
    }

    /// This proportion, moved into `low..=high`.
    #[must_use]
    pub const fn within(self, low: Self, high: Self) -> Self {
        Self(clamp(self.0, low.0, high.0))
    }
}

/// 16.16 of a whole number; every `i16` fits.
const fn widen(whole: i16) -> i32 {
    (whole as i32) << 16
}

const fn clamp(value: i32, low: i32, high: i32) -> i32 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_16_16() {
        assert_eq!(TimeCents::from_whole(-7973).0, -7973 * 65_536);
        assert_eq!(Gain::from_tenths(-960).0, -960 * 65_536);
        assert_eq!(PitchCents::from_whole(i16::MIN).0, i32::MIN);
    }

    #[test]
    fn limits_hold_at_both_ends() {
        let limit = Cents::from_whole(100);
        assert_eq!(Cents(i32::MIN).within(limit), Cents::from_whole(-100));
        assert_eq!(Cents(i32::MAX).within(limit), limit);
        assert_eq!(Cents(5).within(limit), Cents(5));
        assert_eq!(
            TimeCents::ZERO.at_most(TimeCents::from_whole(6386)),
            TimeCents::ZERO
        );
        assert_eq!(
            TimeCents(i32::MAX).at_most(TimeCents::from_whole(6386)),
            TimeCents::from_whole(6386)
        );
    }
}
