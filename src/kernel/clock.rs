//! Clocks: the port's master clock, and the kernel's own for intervals.
#![expect(unsafe_code, reason = "asks the kernel for the time")]

use super::nt;
use crate::com::{ComRef, Out};
use crate::irql::{AtMost, Device, Irql, Passive};
use crate::portcls::interfaces::IMasterClock;
use crate::time::RefTime;

/// The interrupt time, which counts 100 ns since the start of the system, at any level.
#[must_use]
pub fn interrupt_time() -> RefTime {
    let mut counter = 0;
    // SAFETY: the place for the performance counter is valid.
    let time = unsafe { nt::KeQueryInterruptTimePrecise(&raw mut counter) };
    RefTime(time.cast_signed())
}

/// The master clock's time; 0 when it fails (contract section 8).
#[must_use]
pub fn master_time<L: AtMost<Device>>(irql: &Irql<L>, clock: &ComRef<IMasterClock>) -> RefTime {
    let mut time = 0;
    match clock.get_time(irql, Some(Out::from_mut(&mut time))).ok() {
        Ok(()) => RefTime(time),
        Err(_) => RefTime(0),
    }
}

/// Sleeps this long, or up to a tick of the system longer: for every wait of more than 50 us (corrections
/// section 5).
pub fn sleep(_irql: &Irql<Passive>, time: RefTime) {
    let interval = time.0.max(1).wrapping_neg();
    // SAFETY: the interval is valid for the call; mode 0 is the kernel's; sleeping is allowed at PASSIVE.
    let _ = unsafe { nt::KeDelayExecutionThread(0, 0, &raw const interval) };
}

/// Busy-waits, which is for the few microseconds between two looks at a register only.
pub fn stall(microseconds: u32) {
    // SAFETY: stalling is allowed at any level; the driver's longest stall is
    // `spec::LONGEST_STALL`, 50 us.
    unsafe { nt::KeStallExecutionProcessor(microseconds) };
}
