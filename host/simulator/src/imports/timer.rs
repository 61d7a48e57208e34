//! Timers and deferred procedure calls.

use std::ffi::c_void;

use super::imports;
use crate::dpc::DpcRoutine;
use crate::irql::Irql;
use crate::pool::{Fill, Paging, Tag};
use crate::timer::{Target, TimerRoutine};
use crate::violation::Rule;

imports! {
    /// Sets a DPC up.
    [Irql::HIGH] fn KeInitializeDpc(dpc: *mut c_void, routine: DpcRoutine, context: *mut c_void) as |kernel| {
        kernel.initialize_dpc(dpc.expose_provenance(), routine, context, "KeInitializeDpc");
    }

    /// Queues a DPC; whether it was not queued.
    [Irql::HIGH] fn KeInsertQueueDpc(dpc: *mut c_void, first: *mut c_void, second: *mut c_void) -> u8 as |kernel| {
        let queued = kernel.queue_dpc(dpc.expose_provenance(), [first, second], "KeInsertQueueDpc");
        kernel.deliver();
        u8::from(queued)
    }

    /// Takes a DPC out of the queue; whether it was in it.
    [Irql::HIGH] fn KeRemoveQueueDpc(dpc: *mut c_void) -> u8 as |kernel| {
        u8::from(kernel.remove_dpc(dpc.addr()))
    }

    /// Waits until every queued DPC has run.
    [Irql::PASSIVE] fn KeFlushQueuedDpcs() as |kernel| {
        kernel.deliver();
    }

    /// Sets a timer up; type 1 is a synchronization timer.
    [Irql::DISPATCH] fn KeInitializeTimerEx(timer: *mut c_void, kind: i32) as |kernel| {
        let target = Target::Dpc(None);
        kernel.initialize_timer(timer.expose_provenance(), target, false, kind == 1, "KeInitializeTimerEx");
    }

    /// Arms a timer; whether it was armed before. The period is in milliseconds.
    [Irql::DISPATCH] fn KeSetTimerEx(timer: *mut c_void, due: i64, period: i32, dpc: *mut c_void) -> u8 as |kernel| {
        let period = u64::from(u32::try_from(period).unwrap_or(0)) * 10_000;
        let dpc = (!dpc.is_null()).then(|| dpc.expose_provenance());
        u8::from(kernel.set_timer(timer.addr(), due, period, dpc, "KeSetTimerEx"))
    }

    /// Disarms a timer; whether it was armed.
    [Irql::DISPATCH] fn KeCancelTimer(timer: *mut c_void) -> u8 as |kernel| {
        u8::from(kernel.cancel_timer(timer.addr(), "KeCancelTimer"))
    }

    /// Makes a timer that calls a routine at DISPATCH_LEVEL; null when there is no memory.
    [Irql::DISPATCH] fn ExAllocateTimer(
        routine: Option<TimerRoutine>,
        context: *mut c_void,
        attributes: u32,
    ) -> *mut c_void as |kernel| {
        let at = "ExAllocateTimer";
        let Some(timer) = kernel.allocate(TIMER_SIZE, TIMER_TAG, Paging::NonPaged, Fill::Garbage, at)
        else {
            return std::ptr::null_mut();
        };
        let high_resolution = attributes & HIGH_RESOLUTION != 0;
        let target = Target::Routine(routine, context);
        kernel.initialize_timer(timer.expose_provenance(), target, high_resolution, false, at);
        timer.cast()
    }

    /// Arms a timer; whether it was armed before. The period is in 100 ns.
    [Irql::DISPATCH] fn ExSetTimer(timer: *mut c_void, due: i64, period: i64, _parameters: *const c_void) -> u8 as |kernel| {
        let period = u64::try_from(period).unwrap_or(0);
        u8::from(kernel.set_timer(timer.addr(), due, period, None, "ExSetTimer"))
    }

    /// Disarms a timer; whether it was armed.
    [Irql::DISPATCH] fn ExCancelTimer(timer: *mut c_void, _parameters: *const c_void) -> u8 as |kernel| {
        u8::from(kernel.cancel_timer(timer.addr(), "ExCancelTimer"))
    }

    /// Frees a timer; whether it was armed and is now cancelled.
    [Irql::DISPATCH] fn ExDeleteTimer(
        timer: *mut c_void,
        cancel: u8,
        wait: u8,
        _parameters: *const c_void,
    ) -> u8 as |kernel| {
        let at = "ExDeleteTimer";
        if wait != 0 {
            kernel.require_at_most(Irql::APC, at);
            if cancel == 0 {
                kernel.violate(Rule::BadArgument, at, "a wait needs a cancel");
            }
            // A routine that is due has run when this returns.
            kernel.deliver();
        }
        let Some(armed) = kernel.delete_timer(timer.addr()) else {
            kernel.violate(Rule::NotInitialized, at, format!("timer {timer:p}"));
            return 0;
        };
        if armed && cancel == 0 {
            kernel.violate(Rule::TimerArmed, at, "deleted without a cancel");
        }
        kernel.free(timer.cast(), TIMER_TAG, at);
        u8::from(armed)
    }
}

const HIGH_RESOLUTION: u32 = 4;
const TIMER_SIZE: usize = 96;
const TIMER_TAG: Tag = Tag(u32::from_le_bytes(*b"ExTm"));
