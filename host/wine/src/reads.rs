//! Requests that wait for data: how they end.

use std::ptr;

use dmusmini::kernel::nt::{DeviceObject, Irp};
use dmusmini_simulator::session::IoReply;

use crate::nt;
use crate::request::Request;
use crate::worker;

/// Completes requests that waited.
pub(crate) fn complete(done: Vec<(usize, IoReply)>) {
    for (irp, reply) in done {
        // SAFETY: the request was left pending by us and is completed once.
        let request = unsafe { Request::new(ptr::with_exposed_provenance_mut(irp)) };
        request.no_cancel();
        request.answer(&reply.output);
        request.complete(reply.status.0, reply.information);
    }
}

/// The cancel routine: Wine calls it, with the lock of all cancel routines held, for a request whose
/// client has given it up.
pub(crate) unsafe extern "win64" fn cancel(_device: *mut DeviceObject, irp: *mut Irp) {
    // SAFETY: Wine passes a request that waits; whoever completes it does so on the machine's thread's
    // word, once.
    let request = unsafe { Request::new(irp) };
    // SAFETY: the level that Wine kept in the request when it took the lock.
    unsafe { nt::IoReleaseCancelSpinLock(request.cancel_level()) };
    let irp = irp.expose_provenance();
    let done = worker::call("a cancel routine", |system| system.cancel(irp));
    complete(done.unwrap_or_default());
}
