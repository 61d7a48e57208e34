//! IRPs of Wine's: what the stand-in reads from them and writes into them.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use dmusmini::kernel::nt::{DeviceObject, Irp};

use crate::nt::{self, NtStatus};

/// IO_STACK_LOCATION with the parameters of a device control request.
#[repr(C)]
struct Location {
    major: u8,
    minor: u8,
    flags: u8,
    control: u8,
    _pad: u32,
    output_length: u32,
    _pad_output: u32,
    input_length: u32,
    _pad_input: u32,
    code: u32,
    _pad_code: u32,
    input: *const u8,
    device: *mut DeviceObject,
    file: *mut c_void,
    completion: *mut c_void,
    context: *mut c_void,
}

/// DRIVER_CANCEL.
pub(crate) type DriverCancel = unsafe extern "win64" fn(*mut DeviceObject, *mut Irp);

/// A request that Wine sent, for the time until it is completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request(*mut Irp);

impl Request {
    /// The request at this address.
    ///
    /// # Safety
    ///
    /// `irp` is a request that is under way, and nobody completes it but through the result.
    pub(crate) unsafe fn new(irp: *mut Irp) -> Self {
        Self(irp)
    }

    /// Its address.
    pub(crate) fn irp(self) -> *mut Irp {
        self.0
    }

    fn location(self) -> *mut Location {
        // SAFETY: a request that is under way has a stack location.
        unsafe { (*self.0).stack_location.cast() }
    }

    fn field<T>(self, offset: usize) -> *mut T {
        self.0.cast::<u8>().wrapping_add(offset).cast()
    }

    /// The minor function.
    pub(crate) fn minor(self) -> u8 {
        // SAFETY: the location is alive with the request.
        unsafe { (*self.location()).minor }
    }

    /// Sets the minor function that the next lower driver will see.
    pub(crate) fn set_next_minor(self, minor: u8) {
        // SAFETY: a request that was built for a device has a location for it below the current one.
        unsafe { (*self.location().sub(1)).minor = minor };
    }

    /// Which open file it is for.
    pub(crate) fn file(self) -> usize {
        // SAFETY: the location is alive with the request.
        unsafe { (*self.location()).file.expose_provenance() }
    }

    /// The control code.
    pub(crate) fn code(self) -> u32 {
        // SAFETY: the location is alive with the request.
        unsafe { (*self.location()).code }
    }

    /// A copy of the input buffer: Wine keeps the client's bytes in this process.
    pub(crate) fn input(self) -> Vec<u8> {
        // SAFETY: the location is alive with the request.
        let (start, length) =
            unsafe { ((*self.location()).input, (*self.location()).input_length) };
        copy_of(start, length)
    }

    /// A copy of the output buffer as the client filled it.
    pub(crate) fn output(self) -> Vec<u8> {
        // SAFETY: the location is alive with the request.
        let length = unsafe { (*self.location()).output_length };
        copy_of(self.user_buffer(), length)
    }

    fn user_buffer(self) -> *mut u8 {
        // SAFETY: the request is alive; the field is UserBuffer.
        unsafe { self.field::<*mut u8>(USER_BUFFER).read() }
    }

    /// Copies an answer to the output buffer.
    pub(crate) fn answer(self, bytes: &[u8]) {
        // SAFETY: the location is alive with the request.
        let room = unsafe { (*self.location()).output_length };
        let length = bytes.len().min(usize::try_from(room).unwrap_or(0));
        let target = self.user_buffer();
        if length > 0 && !target.is_null() {
            // SAFETY: the buffer has the room that the location says.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target, length) };
        }
    }

    /// Sets the status block without completing.
    pub(crate) fn set_status(self, status: NtStatus, information: usize) {
        // SAFETY: the request is alive; the fields are IoStatus'.
        unsafe { self.field::<NtStatus>(STATUS).write(status) };
        // SAFETY: as above.
        unsafe { self.field::<usize>(INFORMATION).write(information) };
    }

    /// Completes the request. It is gone then.
    pub(crate) fn complete(self, status: NtStatus, information: usize) -> NtStatus {
        self.set_status(status, information);
        // SAFETY: the request is ours to complete, once.
        unsafe { nt::IofCompleteRequest(self.0.cast(), 0) };
        status
    }

    /// Leaves the request to be completed later, or, when its client gives it up, by `cancel`.
    pub(crate) fn pend(self, cancel: DriverCancel) -> NtStatus {
        // SAFETY: the location is alive with the request.
        unsafe { (*self.location()).control |= PENDING_RETURNED };
        let slot = self.field::<AtomicPtr<()>>(CANCEL_ROUTINE);
        // SAFETY: the request is alive; drivers exchange this field atomically.
        unsafe { (*slot).store(cancel as *mut (), Ordering::SeqCst) };
        nt::PENDING
    }

    /// Takes the cancel routine back, as every driver does before it completes what was pending.
    pub(crate) fn no_cancel(self) {
        let slot = self.field::<AtomicPtr<()>>(CANCEL_ROUTINE);
        // SAFETY: the request is alive; drivers exchange this field atomically.
        unsafe { (*slot).store(ptr::null_mut(), Ordering::SeqCst) };
    }

    /// The interrupt level that a cancel routine gives back with the system's lock.
    pub(crate) fn cancel_level(self) -> u8 {
        // SAFETY: the request is alive; the field is CancelIrql.
        unsafe { self.field::<u8>(CANCEL_LEVEL).read() }
    }

    /// Passes the request down; its fate is the lower driver's.
    pub(crate) fn forward(self, lower: *mut DeviceObject) -> NtStatus {
        let current = self.field::<u8>(CURRENT_LOCATION);
        // SAFETY: the field is CurrentLocation; a location below ours is there for `lower`.
        unsafe { current.write(current.read() + 1) };
        // SAFETY: as above, for the pointer.
        unsafe {
            (*self.0).stack_location = self.location().add(1).cast();
        }
        // SAFETY: request and device are alive.
        unsafe { nt::IofCallDriver(lower, self.0.cast()) }
    }
}

fn copy_of(start: *const u8, length: u32) -> Vec<u8> {
    let length = usize::try_from(length).unwrap_or(0);
    if start.is_null() || length == 0 {
        return Vec::new();
    }
    // SAFETY: the system passes a buffer of the length that it says.
    unsafe { std::slice::from_raw_parts(start, length) }.to_vec()
}

const STATUS: usize = 0x30;
const INFORMATION: usize = 0x38;
const CURRENT_LOCATION: usize = 0x43;
const CANCEL_LEVEL: usize = 0x45;
const CANCEL_ROUTINE: usize = 0x68;
const USER_BUFFER: usize = 0x70;
const PENDING_RETURNED: u8 = 1;

const _: () = assert!(size_of::<Location>() == 0x48);
const _: () = assert!(std::mem::offset_of!(Location, input) == 0x20);
const _: () = assert!(std::mem::offset_of!(Location, file) == 0x30);
