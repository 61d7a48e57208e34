//! A miniport's reference to its port, which it gives back before it dies.
//!
//! The port keeps its miniport, at the latest until it is destroyed; a miniport that kept its port
//! just as long would never let either go. So the adapter tells the miniport when it is over, and the
//! reference goes then; with the miniport, if nobody has told it (contract section 3).
#![expect(unsafe_code, reason = "keeps a pointer in an atomic word")]

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::com::{Borrowed, ComRef};
use crate::irql::{Irql, Passive};
use crate::kernel::clock;
use crate::portcls::interfaces::IPortDMus;

/// Looks at the users of a port that is to go, 50 us apart: an `IPortDMus::Notify`, which is all that
/// they do, queues a DPC.
const LOOKS: u32 = 1000;
const BETWEEN_LOOKS: u32 = 50;

/// A reference to the port, or none any more.
///
/// # Invariants
///
/// `port` is null, or a pointer to an `IPortDMus` of which one reference is ours. Who has counted
/// himself among `users` and then found the pointer may use it until he has counted himself out.
#[derive(Debug)]
pub struct PortRef {
    port: AtomicPtr<c_void>,
    users: AtomicU32,
}

impl PortRef {
    /// No port yet.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            port: AtomicPtr::new(ptr::null_mut()),
            users: AtomicU32::new(0),
        }
    }

    /// Keeps a port.
    #[must_use]
    pub const fn new(port: ComRef<IPortDMus>) -> Self {
        let raw = as_raw(&port);
        // INVARIANT: the reference that `port` held is ours now.
        core::mem::forget(port);
        Self {
            port: AtomicPtr::new(raw),
            users: AtomicU32::new(0),
        }
    }

    /// Keeps a port where there is none.
    ///
    /// # Errors
    ///
    /// The reference comes back where there is one.
    pub fn keep(&self, port: ComRef<IPortDMus>) -> Result<(), ComRef<IPortDMus>> {
        let raw = as_raw(&port);
        let none = ptr::null_mut();
        let kept = self
            .port
            .compare_exchange(none, raw, Ordering::AcqRel, Ordering::Acquire);
        if kept.is_err() {
            return Err(port);
        }
        // INVARIANT: the word has the reference now.
        core::mem::forget(port);
        Ok(())
    }

    /// Does something with the port, if it is still there. Any level; `work` must be short.
    pub fn with(&self, work: impl FnOnce(Borrowed<'_, IPortDMus>)) {
        // Ordering: SeqCst here and in `let_go`: either we find no pointer there, or it finds us.
        self.users.fetch_add(1, Ordering::SeqCst);
        if let Some(port) = NonNull::new(self.port.load(Ordering::SeqCst)) {
            // SAFETY: by the invariant the pointer is good until we count ourselves out.
            work(unsafe { Borrowed::from_raw(port) });
        }
        // Ordering: Release, so that our use happens before the reference is given back.
        self.users.fetch_sub(1, Ordering::Release);
    }

    /// Gives the reference back. Nobody calls the port any more when this returns, unless somebody
    /// has been calling it for 50 ms: the reference then stays until the miniport dies.
    pub fn let_go(&self, _: &Irql<Passive>) {
        let Some(port) = NonNull::new(self.port.swap(ptr::null_mut(), Ordering::SeqCst)) else {
            return;
        };
        for _ in 0..LOOKS {
            if self.users.load(Ordering::SeqCst) == 0 {
                // SAFETY: by the invariant one reference is ours, and nobody else uses it.
                drop(unsafe { ComRef::<IPortDMus>::from_raw(port) });
                return;
            }
            clock::stall(BETWEEN_LOOKS);
        }
        self.port.store(port.as_ptr(), Ordering::SeqCst);
    }
}

impl Drop for PortRef {
    fn drop(&mut self) {
        if let Some(port) = NonNull::new(*self.port.get_mut()) {
            // SAFETY: by the invariant one reference is ours.
            drop(unsafe { ComRef::<IPortDMus>::from_raw(port) });
        }
    }
}

const fn as_raw(port: &ComRef<IPortDMus>) -> *mut c_void {
    port.as_raw().as_ptr()
}
