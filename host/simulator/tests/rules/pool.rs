//! The pool: leaks, bad frees, damage, and failures that are planned.

use std::ptr;

use dmusmini_simulator::imports::pool;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

use super::{allocate, breaks, free};

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
