//! The MIDI wire of the simulated chip: time passes until what was written has been played, and what
//! was on the wire is kept for the test.

use std::collections::BTreeMap;
use std::fs;

use dmusmini_simulator::clock::{MILLISECOND, SECOND};
use dmusmini_simulator::session::hosted::HostedMachine;
use dmusmini_simulator::session::{Device, Pin};

/// Where the bytes go.
const FILE: &str = r"C:\dmusmini\wire.bin";

/// Runs the machine until the chip has sent what `pin` holds. A synthesizer is driven by whoever
/// reads its wave instead.
pub(crate) fn play(
    machine: &HostedMachine,
    devices: &BTreeMap<usize, Device>,
    device: usize,
    pin: &Pin,
) {
    if !has_chip(devices, device) {
        return;
    }
    let kernel = machine.machine();
    let limit = kernel.now() + LONGEST;
    kernel.advance_until(limit, |_| {
        pin.events_with_port() == 0 && pin.events_with_driver().0 == 0
    });
    // The last byte is still on the wire.
    kernel.advance(TAIL);
}

/// Lets time pass for a client that waits for what the chip receives: it writes nothing meanwhile, and
/// time moves with what clients do.
pub(crate) fn listen(machine: &HostedMachine, devices: &BTreeMap<usize, Device>, device: usize) {
    if has_chip(devices, device) {
        machine.machine().advance(LISTENING);
    }
}

fn has_chip(devices: &BTreeMap<usize, Device>, device: usize) -> bool {
    let device = devices.get(&device);
    device.is_some_and(|device| device.chip().is_some())
}

/// Keeps what the chip has sent since the last time, if it has sent anything.
pub(crate) fn save(devices: &BTreeMap<usize, Device>, device: usize) {
    let Some(device) = devices.get(&device) else {
        return;
    };
    let sent = device.take_sent();
    if sent.is_empty() {
        return;
    }
    let bytes: Vec<u8> = sent.iter().map(|flown| flown.byte).collect();
    // Without the directory nobody wants to know.
    let _ = fs::write(FILE, bytes);
}

/// The longest piece that a client writes at once.
const LONGEST: u64 = 600 * SECOND;
/// How long a client listens with one read: the longest message of three bytes, and more.
const LISTENING: u64 = 5 * MILLISECOND;
/// Time for what is still on the wire.
const TAIL: u64 = 50 * MILLISECOND;
