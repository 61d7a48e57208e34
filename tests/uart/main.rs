//! The MPU-401 subdevice through the simulated PortCls: scenarios.
//!
//! Every scenario runs twice: with the driver linked natively into this program, and with the real
//! `dmusmini.sys` that `cargo xtask sys` builds (a visible line says so where it is absent). Each
//! ends with the machine asserting no leak, no lock, PASSIVE, and no broken rule of the contract.
//! Numbers are printed: run with `--nocapture`. `DMUSMINI_SOAK=full` runs the soak for two virtual
//! hours instead of a fiftieth.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "tests may, and percentages are for people"
)]

mod absence;
mod capture;
mod device_level;
#[path = "../mpu401/duplex.rs"]
mod duplex;
mod failures;
mod faults;
mod interleavings;
mod line;
mod messages;
mod power;
mod properties;
mod references;
mod removal;
mod render;
mod reopening;
mod resources;
mod rig;
mod silence;
mod soak;
mod start;
mod storms;
mod timing;
#[path = "../mpu401/traffic.rs"]
mod traffic;
mod undefined;
mod waiting;
mod wake;
mod whole_path;

use dmusmini_simulator::tracking_allocator::TrackingAllocator;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;
