//! The chip as the built-in miniport drives it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use dmusmini::com::{ComRef, Out, Status};
use dmusmini::mpu401::spec::Status as Ready;
use dmusmini::portcls::interfaces::{IMasterClock, IPortDMus, IServiceGroup};

use crate::interrupt::Connection;
use crate::portcls::PortCls;
use crate::portcls::host::{self, Alarm};

pub(super) struct Chip {
    base: u16,
    /// The port is asked for service; no reference, because the miniport holds one.
    notify: Box<dyn Fn()>,
    connection: Cell<Option<Connection>>,
    alarm: OnceCell<Alarm>,
    outgoing: RefCell<VecDeque<u8>>,
    ring: RefCell<VecDeque<u8>>,
    /// When the first byte in the ring came.
    stamp: Cell<i64>,
    /// The capture stream's clock, while there is a capture stream.
    clock: RefCell<Option<ComRef<IMasterClock>>>,
    pub(super) capturing: Cell<bool>,
}

impl Chip {
    pub(super) fn new(
        base: u16,
        system: &PortCls,
        port: &ComRef<IPortDMus>,
        group: &ComRef<IServiceGroup>,
    ) -> Rc<Self> {
        let (port, group) = (port.clone(), group.clone());
        let chip = Rc::new(Self {
            base,
            notify: Box::new(move || port.notify(&host::any_level(), Some(group.borrow()))),
            connection: Cell::new(None),
            alarm: OnceCell::new(),
            outgoing: RefCell::default(),
            ring: RefCell::default(),
            stamp: Cell::new(0),
            clock: RefCell::default(),
            capturing: Cell::new(false),
        });
        let late: Weak<Self> = Rc::downgrade(&chip);
        let alarm = system.alarms.alarm(move || {
            if let Some(chip) = late.upgrade() {
                chip.pump();
            }
        });
        let _ = chip.alarm.set(alarm);
        chip
    }

    fn status(&self) -> u8 {
        host::kernel().port_read(self.base + 1)
    }

    /// Resets the chip and enters UART mode; whether it answered the reset. (A chip that was in UART
    /// mode answers only a second one.)
    pub(super) fn reset(&self) -> bool {
        let answered = self.command(RESET) || self.command(RESET);
        if answered {
            // Not every chip answers this one.
            let _ = self.command(UART_MODE);
        }
        answered
    }

    fn command(&self, command: u8) -> bool {
        let kernel = host::kernel();
        if !self.wait(|status| status & Ready::NOT_READY_TO_WRITE == 0) {
            return false;
        }
        kernel.port_write(self.base + 1, command);
        while self.wait(|status| status & Ready::NOTHING_TO_READ == 0) {
            if kernel.port_read(self.base) == ACKNOWLEDGE {
                return true;
            }
        }
        false
    }

    /// Polls the status for at most 20 ms.
    fn wait(&self, ready: impl Fn(u8) -> bool) -> bool {
        (0..200).any(|_| {
            let seen = ready(self.status());
            if !seen {
                host::kernel().advance(1_000);
            }
            seen
        })
    }

    pub(super) fn connect(self: &Rc<Self>, vector: u32) -> Result<(), Status> {
        let chip = Rc::downgrade(self);
        let service = move || chip.upgrade().is_some_and(|chip| chip.service());
        let connection = host::kernel()
            .connect(vector, Rc::new(service))
            .map_err(Status)?;
        self.connection.set(Some(connection));
        Ok(())
    }

    pub(super) fn disconnect(&self) {
        if let Some(connection) = self.connection.take() {
            host::kernel().disconnect(connection);
        }
    }

    pub(super) fn is_captured(&self) -> bool {
        self.clock.borrow().is_some()
    }

    /// There is a capture stream, or none any more.
    pub(super) fn capture(&self, clock: Option<ComRef<IMasterClock>>) {
        let before = self.clock.replace(clock);
        drop(before);
    }

    /// The service routine.
    fn service(&self) -> bool {
        let mut ours = false;
        for _ in 0..MOST_READS {
            if self.status() & Ready::NOTHING_TO_READ != 0 {
                break;
            }
            ours = true;
            let byte = host::kernel().port_read(self.base);
            let mut ring = self.ring.borrow_mut();
            if self.capturing.get() && ring.len() < RING {
                if ring.is_empty() {
                    let mut time = 0;
                    if let Some(clock) = &*self.clock.borrow() {
                        let _ = clock.get_time(&host::any_level(), Some(Out::from_mut(&mut time)));
                    }
                    self.stamp.set(time);
                }
                ring.push_back(byte);
            }
        }
        if ours {
            (self.notify)();
        }
        ours
    }

    /// Takes what was received, with the time of its first byte.
    pub(super) fn received(&self) -> (i64, Vec<u8>) {
        let bytes = self.ring.take().into();
        (self.stamp.get(), bytes)
    }

    pub(super) fn send(&self, bytes: &[u8]) {
        self.outgoing.borrow_mut().extend(bytes);
        self.pump();
    }

    /// Writes what the chip takes; the rest in a millisecond.
    fn pump(&self) {
        loop {
            if self.outgoing.borrow().is_empty() {
                return;
            }
            if self.status() & Ready::NOT_READY_TO_WRITE != 0 {
                if let Some(alarm) = self.alarm.get() {
                    alarm.set(host::now() + MILLISECOND);
                }
                return;
            }
            let byte = self.outgoing.borrow_mut().pop_front();
            if let Some(byte) = byte {
                host::kernel().port_write(self.base, byte);
            }
        }
    }

    pub(super) fn drop_outgoing(&self) {
        self.outgoing.borrow_mut().clear();
    }
}

const RESET: u8 = 0xFF;
const UART_MODE: u8 = 0x3F;
const ACKNOWLEDGE: u8 = 0xFE;
const MOST_READS: usize = 128;
const RING: usize = 128;
const MILLISECOND: u64 = 10_000;
