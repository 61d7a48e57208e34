//! The MPU-401 subdevice.
//!
//! | module | what it is |
//! |---|---|
//! | this one | [`Uart`]: one chip with its locks, and who wakes whom |
//! | [`chip`] | what the device lock guards: ports, received bytes, the watch over the interrupt |
//! | `lanes` | what the sender lock guards: the queues of the render streams |
//! | `pump` | queued events to the chip, those that are done with back to their streams |
//! | `power` | opening and closing the chip, its interrupt's connection, the end of it all |
//! | [`ties`] | PortCls' objects, until the miniport is shut down |
//! | [`miniport`] | the `IMiniportDMus` object: resources, interrupt, streams, power |
//! | `resources` | the ports and the interrupt that the device was given |
//! | [`render`] | MIDI out: events into a lane of the pump |
//! | [`capture`] | MIDI in: the ring to the port's sink |
//! | [`clocked`] | what render and capture streams have in common: the master clock |
//! | [`filter`] | the descriptor tables |
//! | [`properties`] | the node's few properties |
//!
//! Locks, outermost first: `sender` (a spin lock: the lanes' queues and the transmit policy), then
//! `device` (the interrupt lock: the chip and the ring's producer). A capture stream's lock is a
//! leaf. Events go back to their allocator with no lock held; a lane's
//! [`Rundown`](crate::kernel::rundown::Rundown) keeps its stream alive for that.
//!
//! **Loops.** Every loop at DISPATCH and above, and what bounds it. (Limits are in
//! [`spec`]. At PASSIVE the handshake ends by `HANDSHAKE_TIME`, the wait for silence by
//! `CLOSE_TIME`.)
//!
//! | loop | level | each turn | bound |
//! |---|---|---|---|
//! | `Mpu401::drain`, `discard` | device | reads a byte | its limit, `DRAIN_LIMIT` at most |
//! | `Receiver::keep` | device | stamps a byte, puts it into the ring | what was drained |
//! | `Transmitter::step` | device | writes a byte, or finds that there is none | `WRITE_LIMIT` |
//! | `Transmitter::candidate` | device | skips a byte or an event that may not be sent | `SKIP_LIMIT` a step |
//! | `Uart::pump` | DISPATCH | one exchange with the chip; stands still once | `STEPS_PER_PUMP`, and one |
//! | `Uart::deferred` | DISPATCH | one drain | `LEFTOVER_DRAINS`; the first that finds the end |
//! | `Uart::give_back` | DISPATCH | one lane, its chain as a whole | the lanes: two |
//! | `CaptureStream::deliver` | DISPATCH | one `deliver_all`, asked for meanwhile by others | `DELIVERY_ROUNDS`, then the timer |
//! | `CaptureStream::deliver_all` | DISPATCH | takes a message out of the ring | `RING_CAPACITY` bytes, and those that come meanwhile: one in 320 us, where a turn takes a few |
//! | `RenderStream::unpack`, `unpack_one` | DISPATCH | takes an event out of the caller's chain or package | what the caller hands over; each once |
//! | `Lanes::advance`, chains' ends | device | none: chains know their last event | |
//! | `Gate::pass`, `Latch::begin` | device, DISPATCH | none; `begin` repeats where another processor came first | the processors that ask at that moment |
//!
//! A step that does not help ends its loop: a chip that takes nothing ends the step, one that gives
//! nothing the drain, an allocator without events the delivery. What is left over is the timer's.
//!
//! **A chip that failed** gets nothing, and what is queued waits for it: `PutMessage` succeeds and RUN is
//! accepted. It is tried again by a new stream, by a stream that is set running, and while anything waits
//! by the deferral's work once a second ([`REVIVE_REST`](crate::mpu401::spec::REVIVE_REST)): the timer
//! asks for that, and no caller waits for it. STOP gives back what waits, the removal of the device all of
//! it. A chip in UART mode that takes no byte any more is another matter: there what waits is dropped
//! (contract section 7.2).
//!
//! Who runs the pump: `PutMessage` and `SetState`; the timer, when the chip will have room, or must
//! be looked at; and whoever is woken by a received byte, for then the chip was reached in any case:
//! the capture stream's service, or without such a stream the [`Deferral`]'s call.

pub mod capture;
pub mod chip;
pub mod clocked;
pub mod filter;
mod lanes;
pub mod miniport;
mod power;
pub mod properties;
mod pump;
pub mod render;
mod resources;
pub mod ties;

use core::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chip::{ChipState, GuardedPorts, Interrupted};
use lanes::Sender;
use ties::Ties;

use crate::com::{ComRef, ObjectRef};
use crate::driver::settings::Settings;
use crate::irql::{AtMost, Device, Dispatch, Irql, Locked, Passive};
use crate::kernel::clock;
use crate::kernel::deferral::Deferral;
use crate::kernel::interrupt::DeviceLock;
use crate::kernel::spinlock::SpinLock;
use crate::kernel::timer::Timer;
use crate::kernel::turn::Turn;
use crate::mpu401::Mode;
use crate::mpu401::receive::{Serviced, Storage};
use crate::mpu401::spec;
use crate::mpu401::storm::Notice;
use crate::portcls::interfaces::IServiceGroup;
use crate::time::RefTime;
use crate::trace::{self, Event};

/// A time that does not come.
const NEVER: i64 = i64::MAX;

/// One chip with its port, its locks and its pump.
#[derive(Debug)]
pub struct Uart {
    /// The chip's first port, for people.
    pub base: u16,
    /// The chip, shared with the service routine.
    pub device: DeviceLock<ChipState>,
    /// Comes back when the chip has room again, and to look for received bytes.
    pub timer: Timer,
    /// What the service routine leaves to lower levels.
    pub deferral: Deferral,
    /// Who brings the chip up or down.
    turn: Turn,
    /// A chip that never acknowledges is to be taken.
    assume: bool,
    /// When the last handshake failed: interrupt time.
    failed_at: AtomicI64,
    /// The miniport was shut down.
    over: AtomicBool,
    /// The longest time between two looks at a chip without an interrupt while a capture stream runs.
    poll_period: RefTime,
    /// A capture stream runs.
    listening: AtomicBool,
    /// When to ask the capture stream again, which has messages and no event to put them in: interrupt
    /// time. [`NEVER`] while there is none of that.
    ask_at: AtomicI64,
    /// Something waits until the chip has room.
    crowded: AtomicBool,
    sender: SpinLock<Sender>,
}

impl Uart {
    /// A chip that was not touched yet.
    #[must_use]
    pub fn new(
        ties: ObjectRef<Ties>,
        timer: Timer,
        deferral: Deferral,
        base: u16,
        ports: GuardedPorts,
        settings: &Settings,
    ) -> Self {
        Self {
            base,
            device: DeviceLock::new(ChipState::new(ports, ties)),
            timer,
            deferral,
            turn: Turn::new(),
            assume: settings.assume_uart,
            failed_at: AtomicI64::new(i64::MIN),
            over: AtomicBool::new(false),
            poll_period: RefTime(i64::from(settings.poll_period_us).saturating_mul(10)),
            listening: AtomicBool::new(false),
            ask_at: AtomicI64::new(NEVER),
            crowded: AtomicBool::new(false),
            sender: SpinLock::new(Sender::new()),
        }
    }

    /// Makes the locks ready for use where they lie now.
    pub fn place(&self) {
        self.device.initialise();
        self.deferral.initialise();
        self.turn.initialise();
        self.sender.initialise();
    }

    /// PortCls' objects; none once the miniport was shut down.
    fn ties(&self, irql: &mut Irql<Passive>) -> Option<ObjectRef<Ties>> {
        self.device.with(irql, |state, _| state.ties.clone())?
    }

    /// The service group whose DPC serves the capture stream.
    pub fn group(&self, irql: &mut Irql<Passive>) -> Option<ComRef<IServiceGroup>> {
        self.ties(irql).map(|ties| ties.group(irql))
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

    /// The service routine has been called: leaves what it may not do itself to those who may. In a
    /// storm that is its end alone, and that is asked for once: where each interrupt leads to a deferred
    /// call that takes longer than the next interrupt is away, nothing at PASSIVE ever runs.
    pub fn interrupted(&self, irql: &Irql<Device>, interrupted: Interrupted) {
        let Interrupted {
            serviced,
            notice,
            came,
        } = interrupted;
        if serviced.stuck {
            trace::emit(Event::DeviceStuck);
        }
        if came {
            trace::emit(Event::InterruptFound);
        }
        let crowded = || self.crowded.load(Ordering::Acquire);
        let call = match notice {
            Notice::Ask => true,
            Notice::Asked => false,
            Notice::Calm => {
                serviced.cut_short || (serviced.taken > 0 && !serviced.notify && crowded())
            }
        };
        if call {
            self.deferral.queue_call(irql);
        }
    }

    /// What the service routine left to DISPATCH: the end of a storm, and then nothing else; or bytes
    /// that it had no time for, and whoever waits for the chip.
    pub fn deferred(&self, irql: &mut Irql<Dispatch>) {
        let storms = self
            .device
            .with(irql, |state, _| state.storm.wanted().is_some());
        if storms == Some(true) {
            self.deferral.queue_work(irql);
            return;
        }
        for _ in 0..spec::LEFTOVER_DRAINS {
            let serviced = self
                .device
                .with(irql, |state, irql| state.read_on(irql))
                .unwrap_or_default();
            self.report(irql, serviced);
            if !serviced.cut_short {
                break;
            }
        }
        self.nudge(irql);
    }

    /// The timer has expired.
    pub fn tick(&self, irql: &mut Irql<Dispatch>) {
        let _ = self.pump(irql);
    }

    /// The capture stream begins or ends to run: `change` is made together with what follows from it,
    /// under the device lock, so that calls that race leave one of their states and not a mixture.
    pub fn listen<R: Default>(
        &self,
        irql: &mut Irql<Passive>,
        storage: Storage,
        change: impl FnOnce() -> R,
    ) -> R {
        let changed = self.device.with(irql, |chip, irql| {
            let serviced = chip.store(irql, storage);
            self.listening
                .store(storage == Storage::Keep, Ordering::Release);
            (serviced, change())
        });
        let (serviced, result) = changed.unwrap_or_default();
        self.report(irql, serviced);
        let _ = self.pump(&mut irql.as_at_most());
        result
    }

    /// The capture stream is gone: nobody looks at the chip for it any more.
    pub fn forsake(&self, irql: &mut Irql<Passive>) {
        self.ask_at.store(NEVER, Ordering::Release);
        self.listen(irql, Storage::Discard, || ());
    }

    /// The capture stream got no event for what it has: ask it again soon.
    pub fn starve(&self, irql: &mut Irql<Dispatch>) {
        let soon = clock::interrupt_time().0.saturating_add(spec::RETRY.0);
        self.ask_at.store(soon, Ordering::Release);
        let _ = self.pump(irql);
    }

    /// Asks the capture stream again if it is time to.
    fn ask_again(&self, irql: &mut Irql<Dispatch>) {
        let due = self.ask_at.load(Ordering::Acquire);
        if due <= clock::interrupt_time().0
            && self
                .ask_at
                .compare_exchange(due, NEVER, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        {
            self.notify(irql);
        }
    }

    /// Asks for the capture stream's service.
    fn notify<L: AtMost<Locked> + AtMost<Device>>(&self, irql: &mut Irql<L>) {
        let _ = self.device.with(irql, |state, irql| state.notify(irql));
    }

    /// What a service of the chip has to say.
    pub fn report<L: AtMost<Locked> + AtMost<Device>>(
        &self,
        irql: &mut Irql<L>,
        serviced: Serviced,
    ) {
        if serviced.notify {
            self.notify(irql);
        }
        if serviced.stuck {
            trace::emit(Event::DeviceStuck);
        }
    }
}
