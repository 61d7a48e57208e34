//! Levels, locks and run-down protection.

use dmusmini_simulator::imports::{rundown, sync};
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::violation::Rule;

use super::breaks;

#[test]
fn spin_lock_rules() {
    let mut word = 0_usize;
    let lock = &raw mut word;
    let acquire = || {
        // Each machine has to see it first.
        // SAFETY: the lock is a local.
        unsafe { sync::KeInitializeSpinLock(lock) };
        // SAFETY: the lock is a local.
        unsafe { sync::KeAcquireSpinLockRaiseToDpc(lock) }
    };
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
    breaks(&[Rule::NotInitialized], |_| {
        // SAFETY: the lock is a local.
        let before = unsafe { sync::KeAcquireSpinLockRaiseToDpc(lock) };
        release(before);
    });
    breaks(&[Rule::IrqlTooLow, Rule::LockReleasedAtWrongLevel], |_| {
        // SAFETY: the lock is a local.
        unsafe { sync::KeInitializeSpinLock(lock) };
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
                unsafe { sync::KeInitializeSpinLock(lock) };
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

#[test]
fn run_down_protection_counts_its_users() {
    let mut word = 0_usize;
    let reference = &raw mut word;
    // SAFETY: the reference is a local.
    let set_up = || unsafe { rundown::ExInitializeRundownProtection(reference) };
    // SAFETY: the reference is a local.
    let acquire = || unsafe { rundown::ExAcquireRundownProtection(reference) };
    // SAFETY: the reference is a local.
    let release = || unsafe { rundown::ExReleaseRundownProtection(reference) };
    // SAFETY: the reference is a local.
    let wait = || unsafe { rundown::ExWaitForRundownProtectionRelease(reference) };
    // SAFETY: the reference is a local.
    let reopen = || unsafe { rundown::ExReInitializeRundownProtection(reference) };
    breaks(&[Rule::NotInitialized], |_| {
        acquire();
        release();
    });
    breaks(&[], |_| {
        set_up();
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
        set_up();
        kernel.at_level(Irql::DISPATCH, wait);
    });
    reopen_quietly(reference);
    breaks(&[Rule::WaitForever, Rule::ObjectLeft], |_| {
        set_up();
        acquire();
        wait();
    });
}

fn reopen_quietly(reference: *mut usize) {
    // SAFETY: the test's own local.
    unsafe { reference.write(0) };
}
