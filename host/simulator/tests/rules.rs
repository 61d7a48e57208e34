//! Every rule of the simulated kernel, broken on purpose: a rule that cannot fail proves nothing.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

use dmusmini_simulator::imports::{io, pool, rundown, sync, time, timer, trace};
use dmusmini_simulator::interrupt::Trigger;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::kernel::{Kernel, Options};
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

/// Runs a scenario and asserts that it breaks exactly these rules, end of scenario included.
#[track_caller]
fn breaks(expected: &[Rule], scenario: impl FnOnce(&Kernel)) {
    let machine = Machine::new();
    scenario(&machine);
    let violations = machine.power_off();
    let rules: Vec<Rule> = violations.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, expected, "{violations:#?}");
}

fn allocate(tag: &[u8; 4]) -> *mut c_void {
    // SAFETY: the function may be called with any numbers.
    unsafe { pool::ExAllocatePool2(0x40, 100, u32::from_le_bytes(*tag)) }
}

fn free(block: *mut c_void, tag: &[u8; 4]) {
    // SAFETY: the model checks the address itself.
    unsafe { pool::ExFreePoolWithTag(block, u32::from_le_bytes(*tag)) }
}

#[test]
fn a_clean_scenario_breaks_nothing() {
    breaks(&[], |_| free(allocate(b"Good"), b"Good"));
}

#[test]
fn a_leak_is_reported_by_tag() {
    let machine = Machine::new();
    allocate(b"Leak");
    allocate(b"Leak");
    let violations = machine.power_off();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].rule, Rule::Leak);
    assert_eq!(violations[0].detail, "tag 'Leak': 2 block(s), 200 bytes");
}

#[test]
#[should_panic(expected = "Leak")]
fn dropping_a_machine_with_a_leak_panics() {
    let _machine = Machine::new();
    allocate(b"Leak");
}

#[test]
fn pool_rules() {
    breaks(&[Rule::DoubleFree], |_| {
        let block = allocate(b"Twic");
        free(block, b"Twic");
        free(block, b"Twic");
    });
    breaks(&[Rule::FreeWithWrongTag], |_| {
        free(allocate(b"Mine"), b"Your");
    });
    breaks(&[Rule::FreeOfUnknown], |_| {
        free(ptr::without_provenance_mut(0x1234_5670), b"None");
    });
    breaks(&[Rule::PoolRequest], |_| free(allocate(&[0; 4]), &[0; 4]));
    breaks(
        &[Rule::PoolAboveDispatch, Rule::PoolAboveDispatch],
        |kernel| {
            kernel.at_level(Irql(5), || free(allocate(b"High"), b"High"));
        },
    );
    breaks(&[Rule::PagedAtDispatch, Rule::PagedAtDispatch], |kernel| {
        kernel.at_level(Irql::DISPATCH, || {
            // SAFETY: the function may be called with any numbers.
            let block = unsafe { pool::ExAllocatePool2(0x100, 8, 1) };
            free(block, &[1, 0, 0, 0]);
        });
    });
    breaks(&[Rule::PoolRequest], |_| {
        // SAFETY: the function may be called with any numbers.
        let block = unsafe { pool::ExAllocatePool2(0x80, 8, 1) };
        free(block, &[1, 0, 0, 0]);
    });
    breaks(
        &[Rule::AllocationForbidden, Rule::AllocationForbidden],
        |kernel| {
            kernel
                .pool()
                .forbid("rendering", || free(allocate(b"Rend"), b"Rend"));
        },
    );
}

#[test]
fn damage_around_and_after_a_block_shows() {
    for offset in [-1_isize, 100] {
        breaks(&[Rule::Overrun], |_| {
            let block = allocate(b"Over");
            // SAFETY: the byte lies in the canary of the same allocation.
            unsafe { block.cast::<u8>().offset(offset).write(1) };
            free(block, b"Over");
        });
    }
    breaks(&[Rule::WriteAfterFree], |_| {
        let block = allocate(b"Late");
        free(block, b"Late");
        // SAFETY: a freed block stays in quarantine; a driver would not know that.
        unsafe { block.cast::<u8>().write(1) };
    });
}

#[test]
fn planned_failures_fail_exactly_once_or_from_then_on() {
    let machine = Machine::new();
    machine.pool().fail_nth(1);
    let (first, second, third) = (allocate(b"Fail"), allocate(b"Fail"), allocate(b"Fail"));
    assert!(!first.is_null() && second.is_null() && !third.is_null());
    machine.pool().fail_from(0);
    assert!(allocate(b"Fail").is_null() && allocate(b"Fail").is_null());
    machine.pool().fail_none();
    assert_eq!(machine.pool().counters().requests, 5);
    free(first, b"Fail");
    free(third, b"Fail");
    machine.assert_clean();
}

#[test]
fn spin_lock_rules() {
    let mut word = 0_usize;
    let lock = &raw mut word;
    // SAFETY: the lock is a local.
    let acquire = || unsafe { sync::KeAcquireSpinLockRaiseToDpc(lock) };
    // SAFETY: the lock is a local.
    let release = |level| unsafe { sync::KeReleaseSpinLock(lock, level) };
    breaks(&[], |kernel| {
        let before = acquire();
        assert_eq!(kernel.irql(), Irql::DISPATCH);
        release(before);
        assert_eq!(kernel.irql(), Irql::PASSIVE);
    });
    breaks(&[Rule::LockNotHeld], |kernel| {
        kernel.raise(Irql::DISPATCH, "test");
        release(0);
    });
    breaks(
        &[Rule::LockReleasedAtWrongLevel, Rule::IrqlNotRestored],
        |_| {
            acquire();
            release(2);
        },
    );
    breaks(&[Rule::LockReleasedAtWrongLevel], |kernel| {
        acquire();
        kernel.write_level(Irql::PASSIVE);
        release(0);
    });
    breaks(&[Rule::IrqlTooHigh, Rule::IrqlWrongDirection], |kernel| {
        kernel.at_level(Irql(6), || {
            let before = acquire();
            kernel.write_level(Irql::DISPATCH);
            release(before);
        });
    });
    breaks(
        &[
            Rule::LockRecursion,
            Rule::LockReleasedAtWrongLevel,
            Rule::LockReleasedAtWrongLevel,
        ],
        |_| {
            let outer = acquire();
            acquire();
            release(outer);
            release(outer);
        },
    );
    breaks(&[Rule::IrqlTooLow, Rule::LockReleasedAtWrongLevel], |_| {
        // SAFETY: the lock is a local.
        unsafe { sync::KeAcquireSpinLockAtDpcLevel(lock) };
        // SAFETY: the lock is a local.
        unsafe { sync::KeReleaseSpinLockFromDpcLevel(lock) };
    });
    breaks(&[Rule::IrqlNotRestored, Rule::LockLeft], |_| {
        acquire();
    });
}

#[test]
fn a_routine_must_come_back_as_it_was_called() {
    let mut word = 0_usize;
    let lock = &raw mut word;
    breaks(
        &[Rule::IrqlNotRestored, Rule::LockLeft, Rule::LockLeft],
        |kernel| {
            kernel.enter_driver("a routine", || {
                // SAFETY: the lock is a local.
                unsafe { sync::KeAcquireSpinLockRaiseToDpc(lock) };
            });
        },
    );
}

#[test]
fn levels_have_a_direction() {
    breaks(
        &[Rule::IrqlWrongDirection, Rule::IrqlWrongDirection],
        |_| {
            // SAFETY: the function takes any level.
            unsafe { sync::KeLowerIrql(2) };
            // SAFETY: the function takes any level.
            unsafe { sync::KfRaiseIrql(0) };
        },
    );
}

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
fn ports_that_nobody_answers_read_as_ones() {
    breaks(&[Rule::PortUnclaimed, Rule::PortUnclaimed], |kernel| {
        assert_eq!(kernel.port_read(0x330), 0xFF);
        kernel.port_write(0x331, 0);
    });
}

#[test]
fn interrupts_run_at_their_level_and_can_be_lost() {
    let machine = Machine::new();
    machine.add_line(5, Irql(7), Trigger::Level);
    machine.add_line(9, Irql(8), Trigger::Latched);
    let seen = Rc::new(Cell::new(0));
    let connect = |vector: u32, level: u8| {
        let (kernel, seen) = (machine.kernel(), Rc::clone(&seen));
        let routine = move || {
            assert_eq!(kernel.irql(), Irql(level));
            seen.set(seen.get() + 1);
            kernel.hold_line(vector, false);
            true
        };
        machine.connect(vector, Rc::new(routine)).unwrap()
    };
    let (level, latched) = (connect(5, 7), connect(9, 8));
    machine.hold_line(5, true);
    assert_eq!(seen.get(), 1);
    machine.at_level(Irql(7), || {
        machine.hold_line(5, true);
        assert_eq!(seen.get(), 1, "masked by the level");
        machine.spurious_interrupt(9);
        assert_eq!(seen.get(), 2, "a higher line gets through");
    });
    assert_eq!(seen.get(), 3);
    machine.lose_interrupts(9, 1);
    machine.hold_line(9, true);
    assert_eq!(seen.get(), 3, "the edge was lost");
    machine.hold_line(9, false);
    machine.synchronize(level, || {
        machine.hold_line(5, true);
        assert_eq!(seen.get(), 3);
    });
    assert_eq!(seen.get(), 4);
    machine.disconnect(level);
    machine.disconnect(latched);
    machine.assert_clean();
}

#[test]
fn a_line_that_nobody_quietens_is_reported_and_masked() {
    breaks(&[Rule::InterruptUnclaimed], |kernel| {
        kernel.add_line(5, Irql(7), Trigger::Level);
        let connection = kernel.connect(5, Rc::new(|| false)).unwrap();
        kernel.hold_line(5, true);
        kernel.hold_line(5, false);
        kernel.disconnect(connection);
    });
    breaks(&[Rule::InterruptLeft], |kernel| {
        kernel.add_line(5, Irql(7), Trigger::Level);
        kernel.connect(5, Rc::new(|| true)).unwrap();
    });
}

#[test]
fn descriptor_lists_are_locked_once_and_unlocked_once() {
    let allocate = |address: usize| {
        let address = ptr::without_provenance_mut(address);
        // SAFETY: the model does not follow the address.
        unsafe { io::IoAllocateMdl(address, 100, 0, 0, ptr::null_mut()) }
    };
    breaks(&[], |kernel| {
        let user = kernel.memory().map_user(&[7; 100]);
        let mdl = allocate(user);
        // SAFETY: allocated above.
        assert!(unsafe { io::probe_and_lock(mdl.cast(), 1, 0) });
        // The client takes the memory away; the locked pages stay.
        kernel.memory().unmap_user(user);
        assert!(kernel.memory().read_user(user, 1).is_none());
        // SAFETY: locked above.
        let mapped =
            unsafe { io::MmMapLockedPagesSpecifyCache(mdl.cast(), 0, 1, ptr::null_mut(), 0, 16) };
        // SAFETY: mapped above.
        assert_eq!(unsafe { mapped.cast::<u8>().add(99).read() }, 7);
        // SAFETY: locked above.
        unsafe { io::MmUnlockPages(mdl.cast()) };
        // SAFETY: allocated above.
        unsafe { io::IoFreeMdl(mdl) };
    });
    breaks(&[Rule::MdlMisuse, Rule::MdlMisuse], |kernel| {
        let user = kernel.memory().map_user(&[7; 100]);
        let mdl = allocate(user);
        // SAFETY: allocated above.
        unsafe { io::MmUnlockPages(mdl.cast()) };
        // SAFETY: allocated above.
        assert!(unsafe { io::probe_and_lock(mdl.cast(), 1, 1) });
        // SAFETY: allocated above.
        unsafe { io::IoFreeMdl(mdl) };
    });
    breaks(&[], |kernel| {
        let read_only = kernel.memory().map_user(&[7; 100]);
        kernel.memory().protect_user(read_only);
        for (address, operation) in [
            (0x10, 0),
            (read_only, 1),
            (usize::MAX - 50, 0),
            (1 << 47, 0),
        ] {
            let mdl = allocate(address);
            // SAFETY: allocated above.
            assert!(!unsafe { io::probe_and_lock(mdl.cast(), 1, operation) });
            // SAFETY: allocated above.
            unsafe { io::IoFreeMdl(mdl) };
        }
    });
}

#[test]
fn trace_providers_are_unregistered() {
    breaks(&[Rule::ObjectLeft], |kernel| {
        let guid = [3_u8; 16];
        let mut handle = 0;
        // SAFETY: both pointers are locals.
        unsafe { trace::EtwRegister(&raw const guid, None, ptr::null_mut(), &raw mut handle) };
        let descriptor = [1_u8; 16];
        let none = ptr::null();
        // SAFETY: the descriptor is a local, and there is no data.
        unsafe {
            trace::EtwWriteTransfer(handle, &raw const descriptor, none, none, 0, ptr::null())
        };
        assert_eq!(kernel.etw().written()[0].provider, guid);
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

#[test]
fn run_down_protection_counts_its_users() {
    let mut word = 0_usize;
    let reference = &raw mut word;
    // SAFETY: the reference is a local.
    let acquire = || unsafe { rundown::ExAcquireRundownProtection(reference) };
    // SAFETY: the reference is a local.
    let release = || unsafe { rundown::ExReleaseRundownProtection(reference) };
    // SAFETY: the reference is a local.
    let wait = || unsafe { rundown::ExWaitForRundownProtectionRelease(reference) };
    // SAFETY: the reference is a local.
    let reopen = || unsafe { rundown::ExReInitializeRundownProtection(reference) };
    breaks(&[], |_| {
        assert_eq!(acquire(), 1);
        release();
        wait();
        assert_eq!(acquire(), 0, "closed");
        reopen();
        assert_eq!(acquire(), 1);
        release();
    });
    breaks(&[Rule::Reference], |_| release());
    breaks(&[Rule::BadArgument], |_| reopen());
    breaks(&[Rule::IrqlTooHigh], |kernel| {
        kernel.at_level(Irql::DISPATCH, wait);
    });
    reopen_quietly(reference);
    breaks(&[Rule::WaitForever, Rule::ObjectLeft], |_| {
        acquire();
        wait();
    });
}

fn reopen_quietly(reference: *mut usize) {
    // SAFETY: the test's own local.
    unsafe { reference.write(0) };
}
