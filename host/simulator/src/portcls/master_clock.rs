//! The master clock (contract section 8): monotonic, constant, callable at any level.

use std::cell::Cell;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{ObjectRef, Out, Status};
use dmusmini::irql::{Device, Irql};
use dmusmini::portcls::interfaces::{IMasterClock, IMasterClockClass};

use super::host::{self, Level};
use super::ledger::{Ledger, Receipt};
use super::one_thread::OneThread;

/// What the scenario may do to a master clock.
#[derive(Debug, Default)]
pub(crate) struct ClockControl {
    /// Added to the machine's time.
    pub(crate) offset: Cell<i64>,
    /// GetTime fails.
    pub(crate) broken: Cell<bool>,
}

impl ClockControl {
    /// The master time now.
    pub(crate) fn now(&self) -> i64 {
        self.at(host::now())
    }

    /// The master time at a machine time.
    pub(crate) fn at(&self, machine: u64) -> i64 {
        machine.cast_signed().wrapping_add(self.offset.get())
    }

    /// The machine time of a master time; 0 for one before power-on.
    pub(crate) fn machine_time(&self, master: i64) -> u64 {
        u64::try_from(master.saturating_sub(self.offset.get())).unwrap_or(0)
    }
}

pub(crate) struct MasterClock {
    control: OneThread<Rc<ClockControl>>,
    _receipt: OneThread<Receipt>,
}

class!(MasterClock: 0 => IMasterClock);

impl MasterClock {
    pub(crate) fn make(ledger: &Rc<Ledger>, control: &Rc<ClockControl>) -> Option<ObjectRef<Self>> {
        ledger.make("IMasterClock", |receipt| Self {
            control: OneThread::new(Rc::clone(control)),
            _receipt: OneThread::new(receipt),
        })
    }
}

impl IMasterClockClass for MasterClock {
    fn get_time(
        this: &ObjectRef<Self>,
        _: &mut Irql<Device>,
        time: Option<Out<'_, i64>>,
    ) -> Status {
        host::called("IMasterClock::GetTime", Level::HIGH, || match time {
            None => Status::INVALID_PARAMETER,
            Some(_) if this.control.broken.get() => Status::UNSUCCESSFUL,
            Some(mut time) => {
                time.set(this.control.now());
                Status::SUCCESS
            }
        })
    }
}
