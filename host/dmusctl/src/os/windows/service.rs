//! The driver's service.

use std::ptr;

use windows_sys::Win32::{
    Foundation::{ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_MARKED_FOR_DELETE},
    System::Services::{
        CloseServiceHandle, ControlService, DeleteService, OpenSCManagerW, OpenServiceW,
        QueryServiceStatus, SC_HANDLE, SC_MANAGER_CONNECT, SERVICE_CONTROL_STOP,
        SERVICE_QUERY_STATUS, SERVICE_RUNNING, SERVICE_START_PENDING, SERVICE_STATUS, SERVICE_STOP,
        SERVICE_STOP_PENDING, SERVICE_STOPPED,
    },
};

use super::{last_error, text::wide};
use crate::{Code, devices::SERVICE, error::OsError};

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
