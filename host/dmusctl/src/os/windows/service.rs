//! The driver's service.

use std::ptr;

use windows_sys::Win32::{
    Foundation::{ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_MARKED_FOR_DELETE},
    System::Services::{
        CloseServiceHandle, ControlService, DeleteService, OpenSCManagerW, OpenServiceW,
        QUERY_SERVICE_CONFIGW, QueryServiceConfigW, QueryServiceStatus, SC_HANDLE,
        SC_MANAGER_CONNECT, SERVICE_CONTROL_STOP, SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS,
        SERVICE_RUNNING, SERVICE_START_PENDING, SERVICE_STATUS, SERVICE_STOP, SERVICE_STOP_PENDING,
        SERVICE_STOPPED,
    },
};

use super::{
    last_error, packages,
    text::{narrow, wide},
};
use crate::{Code, devices::SERVICE, error::OsError, image_path::dos_path};

/// `DELETE` of the standard access rights.
const DELETE: u32 = 0x0001_0000;

/// A handle of the service manager. Dropping it closes it.
struct Handle(SC_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and open.
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// Our service, `None` if there is none.
fn open(access: u32) -> Result<Option<Handle>, OsError> {
    // SAFETY: null is this machine and its active database.
    let manager = unsafe { OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_CONNECT) };
    if manager.is_null() {
        return Err(last_error("OpenSCManager"));
    }
    let manager = Handle(manager);
    let name = wide(SERVICE);
    // SAFETY: the manager is open, the name ends with a zero.
    let service = unsafe { OpenServiceW(manager.0, name.as_ptr(), access) };
    if service.is_null() {
        let error = last_error(format!("opening the service {SERVICE}"));
        return if error.code == Code::Win32(ERROR_SERVICE_DOES_NOT_EXIST) {
            Ok(None)
        } else {
            Err(error)
        };
    }
    Ok(Some(Handle(service)))
}

/// The service's state in a word, `None` if there is no service.
pub(super) fn state() -> Result<Option<String>, OsError> {
    let Some(service) = open(SERVICE_QUERY_STATUS)? else {
        return Ok(None);
    };
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the service is open.
    if unsafe { QueryServiceStatus(service.0, &raw mut status) } == 0 {
        return Err(last_error("QueryServiceStatus"));
    }
    let word = match status.dwCurrentState {
        SERVICE_RUNNING => "running",
        SERVICE_STOPPED => "stopped",
        SERVICE_START_PENDING => "starting",
        SERVICE_STOP_PENDING => "stopping",
        _ => "in transition",
    };
    Ok(Some(word.to_owned()))
}

/// The image that the service runs, where it names one.
pub(super) fn image() -> Result<Option<String>, OsError> {
    /// More than the function ever writes.
    const ROOM: usize = 8 * 1024;
    let Some(service) = open(SERVICE_QUERY_CONFIG)? else {
        return Ok(None);
    };
    let mut room = vec![0_u64; ROOM / 8];
    let mut needed = 0;
    let config = room.as_mut_ptr().cast::<QUERY_SERVICE_CONFIGW>();
    // SAFETY: the service is open, the room has the length that is passed and fits the structure.
    if unsafe { QueryServiceConfigW(service.0, config, ROOM as u32, &raw mut needed) } == 0 {
        return Err(last_error("QueryServiceConfig"));
    }
    // SAFETY: filled in by the call.
    let name = unsafe { (*config).lpBinaryPathName };
    if name.is_null() {
        return Ok(None);
    }
    let end = (0..ROOM / 2)
        // SAFETY: the text ends with a zero inside the room.
        .find(|index| unsafe { name.add(*index).read() } == 0)
        .unwrap_or(0);
    // SAFETY: up to there it is text.
    let text = narrow(unsafe { std::slice::from_raw_parts(name, end) });
    let windows = packages::windows();
    Ok(windows.and_then(|windows| dos_path(&text, &windows.to_string_lossy())))
}

/// Stops and deletes the service; whether there was one.
pub(super) fn remove() -> Result<bool, OsError> {
    let Some(service) = open(SERVICE_STOP | DELETE)? else {
        return Ok(false);
    };
    let mut status = SERVICE_STATUS::default();
    // One that does not run cannot be stopped; that is no reason not to delete it.
    // SAFETY: the service is open.
    unsafe { ControlService(service.0, SERVICE_CONTROL_STOP, &raw mut status) };
    // SAFETY: the service is open.
    if unsafe { DeleteService(service.0) } == 0 {
        let error = last_error(format!("deleting the service {SERVICE}"));
        if error.code != Code::Win32(ERROR_SERVICE_MARKED_FOR_DELETE) {
            return Err(error);
        }
    }
    Ok(true)
}
