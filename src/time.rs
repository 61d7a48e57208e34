//! Units of time: the master clock's 100 ns units and the wave sink's sample frames.
//!
//! Pure arithmetic, any IRQL (contract section 9.3). [`ClockMap`] leads from one to the other.
#![forbid(unsafe_code)]

mod clock_map;

pub use clock_map::{ClockMap, MAX_PHASE_STEP, Sync};

/// A master-clock time or a span of it, in units of 100 ns (`REFERENCE_TIME`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefTime(pub i64);

/// A position on the wave sink's time line, in sample frames since `SyncToMaster(start)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleTime(pub i64);

/// Units of 100 ns in a second.
pub const SECOND: i64 = 10_000_000;
