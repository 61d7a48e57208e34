//! One copy out of a client's memory, through the driver's only structured-exception trampoline.
//!
//! A client's address may be bad, unmapped, freed meanwhile or a kernel address. The copy probes
//! with the requestor's mode and moves the bytes inside a guarded region; whatever raises there
//! ends as a status. Nothing else in the driver touches a user address, and the bytes are parsed
//! only after they lie in our own memory.
#![expect(unsafe_code, reason = "user addresses")]

use crate::com::Status;
use crate::irql::{Irql, Passive};
use crate::mem::Buffer;

/// Who asked: `KernelMode` clients' addresses are trusted to be kernel addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requestor {
    /// KernelMode.
    Kernel,
    /// UserMode.
    User,
}

/// Copies `length` bytes from `address` in the current process.
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
) -> Result<Buffer<u8>, Status> {
    if address == 0 {
        return Err(Status::ACCESS_VIOLATION);
    }
    let mut bytes = Buffer::try_filled(length, 0_u8).map_err(|_| Status::NO_MEMORY)?;
    let mode = match requestor {
        Requestor::Kernel => 0,
        Requestor::User => 1,
    };
    // SAFETY: the target is `length` bytes of our own; the source is guarded.
    unsafe { guarded_copy(bytes.as_mut_ptr(), address, length, mode) }.ok()?;
    Ok(bytes)
}

#[cfg(not(target_env = "msvc"))]
use super::nt::dmusmini_host_guarded_copy as guarded_copy;

#[cfg(target_env = "msvc")]
use trampoline::guarded_copy;

#[cfg(target_env = "msvc")]
#[path = "seh.rs"]
mod trampoline;
