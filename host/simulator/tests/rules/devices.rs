//! Ports, interrupt lines, memory descriptor lists and trace providers.

use std::cell::Cell;
use std::ptr;
use std::rc::Rc;

use dmusmini_simulator::clock::MILLISECOND;
use dmusmini_simulator::imports::{io, trace};
use dmusmini_simulator::interrupt::Trigger;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

use super::breaks;

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
        kernel.advance(40 * MILLISECOND);
        assert_eq!(kernel.interrupts_serviced(), 10_000);
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
