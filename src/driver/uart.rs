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

use core::sync::atomic::{AtomicBool, Ordering};

use crate::com::{ComRef, ObjectRef, Status};
use crate::driver::adapter::Adapter;
use crate::irql::{AtMost, Device, Dispatch, Irql, Locked, Passive};
use crate::kernel::clock;
use crate::kernel::interrupt::DeviceLock;
use crate::kernel::port_io::IoPorts;
use crate::kernel::rundown::{InUse, Rundown};
use crate::kernel::spinlock::SpinLock;
use crate::kernel::timer::Timer;
use crate::mpu401::duplex::{Duplex, Exchange};
use crate::mpu401::handshake::{Handshake, HandshakeError, Progress};
use crate::mpu401::receive::Serviced;
use crate::mpu401::spec::{self, Register};
use crate::mpu401::transmit::{
    Chunk, GaveUp, Hold, Lane, Next, Outbox, SHORTEST_REST, Transmitter,
};
use crate::mpu401::{Mode, PortIo};
use crate::portcls::abi::KsState;
use crate::portcls::event::{Allocator, EventChain};
use crate::portcls::interfaces::{IMasterClock, IPortDMus, IServiceGroup};
use crate::time::RefTime;
use crate::trace::{self, Event};

/// How many polls of a handshake fit into a byte's time on the wire.
const POLLS_PER_BYTE: u32 = 320_u32.div_ceil(spec::POLL_MICROSECONDS);

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
    /// The chip, and received bytes on their way to the capture stream.
    pub duplex: Duplex<GuardedPorts>,
    /// The capture stream's clock, for the stamps.
    pub clock: Option<ComRef<IMasterClock>>,
}

impl ChipState {
    /// Reads what the chip has received, for its interrupt.
    pub fn interrupt(&mut self, irql: &Irql<Device>) -> Serviced {
        self.notice_removal();
        let Self { duplex, clock } = self;
        duplex.interrupt(|| stamp(irql, clock.as_ref()))
    }

    fn exchange(
        &mut self,
        irql: &Irql<Device>,
        transmitter: &mut Transmitter,
        lanes: &mut Lanes<'_>,
    ) -> Exchange {
        self.notice_removal();
        let now = clock::interrupt_time();
        let Self { duplex, clock } = self;
        duplex.exchange(transmitter, lanes, now, || stamp(irql, clock.as_ref()))
    }

    /// Nothing more is asked of a chip that has been pulled out.
    fn notice_removal(&mut self) {
        if self.duplex.port_mut().adapter.is_removed() {
            self.duplex.remove();
        }
    }
}

/// A short time for a stall, rounded up.
fn microseconds(time: RefTime) -> u32 {
    let [low, high, ..] = time.0.saturating_add(9).to_le_bytes();
    u32::from(u16::from_le_bytes([low, high]) / 10)
}

fn stamp(irql: &Irql<Device>, clock: Option<&ComRef<IMasterClock>>) -> RefTime {
    clock.map_or(RefTime(0), |clock| clock::master_time(irql, clock))
}

/// A render stream at its lane.
#[derive(Clone, Copy, Debug)]
struct Attached {
    /// Where events go back to; alive while `rundown` is in use.
    allocator: *const Allocator,
    rundown: *const Rundown,
}

/// One lane: what its stream queued, and what is done with.
#[derive(Debug)]
struct Queue {
    waiting: EventChain,
    done: EventChain,
    stream: Option<Attached>,
    state: KsState,
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
    /// The chip's first port, for people.
    pub base: u16,
    /// The chip, shared with the service routine.
    pub device: DeviceLock<ChipState>,
    /// Comes back when the chip has room again, and to look for received bytes.
    pub timer: Timer,
    /// The longest time between two looks at a chip without an interrupt while a capture stream runs.
    poll_period: RefTime,
    /// A capture stream runs.
    listening: AtomicBool,
    /// The capture stream has messages and no event to put them in.
    starving: AtomicBool,
    sender: SpinLock<Sender>,
}

impl Uart {
    /// A chip that was not touched yet.
    #[must_use]
    pub const fn new(
        port: ComRef<IPortDMus>,
        group: ComRef<IServiceGroup>,
        timer: Timer,
        base: u16,
        ports: GuardedPorts,
        poll_period: RefTime,
    ) -> Self {
        let chip = ChipState {
            duplex: Duplex::new(ports),
            clock: None,
        };
        let sender = Sender {
            transmitter: Transmitter::new(),
            legacy: Queue::new(),
            direct_music: Queue::new(),
        };
        Self {
            port,
            group,
            base,
            device: DeviceLock::new(chip),
            timer,
            poll_period,
            listening: AtomicBool::new(false),
            starving: AtomicBool::new(false),
            sender: SpinLock::new(sender),
        }
    }

    /// Lets interrupts come, resets the chip and enters UART mode: polls of a few register accesses
    /// each under the device lock, with the waits between them at PASSIVE (mpu401 section 2). What
    /// was queued goes on.
    ///
    /// The interrupt comes first: on a line that others share, an answer that nobody reads would hold
    /// up the machine. A chip that fails loses it again, for its line may never fall.
    ///
    /// # Errors
    ///
    /// [`Status::IO_DEVICE_ERROR`] when the chip fails, after 200 ms at most; what was queued is
    /// dropped. The status of the connection; the chip is polled then.
    pub fn open(&self, irql: &mut Irql<Passive>) -> Result<(), Status> {
        let connected = self.device.connect(irql);
        self.sender
            .with(irql, |sender, _| sender.transmitter.restart());
        let mut handshake = Handshake::new();
        let result = loop {
            let progress = self
                .device
                .with(irql, |state, _| {
                    state.notice_removal();
                    state.duplex.handshake(&mut handshake)
                })
                .unwrap_or(Progress::Failed(HandshakeError::Removed));
            match progress {
                Progress::Wait => clock::stall(spec::POLL_MICROSECONDS),
                Progress::Ready(entry) => {
                    trace::emit(Event::UartOpened {
                        acknowledged: entry.mode_acknowledged,
                    });
                    break connected;
                }
                Progress::Failed(_) => {
                    trace::emit(Event::UartFailed);
                    self.device.disconnect(irql);
                    break Err(Status::IO_DEVICE_ERROR);
                }
            }
        };
        let _ = self.pump(&mut irql.as_at_most());
        result
    }

    /// Silences what still sounds, waits until the chip has sent it, and leaves UART mode. Events
    /// that wait stay queued. Takes as long as the wire takes for what the chip holds, 200 ms at
    /// most.
    pub fn close(&self, irql: &mut Irql<Passive>) {
        self.sender
            .with(irql, |sender, _| sender.transmitter.hush());
        let mut polls = spec::HANDSHAKE_POLLS;
        while polls > 0 {
            let _ = self.pump(&mut irql.as_at_most());
            let quiet = self.sender.with(irql, |sender, _| {
                sender.transmitter.is_quiet(clock::interrupt_time())
            });
            if quiet || self.mode(irql) != Mode::Uart {
                break;
            }
            // The chip has news for us a byte time from now.
            for _ in 0..POLLS_PER_BYTE.min(polls) {
                clock::stall(spec::POLL_MICROSECONDS);
            }
            polls = polls.saturating_sub(POLLS_PER_BYTE);
        }
        self.device.with(irql, |state, _| {
            state.notice_removal();
            state.duplex.close();
        });
        // Nobody reads a closed chip, so its line must not matter any more.
        self.device.disconnect(irql);
    }

    /// What may be done with the chip now.
    pub fn mode<L: AtMost<Locked> + AtMost<Device>>(&self, irql: &mut Irql<L>) -> Mode {
        self.device
            .with(irql, |state, _| {
                state.notice_removal();
                state.duplex.mode()
            })
            .unwrap_or_default()
    }

    /// Gives a lane to a stream, which is in the STOP state.
    pub fn attach(
        &self,
        irql: &mut Irql<Passive>,
        lane: Lane,
        allocator: &Allocator,
        rundown: &Rundown,
    ) {
        let stream = Attached { allocator, rundown };
        self.sender.with(irql, |sender, _| {
            let queue = sender.queue(lane);
            queue.stream = Some(stream);
            queue.state = KsState::STOP;
        });
    }

    /// Removes a lane's stream, waits until nobody gives events back on its behalf, and hands over
    /// what it had queued.
    pub fn detach(&self, irql: &mut Irql<Passive>, lane: Lane, rundown: &Rundown) -> EventChain {
        let events = self.sender.with(irql, |sender, _| {
            let mut events = sender.stop(lane);
            let queue = sender.queue(lane);
            queue.stream = None;
            events.append(&mut queue.done.take());
            events
        });
        rundown.wait(irql);
        events
    }

    /// Puts a lane into a state. The state and what follows from it change together, under the lock,
    /// so that calls that race leave one of their states and not a mixture.
    ///
    /// Returns the events that the lane gives up by stopping.
    pub fn set_state(&self, irql: &mut Irql<Passive>, lane: Lane, state: KsState) -> EventChain {
        let dropped = self.sender.with(irql, |sender, _| {
            if state == KsState::STOP {
                return sender.stop(lane);
            }
            sender.queue(lane).state = state;
            let hold = if state == KsState::RUN {
                Hold::Running
            } else {
                Hold::Held
            };
            sender.transmitter.hold(lane, hold);
            EventChain::new()
        });
        let _ = self.pump(&mut irql.as_at_most());
        dropped
    }

    /// Queues events in a lane and pumps. In the STOP state the events come back.
    ///
    /// # Errors
    ///
    /// Why there is no chip to send to; the events are dropped.
    pub fn send(
        &self,
        irql: &mut Irql<Dispatch>,
        lane: Lane,
        mut events: EventChain,
    ) -> Result<EventChain, GaveUp> {
        let stopped = self.sender.with(irql, |sender, _| {
            let queue = sender.queue(lane);
            if queue.state == KsState::STOP {
                return true;
            }
            queue.waiting.append(&mut events);
            false
        });
        if stopped {
            return Ok(events);
        }
        self.pump(irql).map(|()| EventChain::new())
    }

    /// Writes what the chip takes, reads what it has, gives back what is done with, and sets the
    /// timer for the rest. Stands still once for a byte that the chip is just about to take, with no
    /// lock held.
    ///
    /// # Errors
    ///
    /// Why there is no chip to send to; what waited is dropped.
    pub fn pump(&self, irql: &mut Irql<Dispatch>) -> Result<(), GaveUp> {
        let mut steps = spec::STEPS_PER_PUMP;
        let mut stood_still = false;
        loop {
            steps = steps.saturating_sub(1);
            let exchange = self
                .sender
                .with(irql, |sender, irql| self.step(sender, irql, steps));
            let Some(Exchange { outcome, serviced }) = exchange else {
                return Ok(());
            };
            self.report(irql, serviced);
            self.give_back(irql);
            if let Some(wait) = outcome.room_within
                && !core::mem::replace(&mut stood_still, true)
            {
                clock::stall(microseconds(wait));
                continue;
            }
            match outcome.next {
                Next::Again if steps > 0 => {}
                Next::Again | Next::Idle | Next::Rest(_) => return Ok(()),
                Next::GaveUp(why) => {
                    if why == GaveUp::JustNow {
                        trace::emit(Event::DeviceBusy);
                    }
                    return Err(why);
                }
            }
        }
    }

    /// Pumps if anything waits to be sent: for whoever has just been woken by a received byte.
    pub fn nudge(&self, irql: &mut Irql<Dispatch>) {
        let waits = self.sender.with(irql, |sender, _| {
            Lane::ALL
                .iter()
                .any(|&lane| !sender.queue(lane).waiting.is_empty())
        });
        if waits {
            // Whoever queued it has been told already.
            let _ = self.pump(irql);
        }
    }

    /// The timer has expired.
    pub fn tick(&self, irql: &mut Irql<Dispatch>) {
        if self.starving.swap(false, Ordering::AcqRel) {
            self.port.notify(irql, Some(self.group.borrow()));
        }
        let _ = self.pump(irql);
    }

    /// A capture stream begins or ends to run.
    pub fn listen(&self, irql: &mut Irql<Passive>, listening: bool) {
        self.listening.store(listening, Ordering::Release);
        self.starving.store(false, Ordering::Release);
        let _ = self.pump(&mut irql.as_at_most());
    }

    /// The capture stream got no event for what it has: ask it again soon.
    pub fn starve(&self, irql: &mut Irql<Dispatch>) {
        self.starving.store(true, Ordering::Release);
        let _ = self.pump(irql);
    }

    /// What a service of the chip has to say, at any level.
    pub fn report<L: AtMost<Device>>(&self, irql: &Irql<L>, serviced: Serviced) {
        if serviced.notify {
            self.port.notify(irql, Some(self.group.borrow()));
        }
        if serviced.stuck {
            trace::emit(Event::DeviceStuck);
        }
    }

    /// One exchange, and the timer. It is set with the lock held, so that the last to decide is the
    /// last to set it; `steps` more are to follow at once if the chip takes them.
    fn step(&self, sender: &mut Sender, irql: &mut Irql<Locked>, steps: u32) -> Option<Exchange> {
        let Sender {
            transmitter,
            legacy,
            direct_music,
        } = sender;
        let mut lanes = Lanes {
            legacy,
            direct_music,
        };
        let (exchange, mode) = self.device.with(irql, |state, irql| {
            let exchange = state.exchange(irql, transmitter, &mut lanes);
            (exchange, state.duplex.mode())
        })?;
        let rest = match exchange.outcome.next {
            Next::Again if steps > 0 => return Some(exchange),
            Next::Again => Some(SHORTEST_REST),
            Next::Rest(rest) => Some(rest),
            Next::Idle => None,
            Next::GaveUp(_) => {
                sender.drop_all();
                None
            }
        };
        let look = (mode == Mode::Uart).then(|| self.next_look()).flatten();
        if let Some(delay) = [rest, look].into_iter().flatten().min() {
            self.timer.set(irql, delay);
        }
        Some(exchange)
    }

    /// When to look at the chip for the capture stream's sake.
    fn next_look(&self) -> Option<RefTime> {
        if self.starving.load(Ordering::Acquire) {
            return Some(spec::RETRY);
        }
        self.listening.load(Ordering::Acquire).then(|| {
            if self.device.is_connected() {
                spec::WATCHDOG_PERIOD
            } else {
                spec::poll_rest(self.poll_period)
            }
        })
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
}

impl Sender {
    /// A lane's stream stops: what waits is handed over.
    fn stop(&mut self, lane: Lane) -> EventChain {
        self.transmitter.hold(lane, Hold::Held);
        self.transmitter.drop_lane(lane);
        let queue = self.queue(lane);
        queue.state = KsState::STOP;
        queue.waiting.take()
    }

    /// There is no chip to send to: what waits is done with.
    fn drop_all(&mut self) {
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
