//! The MPU-401 path without a kernel: the pure modules against the simulated chip.
//!
//! What the driver adds to them (locks, timers, events) is played by the small `rig`; the same
//! scenarios through the real driver objects are in the other tests. Numbers are printed: run with
//! `--nocapture`. `DMUSMINI_SOAK=full` runs the soak for two virtual hours instead of a fiftieth.
#![expect(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "tests may, and percentages are for people"
)]

mod duplex;
mod faults;
mod removal;
mod rig;
mod soak;
mod timing;
mod traffic;
