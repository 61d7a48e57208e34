//! Work items.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use dmusmini_simulator::clock::MILLISECOND;
use dmusmini_simulator::imports::io;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::kernel;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

use super::breaks;

unsafe extern "win64" fn work(_device: *mut c_void, context: *mut c_void) {
    assert_eq!(kernel::current().irql(), Irql::PASSIVE);
    // SAFETY: the context is a counter of the test.
    let counter = unsafe { &*context.cast::<Cell<u32>>() };
    counter.set(counter.get() + 1);
}

#[test]
fn work_items_run_once_at_passive_and_only_idle_ones_may_go() {
    let counter = Cell::new(0_u32);
    let context = (&raw const counter).cast_mut().cast::<c_void>();
    let device = context;
    // SAFETY: the device is not followed.
    let item = || unsafe { io::IoAllocateWorkItem(device) };
    // SAFETY: the context outlives the machine's work items.
    let queue = |item| unsafe { io::IoQueueWorkItem(item, work, 1, context) };
    // SAFETY: allocated above.
    let free = |item| unsafe { io::IoFreeWorkItem(item) };
    let machine = Machine::new();
    let one = item();
    // It leaves the queue before it runs.
    machine.at_level(Irql::DISPATCH, || {
        queue(one);
        machine.advance(2 * MILLISECOND);
        assert_eq!(counter.get(), 0, "held off by the level");
    });
    machine.advance(2 * MILLISECOND);
    assert_eq!((counter.get(), machine.work_items().done()), (1, 1));
    free(one);
    machine.assert_clean();
    drop(machine);
    breaks(&[Rule::WorkItemQueued], |_| {
        let one = item();
        queue(one);
        free(one);
    });
    breaks(&[Rule::WorkItemQueued], |kernel| {
        let one = item();
        queue(one);
        queue(one);
        kernel.advance(2 * MILLISECOND);
        free(one);
    });
    breaks(&[Rule::WorkItemQueued, Rule::Leak], |_| queue(item()));
    breaks(&[Rule::IrqlTooHigh], |kernel| {
        let one = item();
        kernel.at_level(Irql(5), || queue(one));
        kernel.advance(2 * MILLISECOND);
        free(one);
    });
    breaks(&[Rule::NotInitialized], |_| {
        queue(ptr::without_provenance_mut(64));
    });
    breaks(&[Rule::BadArgument], |_| {
        // SAFETY: the device is not followed.
        free(unsafe { io::IoAllocateWorkItem(ptr::null_mut()) });
    });
}
