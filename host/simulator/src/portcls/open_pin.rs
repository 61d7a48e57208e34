//! Opening a pin: limits, format, `NewStream`, connections (contract sections 5.6 to 5.8).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dmusmini::com::{ComRef, Out, Status};
use dmusmini::portcls::abi::{Communication, DataFlow, KsState, StreamType};
use dmusmini::portcls::guids::KSDATAFORMAT_TYPE_AUDIO;
use dmusmini::portcls::interfaces::{
    IAllocatorMxf, IMasterClock, IMxf, IServiceGroup, IServiceSink, ISynthSinkDMus,
};

use super::PortCls;
use super::allocator::{Allocator, Famine};
use super::capture::{Capture, CaptureSink, ServiceSink};
use super::client_buffer::Unpacker;
use super::descriptor::PinInfo;
use super::event_pool::EventPool;
use super::filter::FilterState;
use super::foreign::Foreign;
use super::format::Format;
use super::host;
use super::master_clock::MasterClock;
use super::pin::{Flow, PinState};
use super::render::{Render, Timing};

/// What NewStream answered.
struct Stream {
    mxf: Foreign<IMxf>,
    group: Option<ComRef<IServiceGroup>>,
    prefetch: u64,
}

/// Opens a pin on behalf of a client.
pub(crate) fn open(
    filter: &Rc<FilterState>,
    factory: u32,
    format: &Format,
) -> Result<Rc<PinState>, Status> {
    let system = filter.system.upgrade().ok_or(Status::DEVICE_REMOVED)?;
    let description = filter.description().ok_or(Status::INVALID_DEVICE_STATE)?;
    let index = usize::try_from(factory).map_err(|_| Status::INVALID_PARAMETER)?;
    let pin = description
        .pins
        .get(index)
        .ok_or(Status::INVALID_PARAMETER)?;
    admit(filter, factory, pin, format)?;
    let stream_type = stream_type_of(pin);
    let out_of_memory = Status::INSUFFICIENT_RESOURCES;
    let settings = &system.settings;
    let pool = Rc::new(EventPool::new(
        settings.buffer_size.get(),
        settings.event_limit.get(),
    ));
    let famine = Rc::new(Famine::default());
    let allocator = Allocator::make(&system.ledger, &pool, &famine).ok_or(out_of_memory)?;
    let clock = MasterClock::make(&system.ledger, &system.clock).ok_or(out_of_memory)?;
    let stream = new_stream(
        filter,
        factory,
        stream_type,
        format,
        &allocator.to_interface::<IAllocatorMxf>(),
        &clock.to_interface::<IMasterClock>(),
    )?;
    let state = Rc::new(PinState {
        filter: Rc::clone(filter),
        factory,
        format: format.clone(),
        stream_type,
        pool,
        famine,
        clock: Rc::clone(&system.clock),
        stream: RefCell::new(Some(stream.mxf.clone())),
        allocator: RefCell::new(Some(allocator)),
        master_clock: RefCell::new(Some(clock)),
        group: RefCell::new(stream.group.clone()),
        flow: RefCell::default(),
        state: Cell::new(KsState::STOP),
        resume: Cell::new(None),
        runs: Cell::new(0),
    });
    *filter.instances.borrow_mut().entry(factory).or_insert(0) += 1;
    let flow = flow_of(&system, &state, &stream);
    drop(stream);
    match flow {
        Ok(flow) => state.flow.replace(Some(flow)),
        Err(status) => {
            state.close();
            return Err(status);
        }
    };
    let connected = state.connect();
    if !connected.is_success() {
        host::breach(
            "IMXF::ConnectOutput",
            format!("on a new capture stream: {connected:?}"),
        );
    }
    let mut pins = filter.pins.borrow_mut();
    pins.retain(|pin| pin.strong_count() > 0);
    pins.push(Rc::downgrade(&state));
    drop(pins);
    Ok(state)
}

/// The checks that KS makes before the driver is asked.
fn admit(filter: &FilterState, factory: u32, pin: &PinInfo, format: &Format) -> Result<(), Status> {
    let instances = filter
        .instances
        .borrow()
        .get(&factory)
        .copied()
        .unwrap_or(0);
    if matches!(
        pin.communication,
        Communication::None | Communication::Bridge
    ) {
        return Err(Status::INVALID_DEVICE_REQUEST);
    }
    if instances >= pin.max_filter_instances.min(pin.max_global_instances) {
        return Err(Status::INSUFFICIENT_RESOURCES);
    }
    if !format.fits(pin) {
        return Err(Status::NO_MATCH);
    }
    Ok(())
}

/// The stream type that a pin's streams have.
fn stream_type_of(pin: &PinInfo) -> StreamType {
    let audio = pin
        .ranges
        .iter()
        .any(|range| range.head.major_format == KSDATAFORMAT_TYPE_AUDIO);
    match (pin.data_flow, audio) {
        (DataFlow::In, _) => StreamType::MIDI_RENDER,
        (DataFlow::Out, true) => StreamType::WAVE_SINK,
        (DataFlow::Out, false) => StreamType::MIDI_CAPTURE,
    }
}

/// `IMiniportDMus::NewStream`, with the rules for its results checked.
fn new_stream(
    filter: &FilterState,
    factory: u32,
    stream_type: StreamType,
    format: &Format,
    allocator: &ComRef<IAllocatorMxf>,
    clock: &ComRef<IMasterClock>,
) -> Result<Stream, Status> {
    const AT: &str = "IMiniportDMus::NewStream";
    let miniport = filter.miniport().ok_or(Status::INVALID_DEVICE_STATE)?;
    let format = format.block();
    let table = format
        .as_ref()
        .map_or(std::ptr::null_mut(), super::block::Block::pointer);
    let mut mxf: Option<ComRef<IMxf>> = None;
    let mut group: Option<ComRef<IServiceGroup>> = None;
    let mut prefetch = UNTOUCHED;
    let system = filter.system.upgrade();
    let aggregated = system.is_some_and(|system| system.settings.aggregated.get());
    let status = miniport.call(AT, |miniport| {
        // SAFETY: the format is null, or a block that outlives the call.
        unsafe {
            miniport.new_stream(
                &host::passive(),
                Some(Out::from_mut(&mut mxf)),
                aggregated.then(|| clock.unknown().borrow()),
                NON_PAGED_POOL,
                factory,
                stream_type,
                table,
                Some(Out::from_mut(&mut group)),
                Some(allocator.borrow()),
                Some(clock.borrow()),
                Some(Out::from_mut(&mut prefetch)),
            )
        }
    });
    let mxf = mxf.map(Foreign::adopt);
    if !status.is_success() {
        if mxf.is_some() || group.is_some() {
            host::breach(
                AT,
                "failed, but left a stream or a service group (contract 3)",
            );
        }
        return Err(status);
    }
    if prefetch == UNTOUCHED {
        host::breach(AT, "succeeded without setting SchedulePreFetch");
    }
    let Some(mxf) = mxf else {
        host::breach(AT, "succeeded without a stream");
        return Err(Status::UNSUCCESSFUL);
    };
    if mxf.identity().address() != mxf.address() {
        host::breach(AT, "the stream's IMXF is not its IUnknown (contract 3)");
    }
    Ok(Stream {
        mxf,
        group,
        prefetch,
    })
}

/// What the port puts behind a new stream.
fn flow_of(system: &Rc<PortCls>, pin: &Rc<PinState>, stream: &Stream) -> Result<Flow, Status> {
    let settings = &system.settings;
    match pin.stream_type {
        StreamType::MIDI_RENDER => {
            if stream.group.is_some() {
                host::breach(
                    "IMiniportDMus::NewStream",
                    "a render stream with a service group",
                );
            }
            let timing = Timing {
                prefetch: stream.prefetch,
                tick: settings.sequencer_tick.get(),
                chained: settings.chained.get(),
            };
            let render = Render::new(
                stream.mxf.clone(),
                &pin.pool,
                &pin.clock,
                &system.alarms,
                &timing,
            );
            let unpacker = RefCell::new(Unpacker::new(pin.pool.buffer_size()));
            Ok(Flow::Render { render, unpacker })
        }
        StreamType::WAVE_SINK => stream
            .mxf
            .query::<ISynthSinkDMus>()
            .map(Flow::Wave)
            .ok_or(Status::INVALID_DEVICE_REQUEST),
        _ => {
            let capture = Capture::new(&pin.pool, pin.format.packing());
            let out_of_memory = Status::INSUFFICIENT_RESOURCES;
            let sink = CaptureSink::make(&system.ledger, &capture).ok_or(out_of_memory)?;
            let mut member = None;
            if let Some(group) = &stream.group
                && !pin.filter.serves(group.as_raw())
            {
                let own = ServiceSink::make(&system.ledger, Rc::downgrade(pin), PinState::service)
                    .ok_or(out_of_memory)?;
                group
                    .add_member(&host::passive(), Some(own.interface::<IServiceSink>()))
                    .ok()?;
                member = Some(own);
            }
            Ok(Flow::Capture {
                capture,
                sink,
                member,
            })
        }
    }
}

/// What the port passes; the driver must use non-executable memory all the same (contract 5.6).
const NON_PAGED_POOL: i32 = 0;
const UNTOUCHED: u64 = 0x5A5A_5A5A_5A5A_5A5A;
