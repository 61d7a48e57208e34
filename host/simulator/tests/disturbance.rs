//! What a scenario can do to a driver: disturb it at every access, storm it, lose its interrupts,
//! guard its memory, wait for it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;

use dmusmini_simulator::bus::PortDevice;
use dmusmini_simulator::clock::{MILLISECOND, SECOND};
use dmusmini_simulator::interrupt::Trigger;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::kernel::Point;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

/// Interrupts every `period` until its data port is read.
struct Ticker {
    period: u64,
    next: u64,
    asserted: bool,
    raised: u32,
}

impl PortDevice for Ticker {
    fn read(&mut self, _offset: u16, _now: u64) -> u8 {
        self.asserted = false;
        0
    }

    fn write(&mut self, _offset: u16, _value: u8, _now: u64) {}

    fn advance(&mut self, now: u64) {
        while self.next <= now {
            self.asserted = true;
            self.raised += 1;
            self.next += self.period;
        }
    }

    fn next_change(&mut self, _now: u64) -> Option<u64> {
        Some(self.next)
    }

    fn interrupt(&mut self, _now: u64) -> bool {
        self.asserted
    }
}

#[test]
fn a_device_interrupts_when_its_time_has_come() {
    let machine = Machine::new();
    machine.add_line(5, Irql(7), Trigger::Level);
    let ticker = Rc::new(RefCell::new(Ticker {
        period: MILLISECOND,
        next: machine.now() + MILLISECOND,
        asserted: false,
        raised: 0,
    }));
    machine.attach(0x300, 1, Some(5), ticker.clone());
    let times = Rc::new(RefCell::new(Vec::new()));
    let (kernel, log) = (machine.kernel(), Rc::clone(&times));
    let connection = machine
        .connect(
            5,
            Rc::new(move || {
                log.borrow_mut().push(kernel.now());
                kernel.port_read(0x300);
                true
            }),
        )
        .unwrap();
    let start = machine.now();
    machine.advance(SECOND);
    machine.disconnect(connection);
    let times = times.borrow();
    assert_eq!(times.len(), 1_000);
    assert_eq!(ticker.borrow().raised, 1_000);
    for (index, time) in times.iter().enumerate() {
        // Two microseconds of latency, no more and no less.
        assert_eq!(*time, start + (index as u64 + 1) * MILLISECOND + 20);
    }
}

#[test]
fn a_disturbance_comes_before_every_access() {
    let machine = Machine::new();
    let ticker = Rc::new(RefCell::new(Ticker {
        period: SECOND,
        next: machine.now() + SECOND,
        asserted: false,
        raised: 0,
    }));
    machine.attach(0x300, 2, None, ticker);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    machine.inject(move |kernel, point| {
        // A disturbance that touches the hardware itself is not disturbed.
        kernel.port_read(0x300);
        log.borrow_mut().push(point);
    });
    machine.port_read(0x301);
    machine.port_write(0x300, 1);
    // SAFETY: the function takes any number.
    unsafe { dmusmini_simulator::imports::time::KeStallExecutionProcessor(1) };
    machine.inject_nothing();
    machine.port_read(0x300);
    assert_eq!(
        *seen.borrow(),
        [
            Point::PortRead(0x301),
            Point::PortWrite(0x300),
            Point::Import("KeStallExecutionProcessor")
        ]
    );
}

#[test]
fn two_runs_of_a_scenario_are_equal() {
    let run = || {
        let machine = Machine::new();
        let order = Rc::new(RefCell::new(Vec::new()));
        for number in 0..20_u32 {
            let order = Rc::clone(&order);
            machine.queue_work(move |kernel| {
                order
                    .borrow_mut()
                    .push((number, kernel.now(), kernel.irql()));
            });
        }
        machine.advance(machine.random().below(10_000));
        let order = order.borrow().clone();
        (order, machine.now(), machine.random().next())
    };
    assert_eq!(run(), run());
}

unsafe extern "win64" fn bump(_timer: *mut c_void, context: *mut c_void) {
    // SAFETY: the test passes a counter.
    let counter = unsafe { &*context.cast::<Cell<u32>>() };
    counter.set(counter.get() + 1);
}

#[test]
fn a_periodic_timer_keeps_its_rhythm() {
    use dmusmini_simulator::imports::timer::{ExAllocateTimer, ExDeleteTimer, ExSetTimer};
    let machine = Machine::new();
    let counter = Cell::new(0_u32);
    let context = (&raw const counter).cast_mut().cast();
    // SAFETY: the context outlives the timer.
    let timer = unsafe { ExAllocateTimer(Some(bump), context, 4) };
    // SAFETY: allocated above.
    unsafe { ExSetTimer(timer, -50_000, 50_000, std::ptr::null()) };
    machine.advance(SECOND + 2 * MILLISECOND);
    assert_eq!(counter.get(), 200, "lateness does not add up");
    // SAFETY: allocated above.
    assert_eq!(unsafe { ExDeleteTimer(timer, 1, 1, std::ptr::null()) }, 1);
    machine.advance(SECOND);
    assert_eq!(counter.get(), 200);
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn a_special_pool_block_ends_at_a_forbidden_page() {
    use dmusmini_simulator::imports::pool::{ExAllocatePool2, ExFreePoolWithTag};
    use dmusmini_simulator::kernel::Options;
    use dmusmini_simulator::violation::Rule;
    let machine = Machine::with_options(Options {
        special_pool: true,
        ..Options::default()
    });
    for size in [1, 15, 16, 17, 4096, 5000] {
        // SAFETY: the function takes any numbers.
        let block = unsafe { ExAllocatePool2(0x40, size, 0x6B6C_6F50) }.cast::<u8>();
        let end = block.addr() + size.next_multiple_of(16);
        assert!(end.is_multiple_of(4096));
        // SAFETY: the block has that many bytes.
        unsafe { block.write_bytes(1, size) };
        if size == 15 {
            // SAFETY: the padding up to the page belongs to the mapping.
            unsafe { block.add(15).write(1) };
        }
        // SAFETY: allocated above.
        unsafe { ExFreePoolWithTag(block.cast(), 0x6B6C_6F50) };
    }
    let violations = machine.power_off();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert_eq!(violations[0].rule, Rule::Overrun);
}

#[test]
fn the_time_at_a_raised_level_is_measured() {
    use dmusmini_simulator::imports::sync::{
        KeAcquireSpinLockRaiseToDpc, KeInitializeSpinLock, KeReleaseSpinLock,
    };
    use dmusmini_simulator::imports::time::KeStallExecutionProcessor;
    let machine = Machine::new();
    // SAFETY: the function takes any number.
    let stall = |microseconds| unsafe { KeStallExecutionProcessor(microseconds) };
    machine.queue_work(move |_| stall(7));
    machine.advance(1);
    assert_eq!(machine.stretches().dpc, 70);
    let mut word = 0;
    // SAFETY: the lock is a local.
    unsafe { KeInitializeSpinLock(&raw mut word) };
    // SAFETY: the lock is a local.
    let before = unsafe { KeAcquireSpinLockRaiseToDpc(&raw mut word) };
    stall(5);
    // SAFETY: taken above.
    unsafe { KeReleaseSpinLock(&raw mut word, before) };
    assert_eq!(machine.stretches().lock, 50);
    machine.at_level(Irql::DISPATCH, || {
        machine.enter_driver("a call", || stall(9));
    });
    machine.enter_driver("a call", || stall(30));
    assert_eq!(machine.stretches().call, 90);
    machine.add_line(5, Irql(7), Trigger::Latched);
    let connection = machine
        .connect(
            5,
            Rc::new(move || {
                stall(3);
                true
            }),
        )
        .unwrap();
    machine.spurious_interrupt(5);
    machine.synchronize(connection, || stall(4));
    machine.disconnect(connection);
    assert_eq!(machine.stretches().interrupt, 40);
    // Nobody may wait at a device's level at all; here it stands for what takes time there.
    let rules: Vec<Rule> = machine
        .power_off()
        .iter()
        .map(|breach| breach.rule)
        .collect();
    assert_eq!(rules, [Rule::StallTooLong; 2]);
}
