//! The part of a PnP manager that Wine has not: stopping a device and starting it again.
//!
//! Wine 8 sends START_DEVICE, SURPRISE_REMOVAL and REMOVE_DEVICE, never a stop. A test asks for one
//! with a control code of ours, and the requests go through Wine's I/O manager, from the top of each
//! device's stack to its bottom, as a PnP manager's do.

use std::{
    ptr, thread,
    time::{Duration, Instant},
};

use dmusmini::kernel::nt::{DeviceObject, IRP_MJ_PNP, pnp};

use crate::entry::{Role, driver, make_device, objects};
use crate::interfaces;
use crate::log::log;
use crate::nt::{self, Event, NtStatus, StatusBlock};
use crate::pnp::QUERY_STOP_DEVICE;
use crate::request::Request;

/// Waits until Wine's PnP manager is there: it starts beside the first driver, and Wine looks for that driver's
/// devices with it, there or not.
pub(crate) fn wait() {
    let begin = Instant::now();
    while !is_there() {
        if begin.elapsed() > PATIENCE {
            log!("Wine's PnP manager did not come");
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    // Its name comes a moment before it.
    thread::sleep(Duration::from_millis(20));
}

fn is_there() -> bool {
    let name = nt::Text::new(r"\Driver\PnpManager");
    let descriptor = name.descriptor();
    let mut driver = ptr::null_mut();
    // SAFETY: a pointer that Wine set before it loaded drivers; the name lives for the call.
    let status = unsafe {
        nt::ObReferenceObjectByName(
            &raw const descriptor,
            0,
            ptr::null(),
            0,
            nt::IoDriverObjectType,
            0,
            ptr::null(),
            &raw mut driver,
        )
    };
    if status == nt::SUCCESS {
        // SAFETY: the reference that the call above gave.
        unsafe { nt::ObfDereferenceObject(driver) };
    }
    status == nt::SUCCESS
}

/// Makes the device that a test asks, where it is not there.
pub(crate) fn appear() {
    if find().is_some() {
        return;
    }
    if let Some(device) = make_device(driver(), DEVICE) {
        interfaces::add_link(LINK, DEVICE);
        objects().roles.insert(device.addr(), Role::Manager);
    }
}

/// Deletes it with the last adapter.
pub(crate) fn disappear() {
    let is_last = !objects()
        .roles
        .values()
        .any(|role| matches!(role, Role::Adapter { .. }));
    if let (true, Some(device)) = (is_last, find()) {
        objects().roles.remove(&device);
        interfaces::remove_link(LINK);
        // SAFETY: made above; a test has closed it by now.
        unsafe { nt::IoDeleteDevice(ptr::with_exposed_provenance_mut(device)) };
    }
}

fn find() -> Option<usize> {
    let objects = objects();
    let mut roles = objects.roles.iter();
    roles.find_map(|(device, role)| matches!(role, Role::Manager).then_some(*device))
}

/// Does what a test asks with a control code, to every adapter.
pub(crate) fn carry_out(code: u32) -> NtStatus {
    let requests: &[u8] = match code {
        // PortCls refuses the query for a DMus device, and a PnP manager then stops nothing. The stop
        // is sent all the same: a driver must survive one that comes.
        STOP => &[QUERY_STOP_DEVICE, pnp::STOP_DEVICE],
        START => &[pnp::START_DEVICE],
        _ => return nt::INVALID_DEVICE_REQUEST,
    };
    let adapters: Vec<usize> = objects()
        .roles
        .iter()
        .filter(|(_, role)| matches!(role, Role::Adapter { .. }))
        .map(|(device, _)| *device)
        .collect();
    for adapter in adapters {
        for minor in requests {
            let status = send(ptr::with_exposed_provenance_mut(adapter), *minor);
            if status != nt::SUCCESS && *minor != QUERY_STOP_DEVICE {
                log!("request {minor:#04x} ended with {status:#010x}");
                return status;
            }
        }
    }
    nt::SUCCESS
}

/// Sends one request and waits for its end.
fn send(adapter: *mut DeviceObject, minor: u8) -> NtStatus {
    let mut event = Event::default();
    let mut block = StatusBlock::default();
    // SAFETY: the event is ours, and lives until the request has ended.
    unsafe { nt::KeInitializeEvent(&raw mut event, nt::NOTIFICATION_EVENT, 0) };
    // SAFETY: the device is alive; event and block live until the request has ended.
    let irp = unsafe {
        nt::IoBuildSynchronousFsdRequest(
            u32::try_from(IRP_MJ_PNP).unwrap_or(0),
            adapter,
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            &raw mut event,
            &raw mut block,
        )
    };
    if irp.is_null() {
        return nt::UNSUCCESSFUL;
    }
    // SAFETY: the request is ours until it is sent.
    let request = unsafe { Request::new(irp.cast()) };
    request.set_next_minor(minor);
    request.set_status(nt::NOT_SUPPORTED, 0);
    // SAFETY: the request is whole, and the device the top of its stack.
    let status = unsafe { nt::IofCallDriver(adapter, irp) };
    if status == nt::PENDING {
        // SAFETY: the event is signalled when the request ends.
        unsafe { nt::KeWaitForSingleObject((&raw mut event).cast(), 0, 0, 0, ptr::null()) };
        return block.status;
    }
    status
}

/// How long Wine's PnP manager may take.
const PATIENCE: Duration = Duration::from_secs(5);
const DEVICE: &str = r"\Device\dmusmini-pnp";
const LINK: &str = r"\DosDevices\dmusmini-pnp";
/// The private control codes, as of `wine-pnp`.
const STOP: u32 = 0x002F_2007;
const START: u32 = 0x002F_200B;
