//! `bcryptprimitives.dll` for Wine versions that have none.
//!
//! Rust's standard library takes its random numbers from `ProcessPrng` there, as Windows 10 and later
//! offer it. This stand-in asks the older function that every Wine has. It is no part of the package.
#![no_std]

use core::ffi::c_void;

#[link(name = "advapi32", kind = "raw-dylib")]
unsafe extern "system" {
    #[link_name = "SystemFunction036"]
    fn rtl_gen_random(buffer: *mut c_void, length: u32) -> u8;
}

/// Fills a buffer with random bytes.
///
/// # Safety
///
/// `buffer` has `length` bytes.
#[unsafe(export_name = "ProcessPrng")]
pub unsafe extern "system" fn process_prng(buffer: *mut u8, length: usize) -> i32 {
    let mut done = 0;
    while done < length {
        let piece = u32::try_from(length - done).unwrap_or(u32::MAX);
        // SAFETY: the piece lies within the caller's buffer.
        if unsafe { rtl_gen_random(buffer.wrapping_add(done).cast(), piece) } == 0 {
            return 0;
        }
        done += piece as usize;
    }
    1
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
