//! What the device was given: its ports and its interrupt (contract section 5.4).
#![expect(unsafe_code, reason = "imports, and resource descriptors")]

use crate::com::{ComRef, Out, Status};
use crate::irql::{Irql, Passive};
use crate::mpu401::spec::Register;
use crate::portcls::abi::{InterruptSyncMode, RESOURCE_PORT_IO, resource_type};
use crate::portcls::imports;
use crate::portcls::interfaces::{IInterruptSync, IResourceList, IServiceGroup};

/// The base port: exactly one range of I/O space, two ports or more, at an even address, at most one
/// interrupt and no DMA.
pub(super) fn port_base(
    irql: &Irql<Passive>,
    resources: &ComRef<IResourceList>,
) -> Result<u16, Status> {
    let count = |kind| resources.number_of_entries_of_type(irql, kind);
    if count(resource_type::PORT) != 1
        || count(resource_type::INTERRUPT) > 1
        || count(resource_type::DMA) != 0
    {
        return Err(Status::DEVICE_CONFIGURATION_ERROR);
    }
    let entry = resources
        .find_translated_entry(irql, resource_type::PORT, 0)
        .ok_or(Status::DEVICE_CONFIGURATION_ERROR)?;
    // SAFETY: the list owns its entries and outlives this call.
    let entry = unsafe { entry.read() };
    let [low, high, length, _] = entry.data;
    let base = u16::try_from(low).map_err(|_| Status::DEVICE_CONFIGURATION_ERROR)?;
    let fits = entry.flags & RESOURCE_PORT_IO != 0
        && high == 0
        && length >= u32::from(Register::COUNT)
        && base.is_multiple_of(Register::COUNT);
    if fits {
        Ok(base)
    } else {
        Err(Status::DEVICE_CONFIGURATION_ERROR)
    }
}

pub(super) fn new_service_group() -> Result<ComRef<IServiceGroup>, Status> {
    let mut group = None;
    // SAFETY: the result is an owned reference or nothing.
    unsafe { imports::PcNewServiceGroup(Some(Out::from_mut(&mut group)), None) }.ok()?;
    group.ok_or(Status::UNSUCCESSFUL)
}

/// The miniport's own interrupt object: sharing the adapter's between filters breaks when the first
/// user disconnects (contract section 5.4).
pub(super) fn new_interrupt_sync(
    resources: &ComRef<IResourceList>,
) -> Result<ComRef<IInterruptSync>, Status> {
    let mut sync = None;
    let resources = Some(resources.borrow());
    // SAFETY: the list is alive; the result is an owned reference or nothing.
    unsafe {
        imports::PcNewInterruptSync(
            Some(Out::from_mut(&mut sync)),
            None,
            resources,
            0,
            InterruptSyncMode::Normal,
        )
    }
    .ok()?;
    sync.ok_or(Status::UNSUCCESSFUL)
}
