//! Spin locks, levels, mutexes, events and waiting.

use std::ffi::c_void;

use super::imports;
use crate::clock::SECOND;
use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::lock::Kind;
use crate::status::{self, NtStatus};
use crate::violation::Rule;

imports! {
    /// Sets a spin lock up.
    [Irql::HIGH] fn KeInitializeSpinLock(lock: *mut usize) as |kernel| {
        kernel.set_up(lock.addr());
        // SAFETY: the caller passes the lock's own memory.
        unsafe { lock.write(0) };
    }

    /// Raises to DISPATCH_LEVEL and takes a spin lock; the level before.
    [Irql::DISPATCH] fn KeAcquireSpinLockRaiseToDpc(lock: *mut usize) -> u8 as |kernel| {
        kernel.require_set_up(lock.addr(), "KeAcquireSpinLockRaiseToDpc");
        kernel.lock(lock.addr(), Kind::Spin, Irql::DISPATCH, "KeAcquireSpinLockRaiseToDpc").0
    }

    /// Releases a spin lock and goes back to the level before.
    [Irql::DISPATCH] fn KeReleaseSpinLock(lock: *mut usize, before: u8) as |kernel| {
        kernel.unlock(lock.addr(), Kind::Spin, Some(Irql(before)), "KeReleaseSpinLock");
    }

    /// Takes a spin lock at DISPATCH_LEVEL.
    [Irql::DISPATCH] fn KeAcquireSpinLockAtDpcLevel(lock: *mut usize) as |kernel| {
        kernel.require_set_up(lock.addr(), "KeAcquireSpinLockAtDpcLevel");
        kernel.lock(lock.addr(), Kind::SpinAtDispatch, Irql::DISPATCH, "KeAcquireSpinLockAtDpcLevel");
    }

    /// Releases a spin lock and stays at DISPATCH_LEVEL.
    [Irql::DISPATCH] fn KeReleaseSpinLockFromDpcLevel(lock: *mut usize) as |kernel| {
        kernel.unlock(lock.addr(), Kind::SpinAtDispatch, None, "KeReleaseSpinLockFromDpcLevel");
    }

    /// Takes a queued spin lock; the handle remembers which and the level before.
    [Irql::DISPATCH] fn KeAcquireInStackQueuedSpinLock(lock: *mut usize, handle: *mut [usize; 3]) as |kernel| {
        let at = "KeAcquireInStackQueuedSpinLock";
        kernel.require_set_up(lock.addr(), at);
        let before = kernel.lock(lock.addr(), Kind::Queued, Irql::DISPATCH, at);
        let remembered = [0, lock.expose_provenance(), usize::from(before.0)];
        // SAFETY: the caller's handle is a KLOCK_QUEUE_HANDLE of this size.
        unsafe { handle.write(remembered) };
    }

    /// Releases a queued spin lock.
    [Irql::DISPATCH] fn KeReleaseInStackQueuedSpinLock(handle: *mut [usize; 3]) as |kernel| {
        let at = "KeReleaseInStackQueuedSpinLock";
        // SAFETY: the acquire wrote the handle.
        let [_, lock, before] = unsafe { handle.read() };
        let before = u8::try_from(before).unwrap_or(u8::MAX);
        kernel.unlock(lock, Kind::Queued, Some(Irql(before)), at);
    }

    /// Raises the level; the level before.
    [Irql::HIGH] fn KfRaiseIrql(level: u8) -> u8 as |kernel| {
        kernel.raise(Irql(level), "KfRaiseIrql").0
    }

    /// Lowers the level.
    [Irql::HIGH] fn KeLowerIrql(level: u8) as |kernel| {
        kernel.lower(Irql(level), "KeLowerIrql");
    }

    /// The level.
    [Irql::HIGH] fn KeGetCurrentIrql() -> u8 as |kernel| {
        kernel.irql().0
    }

    /// Sets an event up; type 0 stays signalled, type 1 wakes one waiter.
    [Irql::HIGH] fn KeInitializeEvent(event: *mut c_void, kind: i32, signalled: u8) as |kernel| {
        kernel.initialize_event(event.addr(), kind == 1, signalled != 0);
    }

    /// Signals an event; its state before.
    [Irql::DISPATCH] fn KeSetEvent(event: *mut c_void, _boost: i32, _wait: u8) -> i32 as |kernel| {
        i32::from(kernel.signal_event(event.addr(), true, "KeSetEvent"))
    }

    /// Clears an event; its state before.
    [Irql::DISPATCH] fn KeResetEvent(event: *mut c_void) -> i32 as |kernel| {
        i32::from(kernel.signal_event(event.addr(), false, "KeResetEvent"))
    }

    /// Clears an event.
    [Irql::DISPATCH] fn KeClearEvent(event: *mut c_void) as |kernel| {
        kernel.signal_event(event.addr(), false, "KeClearEvent");
    }

    /// Waits for an event or timer, at most for the timeout.
    [Irql::DISPATCH] fn KeWaitForSingleObject(
        object: *mut c_void,
        _reason: i32,
        _mode: i8,
        _alertable: u8,
        timeout: *const i64,
    ) -> NtStatus as |kernel| {
        // SAFETY: the timeout is absent or points to a LARGE_INTEGER.
        let timeout = unsafe { timeout.as_ref() }.copied();
        wait(kernel, object.addr(), timeout)
    }

    /// Sleeps.
    [Irql::APC] fn KeDelayExecutionThread(_mode: i8, _alertable: u8, interval: *const i64) -> NtStatus as |kernel| {
        // SAFETY: the interval points to a LARGE_INTEGER.
        let interval = unsafe { interval.read() };
        // A sleeper wakes at a tick.
        let end = wait_end(kernel, interval).next_multiple_of(kernel.options.tick.max(1));
        kernel.advance_to(end);
        status::SUCCESS
    }

    /// Takes a fast mutex.
    [Irql::APC] fn ExAcquireFastMutex(mutex: *mut c_void) as |kernel| {
        kernel.lock(mutex.addr(), Kind::FastMutex, Irql::APC, "ExAcquireFastMutex");
    }

    /// Releases a fast mutex.
    [Irql::APC] fn ExReleaseFastMutex(mutex: *mut c_void) as |kernel| {
        let before = kernel.level_before(mutex.addr()).unwrap_or(Irql::PASSIVE);
        kernel.unlock(mutex.addr(), Kind::FastMutex, Some(before), "ExReleaseFastMutex");
    }
}

fn wait(kernel: &Kernel, object: usize, timeout: Option<i64>) -> NtStatus {
    let at = "KeWaitForSingleObject";
    let Some(satisfied) = kernel.try_wait(object) else {
        kernel.violate(Rule::NotInitialized, at, format!("object {object:#x}"));
        return status::INVALID_PARAMETER;
    };
    if satisfied {
        return status::SUCCESS;
    }
    if timeout == Some(0) {
        return status::TIMEOUT;
    }
    if kernel.irql() >= Irql::DISPATCH {
        kernel.violate(Rule::IrqlTooHigh, at, "a wait that is not over at once");
        return status::TIMEOUT;
    }
    let end = timeout.map(|timeout| wait_end(kernel, timeout));
    let limit = end.unwrap_or(kernel.now() + LONGEST_WAIT);
    if kernel.advance_until(limit, |kernel| kernel.try_wait(object) == Some(true)) {
        return status::SUCCESS;
    }
    if end.is_none() {
        kernel.violate(
            Rule::WaitForever,
            at,
            format!("object {object:#x}, 60 s without a signal"),
        );
    }
    status::TIMEOUT
}

fn wait_end(kernel: &Kernel, due: i64) -> u64 {
    if due < 0 {
        kernel.now() + due.unsigned_abs()
    } else {
        kernel.now() + due.unsigned_abs().saturating_sub(kernel.system_time())
    }
}

const LONGEST_WAIT: u64 = 60 * SECOND;
