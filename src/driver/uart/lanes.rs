//! The render side under the sender lock: a queue of events for each lane, and who queued them.

use crate::kernel::rundown::{InUse, Rundown};
use crate::mpu401::transmit::{Chunk, Lane, Outbox, Transmitter};
use crate::portcls::abi::KsState;
use crate::portcls::event::{Allocator, EventChain};

/// A render stream at its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attached {
    /// Where events go back to; alive while `rundown` is in use.
    pub(super) allocator: *const Allocator,
    pub(super) rundown: *const Rundown,
}

/// One lane: what its stream queued, and what is done with.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) waiting: EventChain,
    pub(super) done: EventChain,
    pub(super) stream: Option<Attached>,
    pub(super) state: KsState,
}

impl Queue {
    const fn new() -> Self {
        Self {
            waiting: EventChain::new(),
            done: EventChain::new(),
            stream: None,
            state: KsState::STOP,
        }
    }
}

/// The render side under its lock.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) transmitter: Transmitter,
    pub(super) legacy: Queue,
    pub(super) direct_music: Queue,
}

mod sharing {
    #![expect(unsafe_code, reason = "lanes point to their streams")]
    use super::Sender;

    // SAFETY: the pointers in a lane lead to `Sync` objects that outlive their place in the lane.
    unsafe impl Send for Sender {}
}

impl Sender {
    pub(super) const fn new() -> Self {
        Self {
            transmitter: Transmitter::new(),
            legacy: Queue::new(),
            direct_music: Queue::new(),
        }
    }

    pub(super) const fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Legacy => &mut self.legacy,
            Lane::DirectMusic => &mut self.direct_music,
        }
    }
}

/// The lanes' queues as the transmit policy sees them.
pub(super) struct Lanes<'a> {
    pub(super) legacy: &'a mut Queue,
    pub(super) direct_music: &'a mut Queue,
}

impl Lanes<'_> {
    const fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Legacy => self.legacy,
            Lane::DirectMusic => self.direct_music,
        }
    }
}

impl Outbox for Lanes<'_> {
    fn front(&self, lane: Lane) -> Option<Chunk<'_>> {
        let queue = match lane {
            Lane::Legacy => &*self.legacy,
            Lane::DirectMusic => &*self.direct_music,
        };
        let event = queue.waiting.front()?;
        Some(Chunk {
            bytes: event.bytes(),
            incomplete: event.is_incomplete(),
            linked: event.is_linked(),
        })
    }

    fn advance(&mut self, lane: Lane) {
        let queue = self.queue(lane);
        if let Some(event) = queue.waiting.pop_front() {
            queue.done.push_back(event);
        }
    }
}

impl Sender {
    /// A lane's stream stops: what waits is handed over. The silence for what it sounds is the
    /// transmitter's own, in no queue.
    pub(super) fn stop(&mut self, lane: Lane) -> EventChain {
        let queue = self.queue(lane);
        queue.state = KsState::STOP;
        let waiting = queue.waiting.take();
        self.transmitter.stop_lane(lane, !waiting.is_empty());
        waiting
    }

    /// Whether anything is to be sent as soon as the chip takes it.
    pub(super) fn waits(&mut self) -> bool {
        let queued = |&lane: &Lane| !self.queue(lane).waiting.is_empty();
        Lane::ALL.iter().any(queued) || self.transmitter.is_silencing()
    }

    /// Whether a lane has a stream.
    pub(super) fn is_used(&mut self) -> bool {
        let mut lanes = Lane::ALL.iter();
        lanes.any(|&lane| self.queue(lane).stream.is_some())
    }

    /// There is no chip to send to: what waits is done with.
    pub(super) fn drop_all(&mut self) {
        for lane in Lane::ALL {
            let queue = self.queue(lane);
            let mut dropped = queue.waiting.take();
            queue.done.append(&mut dropped);
        }
        self.transmitter.drop_all();
    }
}

impl Attached {
    /// Begins a use of the stream's allocator.
    pub(super) fn enter<'a>(self) -> Option<(&'a Allocator, InUse<'a>)> {
        #![expect(unsafe_code, reason = "a lane points to its stream")]
        // SAFETY: `detach` takes the stream out of its lane, under the lock that the caller holds,
        // before the stream's memory goes.
        let rundown = unsafe { &*self.rundown };
        let in_use = rundown.enter()?;
        // SAFETY: `detach` waits for this use to end before the stream's memory goes.
        Some((unsafe { &*self.allocator }, in_use))
    }
}
