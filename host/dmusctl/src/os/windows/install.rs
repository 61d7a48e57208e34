//! Makes root-enumerated nodes, installs the INF on nodes, removes and changes them.

use std::{path::Path, ptr};

use windows_sys::{
    Win32::Devices::DeviceAndDriverInstallation::{
        DI_FUNCTION, DI_NEEDREBOOT, DI_NEEDRESTART, DI_REMOVEDEVICE_GLOBAL, DICD_GENERATE_ID,
        DICS_DISABLE, DICS_ENABLE, DICS_FLAG_GLOBAL, DICS_PROPCHANGE, DIF_PROPERTYCHANGE,
        DIF_REGISTERDEVICE, DIF_REMOVE, INSTALLFLAG_FORCE, SP_CLASSINSTALL_HEADER, SP_DEVINFO_DATA,
        SP_DEVINSTALL_PARAMS_W, SP_PROPCHANGE_PARAMS, SP_REMOVEDEVICE_PARAMS, SPDRP_DRIVER,
        SPDRP_HARDWAREID, SetupDiCallClassInstaller, SetupDiCreateDeviceInfoList,
        SetupDiCreateDeviceInfoW, SetupDiGetDeviceInstallParamsW, SetupDiGetINFClassW,
        SetupDiSetClassInstallParamsW, SetupDiSetDeviceRegistryPropertyW,
        UpdateDriverForPlugAndPlayDevicesW,
    },
    Win32::System::Registry::{HKEY_LOCAL_MACHINE, RegDeleteTreeW},
    core::GUID,
};

use super::{
    image, last_error,
    nodes::{DeviceSet, information},
    text::{bytes, list_of_one, wide},
};
use crate::{
    devices::{Change, Installed},
    error::OsError,
};

/// Installs `inf` on every node with an id, after making one where there is none.
pub(super) fn install(inf: &Path, hardware_id: &str) -> Result<Installed, OsError> {
    const BAD_PATHNAME: u32 = 161;
    let inf = std::path::absolute(inf)
        .map_err(|_| OsError::win32(format!("finding {}", inf.display()), BAD_PATHNAME))?;
    let ids = [hardware_id.to_owned()];
    let found: Vec<String> = DeviceSet::all()?
        .nodes(|node| node.has_id(&ids))?
        .into_iter()
        .filter(|(_, node)| node.is_present)
        .map(|(_, node)| node.instance_id)
        .collect();
    let made = if found.is_empty() {
        Some(make(&inf, hardware_id)?)
    } else {
        None
    };
    let updated =
        update(&inf, hardware_id).and_then(|restart| Ok(image::replace_later(&inf)? || restart));
    match updated {
        Ok(restart_required) => Ok(Installed {
            created: made.into_iter().map(|(_, _, id)| id).collect(),
            found,
            restart_required,
        }),
        Err(error) => {
            // A node without a driver is of no use to anybody.
            if let Some((set, node, _)) = made {
                let _ = remove(&set, &node);
            }
            Err(error)
        }
    }
}

/// `UpdateDriverForPlugAndPlayDevices`; whether a restart is wanted.
fn update(inf: &Path, hardware_id: &str) -> Result<bool, OsError> {
    let (path, id) = (wide(inf), wide(hardware_id));
    let mut restart = 0;
    // SAFETY: both texts end with a zero.
    let is_fine = unsafe {
        UpdateDriverForPlugAndPlayDevicesW(
            ptr::null_mut(),
            id.as_ptr(),
            path.as_ptr(),
            INSTALLFLAG_FORCE,
            &raw mut restart,
        )
    };
    if is_fine == 0 {
        let what = format!("installing {} on {hardware_id}", inf.display());
        return Err(last_error(what));
    }
    Ok(restart != 0)
}

/// Makes and registers a root-enumerated node of the INF's class.
fn make(inf: &Path, hardware_id: &str) -> Result<(DeviceSet, SP_DEVINFO_DATA, String), OsError> {
    let path = wide(inf);
    let mut class = GUID::from_u128(0);
    let mut name = [0_u16; 32];
    // SAFETY: the path ends with a zero, the name has the length that is passed.
    let is_fine = unsafe {
        SetupDiGetINFClassW(
            path.as_ptr(),
            &raw mut class,
            name.as_mut_ptr(),
            name.len() as u32,
            ptr::null_mut(),
        )
    };
    if is_fine == 0 {
        return Err(last_error(format!(
            "reading the class of {}",
            inf.display()
        )));
    }
    // SAFETY: the class is a GUID.
    let set = unsafe { SetupDiCreateDeviceInfoList(&raw const class, ptr::null_mut()) };
    let set = DeviceSet::of(set, "SetupDiCreateDeviceInfoList")?;
    let mut node = information();
    // SAFETY: the set is open, the name ends with a zero.
    let is_fine = unsafe {
        SetupDiCreateDeviceInfoW(
            set.raw(),
            name.as_ptr(),
            &raw const class,
            ptr::null(),
            ptr::null_mut(),
            DICD_GENERATE_ID,
            &raw mut node,
        )
    };
    if is_fine == 0 {
        return Err(last_error("SetupDiCreateDeviceInfo"));
    }
    let ids = bytes(&list_of_one(hardware_id));
    // SAFETY: the value has the length that is passed.
    let is_fine = unsafe {
        SetupDiSetDeviceRegistryPropertyW(
            set.raw(),
            &raw mut node,
            SPDRP_HARDWAREID,
            ids.as_ptr(),
            ids.len() as u32,
        )
    };
    if is_fine == 0 {
        return Err(last_error("setting the hardware id"));
    }
    call(
        DIF_REGISTERDEVICE,
        &set,
        &node,
        "registering the device node",
    )?;
    let id = set.instance_id(&node)?;
    Ok((set, node, id))
}

fn call(
    function: DI_FUNCTION,
    set: &DeviceSet,
    node: &SP_DEVINFO_DATA,
    operation: &str,
) -> Result<(), OsError> {
    // SAFETY: the set is open and the node its own.
    if unsafe { SetupDiCallClassInstaller(function, set.raw(), ptr::from_ref(node)) } == 0 {
        return Err(last_error(operation));
    }
    Ok(())
}

/// Removes a node; whether a restart is wanted.
pub(super) fn remove(set: &DeviceSet, node: &SP_DEVINFO_DATA) -> Result<bool, OsError> {
    let parameters = SP_REMOVEDEVICE_PARAMS {
        ClassInstallHeader: header(DIF_REMOVE),
        Scope: DI_REMOVEDEVICE_GLOBAL,
        HwProfile: 0,
    };
    let what = "removing the device node";
    let driver = set.text(node, SPDRP_DRIVER);
    let restart_required = call_with(DIF_REMOVE, set, node, &parameters, what)?;
    if let Some(driver) = driver {
        delete_driver_key(&driver);
    }
    Ok(restart_required)
}

/// Deletes what is left of a node's driver key. Windows' removal has left nothing; Wine's leaves it
/// all.
fn delete_driver_key(driver: &str) {
    let path = format!("SYSTEM\\CurrentControlSet\\Control\\Class\\{driver}");
    let path = wide(path);
    // SAFETY: the path ends with a zero. A key that is not there is no error of ours.
    unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, path.as_ptr()) };
}

/// Disables, enables or restarts a node; whether a restart of the system is wanted.
pub(super) fn change(
    set: &DeviceSet,
    node: &SP_DEVINFO_DATA,
    change: Change,
) -> Result<bool, OsError> {
    let (state, what) = match change {
        Change::Disable => (DICS_DISABLE, "disabling the device"),
        Change::Enable => (DICS_ENABLE, "enabling the device"),
        Change::Restart => (DICS_PROPCHANGE, "restarting the device"),
    };
    let parameters = SP_PROPCHANGE_PARAMS {
        ClassInstallHeader: header(DIF_PROPERTYCHANGE),
        StateChange: state,
        Scope: DICS_FLAG_GLOBAL,
        HwProfile: 0,
    };
    call_with(DIF_PROPERTYCHANGE, set, node, &parameters, what)
}

fn header(function: DI_FUNCTION) -> SP_CLASSINSTALL_HEADER {
    SP_CLASSINSTALL_HEADER {
        cbSize: size_of::<SP_CLASSINSTALL_HEADER>() as u32,
        InstallFunction: function,
    }
}

/// Calls the class installer with parameters of a function, which begin with their header.
fn call_with<P>(
    function: DI_FUNCTION,
    set: &DeviceSet,
    node: &SP_DEVINFO_DATA,
    parameters: &P,
    operation: &str,
) -> Result<bool, OsError> {
    // SAFETY: the parameters begin with their header and have the length that is passed.
    let is_fine = unsafe {
        SetupDiSetClassInstallParamsW(
            set.raw(),
            ptr::from_ref(node),
            ptr::from_ref(parameters).cast(),
            size_of::<P>() as u32,
        )
    };
    // Wine takes no parameters; a removal without them is one from all profiles.
    if is_fine == 0 && function != DIF_REMOVE {
        return Err(last_error(operation));
    }
    call(function, set, node, operation)?;
    let mut install = SP_DEVINSTALL_PARAMS_W {
        cbSize: size_of::<SP_DEVINSTALL_PARAMS_W>() as u32,
        ..SP_DEVINSTALL_PARAMS_W::default()
    };
    let is_fine =
        // SAFETY: the set is open, the node its own, the structure has its size.
        unsafe { SetupDiGetDeviceInstallParamsW(set.raw(), ptr::from_ref(node), &raw mut install) };
    Ok(is_fine != 0 && install.Flags & (DI_NEEDREBOOT | DI_NEEDRESTART) != 0)
}
