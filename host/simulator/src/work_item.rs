//! Work items: what a driver hands to the system's worker threads, which run it at PASSIVE_LEVEL.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::pool::{Fill, Paging, Tag};
use crate::trace::Event;
use crate::violation::Rule;

/// A driver's work item routine: device object and context.
pub type WorkItemRoutine = unsafe extern "win64" fn(*mut c_void, *mut c_void);

#[derive(Clone, Copy, Debug)]
struct Queued {
    routine: WorkItemRoutine,
    context: *mut c_void,
    due: u64,
    order: u64,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    device: usize,
    queued: Option<Queued>,
}

/// All work items that were allocated.
#[derive(Debug, Default)]
pub struct WorkItems {
    known: RefCell<BTreeMap<usize, Item>>,
    order: Cell<u64>,
    /// There is one worker thread, and it is at work.
    busy: Cell<bool>,
    done: Cell<u64>,
}

impl WorkItems {
    /// When a thread gets to the next item; never while it is at one.
    pub(crate) fn next_due(&self) -> Option<u64> {
        if self.busy.get() {
            return None;
        }
        self.first().map(|(due, _, _)| due)
    }

    fn first(&self) -> Option<(u64, u64, usize)> {
        self.known
            .borrow()
            .iter()
            .filter_map(|(&address, item)| {
                let queued = item.queued?;
                Some((queued.due, queued.order, address))
            })
            .min()
    }

    /// The queued items, for the report at the end.
    pub(crate) fn queued(&self) -> Vec<String> {
        self.known
            .borrow()
            .iter()
            .filter(|(_, item)| item.queued.is_some())
            .map(|(address, _)| format!("work item {address:#x} is queued"))
            .collect()
    }

    /// How many routines have run.
    pub fn done(&self) -> u64 {
        self.done.get()
    }

    /// Names and forgets the queued items whose routine lies in `range`.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn calls_into(&self, range: &std::ops::Range<usize>) -> Vec<String> {
        let mut names = Vec::new();
        for (address, item) in self.known.borrow_mut().iter_mut() {
            if let Some(queued) = item.queued
                && range.contains(&(queued.routine as *const ()).addr())
            {
                item.queued = None;
                names.push(format!(
                    "work item {address:#x} is queued with a routine in it"
                ));
            }
        }
        names
    }

    pub(crate) fn clear(&self) {
        self.known.take();
    }
}

impl Kernel {
    /// `IoAllocateWorkItem`; null when there is no memory.
    pub(crate) fn allocate_work_item(&self, device: usize, at: &'static str) -> *mut c_void {
        if device == 0 {
            self.violate(Rule::BadArgument, at, "no device object");
        }
        let block = self.allocate(SIZE, TAG, Paging::NonPaged, Fill::Garbage, at);
        let Some(block) = block else {
            return std::ptr::null_mut();
        };
        let item = Item {
            device,
            queued: None,
        };
        let known = &self.work_items.known;
        known.borrow_mut().insert(block.expose_provenance(), item);
        block.cast()
    }

    /// `IoFreeWorkItem`.
    pub(crate) fn free_work_item(&self, item: *mut c_void, at: &'static str) {
        match self.work_items.known.borrow_mut().remove(&item.addr()) {
            None => self.violate(Rule::NotInitialized, at, format!("work item {item:p}")),
            Some(Item {
                queued: Some(_), ..
            }) => self.violate(
                Rule::WorkItemQueued,
                at,
                format!("work item {item:p} freed while it is queued"),
            ),
            Some(_) => {}
        }
        self.free(item.cast(), TAG, at);
    }

    /// `IoQueueWorkItem`.
    pub(crate) fn queue_work_item(
        &self,
        address: usize,
        routine: WorkItemRoutine,
        context: *mut c_void,
        at: &'static str,
    ) {
        let items = &self.work_items;
        let order = items.order.replace(items.order.get() + 1);
        let latency = self.random().below(self.options.work_item_latency.max(1));
        let queued = Queued {
            routine,
            context,
            due: self.now() + latency,
            order,
        };
        let before = items
            .known
            .borrow_mut()
            .get_mut(&address)
            .map(|item| item.queued.replace(queued));
        match before {
            None => self.violate(Rule::NotInitialized, at, format!("work item {address:#x}")),
            Some(Some(_)) => self.violate(
                Rule::WorkItemQueued,
                at,
                format!("work item {address:#x} queued twice"),
            ),
            Some(None) => {}
        }
    }

    /// Has the worker thread do the next item that it got to by now; whether there was one.
    ///
    /// The item leaves the queue first, as the system does it: its routine may queue or free it.
    pub(crate) fn run_work_item(&self) -> bool {
        let items = &self.work_items;
        if items.next_due().is_none_or(|due| due > self.now()) {
            return false;
        }
        let Some((_, _, address)) = items.first() else {
            return false;
        };
        let taken = items
            .known
            .borrow_mut()
            .get_mut(&address)
            .and_then(|item| Some((item.device, item.queued.take()?)));
        let Some((device, queued)) = taken else {
            return false;
        };
        items.busy.set(true);
        self.record(Event::WorkItem(address));
        let inside = crate::inside::set_inside(false);
        let device = std::ptr::with_exposed_provenance_mut(device);
        let Queued {
            routine, context, ..
        } = queued;
        // SAFETY: the driver queued the routine with its context, and keeps both until it has run.
        self.enter_driver("work item", || unsafe { routine(device, context) });
        crate::inside::set_inside(inside);
        if self.irql() != Irql::PASSIVE {
            // Bug check 0xE1 on a real machine.
            self.level.set(Irql::PASSIVE);
        }
        items.done.set(items.done.get() + 1);
        items.busy.set(false);
        true
    }
}

const SIZE: usize = 96;
const TAG: Tag = Tag(u32::from_le_bytes(*b"IoWI"));
