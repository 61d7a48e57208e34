//! MIDI in: from the ring to the port's sink (contract section 7.3).
#![expect(
    unsafe_code,
    reason = "takes over the events of a message; keeps a sink"
)]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, Ordering};

use super::Uart;
use super::clocked::{IClocked, IClockedClass};
use super::miniport::Claim;
use crate::class;
use crate::com::{Borrowed, ComRef, Object, ObjectRef, Status};
use crate::irql::{Dispatch, Irql, Passive};
use crate::kernel::clock::master_time;
use crate::kernel::rundown::Rundown;
use crate::kernel::spinlock::SpinLock;
use crate::midi::status::Kind;
use crate::mpu401::capture::{Capture, Format, Message};
use crate::mpu401::receive::Storage;
use crate::mpu401::spec::{DELIVERY_ROUNDS, RING_CAPACITY};
use crate::portcls::abi::{DmusKernelEvent, KsState, SHORT_EVENT_BYTES};
use crate::portcls::event::{Allocator, Event, EventChain};
use crate::portcls::interfaces::{IMasterClock, IMxf, IMxfClass, In};
use crate::ring;
use crate::trace;

/// The channel group of captured events (contract section 6.9).
const CHANNEL_GROUP: u16 = 1;

/// A capture stream.
#[derive(Debug)]
pub struct CaptureStream {
    claim: Claim,
    allocator: Allocator,
    clock: ComRef<IMasterClock>,
    state: AtomicI32,
    inner: SpinLock<Inner>,
    /// Delivery uses the sink without a lock; disconnecting waits for it.
    rundown: Rundown,
}

#[derive(Debug)]
struct Inner {
    capture: Capture,
    sink: Option<ComRef<IMxf>>,
    delivery: Delivery,
}

/// Who delivers: one caller at a time, so that messages stay in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Idle,
    Busy,
    /// Somebody asked for service while another delivered.
    Again,
}

class!(CaptureStream: 0 => IMxf, 1 => IClocked; place);

impl CaptureStream {
    fn place(&self) {
        self.inner.initialise();
        self.rundown.initialise();
    }

    /// Opens the stream and attaches its ring to the receiver.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn open(
        irql: &mut Irql<Passive>,
        claim: Claim,
        allocator: Allocator,
        clock: Borrowed<'_, IMasterClock>,
    ) -> Result<ComRef<IMxf>, Status> {
        let format = if claim.miniport().settings.capture_raw {
            Format::Raw
        } else {
            Format::Cooked
        };
        let (producer, consumer) = ring::ring(RING_CAPACITY)?;
        let capture = Capture::try_new(consumer, format, usize::from(allocator.buffer_size()))?;
        let stream = Self {
            claim,
            allocator,
            clock: clock.to_owned(),
            state: AtomicI32::new(KsState::STOP.0),
            inner: SpinLock::new(Inner {
                capture,
                sink: None,
                delivery: Delivery::Idle,
            }),
            rundown: Rundown::new(),
        };
        let stream = Object::try_new(stream).map_err(|_| Status::INSUFFICIENT_RESOURCES)?;
        let clock = clock.to_owned();
        if let Some(uart) = stream.uart() {
            let old = uart.device.with(irql, |state, _| {
                (
                    state.duplex.receiver_mut().attach(Some(producer)),
                    state.clock.replace(clock),
                )
            });
            drop(old);
        }
        Ok(stream.into_interface())
    }

    fn uart(&self) -> Option<&Uart> {
        self.claim.miniport().uart()
    }

    /// Delivers what has been received until there is nothing left or no event to put it in; then it
    /// stays in the ring.
    fn deliver(&self, irql: &mut Irql<Dispatch>) -> Status {
        let first = self.inner.with(irql, |inner, _| {
            let idle = inner.delivery == Delivery::Idle;
            inner.delivery = if idle {
                Delivery::Busy
            } else {
                Delivery::Again
            };
            idle
        });
        if !first {
            return Status::SUCCESS;
        }
        let mut rounds = DELIVERY_ROUNDS;
        loop {
            rounds = rounds.saturating_sub(1);
            let result = self.deliver_all(irql);
            let (asked, again) = self.inner.with(irql, |inner, _| {
                let asked = inner.delivery == Delivery::Again && result.is_success();
                let again = asked && rounds > 0;
                inner.delivery = if again {
                    Delivery::Busy
                } else {
                    Delivery::Idle
                };
                (asked, again)
            });
            if !again {
                // Who still asks is answered by the timer.
                return if asked { Status::UNSUCCESSFUL } else { result };
            }
        }
    }

    /// Each message goes to the sink alone: some readers look at the first of a chain and at no other
    /// (contract section 7.3).
    fn deliver_all(&self, irql: &mut Irql<Dispatch>) -> Status {
        while let Some(length) = self.inner.with(irql, |inner, _| {
            inner.capture.front().map(|next| next.bytes.len())
        }) {
            match self.message(irql, length) {
                Ok(Some(event)) => {
                    let mut alone = EventChain::new();
                    alone.push_back(event);
                    self.hand_over(irql, alone);
                }
                // The stream was stopped meanwhile: what is there now is something else.
                Ok(None) => {}
                Err(status) => return status,
            }
        }
        Status::SUCCESS
    }

    /// Puts the oldest message into a fresh event.
    fn message(&self, irql: &mut Irql<Dispatch>, length: usize) -> Result<Option<Event>, Status> {
        let mut event = self.allocator.event(irql)?;
        let mut buffer = None;
        if length > SHORT_EVENT_BYTES {
            match self.allocator.buffer(irql) {
                Ok(fresh) => buffer = Some(fresh),
                Err(status) => {
                    self.allocator.give_back_one(irql, event);
                    return Err(status);
                }
            }
        }
        let mut after_loss = false;
        let (filled, spare) = self.inner.with(irql, |inner, _| {
            let Some(message) = inner.capture.front() else {
                return (false, buffer.take());
            };
            // The flag is also the mark of a loss: the sink must not join what follows to what
            // came before.
            event.set_header(message.at, CHANNEL_GROUP, !stands_alone(&message));
            after_loss = message.after_loss;
            let filled = match buffer.take() {
                None => event.set_short(message.bytes),
                Some(mut fresh) => {
                    let count = message.bytes.len().min(fresh.bytes_mut().len());
                    if let (Some(target), Some(source)) = (
                        fresh.bytes_mut().get_mut(..count),
                        message.bytes.get(..count),
                    ) {
                        #[expect(clippy::disallowed_methods, reason = "both have `count` bytes")]
                        target.copy_from_slice(source);
                    }
                    let count = u16::try_from(count).unwrap_or(0);
                    match event.attach(fresh, count) {
                        Ok(()) => true,
                        Err(fresh) => {
                            buffer = Some(fresh);
                            false
                        }
                    }
                }
            };
            if filled {
                inner.capture.consume();
            }
            (filled, buffer.take())
        });
        if let Some(spare) = spare {
            self.allocator.put_buffer(irql, spare);
        }
        if filled {
            if after_loss {
                self.trace_loss(irql);
            }
            Ok(Some(event))
        } else {
            self.allocator.give_back_one(irql, event);
            Ok(None)
        }
    }

    fn trace_loss(&self, irql: &mut Irql<Dispatch>) {
        let lost = self.uart().and_then(|uart| {
            uart.device
                .with(irql, |state, _| state.duplex.receiver_mut().take_lost())
        });
        trace::emit(trace::Event::CaptureOverrun {
            lost: lost.unwrap_or(0),
        });
    }

    /// Passes an event to the sink, or back to the allocator when there is none.
    fn hand_over(&self, irql: &mut Irql<Dispatch>, chain: EventChain) {
        let in_use = self.rundown.enter();
        let sink = self
            .inner
            .with(irql, |inner, _| inner.sink.as_ref().map(ComRef::as_raw))
            .filter(|_| in_use.is_some());
        match sink {
            Some(sink) => {
                // SAFETY: disconnecting waits for `in_use` to end before the sink goes.
                let sink = unsafe { Borrowed::<IMxf>::from_raw(sink) };
                // SAFETY: the chain is ours, and goes over to the sink.
                let _ = unsafe { sink.put_message(irql, chain.into_raw()) };
            }
            None => self.allocator.give_back(irql, chain),
        }
        drop(in_use);
    }
}

/// Whether an event with this content is one message, and needs nothing that came before. Any other is
/// marked `DMUS_KEF_EVENT_INCOMPLETE`, as the page of `DMUS_KERNEL_EVENT` asks of a capture stream. The
/// last part of a long SysEx is one of them: the port's sink parses what is marked, byte by byte, and
/// passes on what is not as it is, so an unmarked end would overtake its beginning.
fn stands_alone(message: &Message<'_>) -> bool {
    let begins = message
        .bytes
        .first()
        .is_some_and(|&first| !matches!(Kind::of(first), Kind::Data | Kind::EndOfSysEx));
    begins && !message.incomplete && !message.after_loss
}

impl IMxfClass for CaptureStream {
    fn set_state(this: &ObjectRef<Self>, irql: &mut Irql<Passive>, state: KsState) -> Status {
        let Some(uart) = this.uart() else {
            return Status::INVALID_DEVICE_STATE;
        };
        if !(KsState::STOP.0..=KsState::RUN.0).contains(&state.0) {
            return Status::INVALID_PARAMETER;
        }
        let storage = if state == KsState::RUN {
            // Never refused; a chip that failed gets another chance.
            uart.revive_after_rest(irql);
            Storage::Keep
        } else {
            Storage::Discard
        };
        let before = uart.listen(irql, storage, || this.state.swap(state.0, Ordering::AcqRel));
        if before == state.0 {
            return Status::SUCCESS;
        }
        if state == KsState::STOP {
            this.inner.with(irql, |inner, _| inner.capture.clear());
        }
        Status::SUCCESS
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        if event.is_none() {
            let result = this.deliver(irql);
            if let Some(uart) = this.uart() {
                if !result.is_success() {
                    uart.starve(irql);
                }
                // The chip was reached just now: it may have room too.
                uart.nudge(irql);
            }
            // There is nothing that the port could do: the driver comes back by itself.
            return Status::SUCCESS;
        }
        // Nobody sends events to a capture stream; they are taken over all the same.
        // SAFETY: promised by the caller: the chain is given up (contract section 6.1).
        let events = unsafe { EventChain::from_message(event) };
        this.allocator.give_back(irql, events);
        Status::SUCCESS
    }

    fn connect_output(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        sink: In<'_, IMxf>,
    ) -> Status {
        let Some(sink) = sink else {
            return Status::UNSUCCESSFUL;
        };
        let sink = sink.to_owned();
        let refused = this.inner.with(irql, |inner, _| {
            if inner.sink.is_some() {
                return Some(sink);
            }
            inner.sink = Some(sink);
            None
        });
        if refused.is_some() {
            Status::UNSUCCESSFUL
        } else {
            Status::SUCCESS
        }
    }

    fn disconnect_output(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Passive>,
        sink: In<'_, IMxf>,
    ) -> Status {
        let asked = sink.map(Borrowed::address);
        let (matches, old) = this.inner.with(irql, |inner, _| {
            let connected = inner.sink.as_ref().map(ComRef::as_raw);
            let matches = asked.is_none() || asked == connected;
            (matches, if matches { inner.sink.take() } else { None })
        });
        if old.is_some() {
            this.rundown.wait(irql);
            drop(old);
            this.rundown.reopen(irql);
        }
        if matches {
            Status::SUCCESS
        } else {
            Status::UNSUCCESSFUL
        }
    }
}

impl IClockedClass for CaptureStream {
    fn master_time(this: &ObjectRef<Self>, irql: &mut Irql<Passive>) -> i64 {
        master_time(irql, &this.clock).0
    }

    fn cut_dumps(_: &ObjectRef<Self>, _: &mut Irql<Passive>) -> u32 {
        0
    }
}

impl Drop for CaptureStream {
    fn drop(&mut self) {
        // SAFETY: the port releases streams at PASSIVE (contract section 4).
        let mut irql = unsafe { Irql::<Passive>::assume() };
        if let Some(uart) = self.claim.miniport().uart() {
            // Memory is freed and references are released outside the lock.
            let old = uart.device.with(&mut irql, |state, _| {
                (state.duplex.receiver_mut().attach(None), state.clock.take())
            });
            drop(old);
            // A port may let a stream go that still runs.
            uart.forsake(&mut irql);
        }
    }
}
