//! PnP requests: to the driver first, then to Wine's own device below.

use std::ptr;

use dmusmini::com::Status;
use dmusmini::kernel::nt::{DeviceObject, Irp, pnp};

use crate::entry::{Role, objects, publish, remove_filters};
use crate::log::log;
use crate::nt::{self, NtStatus};
use crate::request::Request;
use crate::{manager, worker};

/// The driver's routine for PnP requests, as Wine calls it.
pub(crate) unsafe extern "win64" fn request(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    let request = unsafe { Request::new(irp) };
    Status(handle(device, request))
}

fn handle(device: *mut DeviceObject, request: Request) -> NtStatus {
    let role = objects().roles.get(&device.addr()).cloned();
    let routine = objects().routines.and_then(|routines| routines.pnp);
    let (Some(Role::Adapter { lower }), Some(routine)) = (role, routine) else {
        return request.complete(nt::INVALID_DEVICE_REQUEST, 0);
    };
    let lower = ptr::with_exposed_provenance_mut(lower);
    let minor = request.minor();
    if matches!(minor, pnp::REMOVE_DEVICE | pnp::STOP_DEVICE) {
        let interfaces = objects().interfaces.remove(&device.addr());
        drop(interfaces);
        remove_filters(device.addr());
    }
    let status = worker::call("IRP_MJ_PNP", |system| {
        system.pnp(device, routine, request.irp(), minor)
    });
    let status = status.unwrap_or(nt::UNSUCCESSFUL);
    if let Some(name) = name_of(minor) {
        log!("IRP_MN_{name}: status {status:#010x}");
        if status < 0 {
            return request.complete(status, 0);
        }
        request.set_status(nt::SUCCESS, 0);
    }
    if minor == pnp::START_DEVICE {
        publish(device, lower);
    }
    let status = request.forward(lower);
    if minor == pnp::REMOVE_DEVICE {
        objects().roles.remove(&device.addr());
        // SAFETY: attached in AddDevice, and the device is gone.
        unsafe { nt::IoDetachDevice(lower) };
        // SAFETY: as above.
        unsafe { nt::IoDeleteDevice(device) };
        manager::disappear();
    }
    status
}

fn name_of(minor: u8) -> Option<&'static str> {
    match minor {
        pnp::START_DEVICE => Some("START_DEVICE"),
        pnp::STOP_DEVICE => Some("STOP_DEVICE"),
        QUERY_STOP_DEVICE => Some("QUERY_STOP_DEVICE"),
        pnp::REMOVE_DEVICE => Some("REMOVE_DEVICE"),
        pnp::SURPRISE_REMOVAL => Some("SURPRISE_REMOVAL"),
        _ => None,
    }
}

/// `IRP_MN_QUERY_STOP_DEVICE`.
pub(crate) const QUERY_STOP_DEVICE: u8 = 0x05;
