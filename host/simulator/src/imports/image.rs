//! Imports that only an image needs: functions that raise, the compiler's helpers, memory routines.
//!
//! A natively built driver has Rust's own of these, or the host's; they are not symbols here.

use std::arch::naked_asm;
use std::ffi::c_void;

use super::Export;
use super::io::{MdlHeader, probe_and_lock};
use crate::bugcheck::BugCheck;
use crate::imports::call;
use crate::irql::Irql;
use crate::kernel;
use crate::memory::USER_END;
use crate::seh::{self, Context, ExceptionRecord, c_specific_handler, capture_and_call};
use crate::status::{self, NtStatus};

/// The functions of this module, for the loader.
#[must_use]
pub fn exports() -> Vec<Export> {
    let export = |name, address| Export { name, address };
    vec![
        export("ProbeForRead", probe_for_read as *const ()),
        export("ProbeForWrite", probe_for_read as *const ()),
        export("MmProbeAndLockPages", mm_probe_and_lock_pages as *const ()),
        export("ExRaiseStatus", ex_raise_status as *const ()),
        export("__C_specific_handler", c_specific_handler as *const ()),
        export("__chkstk", chkstk as *const ()),
        export("memcpy", memmove as *const ()),
        export("memmove", memmove as *const ()),
        export("memset", memset as *const ()),
        export("memcmp", memcmp as *const ()),
        export("RtlCompareMemory", compare_memory as *const ()),
        export("strlen", strlen as *const ()),
    ]
}

/// Raises `code` at the return to `context`'s caller. Never returns there.
///
/// # Safety
///
/// `context` was captured at the entry of an import that driver code called.
unsafe fn raise(context: &mut Context, code: NtStatus) -> ! {
    // SAFETY: driver code called, so the machine is on.
    let Some(kernel) = (unsafe { kernel::unowned() }) else {
        std::process::abort();
    };
    let mut record = ExceptionRecord::new(code, context.address());
    // SAFETY: promised by the caller.
    unsafe { seh::dispatch(kernel, &mut record, context) };
    kernel.stop(BugCheck {
        code: 0x1E,
        parameters: [u64::from(code.cast_unsigned()), context.rip, 0, 0],
        file: None,
        detail: format!(
            "raised by a call from {}",
            kernel.describe(context.address())
        ),
    })
}

#[unsafe(naked)]
unsafe extern "win64" fn probe_for_read(address: usize, length: usize, alignment: u32) {
    capture_and_call!(probe)
}

/// Raises unless the range is in user space and aligned. Does not look whether anything is there.
unsafe extern "win64" fn probe(
    address: usize,
    length: usize,
    alignment: u32,
    context: *mut Context,
) {
    let verdict = call("ProbeForRead", Irql::APC, |_| {
        if length == 0 {
            return status::SUCCESS;
        }
        let alignment = usize::try_from(alignment).unwrap_or(1).max(1);
        if !address.is_multiple_of(alignment) {
            return DATATYPE_MISALIGNMENT;
        }
        match address.checked_add(length) {
            Some(end) if end <= USER_END => status::SUCCESS,
            _ => status::ACCESS_VIOLATION,
        }
    });
    if verdict != status::SUCCESS {
        // SAFETY: the stub above captured it at the entry.
        let context = unsafe { &mut *context };
        // SAFETY: as above.
        unsafe { raise(context, verdict) }
    }
}

#[unsafe(naked)]
unsafe extern "win64" fn mm_probe_and_lock_pages(mdl: *mut MdlHeader, mode: i8, operation: i32) {
    capture_and_call!(lock_pages)
}

unsafe extern "win64" fn lock_pages(
    mdl: *mut MdlHeader,
    mode: i8,
    operation: i32,
    context: *mut Context,
) {
    // SAFETY: the driver passes an MDL.
    if !unsafe { probe_and_lock(mdl, mode, operation) } {
        // SAFETY: the stub above captured it at the entry.
        let context = unsafe { &mut *context };
        // SAFETY: as above.
        unsafe { raise(context, status::ACCESS_VIOLATION) }
    }
}

#[unsafe(naked)]
unsafe extern "win64" fn ex_raise_status(code: NtStatus) -> ! {
    capture_and_call!(raise_status)
}

unsafe extern "win64" fn raise_status(
    code: NtStatus,
    _second: usize,
    _third: usize,
    context: *mut Context,
) {
    // SAFETY: the stub above captured it at the entry.
    let context = unsafe { &mut *context };
    // SAFETY: as above.
    unsafe { raise(context, code) }
}

/// The stack is all there; the size in RAX must survive.
#[unsafe(naked)]
unsafe extern "win64" fn chkstk() {
    naked_asm!("ret")
}

unsafe extern "win64" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise is the same.
    unsafe { std::ptr::copy(from, to, length) };
    to
}

unsafe extern "win64" fn memset(to: *mut u8, value: i32, length: usize) -> *mut u8 {
    let [byte, ..] = value.to_le_bytes();
    // SAFETY: the caller's promise is the same.
    unsafe { to.write_bytes(byte, length) };
    to
}

unsafe extern "win64" fn memcmp(left: *const c_void, right: *const c_void, length: usize) -> i32 {
    // SAFETY: the caller's promise is the same.
    unsafe { libc::memcmp(left, right, length) }
}

/// The number of equal bytes at the beginning.
unsafe extern "win64" fn compare_memory(left: *const u8, right: *const u8, length: usize) -> usize {
    let differs = |index: &usize| {
        // SAFETY: the caller promises `length` readable bytes.
        let one = unsafe { left.add(*index).read() };
        // SAFETY: as above.
        let other = unsafe { right.add(*index).read() };
        one != other
    };
    (0..length).find(differs).unwrap_or(length)
}

unsafe extern "win64" fn strlen(text: *const std::ffi::c_char) -> usize {
    // SAFETY: the caller's promise is the same.
    unsafe { libc::strlen(text) }
}

const DATATYPE_MISALIGNMENT: NtStatus = 0x8000_0002_u32.cast_signed();
