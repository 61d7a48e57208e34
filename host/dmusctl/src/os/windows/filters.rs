//! Finds the driver's filters among the interfaces of `KSCATEGORY_AUDIO`.

use std::ptr;

use dmusmini_ks::guids::KSCATEGORY_AUDIO;
use windows_sys::{
    Win32::{
        Devices::DeviceAndDriverInstallation::{
            DIGCF_DEVICEINTERFACE, DIGCF_PRESENT, SP_DEVICE_INTERFACE_DATA, SPDRP_SERVICE,
            SetupDiEnumDeviceInterfaces, SetupDiGetDeviceInterfaceDetailW,
        },
        Foundation::ERROR_NO_MORE_ITEMS,
    },
    core::GUID,
};

use super::{
    last_error,
    nodes::{DeviceSet, information},
    text::{narrow, units},
};
use crate::{Code, devices::SERVICE, error::OsError};

/// The device paths of our filters.
pub(super) fn paths() -> Result<Vec<String>, OsError> {
    let (data1, data2, data3, data4) = KSCATEGORY_AUDIO.parts();
    let category = GUID {
        data1,
        data2,
        data3,
        data4,
    };
    let set = DeviceSet::new(Some(&category), DIGCF_PRESENT | DIGCF_DEVICEINTERFACE)?;
    let mut paths = Vec::new();
    for index in 0.. {
        let mut interface = SP_DEVICE_INTERFACE_DATA {
            cbSize: size_of::<SP_DEVICE_INTERFACE_DATA>() as u32,
            ..SP_DEVICE_INTERFACE_DATA::default()
        };
        // SAFETY: the set is open, the structures are what is asked for.
        let found = unsafe {
            SetupDiEnumDeviceInterfaces(
                set.raw(),
                ptr::null(),
                &raw const category,
                index,
                &raw mut interface,
            )
        };
        if found == 0 {
            let error = last_error("SetupDiEnumDeviceInterfaces");
            if error.code == Code::Win32(ERROR_NO_MORE_ITEMS) {
                break;
            }
            return Err(error);
        }
        paths.extend(path(&set, &interface)?);
    }
    Ok(paths)
}

/// The path of an interface, if its device is ours.
fn path(set: &DeviceSet, interface: &SP_DEVICE_INTERFACE_DATA) -> Result<Option<String>, OsError> {
    const ROOM: usize = 4096;
    /// Of `SP_DEVICE_INTERFACE_DETAIL_DATA_W`: cbSize, then the path.
    const DETAIL_SIZE: u64 = 8;
    let mut detail = vec![0_u64; ROOM / 8];
    detail[0] = DETAIL_SIZE;
    let mut node = information();
    // SAFETY: the buffer has the length that is passed and begins with its structure's size.
    let is_fine = unsafe {
        SetupDiGetDeviceInterfaceDetailW(
            set.raw(),
            ptr::from_ref(interface),
            detail.as_mut_ptr().cast(),
            ROOM as u32,
            ptr::null_mut(),
            &raw mut node,
        )
    };
    if is_fine == 0 {
        return Err(last_error("SetupDiGetDeviceInterfaceDetail"));
    }
    let service = set.text(&node, SPDRP_SERVICE).unwrap_or_default();
    let bytes: Vec<u8> = detail.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path = narrow(&units(&bytes[4..]));
    Ok(service.eq_ignore_ascii_case(SERVICE).then_some(path))
}
