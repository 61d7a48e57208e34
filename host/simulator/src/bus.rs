//! The I/O port space and the devices in it.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use dmusmini::mpu401::spec::Register;

use crate::chip::Chip;
use crate::kernel::{Kernel, Point};
use crate::trace::Event;
use crate::violation::Rule;

/// A device that answers to byte accesses in a range of ports.
///
/// Time is the machine's (100 ns since power-on) and never goes backwards between calls.
pub trait PortDevice {
    /// Answers a read of the port `offset` ports above the base.
    fn read(&mut self, offset: u16, now: u64) -> u8;
    /// Takes a byte written to the port `offset` ports above the base.
    fn write(&mut self, offset: u16, value: u8, now: u64);
    /// Lets the device's own life go on until `now`.
    fn advance(&mut self, now: u64) {
        let _ = now;
    }
    /// The next moment at which the device changes by itself (a byte ends, an interrupt begins).
    fn next_change(&mut self, now: u64) -> Option<u64> {
        let _ = now;
        None
    }
    /// Whether the device asserts its interrupt output.
    fn interrupt(&mut self, now: u64) -> bool {
        let _ = now;
        false
    }
}

#[derive(Clone)]
struct Attached {
    ports: Range<u32>,
    vector: Option<u32>,
    device: Rc<RefCell<dyn PortDevice>>,
}

/// All attached devices.
#[derive(Default)]
pub struct Bus {
    devices: RefCell<Vec<Attached>>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ranges: Vec<_> = self
            .devices
            .borrow()
            .iter()
            .map(|d| d.ports.clone())
            .collect();
        f.debug_struct("Bus").field("ports", &ranges).finish()
    }
}

impl Bus {
    fn find(&self, port: u16) -> Option<(u16, Rc<RefCell<dyn PortDevice>>)> {
        let port = u32::from(port);
        let devices = self.devices.borrow();
        let found = devices.iter().find(|device| device.ports.contains(&port))?;
        let offset = u16::try_from(port - found.ports.start).ok()?;
        Some((offset, Rc::clone(&found.device)))
    }

    pub(crate) fn next_change(&self, now: u64) -> Option<u64> {
        self.devices
            .borrow()
            .iter()
            .filter_map(|attached| attached.device.borrow_mut().next_change(now))
            // A device that names the past would stop time.
            .filter(|&next| next > now)
            .min()
    }

    pub(crate) fn advance(&self, now: u64) {
        for attached in self.devices.borrow().iter() {
            attached.device.borrow_mut().advance(now);
        }
    }

    /// Whether any device asserts the line `vector`.
    pub(crate) fn asserts(&self, vector: u32, now: u64) -> bool {
        self.devices.borrow().iter().any(|attached| {
            attached.vector == Some(vector) && attached.device.borrow_mut().interrupt(now)
        })
    }

    pub(crate) fn clear(&self) {
        self.devices.take();
    }
}

impl Kernel {
    /// Plugs a device in at `count` ports from `base`, its interrupt output wired to `vector`.
    pub fn attach(
        &self,
        base: u16,
        count: u16,
        vector: Option<u32>,
        device: Rc<RefCell<dyn PortDevice>>,
    ) {
        let start = u32::from(base);
        self.bus.devices.borrow_mut().push(Attached {
            ports: start..start + u32::from(count),
            vector,
            device,
        });
    }

    /// Unplugs what answers at `port`.
    pub fn detach(&self, port: u16) {
        let port = u32::from(port);
        self.bus
            .devices
            .borrow_mut()
            .retain(|attached| !attached.ports.contains(&port));
    }

    /// What an `in al, dx` does.
    pub fn port_read(&self, port: u16) -> u8 {
        self.disturb(Point::PortRead(port));
        self.pass(self.options.port_cost);
        let value = if let Some((offset, device)) = self.bus.find(port) {
            device.borrow_mut().read(offset, self.now())
        } else {
            self.violate(Rule::PortUnclaimed, "in", format!("port {port:#x}"));
            0xFF
        };
        self.record(Event::PortRead { port, value });
        self.deliver();
        value
    }

    /// What an `out dx, al` does.
    pub fn port_write(&self, port: u16, value: u8) {
        self.disturb(Point::PortWrite(port));
        self.pass(self.options.port_cost);
        if let Some((offset, device)) = self.bus.find(port) {
            device.borrow_mut().write(offset, value, self.now());
        } else {
            self.violate(Rule::PortUnclaimed, "out", format!("port {port:#x}"));
        }
        self.record(Event::PortWrite { port, value });
        self.deliver();
    }
}

/// The chip at two ports: data at the base, status and command above it.
impl PortDevice for Chip {
    fn read(&mut self, offset: u16, now: u64) -> u8 {
        Self::read(self, now, register(offset))
    }

    fn write(&mut self, offset: u16, value: u8, now: u64) {
        Self::write(self, now, register(offset), value);
    }

    fn next_change(&mut self, now: u64) -> Option<u64> {
        Self::next_change(self, now)
    }

    fn interrupt(&mut self, now: u64) -> bool {
        Self::interrupt(self, now)
    }
}

fn register(offset: u16) -> Register {
    if offset == 0 {
        Register::Data
    } else {
        Register::Control
    }
}
