//! Every way to get an event wrong, done on purpose.

use std::ptr::NonNull;

use dmusmini::portcls::abi::{DmusEventData, DmusKernelEvent, event_flags};

use super::{EventPool, Owner};
use crate::machine::Machine;

const AT: &str = "a test";

/// What the pool has to say about `work`; leftovers are not looked for.
fn breaches(work: impl FnOnce(&EventPool)) -> Vec<String> {
    let machine = Machine::new();
    work(&EventPool::new(64, 100));
    let violations = machine.take_violations();
    violations
        .into_iter()
        .map(|violation| violation.detail)
        .collect()
}

fn content(mut event: NonNull<DmusKernelEvent>) -> &'static mut DmusKernelEvent {
    // SAFETY: each test touches an event from one place, while its pool lives.
    unsafe { event.as_mut() }
}

fn driver_event(pool: &EventPool) -> NonNull<DmusKernelEvent> {
    pool.event(Owner::Driver).expect("room")
}

/// An event with `count` bytes in a buffer.
fn long_event(pool: &EventPool, count: u16) -> NonNull<DmusKernelEvent> {
    let event = driver_event(pool);
    let buffer = pool.buffer(Owner::Driver).expect("room");
    content(event).byte_count = count;
    content(event).data = DmusEventData {
        buffer: buffer.as_ptr(),
    };
    event
}

#[track_caller]
fn assert_breach(found: &[String], expected: &str) {
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
}

#[test]
fn good_manners_are_not_mentioned() {
    let found = breaches(|pool| {
        for _ in 0..100 {
            let event = driver_event(pool);
            assert_eq!((content(event).size, content(event).byte_count), (40, 0));
            pool.give_back(event, Owner::Driver, AT);
            pool.give_back(long_event(pool, 64), Owner::Driver, AT);
        }
        pool.look_for_leftovers(AT);
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn an_event_comes_back_once() {
    let found = breaches(|pool| {
        let event = driver_event(pool);
        pool.give_back(event, Owner::Driver, AT);
        pool.give_back(event, Owner::Driver, AT);
    });
    assert_breach(&found, "twice");
}

#[test]
fn only_its_owner_gives_an_event_back() {
    let found = breaches(|pool| {
        let event = pool.event(Owner::Port).expect("room");
        pool.hand_over(event.as_ptr(), Owner::Driver, Owner::Port, AT);
    });
    assert_breach(&found, "of Port's");
}

#[test]
fn other_memory_is_no_event() {
    let found = breaches(|pool| {
        let mut elsewhere = 0_u64;
        let elsewhere = NonNull::from(&mut elsewhere).cast();
        pool.give_back(elsewhere, Owner::Driver, AT);
    });
    assert_breach(&found, "no event of this allocator");
}

#[test]
fn a_buffer_holds_no_more_than_its_size() {
    let found = breaches(|pool| pool.give_back(long_event(pool, 65), Owner::Driver, AT));
    assert_breach(&found, "more than GetBufferSize");
}

#[test]
fn a_long_event_needs_a_buffer_of_the_pool() {
    let found = breaches(|pool| {
        let event = driver_event(pool);
        content(event).byte_count = 9;
        pool.give_back(event, Owner::Driver, AT);
    });
    assert_breach(&found, "no buffer");
}

#[test]
fn the_header_is_not_the_drivers() {
    let found = breaches(|pool| {
        let event = driver_event(pool);
        content(event).size = 0;
        pool.give_back(event, Owner::Driver, AT);
    });
    assert_breach(&found, "bReserved or cbStruct");
}

#[test]
fn a_package_comes_back_empty() {
    let found = breaches(|pool| {
        let (package, child) = (driver_event(pool), driver_event(pool));
        content(package).flags = event_flags::PACKAGE;
        content(package).data = DmusEventData {
            package: child.as_ptr(),
        };
        pool.give_back(package, Owner::Driver, AT);
    });
    assert_breach(&found, "with its children");
}

#[test]
fn a_late_write_is_noticed() {
    let found = breaches(|pool| {
        let event = driver_event(pool);
        pool.give_back(event, Owner::Driver, AT);
        content(event).byte_count = 3;
        pool.look_for_leftovers(AT);
    });
    assert_breach(&found, "written after");
}

#[test]
fn what_never_comes_back_is_counted() {
    let found = breaches(|pool| {
        let _ = driver_event(pool);
        pool.look_for_leftovers(AT);
    });
    assert_breach(&found, "1 from the driver");
}

#[test]
fn an_empty_pool_refuses() {
    let pool = EventPool::new(64, 1);
    let event = pool.event(Owner::Driver).expect("room");
    assert!(pool.event(Owner::Driver).is_none());
    pool.give_back(event, Owner::Driver, AT);
    assert!(pool.event(Owner::Driver).is_some());
}
