//! DirectMusic events as values that have an owner (contract section 6).
//!
//! An event belongs to one component at a time. [`Event`] is that ownership for one event,
//! [`EventChain`] for a queue of them, and [`Allocator`] is where they come from and go back to.
//! Going back needs the allocator's own lock, so it is an explicit call made with no lock held,
//! and not a drop: dropping an event that was not given back is a leak, which every scenario's
//! closing check finds.
#![expect(unsafe_code, reason = "walks chains of foreign events")]

mod backlog;

pub use backlog::{Backlog, RawChain, Step};

use core::fmt;
use core::ptr::NonNull;

use super::abi::{DmusEventData, DmusKernelEvent, SHORT_EVENT_BYTES, event_flags};
use super::interfaces::{IAllocatorMxf, IMxf};
use crate::com::{Borrowed, ComRef, Out, Status};
use crate::irql::{AtMost, Device, Dispatch, Irql};
use crate::time::RefTime;

/// One event of ours, in no chain.
///
/// # Invariants
///
/// The event is alive, belongs to us alone, and its `next` is null.
#[must_use = "an event must be passed on or given back to its allocator"]
pub struct Event {
    raw: NonNull<DmusKernelEvent>,
}

// SAFETY: an event is plain memory with one owner.
unsafe impl Send for Event {}

impl Event {
    /// Takes over one event that is in no chain.
    ///
    /// # Safety
    ///
    /// `raw` is an event that the caller owns and gives up; `next` is null.
    pub const unsafe fn from_raw(raw: NonNull<DmusKernelEvent>) -> Self {
        Self { raw }
    }

    /// Gives the event away.
    #[must_use]
    pub const fn into_raw(self) -> NonNull<DmusKernelEvent> {
        self.raw
    }

    const fn get(&self) -> &DmusKernelEvent {
        // SAFETY: by the invariant the event is alive and ours.
        unsafe { self.raw.as_ref() }
    }

    const fn get_mut(&mut self) -> &mut DmusKernelEvent {
        // SAFETY: by the invariant the event is alive and ours alone.
        unsafe { self.raw.as_mut() }
    }

    /// When the event is due on the master clock; 0 is "now".
    #[must_use]
    pub const fn presentation_time(&self) -> RefTime {
        RefTime(self.get().presentation_time)
    }

    /// The channel group, 1-based; 0 is every group.
    #[must_use]
    pub const fn channel_group(&self) -> u16 {
        self.get().channel_group
    }

    /// Whether more parts of the message follow in later events.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        self.get().flags & event_flags::INCOMPLETE != 0
    }

    /// Whether the data is a chain of events.
    #[must_use]
    pub const fn is_package(&self) -> bool {
        self.get().flags & event_flags::PACKAGE != 0
    }

    /// Whether the next event was in the same package.
    #[must_use]
    pub const fn is_linked(&self) -> bool {
        self.get().flags & event_flags::LINKED != 0
    }

    /// Notes that the next event was in the same package, or forgets it.
    pub const fn link(&mut self, linked: bool) {
        let event = self.get_mut();
        if linked {
            event.flags |= event_flags::LINKED;
        } else {
            event.flags &= !event_flags::LINKED;
        }
    }

    /// The message bytes; none for a package.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let event = self.get();
        let count = usize::from(event.byte_count);
        if self.is_package() || count == 0 {
            return &[];
        }
        if count <= SHORT_EVENT_BYTES {
            // SAFETY: events this short keep their bytes inside.
            let bytes = unsafe { &event.data.bytes };
            return bytes.get(..count).unwrap_or_default();
        }
        // SAFETY: longer ones point to a buffer of at least that size (contract section 6.3).
        let buffer = unsafe { event.data.buffer };
        let Some(buffer) = NonNull::new(buffer) else {
            return &[];
        };
        // SAFETY: as above; the buffer belongs to the event.
        unsafe { core::slice::from_raw_parts(buffer.as_ptr(), count) }
    }

    /// Takes the children out of a package, and leaves a plain empty event.
    pub fn take_package(&mut self) -> EventChain {
        if !self.is_package() {
            return EventChain::new();
        }
        let event = self.get_mut();
        // SAFETY: a package's data word is the head of a chain, or null.
        let head = unsafe { event.data.package };
        event.data = DmusEventData {
            bytes: [0; SHORT_EVENT_BYTES],
        };
        event.byte_count = 0;
        event.flags &= !event_flags::PACKAGE;
        match NonNull::new(head) {
            // SAFETY: the package owned its children, and now nobody else refers to them.
            Some(head) => unsafe { EventChain::from_raw(head) },
            None => EventChain::new(),
        }
    }

    /// Takes the first child out of a package, which stays one.
    pub fn take_child(&mut self) -> Option<Self> {
        if !self.is_package() {
            return None;
        }
        let event = self.get_mut();
        // SAFETY: a package's data word is the head of a chain, or null.
        let mut child = NonNull::new(unsafe { event.data.package })?;
        // SAFETY: the package owned its children, and is ours.
        let next = core::mem::replace(&mut unsafe { child.as_mut() }.next, core::ptr::null_mut());
        event.data = DmusEventData { package: next };
        // INVARIANT: unlinked above.
        Some(Self { raw: child })
    }

    /// Whether the event has a buffer of the allocator's.
    #[must_use]
    pub fn has_buffer(&self) -> bool {
        !self.is_package() && usize::from(self.get().byte_count) > SHORT_EVENT_BYTES
    }

    /// Fills a fresh event with up to [`SHORT_EVENT_BYTES`] bytes.
    ///
    /// Returns whether they fitted.
    #[must_use]
    pub fn set_short(&mut self, bytes: &[u8]) -> bool {
        let mut data = [0_u8; SHORT_EVENT_BYTES];
        let Some(target) = data.get_mut(..bytes.len()) else {
            return false;
        };
        for (to, from) in target.iter_mut().zip(bytes) {
            *to = *from;
        }
        let Ok(count) = u16::try_from(bytes.len()) else {
            return false;
        };
        let event = self.get_mut();
        event.data = DmusEventData { bytes: data };
        event.byte_count = count;
        true
    }

    /// Attaches a buffer of the allocator's, filled with `count` bytes.
    ///
    /// `count` must be above [`SHORT_EVENT_BYTES`]; the buffer comes back when it is not.
    ///
    /// # Errors
    ///
    /// The buffer, unattached.
    pub fn attach(&mut self, buffer: EventBuffer, count: u16) -> Result<(), EventBuffer> {
        if usize::from(count) <= SHORT_EVENT_BYTES || count > buffer.size {
            return Err(buffer);
        }
        let event = self.get_mut();
        event.data = DmusEventData {
            buffer: buffer.into_raw().as_ptr(),
        };
        event.byte_count = count;
        Ok(())
    }

    /// Sets time, group and flags of an event that we emit.
    pub const fn set_header(&mut self, time: RefTime, channel_group: u16, incomplete: bool) {
        let event = self.get_mut();
        event.presentation_time = time.0;
        event.channel_group = channel_group;
        event.flags = if incomplete {
            event_flags::INCOMPLETE
        } else {
            event_flags::COMPLETE
        };
        event.byte_position = super::abi::BYTE_POSITION_NONE;
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.get(), f)
    }
}

/// A queue of events, linked through the events themselves: appending never allocates.
///
/// # Invariants
///
/// `head` starts a null-terminated chain of events that are ours alone; `tail` is its last event,
/// or null exactly when `head` is.
#[must_use = "events must be passed on or given back to their allocator"]
#[derive(Debug, Default)]
pub struct EventChain {
    head: Option<NonNull<DmusKernelEvent>>,
    tail: Option<NonNull<DmusKernelEvent>>,
}

// SAFETY: events are plain memory with one owner.
unsafe impl Send for EventChain {}

impl EventChain {
    /// No events.
    pub const fn new() -> Self {
        Self {
            head: None,
            tail: None,
        }
    }

    /// Takes over a chain.
    ///
    /// # Safety
    ///
    /// `head` starts a null-terminated chain whose events the caller owns and gives up.
    pub unsafe fn from_raw(head: NonNull<DmusKernelEvent>) -> Self {
        let mut tail = head;
        loop {
            // SAFETY: `tail` is an event of the chain.
            let next = unsafe { tail.as_ref() }.next;
            let Some(next) = NonNull::new(next) else {
                break;
            };
            tail = next;
        }
        Self {
            head: Some(head),
            tail: Some(tail),
        }
    }

    /// Takes over what a `PutMessage` call brought.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    pub unsafe fn from_message(event: Option<NonNull<DmusKernelEvent>>) -> Self {
        match event {
            // SAFETY: passed on to the caller.
            Some(head) => unsafe { Self::from_raw(head) },
            None => Self::new(),
        }
    }

    /// Gives the chain away as a `PutMessage` argument.
    #[must_use]
    pub fn into_raw(mut self) -> Option<NonNull<DmusKernelEvent>> {
        self.tail = None;
        self.head.take()
    }

    /// Whether there are no events.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Takes the first event.
    pub fn pop_front(&mut self) -> Option<Event> {
        let mut first = self.head?;
        // SAFETY: the head is alive and ours alone.
        let event = unsafe { first.as_mut() };
        self.head = NonNull::new(event.next);
        event.next = core::ptr::null_mut();
        if self.head.is_none() {
            self.tail = None;
        }
        // INVARIANT: unlinked above.
        Some(Event { raw: first })
    }

    /// The first event's place in the chain, for looking at it.
    #[must_use]
    pub fn front(&self) -> Option<&EventView> {
        let head = self.head.as_ref()?;
        let head: *const NonNull<DmusKernelEvent> = head;
        // SAFETY: `EventView` is one such pointer; it borrows the chain.
        Some(unsafe { &*head.cast::<EventView>() })
    }

    /// Adds an event at the end.
    pub fn push_back(&mut self, event: Event) {
        let raw = event.into_raw();
        match self.tail {
            // SAFETY: the tail is alive and ours alone.
            Some(mut tail) => unsafe { tail.as_mut() }.next = raw.as_ptr(),
            None => self.head = Some(raw),
        }
        self.tail = Some(raw);
    }

    /// Puts an event back at the front.
    pub fn push_front(&mut self, event: Event) {
        let mut raw = event.into_raw();
        let next = self.head.map_or(core::ptr::null_mut(), NonNull::as_ptr);
        // SAFETY: the event is ours alone.
        unsafe { raw.as_mut() }.next = next;
        self.head = Some(raw);
        if self.tail.is_none() {
            self.tail = Some(raw);
        }
    }

    /// Moves all events of `other` to the end.
    pub fn append(&mut self, other: &mut Self) {
        let Some(head) = other.head.take() else {
            return;
        };
        let tail = other.tail.take();
        match self.tail {
            // SAFETY: the tail is alive and ours alone.
            Some(mut last) => unsafe { last.as_mut() }.next = head.as_ptr(),
            None => self.head = Some(head),
        }
        self.tail = tail;
    }

    /// Moves all events of `other` to the front, in their order.
    pub fn prepend(&mut self, other: &mut Self) {
        core::mem::swap(self, other);
        self.append(other);
    }

    /// Takes all events.
    pub const fn take(&mut self) -> Self {
        Self {
            head: self.head.take(),
            tail: self.tail.take(),
        }
    }
}

/// An event seen in its chain.
#[repr(transparent)]
pub struct EventView(Event);

impl core::ops::Deref for EventView {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.0
    }
}

impl fmt::Debug for EventView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A buffer for a long event, not yet attached to one.
#[must_use = "a buffer must be attached or put back"]
#[derive(Debug)]
pub struct EventBuffer {
    raw: NonNull<u8>,
    size: u16,
}

impl EventBuffer {
    /// The buffer's bytes.
    pub const fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the allocator's buffers have `GetBufferSize` bytes, which are ours.
        unsafe { core::slice::from_raw_parts_mut(self.raw.as_ptr(), self.size as usize) }
    }

    const fn into_raw(self) -> NonNull<u8> {
        self.raw
    }
}

/// The port's allocator, with the size of its buffers.
#[derive(Debug)]
pub struct Allocator {
    mxf: ComRef<IAllocatorMxf>,
    buffer_size: u16,
}

impl Allocator {
    /// Keeps an allocator.
    #[must_use]
    pub fn new<L: AtMost<Device>>(irql: &Irql<L>, mxf: Borrowed<'_, IAllocatorMxf>) -> Self {
        let buffer_size = mxf.get_buffer_size(irql);
        Self {
            mxf: mxf.to_owned(),
            buffer_size,
        }
    }

    /// The size of a buffer in bytes.
    #[must_use]
    pub const fn buffer_size(&self) -> u16 {
        self.buffer_size
    }

    /// A fresh event.
    ///
    /// # Errors
    ///
    /// The allocator's status, or [`Status::INSUFFICIENT_RESOURCES`].
    pub fn event<L: AtMost<Dispatch>>(&self, irql: &Irql<L>) -> Result<Event, Status> {
        let mut event = None;
        self.mxf
            .get_message(irql, Some(Out::from_mut(&mut event)))
            .ok()?;
        let mut raw = event.ok_or(Status::INSUFFICIENT_RESOURCES)?;
        // SAFETY: the allocator handed the event over.
        unsafe { raw.as_mut() }.next = core::ptr::null_mut();
        // INVARIANT: unlinked above.
        Ok(Event { raw })
    }

    /// A buffer for a long event.
    ///
    /// # Errors
    ///
    /// The allocator's status, or [`Status::INSUFFICIENT_RESOURCES`].
    pub fn buffer<L: AtMost<Dispatch>>(&self, irql: &Irql<L>) -> Result<EventBuffer, Status> {
        let mut buffer = None;
        self.mxf
            .get_buffer(irql, Some(Out::from_mut(&mut buffer)))
            .ok()?;
        let raw = buffer.ok_or(Status::INSUFFICIENT_RESOURCES)?;
        Ok(EventBuffer {
            raw,
            size: self.buffer_size,
        })
    }

    /// Puts a buffer back that was never attached.
    pub fn put_buffer<L: AtMost<Dispatch>>(&self, irql: &Irql<L>, buffer: EventBuffer) {
        // SAFETY: the buffer is the allocator's, and goes back to it.
        let _ = unsafe { self.mxf.put_buffer(irql, Some(buffer.into_raw())) };
    }

    /// Gives events back one by one (whether the allocator takes chains is not documented),
    /// the children of packages before the package itself.
    pub fn give_back<L: AtMost<Dispatch>>(&self, irql: &Irql<L>, mut events: EventChain) {
        while let Some(mut event) = events.pop_front() {
            if event.is_package() {
                let mut children = event.take_package();
                events.prepend(&mut children);
            }
            event.link(false);
            let mxf: &ComRef<IMxf> = &self.mxf;
            // SAFETY: the event is the allocator's, and goes back to it.
            let _ = unsafe { mxf.put_message(irql, Some(event.into_raw())) };
        }
    }

    /// Gives one event back.
    pub fn give_back_one<L: AtMost<Dispatch>>(&self, irql: &Irql<L>, event: Event) {
        let mut chain = EventChain::new();
        chain.push_back(event);
        self.give_back(irql, chain);
    }
}

#[cfg(test)]
mod tests;
