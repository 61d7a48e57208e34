//! Interrupt request levels, as the x64 kernel numbers them.

use std::fmt;

/// An interrupt request level: the value CR8 holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Irql(pub u8);

impl Irql {
    /// Ordinary thread code; everything may be called.
    pub const PASSIVE: Self = Self(0);
    /// Asynchronous procedure calls are held off; a fast mutex raises to it.
    pub const APC: Self = Self(1);
    /// DPCs and spin lock holders; nothing may wait or page.
    pub const DISPATCH: Self = Self(2);
    /// Where the clock interrupts.
    pub const CLOCK: Self = Self(13);
    /// Nothing interrupts.
    pub const HIGH: Self = Self(15);
}

impl fmt::Display for Irql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PASSIVE => f.write_str("PASSIVE_LEVEL"),
            Self::APC => f.write_str("APC_LEVEL"),
            Self::DISPATCH => f.write_str("DISPATCH_LEVEL"),
            Self::CLOCK => f.write_str("CLOCK_LEVEL"),
            Self::HIGH => f.write_str("HIGH_LEVEL"),
            Self(level) => write!(f, "DIRQL {level}"),
        }
    }
}
