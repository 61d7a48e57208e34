//! PortCls' own DMusUART miniport, as `PcNewMiniport` makes it: a minimal one that really drives the
//! chip.
//!
//! It is system code, so its memory is not the driver's, and its calls are not the driver's calls.
//! Its faults are those of its kind: one time stamp for all bytes of a service call, raw capture
//! events, bytes that a full ring drops. What matters is that an adapter which asks for it gets a
//! working device.

mod chip;
mod stream;
mod tables;

use std::cell::RefCell;
use std::ffi::c_void;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{ComRef, Guid, IUnknown, ObjectRef, Out, Status};
use dmusmini::irql::{Dispatch, Irql, Passive};
use dmusmini::portcls::abi::{
    FilterDescriptor, KsDataRange, PartialResourceDescriptor, StreamType, resource_type,
};
use dmusmini::portcls::event;
use dmusmini::portcls::guids::{
    CLSID_MINIPORT_DRIVER_DMUS_UART, CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE,
};
use dmusmini::portcls::interfaces::{
    IAllocatorMxf, IInterruptSync, IMasterClock, IMiniport, IMiniportClass, IMiniportDMus,
    IMiniportDMusClass, IMxf, IPortDMus, IResourceList, IServiceGroup, In, OutRef,
};

use super::PortCls;
use super::foreign::Foreign;
use super::ledger::Receipt;
use super::one_thread::OneThread;
use super::service_group::ServiceGroup;
use crate::inside::outside;
use chip::Chip;
use stream::Stream;

/// What Init made.
struct Started {
    chip: Rc<Chip>,
    group: ComRef<IServiceGroup>,
    /// Held as any miniport holds its port.
    _port: ComRef<IPortDMus>,
}

struct BuiltInUart {
    system: OneThread<Rc<PortCls>>,
    started: OneThread<RefCell<Option<Started>>>,
    _receipt: OneThread<Receipt>,
}

class!(BuiltInUart: 0 => IMiniportDMus(IMiniport));

/// Makes the miniport for either of its class identifiers.
pub(crate) fn make(system: &Rc<PortCls>, class: &Guid) -> Result<ComRef<IMiniport>, Status> {
    let known = [
        CLSID_MINIPORT_DRIVER_DMUS_UART,
        CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE,
    ];
    if !known.contains(class) {
        return Err(Status::INVALID_DEVICE_REQUEST);
    }
    let miniport = system
        .ledger
        .make("IMiniportDMus (built in)", |receipt| BuiltInUart {
            system: OneThread::new(Rc::clone(system)),
            started: OneThread::new(RefCell::default()),
            _receipt: OneThread::new(receipt),
        });
    miniport
        .map(ObjectRef::into_interface)
        .ok_or(Status::INSUFFICIENT_RESOURCES)
}

impl Drop for BuiltInUart {
    fn drop(&mut self) {
        outside(|| {
            let started = self.started.take();
            if let Some(started) = &started {
                started.chip.disconnect();
            }
            drop(started);
        });
    }
}

/// The n-th entry of a type.
fn entry(
    irql: &Irql<Passive>,
    resources: &ComRef<IResourceList>,
    kind: u32,
) -> Option<PartialResourceDescriptor> {
    let entry = resources.find_translated_entry(irql, kind, 0)?;
    // SAFETY: the list's entries live as long as the list, which is borrowed.
    Some(unsafe { entry.read() })
}

impl BuiltInUart {
    fn start(
        &self,
        irql: &Irql<Passive>,
        resources: In<'_, IResourceList>,
        port: In<'_, IPortDMus>,
    ) -> Result<ComRef<IServiceGroup>, Status> {
        let resources = resources.ok_or(Status::DEVICE_CONFIGURATION_ERROR)?;
        let port = port.ok_or(Status::INVALID_PARAMETER)?;
        let ports = entry(irql, &resources, resource_type::PORT)
            .ok_or(Status::DEVICE_CONFIGURATION_ERROR)?;
        let [base, ..] = ports.data;
        let base = u16::try_from(base).map_err(|_| Status::DEVICE_CONFIGURATION_ERROR)?;
        let group = ServiceGroup::make(&self.system.ledger, &self.system.alarms)
            .ok_or(Status::INSUFFICIENT_RESOURCES)?
            .into_interface::<IServiceGroup>();
        port.register_service_group(irql, Some(group.borrow()));
        let chip = Chip::new(base, &self.system, &port.to_owned(), &group);
        if !chip.reset() {
            return Err(Status::IO_DEVICE_ERROR);
        }
        if let Some(interrupt) = entry(irql, &resources, resource_type::INTERRUPT) {
            let [_, vector, ..] = interrupt.data;
            chip.connect(vector)?;
        }
        let started = Started {
            chip,
            group: group.clone(),
            _port: port.to_owned(),
        };
        self.started.replace(Some(started));
        Ok(group)
    }
}

impl IMiniportClass for BuiltInUart {
    fn get_description(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        description: Option<Out<'_, *const FilterDescriptor>>,
    ) -> Status {
        let Some(mut description) = description else {
            return Status::INVALID_PARAMETER;
        };
        description.set(&raw const tables::DESCRIPTOR);
        Status::SUCCESS
    }

    unsafe fn data_range_intersection(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: u32,
        _: *const KsDataRange,
        _: *const KsDataRange,
        _: u32,
        _: *mut c_void,
        _: Option<Out<'_, u32>>,
    ) -> Status {
        Status::NOT_IMPLEMENTED
    }
}

impl IMiniportDMusClass for BuiltInUart {
    fn init(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        adapter: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
        port: In<'_, IPortDMus>,
        service_group: OutRef<'_, IServiceGroup>,
    ) -> Status {
        outside(|| {
            let Some(mut out) = service_group else {
                return Status::INVALID_PARAMETER;
            };
            out.set(None);
            // The page of `IMiniportDMus::Init` has an adapter asked for its interrupt, and an interrupt
            // object made only where there is no adapter.
            if let Some(adapter) = adapter
                && Foreign::keep(&adapter)
                    .query_optional::<IInterruptSync>()
                    .is_none()
            {
                return Status::NOT_IMPLEMENTED;
            }
            match this.start(irql, resources, port) {
                Ok(group) => {
                    out.set(Some(group));
                    Status::SUCCESS
                }
                Err(status) => status,
            }
        })
    }

    fn service(_: &ObjectRef<Self>, _: &mut Irql<Dispatch>) {}

    unsafe fn new_stream(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        mxf: OutRef<'_, IMxf>,
        _: In<'_, IUnknown>,
        _: i32,
        _: u32,
        stream_type: StreamType,
        _: *const KsDataRange,
        service_group: OutRef<'_, IServiceGroup>,
        allocator: In<'_, IAllocatorMxf>,
        clock: In<'_, IMasterClock>,
        schedule_prefetch: Option<Out<'_, u64>>,
    ) -> Status {
        outside(|| {
            let (Some(mut mxf), Some(mut group), Some(mut prefetch)) =
                (mxf, service_group, schedule_prefetch)
            else {
                return Status::INVALID_PARAMETER;
            };
            mxf.set(None);
            group.set(None);
            prefetch.set(0);
            let (Some(allocator), Some(clock)) = (allocator, clock) else {
                return Status::INVALID_PARAMETER;
            };
            let started = this.started.borrow();
            let Some(started) = &*started else {
                return Status::INVALID_DEVICE_STATE;
            };
            let capture = stream_type == StreamType::MIDI_CAPTURE;
            if stream_type == StreamType::WAVE_SINK || (capture && started.chip.is_captured()) {
                return Status::INVALID_DEVICE_REQUEST;
            }
            let allocator = event::Allocator::new(irql, allocator);
            let chip = &started.chip;
            let Some(stream) = Stream::make(&this.system.ledger, chip, allocator, capture) else {
                return Status::INSUFFICIENT_RESOURCES;
            };
            if capture {
                chip.capture(Some(clock.to_owned()));
                group.set(Some(started.group.clone()));
            }
            mxf.set(Some(stream.into_interface()));
            Status::SUCCESS
        })
    }
}
