//! Run-down protection: a count of users that can be closed.

use super::imports;
use crate::clock::SECOND;
use crate::irql::Irql;
use crate::violation::Rule;

imports! {
    /// Sets run-down protection up.
    [Irql::APC] fn ExInitializeRundownProtection(reference: *mut usize) as |kernel| {
        kernel.set_up(reference.addr());
        // SAFETY: the caller passes an EX_RUNDOWN_REF.
        unsafe { reference.write(0) };
    }

    /// Begins a use; 0 when the object is being run down.
    [Irql::DISPATCH] fn ExAcquireRundownProtection(reference: *mut usize) -> u8 as |kernel| {
        kernel.require_set_up(reference.addr(), "ExAcquireRundownProtection");
        // SAFETY: the caller passes an EX_RUNDOWN_REF.
        let word = unsafe { reference.read() };
        if word & CLOSED != 0 {
            return 0;
        }
        // SAFETY: as above.
        unsafe { reference.write(word + USE) };
        kernel.rundown_uses(reference.addr(), 1);
        1
    }

    /// Ends a use.
    [Irql::DISPATCH] fn ExReleaseRundownProtection(reference: *mut usize) as |kernel| {
        // SAFETY: the caller passes an EX_RUNDOWN_REF.
        let word = unsafe { reference.read() };
        if word < USE {
            let detail = format!("run-down reference {reference:p} is not in use");
            kernel.violate(Rule::Reference, "ExReleaseRundownProtection", detail);
            return;
        }
        // SAFETY: as above.
        unsafe { reference.write(word - USE) };
        kernel.rundown_uses(reference.addr(), -1);
    }

    /// Lets no new use begin and waits until all have ended.
    [Irql::APC] fn ExWaitForRundownProtectionRelease(reference: *mut usize) as |kernel| {
        let at = "ExWaitForRundownProtectionRelease";
        kernel.require_set_up(reference.addr(), at);
        // SAFETY: the caller passes an EX_RUNDOWN_REF.
        let close = || unsafe { reference.write(reference.read() | CLOSED) };
        // SAFETY: as above.
        let uses = || unsafe { reference.read() } / USE;
        close();
        let limit = kernel.now() + 60 * SECOND;
        if uses() > 0 && !kernel.advance_until(limit, |_| uses() == 0) {
            let detail = format!("{} use(s) never end", uses());
            kernel.violate(Rule::WaitForever, at, detail);
        }
    }

    /// Lets uses begin again.
    [Irql::APC] fn ExReInitializeRundownProtection(reference: *mut usize) as |kernel| {
        // SAFETY: the caller passes an EX_RUNDOWN_REF.
        if unsafe { reference.read() } != CLOSED {
            let detail = format!("run-down reference {reference:p} has not run down");
            kernel.violate(Rule::BadArgument, "ExReInitializeRundownProtection", detail);
        }
        // SAFETY: as above.
        unsafe { reference.write(0) };
    }
}

const CLOSED: usize = 1;
const USE: usize = 2;
