//! Deferred procedure calls: the queue, and who runs from it at DISPATCH_LEVEL.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::ops::Range;

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::trace::Event;
use crate::violation::Rule;

/// A driver's deferred routine: DPC, context and two arguments.
pub type DpcRoutine = unsafe extern "win64" fn(*mut c_void, *mut c_void, *mut c_void, *mut c_void);

/// Work of the simulated system at DISPATCH_LEVEL or PASSIVE_LEVEL.
pub type HostWork = Box<dyn FnOnce(&Kernel)>;

#[derive(Clone, Copy, Debug)]
struct Dpc {
    routine: DpcRoutine,
    context: *mut c_void,
}

enum Entry {
    Driver {
        dpc: usize,
        arguments: [*mut c_void; 2],
    },
    Host(HostWork),
}

/// Initialised DPCs and the queue.
#[derive(Default)]
pub struct Dpcs {
    known: RefCell<BTreeMap<usize, Dpc>>,
    queue: RefCell<VecDeque<Entry>>,
}

impl std::fmt::Debug for Dpcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dpcs")
            .field("known", &self.known.borrow().len())
            .field("queued", &self.queue.borrow().len())
            .finish()
    }
}

impl Dpcs {
    fn is_queued(&self, address: usize) -> bool {
        self.queue
            .borrow()
            .iter()
            .any(|entry| matches!(entry, Entry::Driver { dpc, .. } if *dpc == address))
    }

    pub(crate) fn queued(&self) -> Vec<String> {
        self.queue
            .borrow()
            .iter()
            .filter_map(|entry| match entry {
                Entry::Driver { dpc, .. } => Some(format!("DPC {dpc:#x} is queued")),
                Entry::Host(_) => None,
            })
            .collect()
    }

    /// Forgets DPCs in memory that is given back and names those that were queued.
    pub(crate) fn forget(&self, range: &Range<usize>) -> Vec<String> {
        let mut names = Vec::new();
        self.known
            .borrow_mut()
            .retain(|address, _| !range.contains(address));
        self.queue.borrow_mut().retain(|entry| match entry {
            Entry::Driver { dpc, .. } if range.contains(dpc) => {
                names.push(format!("queued DPC {dpc:#x} in it"));
                false
            }
            _ => true,
        });
        names
    }

    /// Names and forgets the queued DPCs whose routine lies in `range`.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn calls_into(&self, range: &Range<usize>) -> Vec<String> {
        let known = self.known.borrow();
        let into = |dpc: &usize| {
            known
                .get(dpc)
                .is_some_and(|dpc| range.contains(&(dpc.routine as *const ()).addr()))
        };
        let mut names = Vec::new();
        self.queue.borrow_mut().retain(|entry| match entry {
            Entry::Driver { dpc, .. } if into(dpc) => {
                names.push(format!("DPC {dpc:#x} is queued with a routine in it"));
                false
            }
            _ => true,
        });
        names
    }

    pub(crate) fn clear(&self) {
        let dropped = self.queue.take();
        drop(dropped);
    }
}

impl Kernel {
    /// `KeInitializeDpc`.
    pub(crate) fn initialize_dpc(
        &self,
        address: usize,
        routine: DpcRoutine,
        context: *mut c_void,
        at: &'static str,
    ) {
        if self.dpcs.is_queued(address) {
            self.violate(
                Rule::DpcQueued,
                at,
                format!("DPC {address:#x} initialised again"),
            );
        }
        self.dpcs
            .known
            .borrow_mut()
            .insert(address, Dpc { routine, context });
    }

    /// Queues a DPC of the driver; whether it was not queued before.
    pub(crate) fn queue_dpc(
        &self,
        address: usize,
        arguments: [*mut c_void; 2],
        at: &'static str,
    ) -> bool {
        if !self.dpcs.known.borrow().contains_key(&address) {
            self.violate(Rule::NotInitialized, at, format!("DPC {address:#x}"));
            return false;
        }
        if self.dpcs.is_queued(address) {
            return false;
        }
        self.dpcs.queue.borrow_mut().push_back(Entry::Driver {
            dpc: address,
            arguments,
        });
        true
    }

    /// Takes a DPC out of the queue; whether it was in it.
    pub(crate) fn remove_dpc(&self, address: usize) -> bool {
        let mut queue = self.dpcs.queue.borrow_mut();
        let before = queue.len();
        queue.retain(|entry| !matches!(entry, Entry::Driver { dpc, .. } if *dpc == address));
        queue.len() != before
    }

    /// Queues work of the simulated system, to run at DISPATCH_LEVEL in turn with the driver's DPCs.
    pub fn queue_work(&self, work: impl FnOnce(&Kernel) + 'static) {
        self.dpcs
            .queue
            .borrow_mut()
            .push_back(Entry::Host(Box::new(work)));
    }

    /// Runs the first DPC in the queue; whether there was one.
    pub(crate) fn run_dpc(&self) -> bool {
        let Some(entry) = self.dpcs.queue.borrow_mut().pop_front() else {
            return false;
        };
        let start = self.now();
        let before = self.level.replace(Irql::DISPATCH);
        let inside = crate::inside::set_inside(false);
        match entry {
            Entry::Host(work) => work(self),
            Entry::Driver { dpc, arguments } => self.call_dpc(dpc, arguments),
        }
        crate::inside::set_inside(inside);
        self.stretch(start, |stretches| &mut stretches.dpc);
        if self.irql() != Irql::DISPATCH {
            let now = self.irql();
            self.violate(
                Rule::IrqlNotRestored,
                "a DPC",
                format!("came back at {now}"),
            );
        }
        self.level.set(before);
        true
    }

    fn call_dpc(&self, address: usize, [first, second]: [*mut c_void; 2]) {
        let known = self.dpcs.known.borrow().get(&address).copied();
        let Some(Dpc { routine, context }) = known else {
            self.violate(
                Rule::NotInitialized,
                "the DPC queue",
                format!("DPC {address:#x}"),
            );
            return;
        };
        self.record(Event::Dpc(address));
        let dpc = std::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the driver registered the routine for this DPC and has not freed it.
        self.enter_driver("DPC", || unsafe { routine(dpc, context, first, second) });
    }
}
