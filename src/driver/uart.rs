//! The MPU-401 subdevice.
//!
//! | module | what it is |
//! |---|---|
//! | this one | [`Uart`]: one chip with its locks, and the pump that feeds it |
//! | [`miniport`] | the `IMiniportDMus` object: resources, interrupt, streams, power |
//! | [`render`] | MIDI out: events into a lane of the pump |
//! | [`capture`] | MIDI in: the ring to the port's sink |
//! | [`filter`] | the descriptor tables |
//! | [`properties`] | the node's few properties |
//!
//! Locks, outermost first: `sender` (a spin lock: the lanes' queues and the transmit policy), then
//! `device` (the interrupt lock: the chip and the ring's producer). A capture stream's lock is a
//! leaf. Events go back to their allocator with no lock held; a lane's [`Rundown`] keeps its stream
//! alive for that.

pub mod capture;
pub mod filter;
pub mod miniport;
pub mod properties;
pub mod render;

use crate::com::ComRef;
use crate::com::ObjectRef;
use crate::driver::adapter::Adapter;
use crate::irql::{AtMost, Device, Dispatch, Irql, Locked, Passive};
use crate::kernel::clock;
use crate::kernel::interrupt::DeviceLock;
use crate::kernel::port_io::IoPorts;
use crate::kernel::rundown::{InUse, Rundown};
use crate::kernel::spinlock::SpinLock;
use crate::kernel::timer::Timer;
use crate::mpu401::handshake::{Handshake, HandshakeError, Progress};
use crate::mpu401::receive::{Receiver, Serviced};
use crate::mpu401::spec::{self, Register};
use crate::mpu401::transmit::{Chunk, GaveUp, Hold, Lane, Next, Outbox, Transmitter};
use crate::mpu401::{Mpu401, PortIo};
use crate::portcls::event::{Allocator, EventChain};
use crate::portcls::interfaces::{IMasterClock, IPortDMus, IServiceGroup};
use crate::time::RefTime;
use crate::trace::{self, Event};

/// The chip's ports, unreachable once the device has been pulled out.
#[derive(Debug)]
pub struct GuardedPorts {
    ports: IoPorts,
    adapter: ObjectRef<Adapter>,
}

impl GuardedPorts {
    /// Guards `ports` with the adapter's "removed" flag.
    #[must_use]
    pub const fn new(ports: IoPorts, adapter: ObjectRef<Adapter>) -> Self {
        Self { ports, adapter }
    }
}

impl PortIo for GuardedPorts {
    fn read(&mut self, register: Register) -> u8 {
        // What an empty slot reads as: nothing to read, not ready to write.
        if self.adapter.is_removed() {
            0xFF
        } else {
            self.ports.read(register)
        }
    }

    fn write(&mut self, register: Register, value: u8) {
        if !self.adapter.is_removed() {
            self.ports.write(register, value);
        }
    }
}

/// What the service routine shares with the rest.
#[derive(Debug)]
pub struct ChipState {
    /// The chip.
    pub chip: Mpu401<GuardedPorts>,
    /// Received bytes on their way to the capture stream.
    pub receiver: Receiver,
    /// The capture stream's clock, for the stamps.
    pub clock: Option<ComRef<IMasterClock>>,
}

/// A render stream at its lane.
#[derive(Clone, Copy, Debug)]
struct Attached {
    /// Where events go back to; alive while `rundown` is in use.
    allocator: *const Allocator,
    rundown: *const Rundown,
}

/// One lane: what its stream queued, and what is done with.
#[derive(Debug, Default)]
struct Queue {
    waiting: EventChain,
    done: EventChain,
    stream: Option<Attached>,
}

/// The render side under its lock.
#[derive(Debug)]
pub struct Sender {
    transmitter: Transmitter,
    legacy: Queue,
    direct_music: Queue,
}

mod sharing {
    #![expect(unsafe_code, reason = "lanes point to their streams")]
    use super::Sender;

    // SAFETY: the pointers in a lane lead to `Sync` objects that outlive their place in the lane.
    unsafe impl Send for Sender {}
}

impl Sender {
    const fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Legacy => &mut self.legacy,
            Lane::DirectMusic => &mut self.direct_music,
        }
    }
}

/// The lanes' queues as the transmit policy sees them.
struct Lanes<'a> {
    legacy: &'a mut Queue,
    direct_music: &'a mut Queue,
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
        })
    }

    fn advance(&mut self, lane: Lane) {
        let queue = self.queue(lane);
        if let Some(event) = queue.waiting.pop_front() {
            queue.done.push_back(event);
        }
    }
}

/// One chip with its port, its locks and its pump.
#[derive(Debug)]
pub struct Uart {
    /// The port that we notify.
    pub port: ComRef<IPortDMus>,
    /// The service group whose DPC serves the capture stream.
    pub group: ComRef<IServiceGroup>,
    /// The chip, shared with the service routine.
    pub device: DeviceLock<ChipState>,
    /// Comes back when the chip has room again.
    pub timer: Timer,
    sender: SpinLock<Sender>,
}

/// Why the chip could not be opened.
pub type OpenError = HandshakeError;

impl Uart {
    /// A chip that was not touched yet.
    #[must_use]
    pub const fn new(
        port: ComRef<IPortDMus>,
        group: ComRef<IServiceGroup>,
        timer: Timer,
        ports: GuardedPorts,
    ) -> Self {
        let chip = ChipState {
            chip: Mpu401::new(ports),
            receiver: Receiver::new(),
            clock: None,
        };
        let sender = Sender {
            transmitter: Transmitter::new(),
            legacy: Queue {
                waiting: EventChain::new(),
                done: EventChain::new(),
                stream: None,
            },
            direct_music: Queue {
                waiting: EventChain::new(),
                done: EventChain::new(),
                stream: None,
            },
        };
        Self {
            port,
            group,
            device: DeviceLock::new(chip),
            timer,
            sender: SpinLock::new(sender),
        }
    }

    /// Resets the chip and enters UART mode: polls of a few register accesses each under the
    /// interrupt lock, with the waits between them at PASSIVE (mpu401 section 2).
    ///
    /// # Errors
    ///
    /// What the chip did wrong, after 200 ms at most.
    pub fn open(&self, irql: &mut Irql<Passive>) -> Result<(), OpenError> {
        let mut handshake = Handshake::new();
        loop {
            let progress = self
                .device
                .with(irql, |state, _| handshake.poll(&mut state.chip))
                .unwrap_or(Progress::Failed(HandshakeError::Removed));
            match progress {
                Progress::Wait => clock::stall(spec::POLL_MICROSECONDS),
                Progress::Ready(entry) => {
                    self.sender
                        .with(irql, |sender, _| sender.transmitter.restart());
                    trace::emit(Event::UartOpened {
                        acknowledged: entry.mode_acknowledged,
                    });
                    return Ok(());
                }
                Progress::Failed(error) => {
                    trace::emit(Event::UartFailed);
                    return Err(error);
                }
            }
        }
    }

    /// Leaves UART mode.
    pub fn close(&self, irql: &mut Irql<Passive>) {
        self.device.with(irql, |state, _| state.chip.close());
    }

    /// Adds a lane's stream; `false` when the lane is taken.
    pub fn attach(
        &self,
        irql: &mut Irql<Passive>,
        lane: Lane,
        allocator: &Allocator,
        rundown: &Rundown,
    ) {
        let stream = Attached { allocator, rundown };
        self.sender
            .with(irql, |sender, _| sender.queue(lane).stream = Some(stream));
    }

    /// Removes a lane's stream, waits until nobody gives events back on its behalf, and hands over
    /// what it had queued.
    pub fn detach(&self, irql: &mut Irql<Passive>, lane: Lane, rundown: &Rundown) -> EventChain {
        let events = self.sender.with(irql, |sender, _| {
            sender.transmitter.hold(lane, Hold::Held);
            sender.transmitter.drop_lane(lane);
            let queue = sender.queue(lane);
            queue.stream = None;
            let mut events = queue.done.take();
            events.append(&mut queue.waiting.take());
            events
        });
        rundown.wait(irql);
        events
    }

    /// Lets a lane send, or not, and pumps.
    pub fn hold(&self, irql: &mut Irql<Passive>, lane: Lane, hold: Hold) {
        self.sender
            .with(irql, |sender, _| sender.transmitter.hold(lane, hold));
        self.pump(&mut irql.as_at_most());
    }

    /// Takes everything out of a lane: its stream stops.
    pub fn drop_lane(&self, irql: &mut Irql<Passive>, lane: Lane) -> EventChain {
        self.sender.with(irql, |sender, _| {
            sender.transmitter.drop_lane(lane);
            sender.queue(lane).waiting.take()
        })
    }

    /// Queues events in a lane and pumps.
    pub fn send(&self, irql: &mut Irql<Dispatch>, lane: Lane, mut events: EventChain) {
        self.sender.with(irql, |sender, _| {
            sender.queue(lane).waiting.append(&mut events);
        });
        self.pump(irql);
    }

    /// Writes what the chip takes, gives back what is done with, and sets the timer for the rest.
    pub fn pump(&self, irql: &mut Irql<Dispatch>) {
        loop {
            let next = self
                .sender
                .with(irql, |sender, irql| self.step(sender, irql));
            self.give_back(irql);
            match next {
                Next::Again => {}
                Next::Idle => return,
                Next::Rest(delay) => {
                    self.timer.set(irql, delay);
                    return;
                }
                Next::GaveUp(why) => {
                    self.give_up(irql, why);
                    return;
                }
            }
        }
    }

    fn step(&self, sender: &mut Sender, irql: &mut Irql<Locked>) -> Next {
        let now = clock::interrupt_time();
        let Sender {
            transmitter,
            legacy,
            direct_music,
        } = sender;
        let mut lanes = Lanes {
            legacy,
            direct_music,
        };
        self.device
            .with(irql, |state, _| {
                transmitter.step(&mut state.chip, &mut lanes, now)
            })
            .map_or(Next::Idle, |outcome| outcome.next)
    }

    /// There is no chip to send to: what waits is dropped, and its allocators get it back.
    fn give_up(&self, irql: &mut Irql<Dispatch>, why: GaveUp) {
        self.sender.with(irql, |sender, _| {
            for lane in Lane::ALL {
                let queue = sender.queue(lane);
                let mut dropped = queue.waiting.take();
                queue.done.append(&mut dropped);
            }
            sender.transmitter.drop_all();
        });
        if why == GaveUp::JustNow {
            trace::emit(Event::DeviceBusy);
        }
        self.give_back(irql);
    }

    /// Gives events that are done with back to their streams' allocators, with no lock held.
    fn give_back(&self, irql: &mut Irql<Dispatch>) {
        for lane in Lane::ALL {
            let taken = self.sender.with(irql, |sender, _| {
                let queue = sender.queue(lane);
                if queue.done.is_empty() {
                    return None;
                }
                let (allocator, in_use) = queue.stream?.enter()?;
                Some((allocator, in_use, queue.done.take()))
            });
            if let Some((allocator, in_use, events)) = taken {
                allocator.give_back(irql, events);
                drop(in_use);
            }
        }
    }

    /// Serves the chip from a timer or a service call, where there may be no interrupt.
    pub fn poll<L: AtMost<Device>>(&self, irql: &mut Irql<L>) -> Serviced {
        self.device
            .with(irql, |state, irql| state.service(irql))
            .unwrap_or_default()
    }
}

impl ChipState {
    /// Reads what the chip has received.
    pub fn service(&mut self, irql: &Irql<Device>) -> Serviced {
        let Self {
            chip,
            receiver,
            clock,
        } = self;
        receiver.service(chip, || match clock {
            Some(clock) => clock::master_time(irql, clock),
            None => RefTime(0),
        })
    }
}

impl Attached {
    /// Begins a use of the stream's allocator.
    fn enter<'a>(self) -> Option<(&'a Allocator, InUse<'a>)> {
        #![expect(unsafe_code, reason = "a lane points to its stream")]
        // SAFETY: `detach` takes the stream out of its lane, under the lock that the caller holds,
        // before the stream's memory goes.
        let rundown = unsafe { &*self.rundown };
        let in_use = rundown.enter()?;
        // SAFETY: `detach` waits for this use to end before the stream's memory goes.
        Some((unsafe { &*self.allocator }, in_use))
    }
}
