//! Chains of events as the port handed them over, which are not walked before their events are wanted.
//!
//! A client decides how long the chain of one `PutMessage` call is and how deep packages are nested, so
//! whatever does something for each event does it later, in portions. Here every step is one event: a
//! chain is taken over by its head, a package is opened where it stands and hands out one child at a
//! time. Any IRQL, under the lock of its owner.

use core::ptr::{self, NonNull};

use super::{DmusKernelEvent, Event, EventChain, RefTime};
use crate::portcls::abi::BYTE_POSITION_NONE;

/// A chain that was not walked.
#[must_use = "events must be passed on or given back to their allocator"]
#[derive(Debug)]
pub struct RawChain(NonNull<DmusKernelEvent>);

impl RawChain {
    /// Takes over what a `PutMessage` call brought.
    ///
    /// # Safety
    ///
    /// `head` starts a null-terminated chain whose events the caller owns and gives up.
    pub const unsafe fn new(head: NonNull<DmusKernelEvent>) -> Self {
        Self(head)
    }
}

/// Chains of events in the order of their arrival.
///
/// # Invariants
///
/// All events that can be reached from here are ours alone. `rest` and each of `chains` start a
/// null-terminated chain; the latter are linked through the byte positions of their heads, `last` is
/// the head of the last of them and null exactly when `chains` is. `packages` holds packages only, the
/// innermost first, whose data word is the head of those children that are still inside.
#[derive(Debug)]
pub struct Backlog {
    /// The event that was put back.
    held: Option<Event>,
    /// Packages that are being unpacked.
    packages: EventChain,
    /// What is left of the oldest chain.
    rest: *mut DmusKernelEvent,
    /// The chains behind it.
    chains: *mut DmusKernelEvent,
    last: *mut DmusKernelEvent,
}

// SAFETY: events are plain memory with one owner.
unsafe impl Send for Backlog {}

/// One step of the unpacking.
#[derive(Debug)]
pub enum Step {
    /// The next event.
    Event(Event),
    /// A package whose children are all out: an empty event that goes back.
    Emptied(Event),
    /// A package was opened.
    Opened,
}

impl Backlog {
    /// No events.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            held: None,
            packages: EventChain::new(),
            rest: ptr::null_mut(),
            chains: ptr::null_mut(),
            last: ptr::null_mut(),
        }
    }

    /// Whether nothing is left, not even an empty package.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.is_none()
            && self.packages.is_empty()
            && self.rest.is_null()
            && self.chains.is_null()
    }

    /// Adds a chain at the end.
    pub fn push(&mut self, RawChain(mut head): RawChain) {
        // SAFETY: the events of the chain are ours.
        unsafe { head.as_mut() }.byte_position = 0;
        match NonNull::new(self.last) {
            // SAFETY: by the invariant.
            Some(mut last) => {
                let position = u64::try_from(head.as_ptr().expose_provenance()).unwrap_or(0);
                // SAFETY: by the invariant.
                unsafe { last.as_mut() }.byte_position = position;
            }
            None => self.chains = head.as_ptr(),
        }
        self.last = head.as_ptr();
    }

    /// Puts the event back that [`pop`](Self::pop) gave last.
    pub fn put_back(&mut self, event: Event) {
        self.held = Some(event);
    }

    /// When the next event is due; none where none is left.
    #[must_use]
    pub fn front_time(&self) -> Option<RefTime> {
        if let Some(held) = &self.held {
            return Some(held.presentation_time());
        }
        if let Some(package) = self.packages.front() {
            return Some(package.presentation_time());
        }
        let head = NonNull::new(self.rest).or_else(|| NonNull::new(self.chains))?;
        // SAFETY: by the invariant.
        Some(RefTime(unsafe { head.as_ref() }.presentation_time))
    }

    /// Goes one step on.
    pub fn pop(&mut self) -> Option<Step> {
        if let Some(held) = self.held.take() {
            return Some(Step::Event(held));
        }
        let event = if let Some(mut package) = self.packages.pop_front() {
            let Some(child) = package.take_child() else {
                // It becomes a plain empty event.
                drop(package.take_package());
                return Some(Step::Emptied(package));
            };
            self.packages.push_front(package);
            child
        } else {
            self.pop_chain()?
        };
        if event.is_package() {
            self.packages.push_front(event);
            return Some(Step::Opened);
        }
        Some(Step::Event(event))
    }

    /// The next event of the oldest chain.
    fn pop_chain(&mut self) -> Option<Event> {
        if self.rest.is_null() {
            let mut head = NonNull::new(self.chains)?;
            // SAFETY: by the invariant.
            let event = unsafe { head.as_mut() };
            let next = usize::try_from(event.byte_position).unwrap_or(0);
            event.byte_position = BYTE_POSITION_NONE;
            self.chains = ptr::with_exposed_provenance_mut(next);
            if self.chains.is_null() {
                self.last = ptr::null_mut();
            }
            self.rest = head.as_ptr();
        }
        let mut raw = NonNull::new(self.rest)?;
        // SAFETY: by the invariant.
        let event = unsafe { raw.as_mut() };
        self.rest = core::mem::replace(&mut event.next, ptr::null_mut());
        // INVARIANT: unlinked above.
        Some(Event { raw })
    }
}

impl Default for Backlog {
    fn default() -> Self {
        Self::new()
    }
}
