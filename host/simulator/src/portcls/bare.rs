//! Calls of a miniport that the port never makes: with things missing, or that do not fit together.

use dmusmini::com::{ComRef, Out, Status};
use dmusmini::portcls::abi::StreamType;
use dmusmini::portcls::interfaces::{
    IAllocatorMxf, IMasterClock, IMxf, IResourceList, IServiceGroup,
};

use super::allocator::{Allocator, Famine};
use super::event_pool::EventPool;
use super::filter::FilterState;
use super::foreign::Foreign;
use super::host;
use super::master_clock::MasterClock;
use super::resources::{ResourceList, Resources};

/// A bare `NewStream` call.
#[derive(Clone, Copy, Debug)]
pub struct BareStream {
    /// The pin's number.
    pub pin: u32,
    /// The type of stream.
    pub stream_type: StreamType,
    /// There is an allocator.
    pub allocator: bool,
    /// There is a master clock.
    pub clock: bool,
    /// There is room for the results.
    pub results: bool,
}

impl BareStream {
    /// A call with all that belongs to it.
    #[must_use]
    pub fn of(pin: u32, stream_type: StreamType) -> Self {
        Self {
            pin,
            stream_type,
            allocator: true,
            clock: true,
            results: true,
        }
    }
}

/// The miniport's answer to a bare `NewStream` call; the stream that it made, if it did, is let go.
pub(crate) fn new_stream(filter: &FilterState, call: BareStream) -> Status {
    const AT: &str = "IMiniportDMus::NewStream";
    const DIRTY: u64 = 0x5A5A_5A5A_5A5A_5A5A;
    let (Some(system), Some(miniport)) = (filter.system.upgrade(), filter.miniport()) else {
        return Status::INVALID_DEVICE_STATE;
    };
    let pool = std::rc::Rc::new(EventPool::new(1_024, 16));
    let famine = std::rc::Rc::new(Famine::default());
    let (Some(allocator), Some(clock)) = (
        Allocator::make(&system.ledger, &pool, &famine),
        MasterClock::make(&system.ledger, &system.clock),
    ) else {
        return Status::INSUFFICIENT_RESOURCES;
    };
    let allocator = allocator.to_interface::<IAllocatorMxf>();
    let clock = clock.to_interface::<IMasterClock>();
    let mut mxf: Option<ComRef<IMxf>> = None;
    let mut group: Option<ComRef<IServiceGroup>> = None;
    let mut prefetch = DIRTY;
    let status = miniport.call(AT, |miniport| {
        let (mxf, group, prefetch) = (
            Out::from_mut(&mut mxf),
            Out::from_mut(&mut group),
            Out::from_mut(&mut prefetch),
        );
        // SAFETY: there is no format, and the rest is alive or absent.
        unsafe {
            miniport.new_stream(
                &host::passive(),
                call.results.then_some(mxf),
                None,
                0,
                call.pin,
                call.stream_type,
                std::ptr::null_mut(),
                call.results.then_some(group),
                call.allocator.then(|| allocator.borrow()),
                call.clock.then(|| clock.borrow()),
                call.results.then_some(prefetch),
            )
        }
    });
    let made = mxf.map(Foreign::adopt);
    if status.is_success() != made.is_some() || (!status.is_success() && group.is_some()) {
        host::breach(
            AT,
            format!("{status:?} and its results do not agree (contract 3)"),
        );
    }
    if call.results && prefetch == DIRTY {
        host::breach(AT, "SchedulePreFetch was not set (contract 5.6)");
    }
    drop(group);
    drop(made);
    status
}

/// The miniport's answer to `GetDescription` with null.
pub(crate) fn get_description(filter: &FilterState) -> Status {
    filter
        .miniport()
        .map_or(Status::INVALID_DEVICE_STATE, |miniport| {
            miniport.call("IMiniport::GetDescription", |miniport| {
                miniport.get_description(&host::passive(), None)
            })
        })
}

/// The miniport's answer to `Init` without a port, and without a resource list or with an empty one.
pub(crate) fn init(filter: &FilterState, list: bool, group: bool) -> Status {
    const AT: &str = "IMiniportDMus::Init";
    let (Some(system), Some(miniport)) = (filter.system.upgrade(), filter.miniport()) else {
        return Status::INVALID_DEVICE_STATE;
    };
    let Some(resources) = ResourceList::make(&system.ledger, &Resources::none()) else {
        return Status::INSUFFICIENT_RESOURCES;
    };
    let resources = resources.to_interface::<IResourceList>();
    let mut result: Option<ComRef<IServiceGroup>> = None;
    let status = miniport.call(AT, |miniport| {
        let room = Out::from_mut(&mut result);
        let list = list.then(|| resources.borrow());
        miniport.init(&host::passive(), None, list, None, group.then_some(room))
    });
    if result.is_some() {
        host::breach(AT, "failed, but left a service group");
    }
    status
}
