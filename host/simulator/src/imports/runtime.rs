//! Runtime library imports: strings, and the stop.

use super::imports;
use crate::bugcheck::BugCheck;
use crate::irql::Irql;

imports! {
    /// Stops the system.
    [Irql::HIGH] fn KeBugCheckEx(code: u32, first: u64, second: u64, third: u64, fourth: u64) -> ! as |kernel| {
        // SAFETY: the driver's panic handler passes a file name with the code of a panic.
        let stop = unsafe { BugCheck::read(code, [first, second, third, fourth]) };
        kernel.stop(stop)
    }

    /// Describes a terminated UTF-16 string.
    [Irql::DISPATCH] fn RtlInitUnicodeString(target: *mut UnicodeString, source: *const u16) as |_kernel| {
        let mut length = 0_u16;
        if !source.is_null() {
            // SAFETY: the string is terminated, so every unit up to the terminator may be read.
            while unsafe { source.add(usize::from(length) / 2).read() } != 0 {
                length += 2;
            }
        }
        let maximum_length = if source.is_null() { 0 } else { length + 2 };
        // SAFETY: the caller passes a UNICODE_STRING.
        unsafe { target.write(UnicodeString { length, maximum_length, buffer: source }) };
    }
}

/// UNICODE_STRING.
#[repr(C)]
#[derive(Debug)]
pub struct UnicodeString {
    /// Bytes in use.
    pub length: u16,
    /// Bytes there are.
    pub maximum_length: u16,
    /// The text.
    pub buffer: *const u16,
}
