//! The chip under the device lock: its guarded ports, the service routine's half of the work, and
//! the watch over its interrupt.

use super::ties::Ties;
use crate::com::{ComRef, ObjectRef};
use crate::driver::adapter::Adapter;
use crate::irql::{Device, Irql};
use crate::kernel::clock;
use crate::kernel::port_io::IoPorts;
use crate::mpu401::absence::AbsenceWatch;
use crate::mpu401::duplex::{Duplex, Exchange};
use crate::mpu401::receive::{Serviced, Storage};
use crate::mpu401::spec::Register;
use crate::mpu401::storm::{Notice, StormWatch};
use crate::mpu401::transmit::{Outbox, Transmitter};
use crate::mpu401::{Mode, PortIo};
use crate::portcls::abi::PowerState;
use crate::portcls::interfaces::IMasterClock;
use crate::time::RefTime;

/// The chip's ports, unreachable once the device has been pulled out.
#[derive(Debug)]
pub struct GuardedPorts {
    ports: IoPorts,
    adapter: ObjectRef<Adapter>,
}

impl GuardedPorts {
    /// Guards `ports` with the adapter's "removed" flag.
    #[must_use]
    pub const fn new(ports: IoPorts, adapter: ObjectRef<Adapter>) -> Self {
        Self { ports, adapter }
    }
}

impl PortIo for GuardedPorts {
    fn read(&mut self, register: Register) -> u8 {
        // What an empty slot reads as: nothing to read, not ready to write.
        if self.adapter.is_removed() {
            0xFF
        } else {
            self.ports.read(register)
        }
    }

    fn write(&mut self, register: Register, value: u8) {
        if !self.adapter.is_removed() {
            self.ports.write(register, value);
        }
    }
}

/// What the service routine shares with the rest.
#[derive(Debug)]
pub struct ChipState {
    /// The chip, and received bytes on their way to the capture stream.
    pub duplex: Duplex<GuardedPorts>,
    /// The capture stream's clock, for the stamps.
    pub clock: Option<ComRef<IMasterClock>>,
    /// Whether the interrupt is too much.
    pub storm: StormWatch,
    /// Whether it does not come.
    pub absence: AbsenceWatch,
    /// The chip was closed because its power goes. It has it until the adapter was told.
    pub asleep: bool,
    /// PortCls' objects, until the miniport is shut down.
    pub ties: Option<ObjectRef<Ties>>,
}

/// What one call of the service routine found.
#[derive(Clone, Copy, Debug)]
pub struct Interrupted {
    /// What it did.
    pub serviced: Serviced,
    /// Whether there are too many of them.
    pub notice: Notice,
    /// It was missing until now.
    pub came: bool,
}

/// What one exchange with the chip came to.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the interrupt"
)]
pub(super) struct Exchanged {
    pub(super) exchange: Exchange,
    pub(super) mode: Mode,
    /// The interrupt rests, and somebody must look whether it may come again.
    pub(super) resting: bool,
    /// There is work to do at PASSIVE: the interrupt may come again, or a failed chip is to be tried again.
    pub(super) work: bool,
    /// The interrupt does not come.
    pub(super) missing: bool,
    /// That has just been noticed.
    pub(super) missed: bool,
}

impl ChipState {
    /// A chip that was not touched yet, behind these ports.
    #[must_use]
    pub const fn new(ports: GuardedPorts, ties: ObjectRef<Ties>) -> Self {
        Self {
            duplex: Duplex::new(ports),
            clock: None,
            storm: StormWatch::new(),
            absence: AbsenceWatch::new(),
            asleep: false,
            ties: Some(ties),
        }
    }

    /// Reads what the chip has received, for its interrupt. Without power none is the chip's, and its
    /// ports are left alone.
    ///
    /// Received bytes are announced from here, but not in a storm: what is announced with each interrupt
    /// keeps the system at DISPATCH, and the storm is ended at PASSIVE. They are announced then.
    pub fn interrupt(&mut self, irql: &Irql<Device>) -> Interrupted {
        self.notice_removal();
        let powered = !self.asleep || self.duplex.port_mut().adapter.power() == PowerState::D0;
        let Self {
            duplex,
            clock,
            storm,
            absence,
            ..
        } = self;
        let serviced = if powered {
            duplex.interrupt(|| stamp(irql, clock.as_ref()))
        } else {
            Serviced::default()
        };
        let now = clock::interrupt_time();
        let notice = storm.interrupted(serviced.taken, duplex.is_stuck(), now);
        let came = absence.interrupted(serviced.taken);
        if serviced.notify && notice == Notice::Calm {
            self.notify(irql);
        }
        Interrupted {
            serviced,
            notice,
            came,
        }
    }

    /// Asks for the capture stream's service.
    pub fn notify(&self, irql: &Irql<Device>) {
        if let Some(ties) = &self.ties {
            ties.notify(irql);
        }
    }

    /// Reads what the service routine left, or has not come to.
    pub fn read_on(&mut self, irql: &Irql<Device>) -> Serviced {
        self.notice_removal();
        let Self { duplex, clock, .. } = self;
        duplex.service(|| stamp(irql, clock.as_ref()))
    }

    /// Says whether received bytes are wanted from now on, and reads those that came before: a chip
    /// without an interrupt may hold some of any age.
    pub fn store(&mut self, irql: &Irql<Device>, storage: Storage) -> Serviced {
        let serviced = self.read_on(irql);
        self.duplex.receiver_mut().store(storage);
        serviced
    }

    pub(super) fn exchange<O: Outbox>(
        &mut self,
        irql: &Irql<Device>,
        transmitter: &mut Transmitter,
        lanes: &mut O,
    ) -> Exchanged {
        self.notice_removal();
        let now = clock::interrupt_time();
        let Self {
            duplex,
            clock,
            storm,
            absence,
            ..
        } = self;
        let exchange = duplex.exchange(transmitter, lanes, now, || stamp(irql, clock.as_ref()));
        let mode = duplex.mode();
        let taken = exchange.serviced.taken;
        let rested = mode == Mode::Uart && storm.looked(taken, duplex.is_stuck(), now);
        let missed = mode == Mode::Uart && absence.looked(taken, now);
        Exchanged {
            exchange,
            mode,
            resting: storm.is_resting(),
            work: rested,
            missing: absence.is_missing(),
            missed,
        }
    }

    /// Nothing more is asked of a chip that has been pulled out.
    pub fn notice_removal(&mut self) {
        if self.duplex.port_mut().adapter.is_removed() {
            self.duplex.remove();
        }
    }
}

fn stamp(irql: &Irql<Device>, clock: Option<&ComRef<IMasterClock>>) -> RefTime {
    clock.map_or(RefTime(0), |clock| clock::master_time(irql, clock))
}
