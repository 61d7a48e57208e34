//! Everything that the port driver asks of the kernel below it.
//!
//! The rest of `portcls` names neither a clock nor a level nor a lock of the machine: a port driver
//! over another kernel replaces this file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dmusmini::irql::{Device, Dispatch, Irql, Passive};

use crate::bus::PortDevice;
use crate::inside;
use crate::kernel::{self, Kernel};
use crate::violation::Rule;

pub(crate) use crate::irql::Irql as Level;

/// The kernel of this thread.
pub(crate) fn kernel() -> Rc<Kernel> {
    kernel::current()
}

/// The time in 100 ns since power-on.
pub(crate) fn now() -> u64 {
    kernel().now()
}

/// Records a breach of a COM or port-driver contract, found in `at`.
pub(crate) fn breach(at: &'static str, detail: impl Into<String>) {
    kernel().violate(Rule::Contract, at, detail);
}

/// Records a wrong reference count, found in `at`.
pub(crate) fn miscount(at: &'static str, detail: impl Into<String>) {
    kernel().violate(Rule::Reference, at, detail);
}

/// What an entry point of the port driver does first: it is host code, the call is booked, and the
/// driver must be at `most` or below.
pub(crate) fn called<R>(name: &'static str, most: Level, work: impl FnOnce() -> R) -> R {
    inside::outside(|| {
        kernel().on_import(name, most);
        work()
    })
}

/// Calls into the driver at the level that is current.
pub(crate) fn enter<R>(what: &'static str, work: impl FnOnce() -> R) -> R {
    kernel().enter_driver(what, work)
}

/// Calls into the driver at DISPATCH_LEVEL, or the current level when that is higher.
pub(crate) fn enter_at_dispatch<R>(what: &'static str, work: impl FnOnce() -> R) -> R {
    let kernel = kernel();
    kernel.at_level(Level::DISPATCH, || kernel.enter_driver(what, work))
}

/// Whether the system has stopped: nothing of the driver may run any more.
pub(crate) fn is_dead() -> bool {
    kernel().bug_check().is_some()
}

/// Queues `work` to run at DISPATCH_LEVEL, like a DPC.
pub(crate) fn defer(work: impl FnOnce() + 'static) {
    kernel().queue_work(move |_| work());
}

/// The evidence for a call that the driver documents as PASSIVE.
pub(crate) fn passive() -> Irql<Passive> {
    // SAFETY: the port calls PASSIVE methods from client requests only, which run at PASSIVE; the
    // simulated kernel checks the level of every import on the way.
    unsafe { Irql::assume() }
}

/// The evidence for a call that the driver documents as DISPATCH.
pub(crate) fn dispatch() -> Irql<Dispatch> {
    // SAFETY: such calls are made from deferred work or client requests, never above DISPATCH.
    unsafe { Irql::assume() }
}

/// The evidence for a call that is allowed at any level.
pub(crate) fn any_level() -> Irql<Device> {
    // SAFETY: every level will do.
    unsafe { Irql::assume() }
}

/// What rings when an alarm is due.
type Ring = Rc<dyn Fn()>;

/// The port driver's timers: one device without ports, at whose next change the clock stops.
#[derive(Clone, Default)]
pub(crate) struct AlarmClock(Rc<RefCell<Alarms>>);

#[derive(Default)]
struct Alarms {
    alarms: BTreeMap<u64, (Option<u64>, Ring)>,
    next: u64,
}

/// Something that happens later. It is forgotten when dropped.
pub(crate) struct Alarm {
    clock: AlarmClock,
    number: u64,
}

impl AlarmClock {
    /// A clock that the machine's time drives.
    pub(crate) fn new() -> Self {
        let clock = Self::default();
        let device: Rc<RefCell<dyn PortDevice>> = clock.0.clone();
        kernel().attach(NO_PORT, 0, None, device);
        clock
    }

    /// An alarm that calls `ring` at DISPATCH_LEVEL.
    pub(crate) fn alarm(&self, ring: impl Fn() + 'static) -> Alarm {
        let mut state = self.0.borrow_mut();
        let number = state.next;
        state.next += 1;
        state.alarms.insert(number, (None, Rc::new(ring)));
        Alarm {
            clock: self.clone(),
            number,
        }
    }
}

impl Alarm {
    /// Rings once at `due`, or at the moment set before if that is earlier.
    pub(crate) fn set(&self, due: u64) {
        let due = due.max(now() + 1);
        self.with(|slot| *slot = Some(slot.map_or(due, |before| before.min(due))));
    }

    /// Does not ring.
    pub(crate) fn cancel(&self) {
        self.with(|slot| *slot = None);
    }

    fn with(&self, change: impl FnOnce(&mut Option<u64>)) {
        if let Some((due, _)) = self.clock.0.borrow_mut().alarms.get_mut(&self.number) {
            change(due);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let forgotten = self.clock.0.borrow_mut().alarms.remove(&self.number);
        drop(forgotten);
    }
}

impl PortDevice for Alarms {
    fn read(&mut self, _: u16, _: u64) -> u8 {
        0xFF
    }

    fn write(&mut self, _: u16, _: u8, _: u64) {}

    fn advance(&mut self, now: u64) {
        for (due, ring) in self.alarms.values_mut() {
            if due.is_some_and(|due| due <= now) {
                *due = None;
                let ring = Rc::clone(ring);
                defer(move || ring());
            }
        }
    }

    fn next_change(&mut self, _: u64) -> Option<u64> {
        self.alarms.values().filter_map(|(due, _)| *due).min()
    }
}

impl std::fmt::Debug for AlarmClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlarmClock").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alarm")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

const NO_PORT: u16 = u16::MAX;
