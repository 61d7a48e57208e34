//! Timers, DPCs, stalls and waits.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use dmusmini_simulator::imports::{sync, time, timer};
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::kernel::Options;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

use super::{allocate, breaks, free};

unsafe extern "win64" fn count(
    _dpc: *mut c_void,
    context: *mut c_void,
    _first: *mut c_void,
    _second: *mut c_void,
) {
    // SAFETY: the tests pass a counter.
    let counter = unsafe { &*context.cast::<Cell<u32>>() };
    counter.set(counter.get() + 1);
}

unsafe extern "win64" fn count_timer(_timer: *mut c_void, context: *mut c_void) {
    // SAFETY: the tests pass a counter.
    let counter = unsafe { &*context.cast::<Cell<u32>>() };
    counter.set(counter.get() + 1);
}

#[test]
fn memory_with_a_live_timer_or_dpc_must_not_go() {
    let counter = Cell::new(0_u32);
    let context = (&raw const counter).cast_mut().cast::<c_void>();
    breaks(&[Rule::TimerArmed], |_| {
        let block = allocate(b"Timr");
        // SAFETY: the block has room for a KTIMER.
        unsafe { timer::KeInitializeTimerEx(block, 0) };
        // SAFETY: initialised above.
        unsafe { timer::KeSetTimerEx(block, -10_000, 0, ptr::null_mut()) };
        free(block, b"Timr");
    });
    breaks(&[Rule::DpcQueued], |kernel| {
        let block = allocate(b"Dpc ");
        // SAFETY: the block has room for a KDPC.
        unsafe { timer::KeInitializeDpc(block, count, context) };
        kernel.at_level(Irql::DISPATCH, || {
            // SAFETY: initialised above.
            unsafe { timer::KeInsertQueueDpc(block, ptr::null_mut(), ptr::null_mut()) };
            free(block, b"Dpc ");
        });
    });
    assert_eq!(counter.get(), 0);
    breaks(&[Rule::NotInitialized, Rule::NotInitialized], |_| {
        let nowhere = ptr::without_provenance_mut(64);
        // SAFETY: the model looks the address up and does not follow it.
        unsafe { timer::KeSetTimerEx(nowhere, -1, 0, ptr::null_mut()) };
        // SAFETY: as above.
        unsafe { timer::KeInsertQueueDpc(nowhere, ptr::null_mut(), ptr::null_mut()) };
    });
    breaks(
        &[Rule::IrqlTooHigh, Rule::TimerArmed, Rule::Leak],
        |kernel| {
            // SAFETY: the context is alive.
            let set = unsafe { timer::ExAllocateTimer(Some(count_timer), context, 4) };
            kernel.at_level(Irql(5), || {
                // SAFETY: allocated above.
                unsafe { timer::ExSetTimer(set, -100_000, 0, ptr::null()) };
            });
        },
    );
}

#[test]
fn ordinary_timers_tick_and_precise_ones_come_late_but_never_early() {
    let counter = Cell::new(0_u32);
    let context = (&raw const counter).cast_mut().cast::<c_void>();
    let machine = Machine::with_options(Options::default());
    // SAFETY: the context outlives the machine's timers.
    let set = unsafe { timer::ExAllocateTimer(Some(count_timer), context, 4) };
    let mut lateness = Vec::new();
    for _ in 0..200 {
        let start = machine.now();
        // SAFETY: allocated above.
        unsafe { timer::ExSetTimer(set, -20_000, 0, ptr::null()) };
        let before = counter.get();
        assert!(machine.advance_until(start + 100_000, |_| counter.get() > before));
        let took = machine.now() - start;
        assert!((20_000..=30_000).contains(&took), "{took}");
        lateness.push(took - 20_000);
    }
    assert!(lateness.iter().any(|late| *late > 5_000));
    assert!(lateness.iter().any(|late| *late < 5_000));
    // SAFETY: allocated above.
    unsafe { timer::ExDeleteTimer(set, 1, 1, ptr::null()) };

    let (block, dpc) = (allocate(b"Timr"), allocate(b"Dpc "));
    // SAFETY: the blocks have room for the structures.
    unsafe { timer::KeInitializeTimerEx(block, 0) };
    // SAFETY: as above.
    unsafe { timer::KeInitializeDpc(dpc, count, context) };
    let before = counter.get();
    let start = machine.now();
    // SAFETY: initialised above.
    unsafe { timer::KeSetTimerEx(block, -10_000, 0, dpc) };
    assert!(machine.advance_until(start + 400_000, |_| counter.get() > before));
    assert_eq!(
        machine.now() % 156_250,
        0,
        "an ordinary timer expires at a tick"
    );
    free(block, b"Timr");
    free(dpc, b"Dpc ");
}

#[test]
fn busy_waiting_has_a_limit() {
    breaks(&[Rule::StallTooLong], |kernel| {
        let start = kernel.now();
        // SAFETY: the function takes any number.
        unsafe { time::KeStallExecutionProcessor(51) };
        assert_eq!(kernel.now() - start, 510);
    });
    breaks(&[Rule::StallTooLong], |kernel| {
        kernel.at_level(Irql(5), || {
            // SAFETY: the function takes any number.
            unsafe { time::KeStallExecutionProcessor(1) };
        });
    });
}

#[test]
fn nothing_waits_where_nothing_wakes() {
    let event = ptr::without_provenance_mut::<c_void>(0x1000);
    let wait = |timeout: Option<&i64>| {
        let timeout = timeout.map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the timeout is absent or a local.
        unsafe { sync::KeWaitForSingleObject(event, 0, 0, 0, timeout) }
    };
    breaks(&[Rule::WaitForever], |_| {
        // SAFETY: the model does not follow the address.
        unsafe { sync::KeInitializeEvent(event, 0, 0) };
        assert_eq!(wait(None), 0x102);
    });
    breaks(&[Rule::IrqlTooHigh], |kernel| {
        // SAFETY: the model does not follow the address.
        unsafe { sync::KeInitializeEvent(event, 0, 0) };
        kernel.at_level(Irql::DISPATCH, || wait(Some(&-10)));
    });
    breaks(&[], |kernel| {
        // SAFETY: the model does not follow the address.
        unsafe { sync::KeInitializeEvent(event, 1, 0) };
        let start = kernel.now();
        assert_eq!(wait(Some(&-10_000)), 0x102);
        assert_eq!(kernel.now() - start, 10_000);
        // SAFETY: initialised above.
        unsafe { sync::KeSetEvent(event, 0, 0) };
        assert_eq!(wait(None), 0);
        assert_eq!(wait(Some(&0)), 0x102);
    });
}

#[test]
fn a_spin_on_the_clock_is_noticed() {
    breaks(&[Rule::NoProgress], |kernel| {
        let start = kernel.now();
        kernel.enter_driver("spin", || {
            loop {
                // SAFETY: null is allowed.
                if unsafe { time::KeQueryInterruptTimePrecise(ptr::null_mut()) } > start {
                    break;
                }
            }
        });
    });
}
