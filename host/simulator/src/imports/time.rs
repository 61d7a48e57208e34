//! Clocks and busy waiting.

use super::imports;
use crate::clock::{COUNTER_FREQUENCY, MICROSECOND};
use crate::irql::Irql;
use crate::violation::Rule;

imports! {
    /// Waits without giving the processor away.
    [Irql::HIGH] fn KeStallExecutionProcessor(microseconds: u32) as |kernel| {
        if kernel.irql() > Irql::DISPATCH {
            kernel.violate(
                Rule::StallTooLong,
                "KeStallExecutionProcessor",
                "no waiting at all at a device's level",
            );
        } else if microseconds > LONGEST_STALL {
            kernel.violate(
                Rule::StallTooLong,
                "KeStallExecutionProcessor",
                format!("{microseconds} us; no more than {LONGEST_STALL} us are allowed"),
            );
        }
        kernel.pass(u64::from(microseconds) * MICROSECOND);
    }

    /// The performance counter, and its frequency where that is asked for.
    [Irql::HIGH] fn KeQueryPerformanceCounter(frequency: *mut i64) -> i64 as |kernel| {
        if !frequency.is_null() {
            // SAFETY: the caller passes a LARGE_INTEGER or null.
            unsafe { frequency.write(COUNTER_FREQUENCY) };
        }
        kernel.now().cast_signed()
    }

    /// The time since power-on in 100 ns, exact, and the performance counter that belongs to it.
    [Irql::HIGH] fn KeQueryInterruptTimePrecise(counter: *mut u64) -> u64 as |kernel| {
        if !counter.is_null() {
            // SAFETY: the caller passes room for the counter.
            unsafe { counter.write(kernel.now()) };
        }
        kernel.now()
    }

    /// The time since power-on in 100 ns, as of the last tick.
    [Irql::HIGH] fn KeQueryUnbiasedInterruptTime() -> u64 as |kernel| {
        kernel.now() / kernel.options.tick.max(1) * kernel.options.tick.max(1)
    }

    /// The system time, exact.
    [Irql::HIGH] fn KeQuerySystemTimePrecise(time: *mut i64) as |kernel| {
        // SAFETY: the caller passes a LARGE_INTEGER.
        unsafe { time.write(kernel.system_time().cast_signed()) };
    }

    /// 100 ns in a tick.
    [Irql::HIGH] fn KeQueryTimeIncrement() -> u32 as |kernel| {
        u32::try_from(kernel.options.tick).unwrap_or(u32::MAX)
    }
}

/// In microseconds; from the function's documentation.
const LONGEST_STALL: u32 = 50;
