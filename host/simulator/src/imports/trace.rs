//! Event tracing and the debugger's output.

use std::ffi::{CStr, c_char, c_void};

use super::imports;
use crate::etw::EnableCallback;
use crate::irql::Irql;
use crate::status::{self, NtStatus};
use crate::trace::Event;

imports! {
    /// Registers a trace provider.
    [Irql::PASSIVE] fn EtwRegister(
        provider: *const [u8; 16],
        callback: Option<EnableCallback>,
        context: *mut c_void,
        handle: *mut u64,
    ) -> NtStatus as |kernel| {
        // SAFETY: the caller passes a GUID.
        let guid = unsafe { provider.read_unaligned() };
        let registered = kernel.register_provider(guid, callback, context);
        // SAFETY: the caller passes room for the handle.
        unsafe { handle.write(registered) };
        status::SUCCESS
    }

    /// Ends a provider.
    [Irql::PASSIVE] fn EtwUnregister(handle: u64) -> NtStatus as |kernel| {
        kernel.unregister_provider(handle, "EtwUnregister")
    }

    /// Writes an event.
    [Irql::HIGH] fn EtwWriteTransfer(
        handle: u64,
        descriptor: *const [u8; 16],
        _activity: *const c_void,
        _related: *const c_void,
        count: u32,
        data: *const Descriptor,
    ) -> NtStatus as |kernel| {
        // SAFETY: the caller passes an EVENT_DESCRIPTOR.
        let descriptor = unsafe { descriptor.read_unaligned() };
        // SAFETY: the caller passes `count` data descriptors.
        let data = unsafe { gather(data, count) };
        kernel.write_event(handle, descriptor, data, "EtwWriteTransfer")
    }

    /// Whether anybody listens to a provider at all.
    [Irql::HIGH] fn EtwProviderEnabled(handle: u64, _level: u8, _keyword: u64) -> u8 as |kernel| {
        u8::from(kernel.etw().is_enabled(handle))
    }

    /// Writes a line for a debugger; arguments of the format are not looked at.
    [Irql::HIGH] fn DbgPrint(format: *const c_char, first: *const c_void) -> u32 as |kernel| {
        // SAFETY: the caller passes a C string.
        let format = unsafe { CStr::from_ptr(format) }.to_string_lossy();
        let text = if format == "%s" && !first.is_null() {
            // SAFETY: the format says that the argument is a C string.
            unsafe { CStr::from_ptr(first.cast()) }.to_string_lossy()
        } else {
            format
        };
        kernel.record(Event::Print(text.trim_end().to_owned()));
        0
    }
}

/// EVENT_DATA_DESCRIPTOR: where a piece of an event lies and how long it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    address: u64,
    size: u32,
    reserved: u32,
}

/// Copies the pieces of an event.
///
/// # Safety
///
/// `data` points to `count` descriptors of readable memory, or `count` is 0.
unsafe fn gather(data: *const Descriptor, count: u32) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: promised by the caller.
        let piece = unsafe { data.add(index).read_unaligned() };
        let size = usize::try_from(piece.size).unwrap_or(0);
        let address = usize::try_from(piece.address).unwrap_or(0);
        if size == 0 {
            pieces.push(Vec::new());
            continue;
        }
        let bytes = std::ptr::with_exposed_provenance::<u8>(address);
        // SAFETY: promised by the caller.
        pieces.push(unsafe { std::slice::from_raw_parts(bytes, size) }.to_vec());
    }
    pieces
}
