//! Timers: ordinary ones wait for the clock's tick, high-resolution ones come a little late.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ops::Range;

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::trace::Event;
use crate::violation::Rule;

/// A routine of `ExAllocateTimer`: the timer and the driver's context.
pub type TimerRoutine = unsafe extern "win64" fn(*mut c_void, *mut c_void);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// A KTIMER queues this DPC, if any.
    Dpc(Option<usize>),
    /// An EX_TIMER calls this routine at DISPATCH_LEVEL, if any.
    Routine(Option<TimerRoutine>, *mut c_void),
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    target: Target,
    high_resolution: bool,
    automatic: bool,
    signalled: bool,
    /// When it was asked for, when it will happen, and in which order it was set.
    armed: Option<Armed>,
    period: u64,
}

#[derive(Clone, Copy, Debug)]
struct Armed {
    nominal: u64,
    expiry: u64,
    order: u64,
}

/// All timers that were initialised.
#[derive(Debug, Default)]
pub struct Timers {
    known: RefCell<BTreeMap<usize, Timer>>,
    order: Cell<u64>,
}

impl Timers {
    /// When the next timer expires.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.known
            .borrow()
            .values()
            .filter_map(|timer| timer.armed.map(|armed| armed.expiry))
            .min()
    }

    /// The armed timers, for the report at the end.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.known
            .borrow()
            .iter()
            .filter(|(_, timer)| timer.armed.is_some())
            .map(|(address, _)| format!("timer {address:#x} is armed"))
            .collect()
    }

    /// Forgets timers in memory that is given back and names those that were armed.
    pub(crate) fn forget(&self, range: &Range<usize>) -> Vec<String> {
        let mut names = Vec::new();
        self.known.borrow_mut().retain(|address, timer| {
            let gone = range.contains(address);
            if gone && timer.armed.is_some() {
                names.push(format!("armed timer {address:#x} in it"));
            }
            !gone
        });
        names
    }

    /// Names and disarms the armed timers whose routine lies in `range`.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn calls_into(&self, range: &Range<usize>) -> Vec<String> {
        let mut names = Vec::new();
        for (address, timer) in self.known.borrow_mut().iter_mut() {
            if let Target::Routine(Some(routine), _) = timer.target
                && range.contains(&(routine as *const ()).addr())
                && timer.armed.take().is_some()
            {
                names.push(format!("timer {address:#x} is armed with a routine in it"));
            }
        }
        names
    }

    pub(crate) fn clear(&self) {
        self.known.take();
    }

    /// Whether the timer at `address` satisfies a wait; `None` when there is no such timer.
    pub(crate) fn is_signalled(&self, address: usize) -> Option<bool> {
        let mut known = self.known.borrow_mut();
        let timer = known.get_mut(&address)?;
        let signalled = timer.signalled;
        if timer.automatic {
            timer.signalled = false;
        }
        Some(signalled)
    }

    fn armed(&self, address: usize) -> bool {
        self.known
            .borrow()
            .get(&address)
            .is_some_and(|timer| timer.armed.is_some())
    }
}

impl Kernel {
    /// Makes a timer known that is not armed.
    pub(crate) fn initialize_timer(
        &self,
        address: usize,
        target: Target,
        high_resolution: bool,
        automatic: bool,
        at: &'static str,
    ) {
        if self.timers.armed(address) {
            self.violate(
                Rule::TimerArmed,
                at,
                format!("timer {address:#x} initialised again"),
            );
        }
        self.timers.known.borrow_mut().insert(
            address,
            Timer {
                target,
                high_resolution,
                automatic,
                signalled: false,
                armed: None,
                period: 0,
            },
        );
    }

    /// Arms a timer; whether it was armed before. `due` is relative when negative.
    pub(crate) fn set_timer(
        &self,
        address: usize,
        due: i64,
        period: u64,
        dpc: Option<usize>,
        at: &'static str,
    ) -> bool {
        let nominal = if due < 0 {
            self.now() + due.unsigned_abs()
        } else {
            // An absolute time is system time.
            let ahead = due.unsigned_abs().saturating_sub(self.system_time());
            self.now() + ahead
        };
        let order = self.timers.order.get();
        self.timers.order.set(order + 1);
        let mut known = self.timers.known.borrow_mut();
        let Some(timer) = known.get_mut(&address) else {
            drop(known);
            self.violate(Rule::NotInitialized, at, format!("timer {address:#x}"));
            return false;
        };
        let armed = Armed {
            nominal,
            expiry: self.expiry(nominal, timer.high_resolution),
            order,
        };
        if let Target::Dpc(slot) = &mut timer.target {
            *slot = dpc;
        }
        timer.period = period;
        timer.signalled = false;
        timer.armed.replace(armed).is_some()
    }

    /// When a timer that is due at `nominal` really expires.
    fn expiry(&self, nominal: u64, high_resolution: bool) -> u64 {
        if high_resolution {
            let most = self.options.high_resolution_lateness;
            nominal + self.random().below(most.saturating_add(1))
        } else {
            nominal.next_multiple_of(self.options.tick.max(1))
        }
    }

    /// Disarms a timer; whether it was armed.
    pub(crate) fn cancel_timer(&self, address: usize, at: &'static str) -> bool {
        let mut known = self.timers.known.borrow_mut();
        let Some(timer) = known.get_mut(&address) else {
            drop(known);
            self.violate(Rule::NotInitialized, at, format!("timer {address:#x}"));
            return false;
        };
        timer.armed.take().is_some()
    }

    /// Takes a timer off the books.
    pub(crate) fn delete_timer(&self, address: usize) -> Option<bool> {
        let timer = self.timers.known.borrow_mut().remove(&address)?;
        Some(timer.armed.is_some())
    }

    /// Lets every timer happen whose time has come, earliest first.
    pub(crate) fn expire_timers(&self) {
        loop {
            let now = self.now();
            let due = self
                .timers
                .known
                .borrow()
                .iter()
                .filter_map(|(&address, timer)| {
                    let armed = timer.armed?;
                    (armed.expiry <= now).then_some((armed.expiry, armed.order, address))
                })
                .min();
            let Some((_, _, address)) = due else {
                return;
            };
            self.expire(address);
        }
    }

    fn expire(&self, address: usize) {
        let mut known = self.timers.known.borrow_mut();
        let Some(timer) = known.get_mut(&address) else {
            return;
        };
        let Some(armed) = timer.armed.take() else {
            return;
        };
        timer.signalled = true;
        if timer.period > 0 {
            let mut nominal = armed.nominal + timer.period;
            // A period that was missed altogether is skipped.
            while nominal <= self.now() {
                nominal += timer.period;
            }
            timer.armed = Some(Armed {
                nominal,
                expiry: self.expiry(nominal, timer.high_resolution),
                order: armed.order,
            });
        }
        let target = timer.target;
        drop(known);
        self.record(Event::Timer(address));
        match target {
            Target::Dpc(None) | Target::Routine(None, _) => {}
            Target::Dpc(Some(dpc)) => {
                self.queue_dpc(dpc, [std::ptr::null_mut(); 2], "a timer");
            }
            Target::Routine(Some(routine), context) => self.queue_work(move |kernel| {
                debug_assert!(kernel.irql() == Irql::DISPATCH);
                let timer = std::ptr::with_exposed_provenance_mut(address);
                // SAFETY: the driver registered the routine for this timer and keeps its context
                // until the timer is deleted with a wait.
                kernel.enter_driver("timer routine", || unsafe { routine(timer, context) });
            }),
        }
    }
}
