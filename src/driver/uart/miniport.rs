//! The miniport of the MPU-401 subdevice (contract section 5).
#![expect(unsafe_code, reason = "ports, and what the port calls")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicU8, Ordering};

use super::Uart;
use super::capture::CaptureStream;
use super::chip::GuardedPorts;
use super::filter::{self, Pin};
use super::render::RenderStream;
use super::resources::{new_service_group, port_base};
use super::ties::Ties;
use crate::class;
use crate::com::{ComRef, IUnknown, Object, ObjectRef, Out, Status};
use crate::driver::adapter::Adapter;
use crate::driver::settings::Settings;
use crate::irql::{Device, Dispatch, Irql, Passive};
use crate::kernel::deferral::{Defer, Deferral};
use crate::kernel::interrupt::ServiceRoutine;
use crate::kernel::once::SetOnce;
use crate::kernel::port_io::IoPorts;
use crate::kernel::timer::{Expire, Timer};
use crate::portcls::abi::{FilterDescriptor, KsDataRange, PowerState, StreamType, resource_type};
use crate::portcls::event::Allocator;
use crate::portcls::interfaces::{
    IAllocatorMxf, IMasterClock, IMiniport, IMiniportClass, IMiniportDMus, IMiniportDMusClass,
    IMxf, IPortDMus, IPowerNotify, IPowerNotifyClass, IResourceList, IServiceGroup, In, OutRef,
};
use crate::trace::{self, Event};

/// The miniport.
#[derive(Debug)]
pub struct UartMiniport {
    adapter: ObjectRef<Adapter>,
    /// The device's settings.
    pub settings: Settings,
    uart: SetOnce<Uart>,
    /// Which streams exist: a bit each.
    streams: AtomicU8,
}

class!(UartMiniport: 0 => IMiniportDMus(IMiniport), 1 => IPowerNotify);

/// Makes the miniport; the chip is touched by Init.
///
/// # Errors
///
/// [`Status::INSUFFICIENT_RESOURCES`].
pub fn create(
    _irql: &Irql<Passive>,
    adapter: &ObjectRef<Adapter>,
    settings: &Settings,
) -> Result<ObjectRef<UartMiniport>, Status> {
    let miniport = UartMiniport {
        adapter: adapter.clone(),
        settings: *settings,
        uart: SetOnce::new(),
        streams: AtomicU8::new(0),
    };
    Object::try_new(miniport).map_err(|_| Status::INSUFFICIENT_RESOURCES)
}

impl UartMiniport {
    /// The chip, once Init has succeeded.
    pub fn uart(&self) -> Option<&Uart> {
        self.uart.get()
    }

    fn initialise(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        resources: In<'_, IResourceList>,
        port: In<'_, IPortDMus>,
    ) -> Result<ComRef<IServiceGroup>, Status> {
        let resources = resources.ok_or(Status::DEVICE_CONFIGURATION_ERROR)?;
        let port = port.ok_or(Status::INVALID_PARAMETER)?;
        let base = port_base(irql, &resources)?;
        let group = new_service_group()?;
        // Before the interrupt can come, so that the first one finds the port's sink registered.
        port.register_service_group(irql, Some(group.borrow()));
        let device = this.adapter.device().ok_or(Status::INVALID_DEVICE_STATE)?;
        let ties = Ties::try_new(irql, port.to_owned(), group.clone(), resources.to_owned())?;
        let deferral = Deferral::try_new(irql, device, this)?;
        let timer = Timer::try_new(irql, this)?;
        // SAFETY: the resource list gave these two ports to the device, which starts now; the
        // miniport dies before the device is stopped.
        let ports = GuardedPorts::new(unsafe { IoPorts::new(base) }, this.adapter.clone());
        let uart = Uart::new(ties, timer, deferral, base, ports, &this.settings);
        let uart = this.uart.set(uart).map_err(|uart| {
            uart.timer.delete(irql);
            Status::INVALID_DEVICE_STATE
        })?;
        uart.place();
        let listed = resources.number_of_entries_of_type(irql, resource_type::INTERRUPT) == 1;
        let begun = uart.begin(this, irql, listed);
        if begun.is_err() {
            // Now, and not at the miniport's end, which may be the port's: and that we keep.
            uart.shut_down(irql);
        }
        begun.map(|()| group)
    }

    /// Ends all that Init has begun, and gives PortCls' objects back, the port among them; more than
    /// once is no more than once.
    pub fn shut_down(&self, irql: &mut Irql<Passive>) {
        if let Some(uart) = self.uart.get() {
            uart.shut_down(irql);
        }
    }

    fn open_stream(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        request: &StreamRequest<'_>,
    ) -> Result<Opened, Status> {
        let uart = this.uart().ok_or(Status::INVALID_DEVICE_STATE)?;
        let pin = Pin::of_stream(request.pin, request.stream_type)
            .ok_or(Status::INVALID_DEVICE_REQUEST)?;
        if request.outer.is_some() {
            return Err(Status::INVALID_PARAMETER);
        }
        let allocator = request.allocator.ok_or(Status::INVALID_PARAMETER)?;
        let clock = request.clock.ok_or(Status::INVALID_PARAMETER)?;
        let claim = Claim::take(this, pin).ok_or(Status::INVALID_DEVICE_REQUEST)?;
        if claim.first {
            uart.renew(irql);
        } else {
            uart.revive(irql);
        }
        if uart.has_failed(irql) {
            return Err(Status::IO_DEVICE_ERROR);
        }
        let allocator = Allocator::new(irql, allocator);
        match pin.lane() {
            Some(lane) => Ok(Opened {
                mxf: RenderStream::open(irql, claim, lane, allocator, clock)?,
                group: None,
            }),
            None => Ok(Opened {
                mxf: CaptureStream::open(irql, claim, allocator, clock)?,
                group: uart.group(irql),
            }),
        }
    }
}

/// A stream's place on its pin, with the reference that keeps the miniport.
#[derive(Debug)]
pub struct Claim {
    miniport: ObjectRef<UartMiniport>,
    pin: Pin,
    /// There was no other stream.
    first: bool,
}

impl Claim {
    fn take(miniport: &ObjectRef<UartMiniport>, pin: Pin) -> Option<Self> {
        let before = miniport.streams.fetch_or(pin.bit(), Ordering::AcqRel);
        (before & pin.bit() == 0).then(|| Self {
            miniport: miniport.clone(),
            pin,
            first: before == 0,
        })
    }

    /// The miniport.
    #[must_use]
    pub const fn miniport(&self) -> &ObjectRef<UartMiniport> {
        &self.miniport
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.miniport
            .streams
            .fetch_and(!self.pin.bit(), Ordering::AcqRel);
    }
}

/// What NewStream was asked for.
struct StreamRequest<'a> {
    outer: In<'a, IUnknown>,
    pin: u32,
    stream_type: StreamType,
    allocator: In<'a, IAllocatorMxf>,
    clock: In<'a, IMasterClock>,
}

/// What NewStream answers.
struct Opened {
    mxf: ComRef<IMxf>,
    group: Option<ComRef<IServiceGroup>>,
}

impl IMiniportClass for UartMiniport {
    fn get_description(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        description: Option<Out<'_, *const FilterDescriptor>>,
    ) -> Status {
        let _ = (this, irql);
        let Some(mut description) = description else {
            return Status::INVALID_PARAMETER;
        };
        description.set(&raw const filter::DESCRIPTOR);
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
        // The port's default serves MIDI formats (contract section 5.3).
        Status::NOT_IMPLEMENTED
    }
}

impl IMiniportDMusClass for UartMiniport {
    fn init(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        _adapter: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
        port: In<'_, IPortDMus>,
        service_group: OutRef<'_, IServiceGroup>,
    ) -> Status {
        let Some(mut service_group) = service_group else {
            return Status::INVALID_PARAMETER;
        };
        service_group.set(None);
        match Self::initialise(this, irql, resources, port) {
            Ok(group) => {
                service_group.set(Some(group));
                Status::SUCCESS
            }
            Err(status) => {
                trace::emit(Event::InitFailed { status });
                status
            }
        }
    }

    fn service(_: &ObjectRef<Self>, _: &mut Irql<Dispatch>) {
        // The DMus port calls the capture stream's PutMessage(NULL) instead (contract 5.5).
    }

    unsafe fn new_stream(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        mxf: OutRef<'_, IMxf>,
        outer: In<'_, IUnknown>,
        _pool_type: i32,
        pin: u32,
        stream_type: StreamType,
        _format: *const KsDataRange,
        service_group: OutRef<'_, IServiceGroup>,
        allocator: In<'_, IAllocatorMxf>,
        clock: In<'_, IMasterClock>,
        schedule_prefetch: Option<Out<'_, u64>>,
    ) -> Status {
        let (Some(mut mxf), Some(mut group), Some(mut prefetch)) =
            (mxf, service_group, schedule_prefetch)
        else {
            return Status::INVALID_PARAMETER;
        };
        mxf.set(None);
        group.set(None);
        // Events come at their presentation time: the port's sequencer does the timing.
        prefetch.set(0);
        let request = StreamRequest {
            outer,
            pin,
            stream_type,
            allocator,
            clock,
        };
        match Self::open_stream(this, irql, &request) {
            Ok(opened) => {
                group.set(opened.group);
                mxf.set(Some(opened.mxf));
                trace::emit(Event::StreamOpened { pin });
                Status::SUCCESS
            }
            Err(status) => {
                trace::emit(Event::StreamRefused { pin, status });
                status
            }
        }
    }
}

impl IPowerNotifyClass for UartMiniport {
    fn power_change_notify(this: &ObjectRef<Self>, irql: &mut Irql<Passive>, state: PowerState) {
        let Some(uart) = this.uart() else {
            return;
        };
        if state == PowerState::D0 {
            // What was queued goes on, or waits on for a chip that failed; that is traced.
            let _ = uart.open(irql);
        } else {
            uart.close(irql);
        }
    }
}

impl Expire for UartMiniport {
    fn expire(this: &ObjectRef<Self>, irql: &mut Irql<Dispatch>) {
        if let Some(uart) = this.uart() {
            uart.tick(irql);
        }
    }
}

impl ServiceRoutine for UartMiniport {
    fn interrupt(this: &ObjectRef<Self>, irql: &mut Irql<Device>) -> bool {
        let Some(uart) = this.uart() else {
            return false;
        };
        // SAFETY: this is the service routine that `attach` registered.
        let found = unsafe {
            uart.device
                .in_service_routine(|state| state.interrupt(irql))
        };
        let Some(interrupted) = found else {
            return false;
        };
        uart.interrupted(irql, interrupted);
        interrupted.serviced.taken > 0
    }
}

impl Defer for UartMiniport {
    fn deferral(&self) -> Option<&Deferral> {
        self.uart().map(|uart| &uart.deferral)
    }

    fn call(this: &ObjectRef<Self>, irql: &mut Irql<Dispatch>) {
        if let Some(uart) = this.uart() {
            uart.deferred(irql);
        }
    }

    fn work(this: &ObjectRef<Self>, irql: &mut Irql<Passive>) {
        if let Some(uart) = this.uart() {
            uart.settle(this, irql);
            uart.retry(this, irql);
        }
    }
}

impl Drop for UartMiniport {
    fn drop(&mut self) {
        // SAFETY: the port releases its miniport at PASSIVE, and streams, which hold references to
        // it, are released at PASSIVE too (contract section 4).
        let mut irql = unsafe { Irql::<Passive>::assume() };
        self.shut_down(&mut irql);
    }
}
