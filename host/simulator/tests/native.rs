//! What only a natively built driver needs: its allocations charged, its calls linked by name.

use dmusmini::mem::{Buffer, OutOfMemory};
use dmusmini_simulator::inside::{enter_driver, outside};
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::tracking_allocator::TrackingAllocator;
use dmusmini_simulator::violation::Rule;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

fn rules(machine: Machine) -> Vec<Rule> {
    machine
        .power_off()
        .iter()
        .map(|violation| violation.rule)
        .collect()
}

#[test]
fn only_the_driver_s_allocations_are_charged() {
    let machine = Machine::new();
    let ours = vec![1_u8; 1000];
    let theirs = enter_driver("test", || {
        let theirs = Buffer::try_filled(100, 7_u32).unwrap();
        outside(|| drop(vec![0_u8; 50]));
        theirs
    });
    assert_eq!(machine.pool().outstanding().len(), 1);
    let (tag, blocks, bytes) = machine.pool().outstanding()[0];
    assert_eq!((tag.to_string().as_str(), blocks, bytes), ("rust", 1, 400));
    assert_eq!(machine.pool().counters().requests, 1);
    // Whoever drops it.
    drop(theirs);
    drop(ours);
    machine.assert_clean();
}

#[test]
fn a_native_leak_is_a_leak() {
    let machine = Machine::new();
    let buffer = enter_driver("test", || Buffer::try_filled(100, 7_u32).unwrap());
    assert_eq!(rules(machine), [Rule::Leak]);
    drop(buffer);
}

#[test]
fn native_allocations_fail_on_demand_and_obey_the_rules() {
    let machine = Machine::new();
    machine.pool().fail_nth(1);
    enter_driver("test", || {
        let first = Buffer::try_filled(1, 0_u8);
        let second = Buffer::try_filled(1, 0_u8);
        let third = Buffer::try_filled(1, 0_u8);
        assert!(first.is_ok() && third.is_ok());
        assert_eq!(second.unwrap_err(), OutOfMemory);
    });
    machine.at_level(Irql(5), || {
        enter_driver("interrupt", || drop(Buffer::try_filled(1, 0_u8)));
    });
    machine.pool().forbid("rendering", || {
        enter_driver("render", || drop(Buffer::try_filled(1, 0_u8)));
    });
    assert_eq!(
        rules(machine),
        [
            Rule::PoolAboveDispatch,
            Rule::PoolAboveDispatch,
            Rule::AllocationForbidden,
            Rule::AllocationForbidden
        ]
    );
}

#[test]
fn nothing_of_the_host_s_own_work_is_charged() {
    let machine = Machine::new();
    enter_driver("test", || {
        for _ in 0..100 {
            let mut counter = 0;
            // SAFETY: the counter is a local. The import records a trace line on the host's heap.
            unsafe {
                dmusmini_simulator::imports::time::KeQueryInterruptTimePrecise(&raw mut counter)
            };
        }
    });
    assert_eq!(machine.pool().counters().requests, 0);
    machine.assert_clean();
}

#[test]
fn a_token_is_checked_against_the_level() {
    use dmusmini::irql::Irql as Token;
    use dmusmini::irql::{Device, Dispatch, Passive};
    let assume = || {
        // SAFETY: whether this holds is what the test is about.
        let _ = unsafe { Token::<Passive>::assume() };
        // SAFETY: as above.
        let _ = unsafe { Token::<Dispatch>::assume() };
        // SAFETY: as above.
        let _ = unsafe { Token::<Device>::assume() };
    };
    for (level, expected) in [(0, 0), (2, 1), (7, 2), (13, 3)] {
        let machine = Machine::new();
        machine.at_level(Irql(level), || enter_driver("test", assume));
        assert_eq!(
            rules(machine),
            vec![Rule::IrqlTooHigh; expected],
            "at {level}"
        );
    }
}
