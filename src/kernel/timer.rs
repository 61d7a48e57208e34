//! A one-shot high-resolution timer whose callback runs at DISPATCH.
//!
//! Ordinary kernel timers tick at 15.6 ms; a high-resolution `EX_TIMER` comes up to about a
//! millisecond late and never early. The pump that feeds the MPU-401 needs the latter
//! (mpu401 section 4).
#![expect(unsafe_code, reason = "wraps EX_TIMER")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::nt::{self, ExTimer};
use crate::com::{Class, ObjectRef, Status};
use crate::irql::{AtMost, Dispatch, Irql, Locked, Passive};
use crate::time::RefTime;

/// What a timer calls, at DISPATCH, on the object that owns it.
pub trait Expire: Class {
    /// The timer has expired.
    fn expire(this: &ObjectRef<Self>, irql: &mut Irql<Dispatch>);
}

/// A timer.
///
/// # Invariants
///
/// `timer` came from `ExAllocateTimer`, or is null once [`delete`](Self::delete) was called.
#[derive(Debug)]
pub struct Timer {
    timer: AtomicPtr<ExTimer>,
}

macro_rules! thunk {
    ($abi:literal) => {
        unsafe extern $abi fn expired<T: Expire>(_timer: *mut ExTimer, context: *mut c_void) {
            let Some(context) = NonNull::new(context) else { return };
            // SAFETY: the context is the owner's, and the owner deletes the timer, waiting for
            // this callback, before it dies.
            let owner = unsafe { ObjectRef::<T>::from_context(context) };
            // SAFETY: timer callbacks run at DISPATCH.
            let mut irql = unsafe { Irql::assume() };
            T::expire(&owner, &mut irql);
        }
    };
}
crate::with_kernel_abi!(thunk,);

impl Timer {
    /// Makes a timer for `owner`, which must call [`delete`](Self::delete) before its memory goes.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn try_new<T: Expire>(_irql: &Irql<Passive>, owner: &ObjectRef<T>) -> Result<Self, Status> {
        // SAFETY: the callback matches the context; the attributes are documented.
        let timer = unsafe {
            nt::ExAllocateTimer(
                expired::<T>,
                owner.as_context().as_ptr(),
                nt::EX_TIMER_HIGH_RESOLUTION,
            )
        };
        // INVARIANT: fresh from ExAllocateTimer.
        if timer.is_null() {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        Ok(Self {
            timer: AtomicPtr::new(timer),
        })
    }

    /// Expires once, `delay` from now, at DISPATCH or below (a lock may be held); replaces an earlier setting.
    pub fn set<L: AtMost<Locked>>(&self, _irql: &Irql<L>, delay: RefTime) {
        let due = delay.0.max(1).wrapping_neg();
        let timer = self.timer.load(Ordering::Acquire);
        if !timer.is_null() {
            // SAFETY: the timer is alive; period 0 is one-shot; no parameters.
            unsafe { nt::ExSetTimer(timer, due, 0, ptr::null()) };
        }
    }

    /// Cancels without waiting.
    pub fn cancel<L: AtMost<Dispatch>>(&self, _irql: &Irql<L>) {
        let timer = self.timer.load(Ordering::Acquire);
        if !timer.is_null() {
            // SAFETY: the timer is alive; no parameters.
            unsafe { nt::ExCancelTimer(timer, ptr::null()) };
        }
    }

    /// Cancels, waits for a running callback and frees the timer. The owner is about to die: nobody
    /// else sets the timer any more, and its callback finds it gone.
    pub fn delete(&self, _irql: &Irql<Passive>) {
        // INVARIANT: null from here on.
        let timer = self.timer.swap(ptr::null_mut(), Ordering::AcqRel);
        if !timer.is_null() {
            // SAFETY: the timer is alive and given up; waiting is allowed at PASSIVE.
            unsafe { nt::ExDeleteTimer(timer, 1, 1, ptr::null()) };
        }
    }
}
