//! Imports about processes.

use std::ffi::c_void;

use super::imports;
use crate::irql::Irql;
use crate::violation::Rule;

imports! {
    /// The id of the process whose thread runs, as a handle.
    [Irql::DISPATCH] fn PsGetCurrentProcessId() -> *mut c_void as |kernel| {
        let id = usize::try_from(kernel.process().id).unwrap_or(0);
        std::ptr::without_provenance_mut(id)
    }

    /// The process whose thread runs.
    [Irql::DISPATCH] fn IoGetCurrentProcess() -> *mut c_void as |kernel| {
        object(kernel.process().id)
    }

    /// When a process was created, in 100 ns.
    [Irql::DISPATCH] fn PsGetProcessCreateTimeQuadPart(process: *mut c_void) -> i64 as |kernel| {
        let current = kernel.process();
        if process != object(current.id) {
            let detail = format!("{process:p} is not the current process");
            kernel.violate(Rule::BadArgument, "PsGetProcessCreateTimeQuadPart", detail);
        }
        current.created
    }
}

/// An address for the object of a process, at which nothing is.
fn object(id: u32) -> *mut c_void {
    let id = usize::try_from(id).unwrap_or(0);
    std::ptr::without_provenance_mut(0xFFFF_8800_0000_0000 | id << 4)
}
