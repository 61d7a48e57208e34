//! What Wine's registry says of a device.

use std::ffi::c_void;
use std::ptr;

use dmusmini::kernel::nt::DeviceObject;
use dmusmini_simulator::session::Value;
use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_ALL_ACCESS, KEY_READ, REG_DWORD, REG_OPTION_VOLATILE,
    RegCloseKey, RegCreateKeyExW, RegEnumKeyExW, RegEnumValueW, RegOpenKeyExW, RegSetValueExW,
};

use crate::nt;
use crate::system::Values;

/// The hardware ids of a physical device, and the values under its driver key.
///
/// # Safety
///
/// `pdo` is a physical device object of Wine's.
pub(crate) unsafe fn identify(pdo: *mut DeviceObject) -> (Vec<String>, Values) {
    let mut buffer = [0_u16; 512];
    let mut needed = 0;
    let room = u32::try_from(size_of_val(&buffer)).unwrap_or(0);
    // SAFETY: promised by the caller; the buffer has the room.
    let status = unsafe {
        nt::IoGetDeviceProperty(
            pdo,
            nt::PROPERTY_HARDWARE_ID,
            room,
            buffer.as_mut_ptr().cast(),
            &raw mut needed,
        )
    };
    let ids = if status == nt::SUCCESS {
        buffer
            .split(|unit| *unit == 0)
            .take_while(|id| !id.is_empty())
            .map(String::from_utf16_lossy)
            .collect()
    } else {
        Vec::new()
    };
    let mut key: *mut c_void = ptr::null_mut();
    // SAFETY: promised by the caller.
    let status = unsafe { nt::IoOpenDeviceRegistryKey(pdo, DRIVER_KEY, KEY_READ, &raw mut key) };
    let mut values = Vec::new();
    if status == nt::SUCCESS {
        // SAFETY: the key is open until it is closed here.
        unsafe { collect(key, "", &mut values) };
        // SAFETY: as above.
        unsafe { RegCloseKey(key) };
    }
    (ids, values)
}

/// Adds the values of a key and of its subkeys, by path.
///
/// # Safety
///
/// `key` is open.
unsafe fn collect(key: HKEY, path: &str, values: &mut Values) {
    let mut name = [0_u16; 256];
    let mut data = [0_u8; 2048];
    for index in 0.. {
        let (mut units, mut size, mut kind) = (256, 2048, 0);
        // SAFETY: the key is open; all buffers have the room that is said.
        let result = unsafe {
            RegEnumValueW(
                key,
                index,
                name.as_mut_ptr(),
                &raw mut units,
                ptr::null(),
                &raw mut kind,
                data.as_mut_ptr(),
                &raw mut size,
            )
        };
        if result != ERROR_SUCCESS {
            break;
        }
        let value = Value {
            kind,
            data: data[..usize::try_from(size).unwrap_or(0)].to_vec(),
        };
        values.push((format!("{path}{}", text(&name, units)), value));
    }
    for index in 0.. {
        let mut units = 256;
        // SAFETY: as above.
        let result = unsafe {
            RegEnumKeyExW(
                key,
                index,
                name.as_mut_ptr(),
                &raw mut units,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if result != ERROR_SUCCESS {
            break;
        }
        let path = format!("{path}{}\\", text(&name, units));
        let mut subkey = ptr::null_mut();
        // SAFETY: the key is open and the name terminated.
        let result = unsafe { RegOpenKeyExW(key, name.as_ptr(), 0, KEY_READ, &raw mut subkey) };
        if result == ERROR_SUCCESS {
            // SAFETY: the key is open until it is closed here.
            unsafe { collect(subkey, &path, values) };
            // SAFETY: as above.
            unsafe { RegCloseKey(subkey) };
        }
    }
}

fn text(units: &[u16], length: u32) -> String {
    String::from_utf16_lossy(&units[..usize::try_from(length).unwrap_or(0)])
}

/// Says in the registry whether a device interface is enabled, as `IoSetDeviceInterfaceState` does.
pub(crate) fn set_linked(class: &str, device: &str, reference: &str, linked: bool) {
    let path = format!(
        r"SYSTEM\CurrentControlSet\Control\DeviceClasses\{class}\##?#{device}\#{reference}\Control"
    );
    let path: Vec<u16> = path.encode_utf16().chain([0]).collect();
    let mut key = ptr::null_mut();
    // SAFETY: the path is terminated.
    let result = unsafe {
        RegCreateKeyExW(
            HKEY_LOCAL_MACHINE,
            path.as_ptr(),
            0,
            ptr::null(),
            REG_OPTION_VOLATILE,
            KEY_ALL_ACCESS,
            ptr::null(),
            &raw mut key,
            ptr::null_mut(),
        )
    };
    if result != ERROR_SUCCESS {
        return;
    }
    let value = u32::from(linked).to_le_bytes();
    let name: Vec<u16> = "Linked".encode_utf16().chain([0]).collect();
    // SAFETY: the key is open, the name terminated, the value four bytes.
    unsafe { RegSetValueExW(key, name.as_ptr(), 0, REG_DWORD, value.as_ptr(), 4) };
    // SAFETY: opened above.
    unsafe { RegCloseKey(key) };
}

/// `PLUGPLAY_REGKEY_DRIVER`.
const DRIVER_KEY: u32 = 2;
