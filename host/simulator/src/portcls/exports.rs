//! What `portcls.sys` exports to the driver (abi section 4): symbols for a native build, a table for
//! the loader.

use std::ffi::c_void;

use dmusmini::com::{ComRef, Guid, IUnknown, ObjectRef, Status};
use dmusmini::kernel::nt::{DeviceObject, DriverObject, Irp, UnicodeString};
use dmusmini::portcls::abi::{InterruptSyncMode, PropertyRequest, resource_type};
use dmusmini::portcls::guids::{CLSID_PORT_DMUS, CLSID_PORT_MIDI};
use dmusmini::portcls::imports::{AddDevice, StartDevice};
use dmusmini::portcls::interfaces::{
    IAdapterPowerManagement, IInterruptSync, IMiniport, IPort, IRegistryKey, IResourceList,
    IServiceGroup, In, OutRef,
};

use super::device::{DeviceState, PhysicalConnection};
use super::foreign::Foreign;
use super::host;
use super::interrupt_sync::InterruptSync;
use super::port::{Port, open_key};
use super::resources::ResourceList;
use super::service_group::ServiceGroup;
use super::{PortCls, current};
use crate::imports::imports;
use crate::irql::Irql;

/// Hands an object out, or says why not.
fn hand_out<I: dmusmini::com::Interface>(
    out: OutRef<'_, I>,
    outer: In<'_, IUnknown>,
    make: impl FnOnce(&std::rc::Rc<PortCls>) -> Result<ComRef<I>, Status>,
) -> Status {
    let Some(mut out) = out else {
        return Status::INVALID_PARAMETER;
    };
    out.set(None);
    if outer.is_some() {
        return Status::NOT_SUPPORTED;
    }
    let Some(system) = current() else {
        return Status::UNSUCCESSFUL;
    };
    match make(&system) {
        Ok(object) => {
            out.set(Some(object));
            Status::SUCCESS
        }
        Err(status) => status,
    }
}

const NO_MEMORY: Status = Status::INSUFFICIENT_RESOURCES;

/// Reads a GUID that the driver points to.
fn class_of(class: *const Guid) -> Option<Guid> {
    // SAFETY: the driver passes null or a live GUID.
    unsafe { class.as_ref() }.copied()
}

fn device_of(device: *mut DeviceObject, at: &'static str) -> Option<std::rc::Rc<DeviceState>> {
    let found = current().and_then(|system| system.device_of(device));
    if found.is_none() {
        host::breach(at, "the device object is not PortCls'");
    }
    found
}

imports! {
    /// Fills in the driver object.
    [Irql::PASSIVE] fn PcInitializeAdapterDriver(
        driver: *mut DriverObject,
        _registry_path: *mut UnicodeString,
        add_device: AddDevice,
    ) -> Status as |_kernel| {
        match current().and_then(|system| system.driver_of(driver)) {
            Some(driver) => driver.initialise(add_device),
            None => Status::INVALID_PARAMETER,
        }
    }

    /// Makes the device object over a physical one.
    [Irql::PASSIVE] fn PcAddAdapterDevice(
        driver: *mut DriverObject,
        pdo: *mut DeviceObject,
        start_device: StartDevice,
        max_objects: u32,
        extension_size: u32,
    ) -> Status as |_kernel| {
        let Some(system) = current() else { return Status::UNSUCCESSFUL };
        if extension_size != 0 && extension_size < 512 {
            host::breach("PcAddAdapterDevice", "DeviceExtensionSize is neither 0 nor large enough");
            return Status::INVALID_PARAMETER;
        }
        if max_objects == 0 {
            host::breach("PcAddAdapterDevice", "MaxObjects is 0");
            return Status::INVALID_PARAMETER;
        }
        match system.driver_of(driver) {
            Some(driver) => system.add_device(&driver, pdo, start_device, max_objects),
            None => Status::INVALID_PARAMETER,
        }
    }

    /// Makes a port.
    [Irql::PASSIVE] fn PcNewPort(port: OutRef<'_, IPort>, class: *const Guid) -> Status as |_kernel| {
        hand_out(port, None, |system| match class_of(class) {
            Some(class) if class == CLSID_PORT_DMUS || class == CLSID_PORT_MIDI => {
                Port::make(system).map(ObjectRef::into_interface).ok_or(NO_MEMORY)
            }
            _ => Err(Status::INVALID_PARAMETER),
        })
    }

    /// Makes one of PortCls' own miniports.
    [Irql::PASSIVE] fn PcNewMiniport(
        miniport: OutRef<'_, IMiniport>,
        class: *const Guid,
    ) -> Status as |_kernel| {
        hand_out(miniport, None, |system| {
            let class = class_of(class).ok_or(Status::INVALID_PARAMETER)?;
            super::built_in_uart::make(system, &class)
        })
    }

    /// Makes a service group.
    [Irql::PASSIVE] fn PcNewServiceGroup(
        group: OutRef<'_, IServiceGroup>,
        outer: In<'_, IUnknown>,
    ) -> Status as |_kernel| {
        hand_out(group, outer, |system| {
            let group = ServiceGroup::make(&system.ledger, &system.alarms);
            group.map(ObjectRef::into_interface).ok_or(NO_MEMORY)
        })
    }

    /// Makes an object for the `index`-th interrupt of a list.
    [Irql::PASSIVE] fn PcNewInterruptSync(
        sync: OutRef<'_, IInterruptSync>,
        outer: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
        index: u32,
        mode: InterruptSyncMode,
    ) -> Status as |_kernel| {
        hand_out(sync, outer, |system| {
            let list = resources.ok_or(Status::INVALID_PARAMETER)?;
            let entry = list
                .find_translated_entry(&host::passive(), resource_type::INTERRUPT, index)
                .ok_or(Status::INVALID_PARAMETER)?;
            // SAFETY: the list's entries live as long as the list, which is borrowed.
            let [_, vector, ..] = unsafe { entry.read() }.data;
            let sync = InterruptSync::make(&system.ledger, vector, mode);
            sync.map(ObjectRef::into_interface).ok_or(NO_MEMORY)
        })
    }

    /// Makes an empty list for some of a parent's entries.
    [Irql::PASSIVE] fn PcNewResourceSublist(
        list: OutRef<'_, IResourceList>,
        outer: In<'_, IUnknown>,
        pool_type: i32,
        parent: In<'_, IResourceList>,
        maximum_entries: u32,
    ) -> Status as |_kernel| {
        if pool_type == 0 {
            host::breach("PcNewResourceSublist", "executable pool (contract 2.1: HVCI)");
        }
        hand_out(list, outer, |system| {
            if parent.is_none() || maximum_entries == 0 {
                return Err(Status::INVALID_PARAMETER);
            }
            let capacity = usize::try_from(maximum_entries).unwrap_or(0);
            let list = ResourceList::sublist(&system.ledger, capacity);
            list.map(ObjectRef::into_interface).ok_or(NO_MEMORY)
        })
    }

    /// Opens a registry key of a device.
    [Irql::PASSIVE] fn PcNewRegistryKey(
        key: OutRef<'_, IRegistryKey>,
        outer: In<'_, IUnknown>,
        kind: u32,
        _access: u32,
        device: *mut c_void,
        _subdevice: *mut c_void,
        _attributes: *mut c_void,
        _create_options: u32,
        _disposition: *mut u32,
    ) -> Status as |_kernel| {
        open_key(device.cast(), key, outer, kind)
    }

    /// Registers a port under a name.
    [Irql::PASSIVE] fn PcRegisterSubdevice(
        device: *mut DeviceObject,
        name: *const u16,
        unknown: In<'_, IUnknown>,
    ) -> Status as |_kernel| {
        let Some(device) = device_of(device, "PcRegisterSubdevice") else {
            return Status::INVALID_PARAMETER;
        };
        // SAFETY: the driver passes a terminated string.
        let (Some(name), Some(port)) = (unsafe { wide_text(name) }, unknown) else {
            return Status::INVALID_PARAMETER;
        };
        if let Some(port) = super::port_of(&port) { device.register(&name, &port) } else {
            host::breach("PcRegisterSubdevice", "the object is no port");
            Status::INVALID_PARAMETER
        }
    }

    /// Connects pins of two registered ports.
    [Irql::PASSIVE] fn PcRegisterPhysicalConnection(
        device: *mut DeviceObject,
        from: In<'_, IUnknown>,
        from_pin: u32,
        to: In<'_, IUnknown>,
        to_pin: u32,
    ) -> Status as |_kernel| {
        const AT: &str = "PcRegisterPhysicalConnection";
        let (Some(device), Some(from), Some(to)) = (device_of(device, AT), from, to) else {
            return Status::INVALID_PARAMETER;
        };
        if let (Some(from), Some(to)) = (device.name_of(from.as_raw()), device.name_of(to.as_raw())) {
            let connection = PhysicalConnection { from, from_pin, to, to_pin };
            device.connections.borrow_mut().push(connection);
            Status::SUCCESS
        } else {
            host::breach(AT, "an end is not a registered port");
            Status::INVALID_PARAMETER
        }
    }

    /// Registers the adapter for power management.
    [Irql::PASSIVE] fn PcRegisterAdapterPowerManagement(
        unknown: In<'_, IUnknown>,
        device: *mut c_void,
    ) -> Status as |_kernel| {
        const AT: &str = "PcRegisterAdapterPowerManagement";
        let (Some(device), Some(unknown)) = (device_of(device.cast(), AT), unknown) else {
            return Status::INVALID_PARAMETER;
        };
        let Some(adapter) = Foreign::keep(&unknown).query::<IAdapterPowerManagement>() else {
            return Status::INVALID_PARAMETER;
        };
        let before = device.power_management.replace(Some(adapter));
        if before.is_some() {
            host::breach(AT, "registered twice");
        }
        Status::SUCCESS
    }

    /// Undoes [`PcRegisterAdapterPowerManagement`].
    [Irql::PASSIVE] fn PcUnregisterAdapterPowerManagement(device: *mut DeviceObject) -> Status as |_kernel| {
        const AT: &str = "PcUnregisterAdapterPowerManagement";
        let Some(device) = device_of(device, AT) else {
            return Status::INVALID_PARAMETER;
        };
        let adapter = device.power_management.take();
        if adapter.is_none() {
            host::breach(AT, "nothing is registered");
        }
        Status::SUCCESS
    }

    /// PortCls' own handling of a request that the driver had hooked.
    [Irql::PASSIVE] fn PcDispatchIrp(device: *mut DeviceObject, irp: *mut Irp) -> Status as |_kernel| {
        super::driver::dispatch(device, irp)
    }

    /// Completes a property request that its handler left pending.
    [Irql::DISPATCH] fn PcCompletePendingPropertyRequest(
        request: *mut PropertyRequest,
        status: Status,
    ) -> Status as |_kernel| {
        match current() {
            Some(system) => system.pending.complete(request, status),
            None => Status::UNSUCCESSFUL,
        }
    }
}

/// Reads a terminated UTF-16 string.
///
/// # Safety
///
/// `text` is null or terminated.
unsafe fn wide_text(text: *const u16) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let mut units = Vec::new();
    loop {
        // SAFETY: everything before the terminator, and the terminator, can be read.
        let unit = unsafe { text.add(units.len()).read() };
        if unit == 0 || units.len() > 256 {
            break;
        }
        units.push(unit);
    }
    String::from_utf16(&units).ok()
}
