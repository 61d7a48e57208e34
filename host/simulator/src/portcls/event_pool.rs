//! The pool of DMus events and their buffers: who owns which, and every way to get that wrong.
//!
//! An event belongs to one component at a time (contract section 6). The pool knows to whom, so it
//! finds events given back twice, used after they were given back, never given back, and memory
//! that was never an event. Free events are poisoned, and the least recently freed is used next.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;

use dmusmini::portcls::abi::{DmusKernelEvent, SHORT_EVENT_BYTES, event_flags};

use super::block::Block;
use super::host;

/// Whose an event or buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's: in the free list, poisoned.
    Pool,
    /// The port's (sequencer, unpacker, capture sink).
    Port,
    /// The driver's.
    Driver,
}

#[derive(Debug)]
struct Slot {
    memory: Block,
    owner: Owner,
}

#[derive(Debug, Default)]
struct Shelf {
    slots: BTreeMap<usize, Slot>,
    free: VecDeque<usize>,
}

/// Events and buffers of one pin.
#[derive(Debug)]
pub(crate) struct EventPool {
    events: RefCell<Shelf>,
    buffers: RefCell<Shelf>,
    buffer_size: u16,
    /// Events and buffers that may be out at once.
    limit: usize,
}

/// A buffer is followed by bytes that nobody may write.
const GUARD: usize = 16;
const POISON: u8 = 0xDB;
const EVENT_SIZE: usize = size_of::<DmusKernelEvent>();

impl Shelf {
    /// Takes the least recently freed piece, or a new one.
    fn take(&mut self, size: usize, owner: Owner, limit: usize) -> Option<(usize, bool)> {
        if self.slots.len() - self.free.len() >= limit {
            return None;
        }
        // A piece rests a while before it is used again, so that late uses are noticed.
        if self.free.len() > RESTING {
            let address = self.free.pop_front()?;
            let slot = self.slots.get_mut(&address)?;
            slot.owner = owner;
            let spoilt = slot.memory.read(0, size).iter().any(|byte| *byte != POISON);
            return Some((address, spoilt));
        }
        let memory = Block::new(size);
        let address = memory.pointer::<u8>().expose_provenance();
        self.slots.insert(address, Slot { memory, owner });
        Some((address, false))
    }

    fn free(&mut self, address: usize, size: usize) {
        if let Some(slot) = self.slots.get_mut(&address) {
            slot.owner = Owner::Pool;
            slot.memory.write(0, &vec![POISON; size]);
            self.free.push_back(address);
        }
    }

    fn owner(&self, address: usize) -> Option<Owner> {
        self.slots.get(&address).map(|slot| slot.owner)
    }

    fn out(&self, owner: Owner) -> usize {
        self.slots
            .values()
            .filter(|slot| slot.owner == owner)
            .count()
    }

    fn written_after_free(&self, size: usize) -> usize {
        let spoilt = |address: &&usize| {
            self.slots
                .get(*address)
                .is_some_and(|slot| slot.memory.read(0, size).iter().any(|byte| *byte != POISON))
        };
        self.free.iter().filter(spoilt).count()
    }
}

const RESTING: usize = 32;

impl EventPool {
    pub(crate) fn new(buffer_size: u16, limit: usize) -> Self {
        Self {
            events: RefCell::default(),
            buffers: RefCell::default(),
            buffer_size,
            limit,
        }
    }

    pub(crate) fn buffer_size(&self) -> u16 {
        self.buffer_size
    }

    /// A zeroed event with its size set, for `owner`.
    pub(crate) fn event(&self, owner: Owner) -> Option<NonNull<DmusKernelEvent>> {
        let taken = self.events.borrow_mut().take(EVENT_SIZE, owner, self.limit);
        let (address, spoilt) = taken?;
        if spoilt {
            host::breach(
                "the event pool",
                "an event was written after it was given back",
            );
        }
        let events = self.events.borrow();
        let memory = &events.slots.get(&address)?.memory;
        memory.write(0, &[0; EVENT_SIZE]);
        memory.write(1, &[u8::try_from(EVENT_SIZE).unwrap_or(0)]);
        NonNull::new(memory.pointer())
    }

    /// A buffer for `owner`.
    pub(crate) fn buffer(&self, owner: Owner) -> Option<NonNull<u8>> {
        let size = self.guarded_size();
        let taken = self.buffers.borrow_mut().take(size, owner, self.limit);
        let (address, spoilt) = taken?;
        if spoilt {
            host::breach(
                "the event pool",
                "a buffer was written after it was given back",
            );
        }
        let buffers = self.buffers.borrow();
        let memory = &buffers.slots.get(&address)?.memory;
        memory.write(0, &vec![POISON; size]);
        NonNull::new(memory.pointer())
    }

    fn guarded_size(&self) -> usize {
        usize::from(self.buffer_size) + GUARD
    }

    /// Moves an event and all it leads to (its chain, its package) from one owner to another.
    ///
    /// Returns the events of the chain itself, unlinked, in their order; events that are not
    /// `from`'s end the walk, because nothing in them can be trusted.
    pub(crate) fn hand_over(
        &self,
        head: *mut DmusKernelEvent,
        from: Owner,
        to: Owner,
        at: &'static str,
    ) -> Vec<NonNull<DmusKernelEvent>> {
        let mut handed = Vec::new();
        let mut next = head;
        while let Some(event) = NonNull::new(next) {
            let address = event.as_ptr().addr();
            match self.events.borrow_mut().slots.get_mut(&address) {
                Some(slot) if slot.owner == from => slot.owner = to,
                Some(slot) => {
                    host::breach(
                        at,
                        format!("an event of {:?}'s, not of {from:?}'s", slot.owner),
                    );
                    return handed;
                }
                None => {
                    host::breach(at, format!("{address:#x} is no event of this allocator"));
                    return handed;
                }
            }
            // SAFETY: the pool made this event, and it is alive as long as the pool.
            let content = unsafe { event.as_ref() };
            self.check(content, at);
            if let Some(package) = package_of(content) {
                self.hand_over(package, from, to, at);
            }
            next = content.next;
            handed.push(event);
        }
        handed
    }

    /// Rules of an event at rest: the header untouched, long data in a buffer of the pool.
    fn check(&self, event: &DmusKernelEvent, at: &'static str) {
        if usize::from(event.size) != EVENT_SIZE || event.reserved != 0 {
            host::breach(
                at,
                "an event's bReserved or cbStruct was written (contract 6.2)",
            );
        }
        if package_of(event).is_some() || usize::from(event.byte_count) <= SHORT_EVENT_BYTES {
            return;
        }
        let Some(buffer) = buffer_of(event) else {
            host::breach(at, "an event is long but has no buffer (contract 6.4)");
            return;
        };
        let buffers = self.buffers.borrow();
        match buffers.slots.get(&buffer) {
            None => host::breach(
                at,
                "an event's buffer is not of this allocator (contract 6.3)",
            ),
            Some(slot) if slot.owner == Owner::Pool => {
                host::breach(at, "an event's buffer was given back before (contract 6.4)");
            }
            Some(slot) => {
                let guard = slot.memory.read(usize::from(self.buffer_size), GUARD);
                if event.byte_count > self.buffer_size || guard.iter().any(|b| *b != POISON) {
                    host::breach(at, "an event holds more than GetBufferSize (contract 6.3)");
                }
            }
        }
    }

    /// Takes back one event of `from`'s, with its buffer.
    pub(crate) fn give_back(&self, event: NonNull<DmusKernelEvent>, from: Owner, at: &'static str) {
        let address = event.as_ptr().addr();
        match self.events.borrow().owner(address) {
            None => {
                host::breach(at, format!("{address:#x} is no event of this allocator"));
                return;
            }
            Some(Owner::Pool) => {
                host::breach(at, "an event was given back twice (contract 6.1)");
                return;
            }
            Some(owner) if owner != from => {
                host::breach(
                    at,
                    format!("an event of {owner:?}'s was given back by {from:?}"),
                );
                return;
            }
            Some(_) => {}
        }
        // SAFETY: the pool made this event, and it is alive as long as the pool.
        let content = unsafe { event.as_ref() };
        self.check(content, at);
        if let Some(package) = package_of(content) {
            if !package.is_null() {
                host::breach(
                    at,
                    "a package was given back with its children (contract 6.6)",
                );
            }
        } else if usize::from(content.byte_count) > SHORT_EVENT_BYTES
            && let Some(buffer) = buffer_of(content)
        {
            self.free_buffer(buffer, at);
        }
        self.events.borrow_mut().free(address, EVENT_SIZE);
    }

    /// Takes back a buffer that was never attached.
    pub(crate) fn free_buffer(&self, buffer: usize, at: &'static str) {
        let owner = self.buffers.borrow().owner(buffer);
        match owner {
            None => host::breach(at, format!("{buffer:#x} is no buffer of this allocator")),
            Some(Owner::Pool) => host::breach(at, "a buffer was given back twice (contract 6.4)"),
            Some(_) => self.buffers.borrow_mut().free(buffer, self.guarded_size()),
        }
    }

    /// Events and buffers that the driver has.
    pub(crate) fn with_driver(&self) -> (usize, usize) {
        (
            self.events.borrow().out(Owner::Driver),
            self.buffers.borrow().out(Owner::Driver),
        )
    }

    /// Events that the port has.
    pub(crate) fn with_port(&self) -> usize {
        self.events.borrow().out(Owner::Port)
    }

    /// Records whatever is not where it belongs when the last reference to the allocator goes.
    pub(crate) fn look_for_leftovers(&self, at: &'static str) {
        let (events, buffers) = (self.events.borrow(), self.buffers.borrow());
        for (what, shelf, size) in [
            ("event", &events, EVENT_SIZE),
            ("buffer", &buffers, self.guarded_size()),
        ] {
            let out = shelf.slots.len() - shelf.free.len();
            if out > 0 {
                let driver = shelf.out(Owner::Driver);
                let detail = format!("{out} {what}(s) never came back, {driver} from the driver");
                host::breach(at, detail);
            }
            let late = shelf.written_after_free(size);
            if late > 0 {
                host::breach(
                    at,
                    format!("{late} {what}(s) written after they were given back"),
                );
            }
        }
    }
}

/// The children of a package; `None` for an event that is none.
pub(crate) fn package_of(event: &DmusKernelEvent) -> Option<*mut DmusKernelEvent> {
    // SAFETY: every bit pattern is a pointer; the flag says which member was written.
    (event.flags & event_flags::PACKAGE != 0).then_some(unsafe { event.data.package })
}

/// The address of a long event's buffer.
fn buffer_of(event: &DmusKernelEvent) -> Option<usize> {
    // SAFETY: every bit pattern is a pointer; a long event wrote this member.
    let buffer = unsafe { event.data.buffer };
    (!buffer.is_null()).then(|| buffer.addr())
}

/// The message bytes of an event that passed the pool's checks.
pub(crate) fn bytes_of(event: &DmusKernelEvent) -> Vec<u8> {
    let count = usize::from(event.byte_count);
    if package_of(event).is_some() {
        return Vec::new();
    }
    if count <= SHORT_EVENT_BYTES {
        // SAFETY: every bit pattern is bytes.
        return unsafe { event.data.bytes }[..count].to_vec();
    }
    let Some(buffer) = buffer_of(event) else {
        return Vec::new();
    };
    let buffer = std::ptr::with_exposed_provenance::<u8>(buffer);
    // SAFETY: the pool checked that the buffer is its own and holds that many bytes.
    unsafe { std::slice::from_raw_parts(buffer, count) }.to_vec()
}

#[cfg(test)]
mod tests;
