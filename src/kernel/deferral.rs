//! What begins at device IRQL and ends at PASSIVE: a DPC, and a work item behind it.
//!
//! A service routine may do next to nothing: it queues the [`call`](Defer::call), which runs at
//! DISPATCH. What needs PASSIVE (connecting an interrupt, for one) is [`work`](Defer::work), which
//! a system thread does; the call, or a timer, queues it. Both objects are made when the device
//! starts. Asking for what is queued already is no more than that; the work is done by one thread at
//! a time, and once more when it was asked for while it ran.
//!
//! **Lifetimes.** The call is queued at device IRQL, where run-down protection may not be touched: so
//! it goes through a [`Gate`], and [`Deferral::delete`] shuts that and has the system run all DPCs that
//! are queued. Work holds the [`Rundown`] from its queueing until its routine is through; `delete`
//! waits for that next. Neither begins again: whoever has deleted the deferral, at PASSIVE, is alone
//! with what `work` does. A queued work item makes the system keep the device object and the image by
//! itself.
#![expect(unsafe_code, reason = "wraps KDPC and IO_WORKITEM")]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::fmt;
use core::mem;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::clock;
use super::gate::Gate;
use super::latch::Latch;
use super::nt::{self, DeviceObject, IoWorkItem, KDpc};
use super::rundown::Rundown;
use crate::com::{Class, ObjectRef, Status};
use crate::irql::{AtMost, Device, Dispatch, Irql, Passive};
use crate::mem::Buffer;

/// The object whose calls are deferred.
pub trait Defer: Class {
    /// Its deferral, from the moment on that anything is queued.
    fn deferral(&self) -> Option<&Deferral>;
    /// The deferred call.
    fn call(this: &ObjectRef<Self>, irql: &mut Irql<Dispatch>);
    /// The work, in a system thread.
    fn work(this: &ObjectRef<Self>, irql: &mut Irql<Passive>);
}

/// A DPC and a work item.
///
/// # Invariants
///
/// `dpc` is one `KDPC`, initialised, which does not move. `item` came from `IoAllocateWorkItem`, or is
/// null once [`delete`](Self::delete) was called; it is queued at most once, by whoever holds `latch`,
/// and then holds a use of `rundown`. The DPC is queued inside `calls` only.
pub struct Deferral {
    dpc: Buffer<UnsafeCell<KDpc>>,
    item: AtomicPtr<IoWorkItem>,
    routine: nt::WorkItemRoutine,
    context: NonNull<c_void>,
    calls: Gate,
    latch: Latch,
    rundown: Rundown,
    /// Work may be queued.
    started: AtomicBool,
}

// SAFETY: the kernel's routines may be called by any processor with these objects, and the rest are
// atomics; the context is only passed on.
unsafe impl Sync for Deferral {}
// SAFETY: as above.
unsafe impl Send for Deferral {}

macro_rules! thunks {
    ($abi:literal) => {
        unsafe extern $abi fn called<T: Defer>(
            _dpc: *mut KDpc,
            context: *mut c_void,
            _first: *mut c_void,
            _second: *mut c_void,
        ) {
            let Some(context) = NonNull::new(context) else { return };
            // SAFETY: the context is the owner's, who deletes its deferral before it dies.
            let owner = unsafe { ObjectRef::<T>::from_context(context) };
            // SAFETY: DPCs run at DISPATCH.
            let mut irql = unsafe { Irql::assume() };
            T::call(&owner, &mut irql);
        }

        unsafe extern $abi fn worked<T: Defer>(_device: *mut DeviceObject, context: *mut c_void) {
            let Some(context) = NonNull::new(context) else { return };
            // SAFETY: the context is the owner's, who deletes its deferral before it dies.
            let owner = unsafe { ObjectRef::<T>::from_context(context) };
            // SAFETY: work items run at PASSIVE.
            let mut irql = unsafe { Irql::assume() };
            let Some(deferral) = T::deferral(&owner) else { return };
            T::work(&owner, &mut irql);
            deferral.finish(&owner, &mut irql);
            // SAFETY: `queue_work` forgot the use of what it queued; nothing is touched after.
            unsafe { deferral.rundown.leave() };
        }
    };
}
crate::with_kernel_abi!(thunks,);

impl Deferral {
    /// Makes the deferral ready for use where it lies now.
    pub fn initialise(&self) {
        self.rundown.initialise();
    }

    /// Makes both for `owner`, one of `device`'s objects, who must call [`delete`](Self::delete)
    /// before it dies. Nothing can be queued until [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn try_new<T: Defer>(
        _irql: &Irql<Passive>,
        device: NonNull<DeviceObject>,
        owner: &ObjectRef<T>,
    ) -> Result<Self, Status> {
        let dpc = Buffer::try_from_fn(1, |_| UnsafeCell::new(KDpc::new()))?;
        // SAFETY: the device object is one of the driver's and alive.
        let item = unsafe { nt::IoAllocateWorkItem(device.as_ptr()) };
        let item = NonNull::new(item).ok_or(Status::INSUFFICIENT_RESOURCES)?;
        let context = owner.as_context();
        if let Some(dpc) = dpc.first() {
            // SAFETY: the memory is a KDPC's, is not paged, and stays where it is.
            unsafe { nt::KeInitializeDpc(dpc.get(), called::<T>, context.as_ptr()) };
        }
        // INVARIANT: initialised above, and nothing is queued.
        Ok(Self {
            dpc,
            item: AtomicPtr::new(item.as_ptr()),
            routine: worked::<T>,
            context,
            calls: Gate::new(),
            latch: Latch::new(),
            rundown: Rundown::new(),
            started: AtomicBool::new(false),
        })
    }

    /// Has [`Defer::call`] called soon, unless that is on its way already, or nothing may be queued.
    ///
    /// For service routines: nothing holds up one that is inside the gate.
    pub fn queue_call(&self, _irql: &Irql<Device>) {
        let Some(dpc) = self.dpc.first() else {
            return;
        };
        self.calls.pass(|| {
            // SAFETY: the DPC is initialised. Inside the gate it is not deleted, and who deletes it,
            // before its memory and its owner go, waits for its routine.
            unsafe { nt::KeInsertQueueDpc(dpc.get(), ptr::null_mut(), ptr::null_mut()) }
        });
    }

    /// Has [`Defer::work`] done soon: once more if it is being done.
    pub fn queue_work<L: AtMost<Dispatch>>(&self, _irql: &Irql<L>) {
        if !self.started.load(Ordering::Acquire) {
            return;
        }
        let Some(in_use) = self.rundown.enter() else {
            return;
        };
        if self.latch.begin() {
            mem::forget(in_use);
            let item = self.item.load(Ordering::Acquire);
            let context = self.context.as_ptr();
            // SAFETY: by the latch the item is not queued, and by the use its owner stays until the
            // routine ends that.
            unsafe { nt::IoQueueWorkItem(item, self.routine, nt::DELAYED_WORK_QUEUE, context) };
        }
    }

    /// The work was done: does it again for as long as somebody asked for it meanwhile.
    fn finish<T: Defer>(&self, owner: &ObjectRef<T>, irql: &mut Irql<Passive>) {
        while !self.latch.end() {
            T::work(owner, irql);
        }
    }

    /// Lets calls and work be queued.
    pub fn start(&self, _irql: &Irql<Passive>) {
        self.started.store(true, Ordering::Release);
        self.calls.open();
    }

    /// Waits until nothing is queued or running, lets nothing be queued any more, and frees the work
    /// item: no routine of this deferral is on any processor from here on. Once more is no more.
    pub fn delete(&self, irql: &Irql<Passive>) {
        if self.started.load(Ordering::Acquire) {
            self.calls.shut(|| clock::stall(1));
            // The calls that are queued ask for their work now.
            // SAFETY: waiting is allowed at PASSIVE.
            unsafe { nt::KeFlushQueuedDpcs() };
            self.rundown.wait(irql);
        }
        self.free();
    }

    fn free(&self) {
        // INVARIANT: null from here on.
        let item = self.item.swap(ptr::null_mut(), Ordering::AcqRel);
        if !item.is_null() {
            // SAFETY: the item is not queued, or it never was, and nobody else has it.
            unsafe { nt::IoFreeWorkItem(item) };
        }
    }
}

impl Drop for Deferral {
    fn drop(&mut self) {
        // The owner has called `delete`, or has never begun.
        self.free();
    }
}

impl fmt::Debug for Deferral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferral")
    }
}
