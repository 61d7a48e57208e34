//! `ksuser.dll` for the Wine test.
//!
//! On Windows `KsCreatePin` opens a name under the filter's handle. Wine's object manager knows no
//! names under a file, so this asks the stand-in for `portcls.sys` to make the pin, with a private
//! control code, and opens the device that it gets for it.
#![cfg(all(windows, target_env = "gnu"))]

use std::ffi::c_void;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, ERROR_SUCCESS, GetLastError, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OVERLAPPED, OPEN_EXISTING,
};
use windows_sys::Win32::System::IO::DeviceIoControl;

/// Makes a pin on a filter; a Win32 error code.
///
/// # Safety
///
/// As Microsoft documents `KsCreatePin`: `connect` is a KSPIN_CONNECT with a whole KSDATAFORMAT behind
/// it, `pin` receives a handle.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn KsCreatePin(
    filter: HANDLE,
    connect: *const u8,
    access: u32,
    pin: *mut HANDLE,
) -> u32 {
    if connect.is_null() || pin.is_null() {
        return ERROR_INVALID_PARAMETER;
    }
    // SAFETY: promised by the caller.
    let format = unsafe { connect.add(CONNECT).cast::<u32>().read_unaligned() };
    let mut number = 0_u32;
    let mut returned = 0;
    let length = u32::try_from(CONNECT).unwrap_or(0).saturating_add(format);
    // SAFETY: the input has the length that the format says; the output is four bytes.
    let done = unsafe {
        DeviceIoControl(
            filter,
            CREATE_PIN,
            connect.cast::<c_void>(),
            length,
            (&raw mut number).cast(),
            4,
            &raw mut returned,
            ptr::null_mut(),
        )
    };
    if done == 0 {
        // SAFETY: asks for a number.
        return unsafe { GetLastError() };
    }
    let path: Vec<u16> = format!(r"\\.\dmusmini-pin-{number}")
        .encode_utf16()
        .chain([0])
        .collect();
    // SAFETY: the path is terminated.
    let handle = unsafe {
        CreateFileW(
            path.as_ptr(),
            access,
            0,
            ptr::null(),
            OPEN_EXISTING,
            FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OVERLAPPED,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        // SAFETY: asks for a number.
        return unsafe { GetLastError() };
    }
    // SAFETY: promised by the caller.
    unsafe { pin.write(handle) };
    ERROR_SUCCESS
}

/// `sizeof (KSPIN_CONNECT)`.
const CONNECT: usize = 72;
/// The private control code of the stand-in.
const CREATE_PIN: u32 = 0x002F_2003;
