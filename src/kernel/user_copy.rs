//! One copy out of a client's memory, through the driver's only structured-exception trampoline.
//!
//! A client's address may be bad, unmapped, freed meanwhile or a kernel address. The copy probes
//! with the requestor's mode and moves the bytes inside a guarded region; whatever raises there
//! ends as a status. Nothing else in the driver touches a user address, and the bytes are parsed
//! only after they lie in our own memory.
#![expect(unsafe_code, reason = "user addresses")]

use core::ops::Deref;
use core::ptr::NonNull;

use super::nt;
use crate::com::Status;
use crate::irql::{Irql, Passive};
use crate::mem::Charge;

/// Who asked: `KernelMode` clients' addresses are trusted to be kernel addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requestor {
    /// KernelMode.
    Kernel,
    /// UserMode.
    User,
}

impl Requestor {
    /// Whose quota the memory counts against that a request of this kind makes the driver hold.
    #[must_use]
    pub const fn charge(self) -> Charge {
        match self {
            Self::Kernel => Charge::Nobody,
            Self::User => Charge::Client,
        }
    }
}

/// A client's bytes in paged memory of our own. Read and dropped at PASSIVE, as long as a request
/// takes: what is needed longer, or at a higher level, is something else that was made of them.
///
/// # Invariants
///
/// `bytes` are the initialised bytes of a block of pool that is ours.
#[derive(Debug)]
pub struct Copied {
    bytes: NonNull<[u8]>,
}

impl Deref for Copied {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: by the invariant.
        unsafe { self.bytes.as_ref() }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // SAFETY: by the invariant; nothing reads the block any more.
        unsafe { nt::ExFreePool(self.bytes.as_ptr().cast()) };
    }
}

/// Copies `length` bytes from `address` in the current process.
///
/// The memory is paged and not executable, and counts against the quota of the process if it is a
/// program's request. The kernel is not asked to raise: where there is no memory, or no quota left,
/// that is a status. No lock is held: a page of the client that takes its time takes nobody else's.
///
/// # Errors
///
/// [`Status::NO_MEMORY`] without memory, [`Status::ACCESS_VIOLATION`] when the address is null,
/// and otherwise the code of the exception that reading it raised.
pub fn copy_in(
    _irql: &Irql<Passive>,
    requestor: Requestor,
    address: u64,
    length: usize,
) -> Result<Copied, Status> {
    if address == 0 {
        return Err(Status::ACCESS_VIOLATION);
    }
    if length == 0 {
        return Err(Status::INVALID_PARAMETER);
    }
    let quota = match requestor.charge() {
        Charge::Nobody => 0,
        Charge::Client => nt::POOL_FLAG_USE_QUOTA,
    };
    let flags = nt::POOL_FLAG_PAGED | nt::POOL_FLAG_UNINITIALIZED | quota;
    // SAFETY: not zero bytes, at PASSIVE.
    let block = unsafe { nt::ExAllocatePool2(flags, length, nt::POOL_TAG) };
    let block = NonNull::new(block.cast::<u8>()).ok_or(Status::NO_MEMORY)?;
    let mode = match requestor {
        Requestor::Kernel => 0,
        Requestor::User => 1,
    };
    // SAFETY: the target is `length` bytes of our own; the source is guarded.
    let copied = unsafe { guarded_copy(block.as_ptr(), address, length, mode) };
    if let Err(status) = copied.ok() {
        // SAFETY: the block is ours.
        unsafe { nt::ExFreePool(block.as_ptr().cast()) };
        return Err(status);
    }
    // INVARIANT: the copy has initialised all `length` bytes.
    Ok(Copied {
        bytes: NonNull::slice_from_raw_parts(block, length),
    })
}

#[cfg(not(target_env = "msvc"))]
use super::nt::dmusmini_host_guarded_copy as guarded_copy;

#[cfg(target_env = "msvc")]
use trampoline::guarded_copy;

#[cfg(target_env = "msvc")]
#[path = "seh.rs"]
mod trampoline;
