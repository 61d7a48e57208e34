//! Spin locks, fast mutexes and events: with one processor, a taken lock is a deadlock.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::violation::Rule;

/// How a lock was taken: it must be released the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `KeAcquireSpinLockRaiseToDpc` and its release.
    Spin,
    /// `KeAcquireSpinLockAtDpcLevel` and its release.
    SpinAtDispatch,
    /// `KeAcquireInStackQueuedSpinLock` and its release.
    Queued,
    /// `ExAcquireFastMutex` and its release.
    FastMutex,
    /// The lock of an interrupt, taken by the system around a service routine.
    Interrupt,
}

#[derive(Clone, Debug)]
struct Held {
    address: usize,
    kind: Kind,
    before: Irql,
    since: u64,
}

/// Locks held now and the state of events.
#[derive(Debug, Default)]
pub struct Locks {
    held: RefCell<Vec<Held>>,
    taken: Cell<u64>,
    events: RefCell<BTreeMap<usize, Event>>,
    rundowns: RefCell<BTreeMap<usize, i64>>,
    /// Spin locks and run-down references that were initialised, by address: what is used without, or
    /// was moved since, is not among them.
    set_up: RefCell<BTreeSet<usize>>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    signalled: bool,
    /// A synchronization event goes back to unsignalled when a wait is satisfied.
    automatic: bool,
}

impl Locks {
    pub(crate) fn count(&self) -> usize {
        self.held.borrow().len()
    }

    pub(crate) fn held(&self) -> Vec<String> {
        self.held
            .borrow()
            .iter()
            .map(|lock| format!("{:?} lock at {:#x}", lock.kind, lock.address))
            .collect()
    }

    /// Run-down references in use.
    pub(crate) fn in_use(&self) -> Vec<String> {
        self.rundowns
            .borrow()
            .iter()
            .map(|(address, uses)| format!("run-down reference {address:#x} has {uses} use(s)"))
            .collect()
    }

    pub(crate) fn forget(&self, range: &Range<usize>) -> Vec<String> {
        self.events
            .borrow_mut()
            .retain(|address, _| !range.contains(address));
        self.set_up
            .borrow_mut()
            .retain(|address| !range.contains(address));
        let mut names: Vec<String> = self
            .held
            .borrow()
            .iter()
            .filter(|lock| range.contains(&lock.address))
            .map(|lock| format!("a held {:?} lock in it", lock.kind))
            .collect();
        self.rundowns.borrow_mut().retain(|address, uses| {
            let gone = range.contains(address);
            if gone {
                names.push(format!("a run-down reference with {uses} use(s) in it"));
            }
            !gone
        });
        names
    }
}

impl Kernel {
    /// How many times a lock was taken.
    #[must_use]
    pub fn locks_taken(&self) -> u64 {
        self.locks.taken.get()
    }

    /// The spin lock or run-down reference at `address` is initialised.
    pub(crate) fn set_up(&self, address: usize) {
        self.locks.set_up.borrow_mut().insert(address);
    }

    /// Records a breach where the spin lock or run-down reference at `address` was not initialised.
    pub(crate) fn require_set_up(&self, address: usize, at: &'static str) {
        if !self.locks.set_up.borrow().contains(&address) {
            let detail = format!("nobody initialised the object at {address:#x}");
            self.violate(Rule::NotInitialized, at, detail);
        }
    }

    /// Takes the lock at `address`, at `level`; returns the level before.
    pub(crate) fn lock(&self, address: usize, kind: Kind, level: Irql, at: &'static str) -> Irql {
        let before = self.irql();
        if self
            .locks
            .held
            .borrow()
            .iter()
            .any(|lock| lock.address == address)
        {
            self.violate(
                Rule::LockRecursion,
                at,
                format!("{kind:?} lock {address:#x}"),
            );
        }
        if kind == Kind::SpinAtDispatch {
            self.require_at_least(Irql::DISPATCH, at);
        } else {
            self.level.set(level.max(before));
        }
        self.locks.taken.set(self.locks.taken.get() + 1);
        self.locks.held.borrow_mut().push(Held {
            address,
            kind,
            before,
            since: self.now(),
        });
        before
    }

    /// Releases the lock at `address`; `to` is the level that the caller wants back.
    pub(crate) fn unlock(&self, address: usize, kind: Kind, to: Option<Irql>, at: &'static str) {
        let mut held = self.locks.held.borrow_mut();
        let Some(index) = held.iter().rposition(|lock| lock.address == address) else {
            drop(held);
            self.violate(Rule::LockNotHeld, at, format!("{kind:?} lock {address:#x}"));
            if let Some(to) = to {
                self.lower(to, at);
            }
            return;
        };
        let last = index + 1 == held.len();
        let lock = held.remove(index);
        drop(held);
        if !matches!(kind, Kind::Interrupt | Kind::FastMutex) {
            self.stretch(lock.since, |stretches| &mut stretches.lock);
        }
        if !last {
            self.violate(Rule::LockOrder, at, format!("{kind:?} lock {address:#x}"));
        }
        if lock.kind != kind {
            self.violate(
                Rule::LockReleasedAtWrongLevel,
                at,
                format!("taken as {:?}, released as {kind:?}", lock.kind),
            );
        }
        let expected = match kind {
            Kind::FastMutex => Irql::APC,
            _ => Irql::DISPATCH,
        };
        if self.irql() != expected && kind != Kind::Interrupt {
            self.violate(
                Rule::LockReleasedAtWrongLevel,
                at,
                format!("held at {expected}, released at {}", self.irql()),
            );
        }
        if let Some(to) = to {
            if to != lock.before {
                self.violate(
                    Rule::LockReleasedAtWrongLevel,
                    at,
                    format!("taken at {}, released to {to}", lock.before),
                );
            }
            self.lower(to, at);
        }
    }

    /// The level that the holder of `address` came from.
    pub(crate) fn level_before(&self, address: usize) -> Option<Irql> {
        let held = self.locks.held.borrow();
        let lock = held.iter().rev().find(|lock| lock.address == address)?;
        Some(lock.before)
    }

    /// Counts the uses of a run-down reference.
    pub(crate) fn rundown_uses(&self, address: usize, change: i64) {
        let mut rundowns = self.locks.rundowns.borrow_mut();
        let uses = rundowns.entry(address).or_insert(0);
        *uses += change;
        if *uses == 0 {
            rundowns.remove(&address);
        }
    }

    /// Sets up the event at `address`.
    pub(crate) fn initialize_event(&self, address: usize, automatic: bool, signalled: bool) {
        self.locks.events.borrow_mut().insert(
            address,
            Event {
                signalled,
                automatic,
            },
        );
    }

    /// Sets or clears the event at `address`; returns the state before.
    pub fn signal_event(&self, address: usize, signalled: bool, at: &'static str) -> bool {
        if let Some(event) = self.locks.events.borrow_mut().get_mut(&address) {
            return std::mem::replace(&mut event.signalled, signalled);
        }
        self.violate(Rule::NotInitialized, at, format!("event {address:#x}"));
        false
    }

    /// Whether the object at `address` satisfies a wait now; takes the signal where it is consumed.
    pub(crate) fn try_wait(&self, address: usize) -> Option<bool> {
        if let Some(event) = self.locks.events.borrow_mut().get_mut(&address) {
            let satisfied = event.signalled;
            if event.automatic {
                event.signalled = false;
            }
            return Some(satisfied);
        }
        self.timers.is_signalled(address)
    }
}
