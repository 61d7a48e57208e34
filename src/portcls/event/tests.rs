//! Events under an allocator that counts them.

use super::*;
use crate::com::{Object, ObjectRef};
use crate::irql::{Device, Dispatch, Passive};
use crate::portcls::abi::{BYTE_POSITION_NONE, KsState};
use crate::portcls::interfaces::{IAllocatorMxfClass, IMxfClass, In};
use std::boxed::Box;
use std::sync::Mutex;
use std::vec::Vec;

/// An allocator on the test's heap that remembers what it has lent.
#[derive(Default)]
struct Heap {
    lent: Mutex<Vec<usize>>,
}

crate::class!(Heap: 0 => IAllocatorMxf(IMxf));

const BUFFER: u16 = 32;

impl IMxfClass for Heap {
    fn set_state(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: KsState) -> Status {
        Status::NOT_IMPLEMENTED
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        let event = event.unwrap();
        let mut lent = this.lent.lock().unwrap();
        let place = lent.iter().position(|&lent| lent == event.addr().get());
        lent.swap_remove(place.expect("an event that is not out"));
        // SAFETY: `get_message` leaked this box.
        let event = unsafe { Box::from_raw(event.as_ptr()) };
        assert!(event.next.is_null(), "one by one");
        assert_eq!(
            event.flags & event_flags::PACKAGE,
            0,
            "emptied packages only"
        );
        if usize::from(event.byte_count) > SHORT_EVENT_BYTES {
            // SAFETY: a long event has a buffer.
            let buffer = unsafe { event.data.buffer };
            // SAFETY: `get_buffer` leaked this box.
            drop(unsafe { Box::from_raw(buffer.cast::<[u8; BUFFER as usize]>()) });
        }
        Status::SUCCESS
    }

    fn connect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        Status::NOT_IMPLEMENTED
    }

    fn disconnect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        Status::NOT_IMPLEMENTED
    }
}

impl IAllocatorMxfClass for Heap {
    fn get_message(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        event: Option<Out<'_, Option<NonNull<DmusKernelEvent>>>>,
    ) -> Status {
        let fresh = Box::new(DmusKernelEvent {
            reserved: 0,
            size: 40,
            byte_count: 0,
            channel_group: 0,
            flags: 0,
            presentation_time: 0,
            byte_position: 0,
            next: core::ptr::null_mut(),
            data: DmusEventData {
                bytes: [0; SHORT_EVENT_BYTES],
            },
        });
        let raw = NonNull::from(Box::leak(fresh));
        this.lent.lock().unwrap().push(raw.addr().get());
        event.unwrap().set(Some(raw));
        Status::SUCCESS
    }

    fn get_buffer_size(_: &ObjectRef<Self>, _: &mut Irql<Device>) -> u16 {
        BUFFER
    }

    fn get_buffer(
        _: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        buffer: Option<Out<'_, Option<NonNull<u8>>>>,
    ) -> Status {
        let fresh = Box::leak(Box::new([0_u8; BUFFER as usize]));
        buffer.unwrap().set(Some(NonNull::from(fresh).cast()));
        Status::SUCCESS
    }

    unsafe fn put_buffer(
        _: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        buffer: Option<NonNull<u8>>,
    ) -> Status {
        let buffer = buffer.unwrap().cast::<[u8; BUFFER as usize]>();
        // SAFETY: `get_buffer` leaked this box.
        drop(unsafe { Box::from_raw(buffer.as_ptr()) });
        Status::SUCCESS
    }
}

fn bench() -> (Irql<Dispatch>, ObjectRef<Heap>, Allocator) {
    // SAFETY: a test thread is at no level that matters.
    let irql = unsafe { Irql::assume() };
    let heap = Object::try_new(Heap::default()).ok().unwrap();
    let allocator = Allocator::new(&irql, heap.interface::<IAllocatorMxf>());
    (irql, heap, allocator)
}

fn short(irql: &Irql<Dispatch>, allocator: &Allocator, byte: u8) -> Event {
    let mut event = allocator.event(irql).unwrap();
    assert!(event.set_short(&[byte]));
    event
}

#[test]
fn chains_keep_their_order() {
    let (irql, heap, allocator) = bench();
    let mut chain = EventChain::new();
    chain.push_back(short(&irql, &allocator, 2));
    chain.push_back(short(&irql, &allocator, 3));
    chain.push_front(short(&irql, &allocator, 1));
    let mut rest = EventChain::new();
    rest.push_back(short(&irql, &allocator, 4));
    chain.append(&mut rest);
    rest.push_back(short(&irql, &allocator, 0));
    chain.prepend(&mut rest);
    assert!(rest.is_empty());
    assert_eq!(chain.front().unwrap().bytes(), [0]);
    // SAFETY: the chain was just given away by `into_raw`.
    let mut chain = unsafe { EventChain::from_message(chain.into_raw()) };
    for byte in 0..5 {
        let event = chain.pop_front().unwrap();
        assert_eq!(event.bytes(), [byte]);
        allocator.give_back_one(&irql, event);
    }
    assert!(chain.is_empty() && chain.pop_front().is_none());
    assert!(heap.lent.lock().unwrap().is_empty());
}

#[test]
fn long_events_carry_a_buffer_and_lose_it_with_the_event() {
    let (irql, heap, allocator) = bench();
    let mut event = allocator.event(&irql).unwrap();
    let mut buffer = allocator.buffer(&irql).unwrap();
    buffer.bytes_mut().fill(7);
    let buffer = event
        .attach(buffer, 8)
        .expect_err("eight bytes fit inside the event");
    let buffer = event
        .attach(buffer, BUFFER + 1)
        .expect_err("more than the buffer has");
    event.attach(buffer, 9).unwrap();
    event.set_header(RefTime(5), 1, true);
    assert_eq!(event.bytes(), [7; 9]);
    assert!(event.is_incomplete());
    assert_eq!(event.presentation_time(), RefTime(5));
    assert_eq!(event.get().byte_position, BYTE_POSITION_NONE);
    allocator.give_back_one(&irql, event);
    allocator.put_buffer(&irql, allocator.buffer(&irql).unwrap());
    assert!(heap.lent.lock().unwrap().is_empty());
}

#[test]
fn packages_are_emptied_however_deep() {
    let (irql, heap, allocator) = bench();
    let mut package = short(&irql, &allocator, 9);
    for _ in 0..if cfg!(miri) { 20 } else { 1_000 } {
        let mut outer = allocator.event(&irql).unwrap();
        let raw = outer.get_mut();
        raw.flags = event_flags::PACKAGE;
        raw.data = DmusEventData {
            package: package.into_raw().as_ptr(),
        };
        assert!(outer.bytes().is_empty());
        package = outer;
    }
    allocator.give_back_one(&irql, package);
    let mut empty = allocator.event(&irql).unwrap();
    empty.get_mut().flags = event_flags::PACKAGE;
    empty.get_mut().data = DmusEventData {
        package: core::ptr::null_mut(),
    };
    assert!(empty.take_package().is_empty());
    allocator.give_back_one(&irql, empty);
    assert!(heap.lent.lock().unwrap().is_empty());
}

/// A chain of `count` events with these bytes, from `first` on.
fn chain(irql: &Irql<Dispatch>, allocator: &Allocator, first: u8, count: u8) -> EventChain {
    let mut chain = EventChain::new();
    for byte in first..first + count {
        chain.push_back(short(irql, allocator, byte));
    }
    chain
}

fn package_of(irql: &Irql<Dispatch>, allocator: &Allocator, children: EventChain) -> Event {
    let mut package = allocator.event(irql).unwrap();
    let head = children.into_raw();
    package.get_mut().flags = event_flags::PACKAGE;
    package.get_mut().data = DmusEventData {
        package: head.map_or(core::ptr::null_mut(), NonNull::as_ptr),
    };
    package
}

/// Gives a chain to a backlog, as a `PutMessage` call would.
fn put(backlog: &mut Backlog, chain: EventChain) {
    // SAFETY: the chain is given away here.
    backlog.push(unsafe { RawChain::new(chain.into_raw().unwrap()) });
}

#[test]
fn a_backlog_hands_out_chains_and_packages_in_their_order() {
    let (irql, heap, allocator) = bench();
    let mut backlog = Backlog::new();
    assert!(backlog.is_empty() && backlog.pop().is_none() && backlog.front_time().is_none());
    put(&mut backlog, chain(&irql, &allocator, 0, 3));
    // 3, [4, [5, 6], [], 7], 8
    let mut inner = chain(&irql, &allocator, 4, 1);
    let five = chain(&irql, &allocator, 5, 2);
    inner.push_back(package_of(&irql, &allocator, five));
    inner.push_back(package_of(&irql, &allocator, EventChain::new()));
    inner.append(&mut chain(&irql, &allocator, 7, 1));
    let mut outer = chain(&irql, &allocator, 3, 1);
    outer.push_back(package_of(&irql, &allocator, inner));
    outer.append(&mut chain(&irql, &allocator, 8, 1));
    put(&mut backlog, outer);
    put(&mut backlog, chain(&irql, &allocator, 9, 1));
    let mut next = 0;
    let mut emptied = 0;
    while let Some(step) = backlog.pop() {
        match step {
            Step::Event(event) => {
                assert_eq!(event.bytes(), [next]);
                if next % 2 == 1 {
                    // One that could not be used yet is the next again.
                    backlog.put_back(event);
                    assert!(!backlog.is_empty());
                    assert_eq!(backlog.front_time(), Some(RefTime(0)));
                    let Some(Step::Event(event)) = backlog.pop() else {
                        panic!("another one");
                    };
                    assert_eq!(event.bytes(), [next]);
                    allocator.give_back_one(&irql, event);
                } else {
                    allocator.give_back_one(&irql, event);
                }
                next += 1;
                if next == 9 {
                    // While the last chain is still to come.
                    put(&mut backlog, chain(&irql, &allocator, 10, 2));
                }
            }
            Step::Emptied(package) => {
                allocator.give_back_one(&irql, package);
                emptied += 1;
            }
            Step::Opened => {}
        }
    }
    assert_eq!((next, emptied), (12, 3));
    assert!(backlog.is_empty());
    assert!(heap.lent.lock().unwrap().is_empty());
}

/// However deep: one step is one event.
#[test]
fn a_backlog_opens_packages_step_by_step() {
    let (irql, heap, allocator) = bench();
    let depth = if cfg!(miri) { 20 } else { 2000 };
    let mut package = chain(&irql, &allocator, 7, 1);
    for _ in 0..depth {
        let outer = package_of(&irql, &allocator, package);
        package = EventChain::new();
        package.push_back(outer);
    }
    let mut backlog = Backlog::new();
    put(&mut backlog, package);
    for _ in 0..depth {
        assert!(matches!(backlog.pop(), Some(Step::Opened)));
    }
    let Some(Step::Event(event)) = backlog.pop() else {
        panic!("the innermost");
    };
    assert_eq!(event.bytes(), [7]);
    allocator.give_back_one(&irql, event);
    for _ in 0..depth {
        let Some(Step::Emptied(package)) = backlog.pop() else {
            panic!("a package that is empty now");
        };
        allocator.give_back_one(&irql, package);
    }
    assert!(backlog.is_empty());
    assert!(heap.lent.lock().unwrap().is_empty());
}
