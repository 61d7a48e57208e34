//! Which process a request comes from.
#![expect(unsafe_code, reason = "asks the kernel who runs")]

use super::nt;
use crate::irql::{Irql, Passive};

/// A process, for as long as the system runs.
///
/// Ids are used again when a process has gone, and a handle that was duplicated into another
/// process outlives its first owner: so the time at which the process was created belongs to it.
/// No reference to the process is held, and what has ended is not kept by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    id: usize,
    created: i64,
}

impl Process {
    /// The process in whose context the caller runs. What the kernel's own threads do is done by one
    /// process, the system's.
    #[must_use]
    pub fn current(_: &Irql<Passive>) -> Self {
        // SAFETY: has no conditions.
        let id = unsafe { nt::PsGetCurrentProcessId() };
        // SAFETY: has no conditions.
        let process = unsafe { nt::IoGetCurrentProcess() };
        // SAFETY: the current process is there as long as its thread runs.
        let created = unsafe { nt::PsGetProcessCreateTimeQuadPart(process) };
        Self {
            id: id.addr(),
            created,
        }
    }

    /// A process by its id, for tests.
    #[cfg(test)]
    #[must_use]
    pub const fn of_id(id: usize) -> Self {
        Self { id, created: 0 }
    }
}
