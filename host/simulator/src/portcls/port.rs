//! The port object: `IPort`, `IPortDMus`, `IUnregisterSubdevice`, `IPortClsVersion` (abi section 2).

use std::ffi::c_void;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{IUnknown, ObjectRef, Out, Status};
use dmusmini::irql::{Device, Irql, Passive};
use dmusmini::kernel::nt::{DeviceObject, Irp};
use dmusmini::portcls::interfaces::{
    IPort, IPortClass, IPortClsVersion, IPortClsVersionClass, IPortDMus, IPortDMusClass,
    IRegistryKey, IResourceList, IServiceGroup, IUnregisterSubdevice, IUnregisterSubdeviceClass,
    In, OutRef,
};

use super::PortCls;
use super::filter::FilterState;
use super::host::{self, Level};
use super::ledger::Receipt;
use super::one_thread::OneThread;
use super::registry_key::RegistryKey;

pub(crate) struct Port {
    pub(crate) filter: OneThread<Rc<FilterState>>,
    _receipt: OneThread<Receipt>,
}

class!(Port: 0 => IPortDMus(IPort), 1 => IUnregisterSubdevice, 2 => IPortClsVersion);

impl Port {
    pub(crate) fn make(system: &Rc<PortCls>) -> Option<ObjectRef<Self>> {
        let filter = FilterState::new(system);
        let port = system.ledger.make("IPortDMus", |receipt| Self {
            filter: OneThread::new(filter),
            _receipt: OneThread::new(receipt),
        })?;
        port.filter
            .port_address
            .set(port.as_context().as_ptr().addr());
        system.note_port(&port);
        Some(port)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        crate::inside::outside(|| {
            if self.filter.is_registered.get() {
                host::miscount("IPort::Release", "the port died before its teardown");
            }
            self.filter.tear_down();
            if let Some(system) = self.filter.system.upgrade() {
                system.forget_port(self.filter.port_address.get());
            }
        });
    }
}

impl IPortClass for Port {
    unsafe fn init(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        device: *mut DeviceObject,
        irp: *mut Irp,
        miniport: In<'_, IUnknown>,
        adapter: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
    ) -> Status {
        host::called("IPort::Init", Level::PASSIVE, || {
            let Some(miniport) = miniport else {
                return Status::INVALID_PARAMETER;
            };
            let Some(known) = super::current().and_then(|system| system.device_of(device)) else {
                host::breach("IPort::Init", "the device object is not PortCls'");
                return Status::INVALID_PARAMETER;
            };
            if irp.is_null() {
                host::breach("IPort::Init", "without the start IRP");
            }
            known.remember(&this.filter);
            let port = this.interface::<IPortDMus>();
            this.filter
                .bind(device, irp, miniport, adapter, resources, port)
        })
    }

    unsafe fn get_device_property(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: u32,
        _: u32,
        _: *mut c_void,
        _: Option<Out<'_, u32>>,
    ) -> Status {
        host::called("IPort::GetDeviceProperty", Level::PASSIVE, || {
            Status::OBJECT_NAME_NOT_FOUND
        })
    }

    unsafe fn new_registry_key(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        key: OutRef<'_, IRegistryKey>,
        outer: In<'_, IUnknown>,
        kind: u32,
        _: u32,
        _: *mut c_void,
        _: u32,
        _: *mut u32,
    ) -> Status {
        host::called("IPort::NewRegistryKey", Level::PASSIVE, || {
            open_key(this.filter.device.get(), key, outer, kind)
        })
    }
}

impl IPortDMusClass for Port {
    fn notify(this: &ObjectRef<Self>, _: &mut Irql<Device>, group: In<'_, IServiceGroup>) {
        host::called("IPortDMus::Notify", Level::HIGH, || {
            if let Some(group) = &group
                && !this.filter.serves(group.as_raw())
            {
                host::breach("IPortDMus::Notify", "the group was never registered");
            }
            this.filter.notify(group);
        });
    }

    fn register_service_group(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        group: In<'_, IServiceGroup>,
    ) {
        host::called(
            "IPortDMus::RegisterServiceGroup",
            Level::PASSIVE,
            || match group {
                Some(group) => this.filter.join(&group),
                None => host::breach("IPortDMus::RegisterServiceGroup", "no group"),
            },
        );
    }
}

impl IUnregisterSubdeviceClass for Port {
    unsafe fn unregister_subdevice(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        device: *mut DeviceObject,
        unknown: In<'_, IUnknown>,
    ) -> Status {
        host::called(
            "IUnregisterSubdevice::UnregisterSubdevice",
            Level::PASSIVE,
            || {
                let device = super::current().and_then(|system| system.device_of(device));
                match (device, unknown) {
                    (Some(device), Some(port)) => device.unregister(port.as_raw()),
                    _ => Status::INVALID_PARAMETER,
                }
            },
        )
    }
}

impl IPortClsVersionClass for Port {
    fn get_version(_: &ObjectRef<Self>, _: &mut Irql<Passive>) -> u32 {
        host::called("IPortClsVersion::GetVersion", Level::PASSIVE, || LONGHORN)
    }
}

/// Opens the device's registry key (abi section 2.13: kinds 1 and 2; the rest are not modelled).
pub(crate) fn open_key(
    device: *mut DeviceObject,
    key: OutRef<'_, IRegistryKey>,
    outer: In<'_, IUnknown>,
    kind: u32,
) -> Status {
    let Some(mut out) = key else {
        return Status::INVALID_PARAMETER;
    };
    out.set(None);
    let Some(system) = super::current() else {
        return Status::UNSUCCESSFUL;
    };
    if outer.is_some() {
        return Status::NOT_SUPPORTED;
    }
    let Some(device) = system.device_of(device) else {
        return Status::INVALID_PARAMETER;
    };
    let Some(root) = device.key(kind) else {
        return Status::OBJECT_NAME_NOT_FOUND;
    };
    match RegistryKey::open(&system.ledger, &root) {
        Some(key) => {
            out.set(Some(key.into_interface()));
            Status::SUCCESS
        }
        None => Status::INSUFFICIENT_RESOURCES,
    }
}

/// The version that `IPortClsVersion` has reported since Windows Vista.
const LONGHORN: u32 = 14;
