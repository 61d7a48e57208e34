//! Prints what a port access and an import cost on this host.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use dmusmini_simulator::chip::{Chip, Config};
use dmusmini_simulator::imports::{host, time};
use dmusmini_simulator::inside::enter_driver;
use dmusmini_simulator::interrupt::Trigger;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::machine::Machine;

fn main() {
    let machine = Machine::new();
    machine.add_line(5, Irql(7), Trigger::Level);
    let connection = machine
        .connect(5, Rc::new(|| false))
        .expect("the line is there");
    let chip = Rc::new(RefCell::new(Chip::new(Config::default())));
    machine.attach(0x330, 2, Some(5), chip);
    measure("port read", || {
        host::dmusmini_host_in(0x331);
    });
    measure("import", || {
        // SAFETY: null is allowed.
        unsafe { time::KeQueryPerformanceCounter(std::ptr::null_mut()) };
    });
    machine.disconnect(connection);
}

fn measure(what: &str, mut work: impl FnMut()) {
    const ROUNDS: u32 = 1_000_000;
    let start = Instant::now();
    enter_driver("measurement", || {
        for _ in 0..ROUNDS {
            work();
        }
    });
    println!(
        "{what}: {} ns",
        start.elapsed().as_nanos() / u128::from(ROUNDS)
    );
}
