//! The `dmus` command: see [`dmus`].

use dmusmini_simulator::tracking_allocator::TrackingAllocator;
use std::process::ExitCode;

/// Charges what the native build of the driver allocates to the simulated pool.
#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

fn main() -> ExitCode {
    dmus::run()
}
