//! What the interrupt service routine and the rest of the driver share.
//!
//! Everybody but the service routine takes a spin lock first, the inner lock of the documented order.
//! While the interrupt is connected its holder reaches the value through
//! `IInterruptSync::CallSynchronizedRoutine`, at device IRQL; without an interrupt (a polled device)
//! and before and after its connection the spin lock is all there is. Both are one type so that the
//! code above need not know. Two locks, because what `CallSynchronizedRoutine` excludes while there
//! is no connection is nowhere written; nor is what it does while `Connect` or `Disconnect` runs, and
//! both may happen with streams running. So nobody is inside it then: the service routine is let in
//! after the connection and shut out before the end of it, in a synchronised routine; until then it
//! declines.
//!
//! Whether an interrupt object can be connected again is nowhere written either (contract section 4):
//! each connection has an object of its own, which goes with it.
#![expect(unsafe_code, reason = "synchronises with the service routine")]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use super::nt;
use crate::com::{Class, ComRef, ObjectRef, Status};
use crate::irql::{AtMost, Device, Irql, Locked, Passive};
use crate::portcls::interfaces::IInterruptSync;

/// A value shared with the service routine.
///
/// # Invariants
///
/// `value` is reached by the holder of the spin lock, who while `admitted` is set does so inside a
/// synchronised routine of `sync`; and while it is set by the service routine. It is set while there
/// is a connection only, with the spin lock held, and cleared in a synchronised routine. `sync` is
/// there while `admitted` is set, and is written by the holder of the spin lock while it is not.
pub struct DeviceLock<T> {
    value: UnsafeCell<T>,
    word: UnsafeCell<usize>,
    sync: UnsafeCell<Option<ComRef<IInterruptSync>>>,
    /// The service routine may come.
    admitted: AtomicBool,
}

// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for DeviceLock<T> {}

/// What an interrupt calls, at device IRQL, on the object that owns it.
pub trait ServiceRoutine: Class {
    /// Serves the device; says whether the interrupt was its own.
    fn interrupt(this: &ObjectRef<Self>, irql: &mut Irql<Device>) -> bool;
}

struct Call<'a, T, F, R> {
    lock: &'a DeviceLock<T>,
    work: Option<F>,
    result: Option<R>,
}

macro_rules! thunks {
    ($abi:literal) => {
        unsafe extern $abi fn service<T: ServiceRoutine>(
            _sync: NonNull<c_void>,
            context: *mut c_void,
        ) -> Status {
            let Some(context) = NonNull::new(context) else { return Status::UNSUCCESSFUL };
            // SAFETY: the context is the owner's, and the owner disconnects the interrupt before
            // it dies.
            let owner = unsafe { ObjectRef::<T>::from_context(context) };
            // SAFETY: service routines run at device IRQL.
            let mut irql = unsafe { Irql::assume() };
            if T::interrupt(&owner, &mut irql) { Status::SUCCESS } else { Status::UNSUCCESSFUL }
        }

        unsafe extern $abi fn synchronised<T, F, R>(
            _sync: NonNull<c_void>,
            context: *mut c_void,
        ) -> Status
        where
            F: FnOnce(&mut T, &mut Irql<Device>) -> R,
        {
            let Some(mut call) = NonNull::new(context.cast::<Call<'_, T, F, R>>()) else {
                return Status::UNSUCCESSFUL;
            };
            // SAFETY: `DeviceLock::with` passes its own call and waits for the routine.
            let call = unsafe { call.as_mut() };
            if let Some(work) = call.work.take() {
                // SAFETY: a synchronised routine excludes the service routine and its like.
                let value = unsafe { &mut *call.lock.value.get() };
                // SAFETY: synchronised routines run at device IRQL.
                let mut irql = unsafe { Irql::assume() };
                call.result = Some(work(value, &mut irql));
            }
            Status::SUCCESS
        }
    };
}
crate::with_kernel_abi!(thunks,);

impl<T> DeviceLock<T> {
    /// Locks `value` away; without an interrupt, until [`connect`](Self::connect) says otherwise.
    pub const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(value),
            word: UnsafeCell::new(0),
            sync: UnsafeCell::new(None),
            admitted: AtomicBool::new(false),
        }
    }

    /// Makes the lock ready for use where it lies now: before anybody else sees it, and once.
    pub fn initialise(&self) {
        // SAFETY: the word is a spin lock's, and nobody has taken it yet.
        unsafe { nt::KeInitializeSpinLock(self.word.get()) };
    }

    /// Lets interrupts come, by a fresh interrupt object, to `owner`'s service routine. Callers of this
    /// and of [`disconnect`](Self::disconnect) take turns, and call them in turn.
    ///
    /// # Errors
    ///
    /// The status of the registration, or of the connection; the object is gone then.
    pub fn connect<O: ServiceRoutine>(
        &self,
        irql: &Irql<Passive>,
        sync: ComRef<IInterruptSync>,
        owner: &ObjectRef<O>,
    ) -> Result<(), Status> {
        let context = owner.as_context().as_ptr();
        // SAFETY: the context is `owner`, as the routine takes it; whoever owns the lock keeps it
        // until the interrupt is disconnected.
        let registered = unsafe { sync.register_service_routine(irql, service::<O>, context, 1) };
        registered.ok()?;
        sync.connect(irql).ok()?;
        let before = self.spin(|| {
            // SAFETY: the spin lock is held, and nobody is admitted: nobody is in a synchronised routine
            // of the object, and nobody else reads it.
            let before = unsafe { &mut *self.sync.get() }.replace(sync);
            // INVARIANT: connected, and nobody else is at the value.
            self.admitted.store(true, Ordering::Release);
            before
        });
        drop(before);
        Ok(())
    }

    /// Lets no more interrupts come, waits for a running service routine, and gives the interrupt object
    /// up.
    pub fn disconnect(&self, irql: &mut Irql<Passive>) {
        if !self.is_connected() {
            return;
        }
        // INVARIANT: in a synchronised routine, with the spin lock held: no service routine is at
        // the value, and the next finds the flag cleared.
        let _ = self.with(irql, |_, _| self.admitted.store(false, Ordering::Release));
        // SAFETY: the spin lock is held, and nobody is admitted any more, as in `connect`.
        let sync = self.spin(|| unsafe { &mut *self.sync.get() }.take());
        if let Some(sync) = sync {
            sync.disconnect(irql);
        }
    }

    /// Whether interrupts come.
    pub fn is_connected(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }

    /// Reaches the value with everybody else kept out.
    ///
    /// `None` only when the synchronised routine was not called, which PortCls never does.
    pub fn with<L, R>(
        &self,
        irql: &mut Irql<L>,
        work: impl FnOnce(&mut T, &mut Irql<Device>) -> R,
    ) -> Option<R>
    where
        L: AtMost<Locked> + AtMost<Device>,
    {
        self.spin(|| {
            if self.is_connected() {
                // SAFETY: the spin lock is held, and with it nobody writes the object.
                let sync = unsafe { &*self.sync.get() }.as_ref()?;
                return self.synchronise(irql, sync, work);
            }
            // SAFETY: the spin lock is held, and there is no service routine.
            let value = unsafe { &mut *self.value.get() };
            // SAFETY: DISPATCH is below device IRQL.
            let mut irql = unsafe { Irql::assume() };
            Some(work(value, &mut irql))
        })
    }

    /// Reaches the value from the service routine itself; `None` while that is not let in, at the
    /// beginning and the end of a connection.
    ///
    /// # Safety
    ///
    /// Called in the service routine that was registered by [`connect`](Self::connect).
    pub unsafe fn in_service_routine<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        // SAFETY: the service routine excludes the synchronised routines, in which alone anybody
        // else reaches the value, or clears the flag, while the flag is set.
        self.is_connected()
            .then(|| work(unsafe { &mut *self.value.get() }))
    }

    /// The value, through exclusive access to the lock itself.
    pub const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn synchronise<L, F, R>(
        &self,
        irql: &Irql<L>,
        sync: &ComRef<IInterruptSync>,
        work: F,
    ) -> Option<R>
    where
        L: AtMost<Device>,
        F: FnOnce(&mut T, &mut Irql<Device>) -> R,
    {
        let mut call = Call {
            lock: self,
            work: Some(work),
            result: None,
        };
        let context: *mut Call<'_, T, F, R> = &raw mut call;
        // SAFETY: the context is the routine's, and the call is over when this returns.
        let _ = unsafe {
            sync.call_synchronized_routine(irql, synchronised::<T, F, R>, context.cast())
        };
        call.result
    }

    fn spin<R>(&self, work: impl FnOnce() -> R) -> R {
        // SAFETY: the word is a spin lock, which is taken at DISPATCH or below.
        let old_irql = unsafe { nt::KeAcquireSpinLockRaiseToDpc(self.word.get()) };
        let result = work();
        // SAFETY: taken above.
        unsafe { nt::KeReleaseSpinLock(self.word.get(), old_irql) };
        result
    }
}

impl<T> fmt::Debug for DeviceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceLock")
    }
}
