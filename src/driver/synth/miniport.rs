//! The synthesizer's `IMiniportDMus` object (contract section 5). PASSIVE throughout.
#![expect(unsafe_code, reason = "the port's formats and buffers")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

use super::budget::Budget;
use super::filter::{DESCRIPTOR, MAX_CHANNELS, MAX_RATE, MIN_RATE, Pin, WAVE_PIN};
use super::stream::SynthStream;
use super::streams::Streams;
use crate::class;
use crate::com::{ComRef, IUnknown, Object, ObjectRef, Out, Status};
use crate::driver::port_ref::PortRef;
use crate::driver::settings::Settings;
use crate::irql::{AtMost, Dispatch, Irql, Locked, Passive};
use crate::kernel::clock::interrupt_time;
use crate::kernel::spinlock::SpinLock;
use crate::portcls::abi::{
    DONT_HOLD_FOR_SEQUENCING, DmusKernelEvent, FilterDescriptor, KsDataRange, StreamType,
};
use crate::portcls::event::Allocator;
use crate::portcls::format::{self, WaveFormat, WaveRange};
use crate::portcls::interfaces::{
    IAllocatorMxf, IMasterClock, IMiniport, IMiniportClass, IMiniportDMus, IMiniportDMusClass,
    IMxf, IPortDMus, IResourceList, IServiceGroup, In, OutRef,
};
use crate::time::RefTime;
use crate::trace::{self, Event};

/// The synthesizer's miniport.
#[derive(Debug)]
pub struct SynthMiniport {
    settings: Settings,
    budget: ObjectRef<Budget>,
    /// Where the handles of the next engine's downloads begin.
    handle_seed: AtomicU32,
    streams: SpinLock<Streams>,
    port: PortRef,
}

class!(SynthMiniport: 0 => IMiniportDMus(IMiniport); place);

/// Makes the miniport.
///
/// # Errors
///
/// [`Status::INSUFFICIENT_RESOURCES`].
pub fn create(_: &Irql<Passive>, settings: &Settings) -> Result<ObjectRef<SynthMiniport>, Status> {
    let miniport = SynthMiniport {
        settings: *settings,
        budget: Budget::create(settings.download_quota)?,
        handle_seed: AtomicU32::new(seed_of(interrupt_time())),
        streams: SpinLock::new(Streams::default()),
        port: PortRef::none(),
    };
    Object::try_new(miniport).map_err(|_| Status::INSUFFICIENT_RESOURCES)
}

/// What an event that waits counts for, at least.
const LEAST_EVENT_BYTES: u64 = size_of::<DmusKernelEvent>() as u64;

/// The fast part of a time.
fn seed_of(RefTime(time): RefTime) -> u32 {
    let [a, b, c, d, ..] = time.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Odd, so that 65,536 steps come to as many numbers, and large, so that a slot's generations do
/// not soon run into those of another engine.
const SEED_STEP: u32 = 0x9E37;

/// What the wave pin takes.
const WAVE_RANGE: WaveRange = WaveRange {
    min_rate: MIN_RATE,
    max_rate: MAX_RATE,
    max_channels: MAX_CHANNELS,
};

impl SynthMiniport {
    fn place(&self) {
        self.streams.initialise();
    }

    /// The device goes: gives the port back.
    pub fn shut_down(&self, irql: &Irql<Passive>) {
        self.port.let_go(irql);
    }

    /// The settings of the device.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What all pins of the device may hold together.
    #[must_use]
    pub const fn budget(&self) -> &ObjectRef<Budget> {
        &self.budget
    }

    /// Events that may wait on one pin: as many as the registry says, but no more than could ever
    /// wait, for each of them counts against the device's total.
    #[must_use]
    pub fn event_capacity(&self) -> u32 {
        let most = self.budget.limit() / LEAST_EVENT_BYTES;
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        self.settings.event_queue.min(most)
    }

    /// Where the handles of a new engine's downloads begin: elsewhere than those of the 65,535
    /// engines before, and at a place that depends on when the device was started. So a number
    /// that a client has from another engine names nothing in its own, unless by a rare chance.
    pub fn next_handle_seed(&self) -> u16 {
        let seed = self.handle_seed.fetch_add(SEED_STEP, Ordering::Relaxed);
        let [.., high, low] = seed.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The format that the synthesizer prefers, and has while no wave pin says another.
    #[must_use]
    pub const fn preferred_format(&self) -> WaveFormat {
        WaveFormat {
            sample_rate: self.settings.sample_rate,
            channels: 2,
        }
    }

    /// Works on the table of streams; never allocate or free in there.
    pub fn with_streams<L: AtMost<Dispatch>, R>(
        &self,
        irql: &mut Irql<L>,
        work: impl FnOnce(&mut Streams, &mut Irql<Locked>) -> R,
    ) -> R {
        self.streams.with(irql, work)
    }
}

impl IMiniportClass for SynthMiniport {
    fn get_description(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        description: Option<Out<'_, *const FilterDescriptor>>,
    ) -> Status {
        let Some(mut description) = description else {
            return Status::INVALID_PARAMETER;
        };
        description.set(&raw const DESCRIPTOR);
        Status::SUCCESS
    }

    unsafe fn data_range_intersection(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        pin: u32,
        client: *const KsDataRange,
        _: *const KsDataRange,
        output_length: u32,
        output: *mut c_void,
        needed: Option<Out<'_, u32>>,
    ) -> Status {
        let Some(mut needed) = needed else {
            return Status::INVALID_PARAMETER;
        };
        needed.set(0);
        if pin != WAVE_PIN {
            // The port's own intersection is right for MIDI.
            return Status::NOT_IMPLEMENTED;
        }
        let preferred = this.preferred_format();
        // SAFETY: promised by the caller: a checked data range, and a buffer of this length.
        let result = unsafe {
            format::intersect(client, WAVE_RANGE, preferred, output_length, output, needed)
        };
        result.into()
    }
}

impl IMiniportDMusClass for SynthMiniport {
    fn init(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _adapter: In<'_, IUnknown>,
        _resources: In<'_, IResourceList>,
        port: In<'_, IPortDMus>,
        service_group: OutRef<'_, IServiceGroup>,
    ) -> Status {
        if let Some(mut service_group) = service_group {
            service_group.set(None);
        }
        // A synthesizer has no interrupt, so it never notifies its port. But the port must outlive
        // what its pins do here, and `PcRegisterSubdevice` need not keep it (contract section 3).
        let Some(port) = port else {
            return Status::INVALID_PARAMETER;
        };
        match this.port.keep(port.to_owned()) {
            Ok(()) => Status::SUCCESS,
            Err(_) => Status::INVALID_DEVICE_STATE,
        }
    }

    fn service(_: &ObjectRef<Self>, _: &mut Irql<Dispatch>) {}

    unsafe fn new_stream(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        mxf: OutRef<'_, IMxf>,
        outer: In<'_, IUnknown>,
        // Non-paged and not executable whatever the port says (contract section 5.6).
        _pool_type: i32,
        pin: u32,
        stream_type: StreamType,
        format: *const KsDataRange,
        service_group: OutRef<'_, IServiceGroup>,
        allocator: In<'_, IAllocatorMxf>,
        clock: In<'_, IMasterClock>,
        schedule_prefetch: Option<Out<'_, u64>>,
    ) -> Status {
        let (Some(mut mxf), Some(mut service_group), Some(mut schedule_prefetch)) =
            (mxf, service_group, schedule_prefetch)
        else {
            return Status::INVALID_PARAMETER;
        };
        mxf.set(None);
        service_group.set(None);
        schedule_prefetch.set(0);
        // INVARIANT: promised by the caller.
        let request = Request {
            pin,
            stream_type,
            format,
            aggregated: outer.is_some(),
            allocator,
            clock,
        };
        match open(this, irql, &request) {
            Ok(stream) => {
                mxf.set(Some(stream));
                // The synthesizer schedules by itself.
                schedule_prefetch.set(DONT_HOLD_FOR_SEQUENCING);
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

/// What NewStream asks for.
///
/// # Invariants
///
/// `format` is null or a data format of the size that it says.
#[derive(Debug)]
struct Request<'a> {
    pin: u32,
    stream_type: StreamType,
    format: *const KsDataRange,
    aggregated: bool,
    allocator: In<'a, IAllocatorMxf>,
    clock: In<'a, IMasterClock>,
}

impl Request<'_> {
    /// The format that a wave pin is opened with.
    fn wave_format(&self) -> Result<WaveFormat, Status> {
        // SAFETY: by the invariant.
        unsafe { WaveFormat::read(self.format, WAVE_RANGE) }
    }
}

/// The checks of contract section 5.6, in its order, and the stream.
fn open(
    miniport: &ObjectRef<SynthMiniport>,
    irql: &mut Irql<Passive>,
    request: &Request<'_>,
) -> Result<ComRef<IMxf>, Status> {
    let pin =
        Pin::of_stream(request.pin, request.stream_type).ok_or(Status::INVALID_DEVICE_REQUEST)?;
    if request.aggregated {
        return Err(Status::INVALID_PARAMETER);
    }
    let allocator = request.allocator.map(|mxf| Allocator::new(irql, mxf));
    if pin == Pin::Wave {
        let clock = request.clock.ok_or(Status::INVALID_PARAMETER)?;
        let format = request.wave_format()?;
        SynthStream::open_wave(irql, miniport, format, allocator, clock)
    } else {
        let allocator = allocator.ok_or(Status::INVALID_PARAMETER)?;
        let clock = request.clock.ok_or(Status::INVALID_PARAMETER)?;
        SynthStream::open_midi(irql, miniport, pin, allocator, clock)
    }
}
