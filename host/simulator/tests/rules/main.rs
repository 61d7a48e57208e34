//! Every rule of the simulated kernel, broken on purpose: a rule that cannot fail proves nothing.

mod devices;
mod levels;
mod pool;
mod time;
mod work_items;

use std::ffi::c_void;

use dmusmini_simulator::imports::pool::{ExAllocatePool2, ExFreePoolWithTag};
use dmusmini_simulator::kernel::Kernel;
use dmusmini_simulator::machine::Machine;
use dmusmini_simulator::violation::Rule;

/// Runs a scenario and asserts that it breaks exactly these rules, end of scenario included.
#[track_caller]
fn breaks(expected: &[Rule], scenario: impl FnOnce(&Kernel)) {
    let machine = Machine::new();
    scenario(&machine);
    let violations = machine.power_off();
    let rules: Vec<Rule> = violations.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, expected, "{violations:#?}");
}

fn allocate(tag: &[u8; 4]) -> *mut c_void {
    // SAFETY: the function may be called with any numbers.
    unsafe { ExAllocatePool2(0x40, 100, u32::from_le_bytes(*tag)) }
}

fn free(block: *mut c_void, tag: &[u8; 4]) {
    // SAFETY: the model checks the address itself.
    unsafe { ExFreePoolWithTag(block, u32::from_le_bytes(*tag)) }
}
