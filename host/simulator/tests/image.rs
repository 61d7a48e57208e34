//! The loader, the fault handler and structured exceptions, on an image assembled here.
//!
//! The image has the shape of a driver: code, imports, unwind tables, relocations. What it does is
//! small enough to be read below, so a wrong register or a missed frame has one place to hide.
#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

mod common;

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use common::synthetic;
use dmusmini_simulator::bus::PortDevice;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::loader::{Image, LoadError, Module};
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

fn load(machine: &Machine) -> Image {
    let bytes = synthetic::image();
    Image::load(&machine.kernel(), &bytes, &[Module::ntoskrnl()]).unwrap()
}

/// Calls the image's function at the label, with two arguments.
fn call(machine: &Machine, image: &Image, label: usize, first: usize, second: usize) -> usize {
    let address = ptr::with_exposed_provenance::<()>(image.base() + synthetic::CODE + label);
    // SAFETY: every label of the image is a function that takes two integers and returns one.
    let function: unsafe extern "win64" fn(usize, usize) -> usize =
        unsafe { std::mem::transmute(address) };
    // SAFETY: the functions are made to be called by these tests.
    machine.enter_driver("synthetic", || unsafe { function(first, second) })
}

#[derive(Default)]
struct Latch {
    value: u8,
    log: Vec<(bool, u16, u8)>,
}

impl PortDevice for Latch {
    fn read(&mut self, offset: u16, _now: u64) -> u8 {
        self.log.push((false, offset, self.value));
        self.value
    }

    fn write(&mut self, offset: u16, value: u8, _now: u64) {
        self.value = value;
        self.log.push((true, offset, value));
    }
}

#[test]
fn the_entry_is_called_with_its_arguments_and_addresses_are_relocated() {
    let machine = Machine::new();
    let image = load(&machine);
    let (driver, path) = (
        ptr::without_provenance_mut(40),
        ptr::without_provenance_mut(2),
    );
    // SAFETY: the synthetic entry adds its arguments and follows a pointer in its own data.
    assert_eq!(unsafe { image.call_entry(driver, path) }, 42 + 1000);
    assert_eq!(image.imports().len(), 4);
}

#[test]
fn every_load_has_fresh_statics() {
    let machine = Machine::new();
    for _ in 0..3 {
        let image = load(&machine);
        let labels = synthetic::labels();
        assert_eq!(call(&machine, &image, labels.count, 0, 0), 1);
        assert_eq!(call(&machine, &image, labels.count, 0, 0), 2);
    }
}

#[test]
fn port_instructions_reach_the_bus() {
    let machine = Machine::new();
    let image = load(&machine);
    let latch = Rc::new(RefCell::new(Latch {
        value: 0x41,
        ..Latch::default()
    }));
    machine.attach(0x330, 2, None, latch.clone());
    let before = machine.now();
    // Reads a byte, adds one, writes it to the port above, and returns what it read with the upper
    // bytes of RAX as they were.
    let result = call(
        &machine,
        &image,
        synthetic::labels().ports,
        0x330,
        0x1122_3300,
    );
    assert_eq!(result, 0x1122_3341);
    assert_eq!(latch.borrow().log, [(false, 0, 0x41), (true, 1, 0x42)]);
    assert_eq!(machine.now() - before, 20, "two accesses of a microsecond");
}

#[test]
fn cr8_is_the_level() {
    let machine = Machine::new();
    let image = load(&machine);
    let ran = Rc::new(RefCell::new(false));
    machine.at_level(Irql::APC, || {
        let seen = Rc::clone(&ran);
        machine.raise(Irql::DISPATCH, "test");
        machine.queue_work(move |_| *seen.borrow_mut() = true);
        machine.write_level(Irql::DISPATCH);
        assert!(!*ran.borrow());
        // Reads CR8, sets it to the argument, sets it back, returns what it read.
        let read = call(&machine, &image, synthetic::labels().level, 0, 0);
        assert_eq!(read, 2);
        assert!(*ran.borrow(), "lowering the level runs what was held off");
        assert_eq!(machine.irql(), Irql::DISPATCH);
    });
}

#[test]
fn the_shared_page_and_the_processor_region_are_there() {
    let machine = Machine::new();
    let image = load(&machine);
    let labels = synthetic::labels();
    assert_eq!(image.redirected(), 1);
    machine.advance(1_000_000);
    let time = call(&machine, &image, labels.interrupt_time, 0, 0);
    let expected = machine.now() / 156_250 * 156_250;
    assert_eq!(time as u64, expected);
    let region = call(&machine, &image, labels.region, 0, 0);
    assert!(region != 0 && region.is_multiple_of(4096));
}

#[test]
fn an_exception_of_a_callee_lands_in_the_except_block_with_the_frame_s_registers() {
    let machine = Machine::new();
    let image = load(&machine);
    let guarded = synthetic::labels().guarded;
    let readable = 0x1234_usize;
    // No exception: the value that was read.
    assert_eq!(
        call(&machine, &image, guarded, (&raw const readable).addr(), 7),
        0x1234
    );
    // A user address where nothing is: the exception's code, and what the function keeps in RBX,
    // RDI and XMM6 across the call, added to it.
    let mapped = machine.memory().map_user(&[1; 16]);
    assert_eq!(
        call(&machine, &image, guarded, mapped, 7),
        0x0101_0101_0101_0101
    );
    machine.memory().unmap_user(mapped);
    let reserved = machine.memory().map_user(&[1; 16]);
    machine.memory().unmap_user(reserved);
    let result = call(&machine, &image, guarded, 0x2000, 7);
    assert_eq!(result, 0xC000_0005 + 7 + 2 * 7 + 4 * 7);
    assert_eq!(machine.irql(), Irql::PASSIVE);
}

#[test]
fn an_import_raises_through_its_caller() {
    let machine = Machine::new();
    let image = load(&machine);
    let probe = synthetic::labels().probe;
    assert_eq!(call(&machine, &image, probe, 0x1000, 16), 0);
    assert_eq!(
        call(&machine, &image, probe, usize::MAX - 4096, 16),
        0xC000_0005
    );
    assert_eq!(
        call(&machine, &image, probe, usize::MAX - 4, 16),
        0xC000_0005
    );
    // ExRaiseStatus with a code of one's own.
    let raise = synthetic::labels().raise;
    assert_eq!(call(&machine, &image, raise, 0xC000_1234, 0), 0xC000_1234);
}

/// Runs something that stops the system; the report and the rules that it recorded.
fn stopped(run: impl FnOnce(&Machine, &Image)) -> (String, Vec<Rule>) {
    let machine = Machine::new();
    let image = load(&machine);
    let panic = panic::catch_unwind(AssertUnwindSafe(|| run(&machine, &image))).unwrap_err();
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    let rules = machine.take_violations().iter().map(|v| v.rule).collect();
    drop(image);
    (text, rules)
}

#[test]
fn a_panic_of_the_driver_is_reported_with_its_place() {
    let (text, rules) = stopped(|machine, image| {
        let file = "src/driver.rs";
        call(
            machine,
            image,
            synthetic::labels().stop,
            file.as_ptr().addr(),
            file.len(),
        );
    });
    assert!(
        text.contains("the driver panicked at src/driver.rs:12:34"),
        "{text}"
    );
    assert_eq!(rules, [Rule::BugCheck]);
}

#[test]
fn faults_that_nobody_handles_stop_the_system() {
    let labels = synthetic::labels();
    let (text, _) = stopped(|machine, image| {
        call(machine, image, labels.count + 0x10_0000, 0, 0);
    });
    assert!(text.contains("outside the image"), "{text}");
    let (text, rules) = stopped(|machine, image| {
        call(machine, image, labels.read, 0x3000, 0);
    });
    assert!(text.contains("bug check 0x0000001e"), "{text}");
    assert!(text.contains("touched 0x3000"), "{text}");
    assert_eq!(rules, [Rule::BugCheck]);
    // An address in system space is fatal even inside a guarded region.
    let (text, _) = stopped(|machine, image| {
        call(machine, image, labels.guarded, 0xFFFF_8000_0000_0000, 7);
    });
    assert!(text.contains("bug check 0x00000050"), "{text}");
    let (text, rules) = stopped(|machine, image| {
        call(machine, image, labels.halt, 0, 0);
    });
    assert!(text.contains("hlt at the image + 0x"), "{text}");
    assert_eq!(rules, [Rule::UnsupportedInstruction, Rule::BugCheck]);
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let machine = Machine::new();
    let bytes = synthetic::image();
    let kernel = machine.kernel();
    let mut module = Module::ntoskrnl();
    module
        .exports
        .retain(|export| !["ProbeForRead", "KeBugCheckEx"].contains(&export.name));
    let error = Image::load(&kernel, &bytes, &[module]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unresolved imports: ntoskrnl.exe!ProbeForRead, ntoskrnl.exe!KeBugCheckEx"
    );
    let error = Image::load(&kernel, &bytes[..0x300], &[Module::ntoskrnl()]).unwrap_err();
    assert!(
        matches!(error, LoadError::Format(_) | LoadError::Damaged(_)),
        "{error}"
    );
    assert!(Image::load(&kernel, b"MZ", &[Module::ntoskrnl()]).is_err());
    let mut writable = bytes.clone();
    synthetic::make_code_writable(&mut writable);
    let error = Image::load(&kernel, &writable, &[Module::ntoskrnl()]).unwrap_err();
    assert!(
        error.to_string().contains("both writable and executable"),
        "{error}"
    );
}

#[test]
fn many_threads_have_their_own_machines_and_images() {
    let threads: Vec<_> = (0..4_u8)
        .map(|value| {
            std::thread::spawn(move || {
                let machine = Machine::new();
                let image = load(&machine);
                let latch = Rc::new(RefCell::new(Latch {
                    value,
                    ..Latch::default()
                }));
                machine.attach(0x330, 2, None, latch.clone());
                for _ in 0..1_000 {
                    call(&machine, &image, synthetic::labels().ports, 0x330, 0);
                }
                assert_eq!(latch.borrow().value, value.wrapping_add(232));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
