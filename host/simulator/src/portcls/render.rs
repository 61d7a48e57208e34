//! The render side of a pin: the sequencer that orders events by time and holds them until they are
//! due (contract sections 5.8 and 8).

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use dmusmini::com::Status;
use dmusmini::portcls::abi::{
    BYTE_POSITION_NONE, DONT_HOLD_FOR_SEQUENCING, DmusEventData, DmusKernelEvent,
    SHORT_EVENT_BYTES, event_flags,
};
use dmusmini::portcls::interfaces::IMxf;

use super::client_buffer::TimedPiece;
use super::event_pool::{EventPool, Owner};
use super::foreign::Foreign;
use super::host::{self, Alarm, AlarmClock};
use super::master_clock::ClockControl;

/// What a render pin did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenderStats {
    /// Events handed to the driver.
    pub delivered: u64,
    /// Messages that found no event in the pool.
    pub starved: u64,
    /// PutMessage calls that failed.
    pub refused: u64,
    /// What the last of these said.
    pub refusal: Option<Status>,
    /// Events thrown away in the sequencer by a stop.
    pub flushed: u64,
    /// The greatest lateness of a delivery, in 100 ns.
    pub latest: u64,
}

/// The sequencer of one pin.
pub(crate) struct Render {
    stream: Foreign<IMxf>,
    pool: Rc<EventPool>,
    clock: Rc<ClockControl>,
    /// 100 ns before an event's time that it goes out; or [`DONT_HOLD_FOR_SEQUENCING`].
    prefetch: u64,
    /// The sequencer wakes at multiples of this, in 100 ns.
    tick: u64,
    chained: bool,
    running: Cell<bool>,
    waiting: RefCell<BTreeMap<(i64, u64), NonNull<DmusKernelEvent>>>,
    order: Cell<u64>,
    alarm: OnceCell<Alarm>,
    stats: Cell<RenderStats>,
}

/// How a sequencer behaves.
pub(crate) struct Timing {
    pub(crate) prefetch: u64,
    pub(crate) tick: u64,
    pub(crate) chained: bool,
}

impl Render {
    pub(crate) fn new(
        stream: Foreign<IMxf>,
        pool: &Rc<EventPool>,
        clock: &Rc<ClockControl>,
        alarms: &AlarmClock,
        timing: &Timing,
    ) -> Rc<Self> {
        let render = Rc::new(Self {
            stream,
            pool: Rc::clone(pool),
            clock: Rc::clone(clock),
            prefetch: timing.prefetch,
            tick: timing.tick.max(1),
            chained: timing.chained,
            running: Cell::new(false),
            waiting: RefCell::default(),
            order: Cell::new(0),
            alarm: OnceCell::new(),
            stats: Cell::default(),
        });
        let late: Weak<Self> = Rc::downgrade(&render);
        let alarm = alarms.alarm(move || {
            if let Some(render) = late.upgrade() {
                render.deliver();
            }
        });
        let _ = render.alarm.set(alarm);
        render
    }

    pub(crate) fn stats(&self) -> RenderStats {
        self.stats.get()
    }

    fn count(&self, change: impl FnOnce(&mut RenderStats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    /// Makes events of what a client wrote and lets those go that are due.
    pub(crate) fn write(&self, pieces: Vec<TimedPiece>) {
        for timed in pieces {
            let Some(event) = self.fill(&timed) else {
                self.count(|stats| stats.starved += 1);
                continue;
            };
            self.queue(timed.time, event);
        }
        self.deliver();
    }

    /// Queues several messages as one package (contract section 6.6).
    pub(crate) fn write_package(&self, time: i64, group: u16, pieces: &[TimedPiece]) {
        let Some(mut package) = self.pool.event(Owner::Port) else {
            self.count(|stats| stats.starved += 1);
            return;
        };
        let mut head = std::ptr::null_mut::<DmusKernelEvent>();
        for piece in pieces.iter().rev() {
            if let Some(mut child) = self.fill(piece) {
                // SAFETY: the event is the pool's, fresh, and nobody else knows it.
                unsafe { child.as_mut() }.next = head;
                head = child.as_ptr();
            }
        }
        // SAFETY: the event is the pool's, fresh, and nobody else knows it.
        let content = unsafe { package.as_mut() };
        content.byte_count = u16::try_from(size_of::<usize>()).unwrap_or(0);
        content.channel_group = group;
        content.flags = event_flags::PACKAGE;
        content.presentation_time = time;
        content.byte_position = BYTE_POSITION_NONE;
        content.data = DmusEventData { package: head };
        self.queue(time, package);
        self.deliver();
    }

    /// Queues one prepared event (a package, say) that the port owns.
    fn queue(&self, time: i64, event: NonNull<DmusKernelEvent>) {
        let due = if self.holds() {
            time.saturating_sub(self.prefetch.cast_signed())
        } else {
            i64::MIN
        };
        let order = self.order.get();
        self.order.set(order + 1);
        self.waiting.borrow_mut().insert((due, order), event);
    }

    fn holds(&self) -> bool {
        self.prefetch != DONT_HOLD_FOR_SEQUENCING
    }

    /// An event of the port's that holds one piece of a message.
    fn fill(&self, timed: &TimedPiece) -> Option<NonNull<DmusKernelEvent>> {
        let bytes = &timed.piece.bytes;
        let mut event = self.pool.event(Owner::Port)?;
        let data = if bytes.len() <= SHORT_EVENT_BYTES {
            let mut short = [0; SHORT_EVENT_BYTES];
            short[..bytes.len()].copy_from_slice(bytes);
            DmusEventData { bytes: short }
        } else {
            let Some(buffer) = self.pool.buffer(Owner::Port) else {
                self.pool.give_back(event, Owner::Port, "the unpacker");
                return None;
            };
            let room = bytes.len().min(usize::from(self.pool.buffer_size()));
            // SAFETY: the buffer is the pool's, fresh, and has room for that many bytes.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.as_ptr(), room) };
            DmusEventData {
                buffer: buffer.as_ptr(),
            }
        };
        // SAFETY: the event is the pool's, fresh, and nobody else knows it.
        let content = unsafe { event.as_mut() };
        content.byte_count = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        content.channel_group = timed.group;
        content.flags = if timed.piece.complete {
            event_flags::COMPLETE
        } else {
            event_flags::INCOMPLETE
        };
        content.presentation_time = timed.time;
        content.byte_position = BYTE_POSITION_NONE;
        content.data = data;
        Some(event)
    }

    /// Runs or holds.
    pub(crate) fn run(&self, running: bool) {
        self.running.set(running);
        if running {
            self.deliver();
        }
    }

    /// Hands over everything that is due, and sets the alarm for the rest.
    pub(crate) fn deliver(&self) {
        if !self.running.get() || host::is_dead() {
            return;
        }
        let now = self.clock.now();
        let mut due = Vec::new();
        {
            let mut waiting = self.waiting.borrow_mut();
            while let Some(first) = waiting.first_entry() {
                if first.key().0 > now {
                    break;
                }
                due.push((first.key().0, first.remove()));
            }
        }
        if self.holds()
            && let Some(&(first, _)) = due.first()
        {
            self.count(|stats| stats.latest = stats.latest.max(now.abs_diff(first)));
        }
        self.put(due.into_iter().map(|(_, event)| event).collect());
        let next = self.waiting.borrow().keys().next().map(|key| key.0);
        if let (Some(next), Some(alarm)) = (next, self.alarm.get()) {
            alarm.set(self.clock.machine_time(next).next_multiple_of(self.tick));
        }
    }

    fn put(&self, events: Vec<NonNull<DmusKernelEvent>>) {
        if !self.chained {
            for event in events {
                self.put_chain(event);
            }
            return;
        }
        let mut head = std::ptr::null_mut::<DmusKernelEvent>();
        for mut event in events.into_iter().rev() {
            // SAFETY: the event is the port's and waits for nobody else.
            unsafe { event.as_mut() }.next = head;
            head = event.as_ptr();
        }
        if let Some(head) = NonNull::new(head) {
            self.put_chain(head);
        }
    }

    fn put_chain(&self, head: NonNull<DmusKernelEvent>) {
        const AT: &str = "IMXF::PutMessage";
        let handed = self
            .pool
            .hand_over(head.as_ptr(), Owner::Port, Owner::Driver, AT)
            .len();
        let status = self.stream.call_at_dispatch(AT, |stream| {
            // SAFETY: the chain is the pool's, and was handed over.
            unsafe { stream.put_message(&host::dispatch(), Some(head)) }
        });
        self.count(|stats| {
            stats.delivered += u64::try_from(handed).unwrap_or(0);
            if !status.is_success() {
                stats.refused += 1;
                stats.refusal = Some(status);
            }
        });
    }

    /// Hands these to the driver at once, whatever state the pin is in.
    pub(crate) fn put_now(&self, pieces: &[TimedPiece]) {
        let events = pieces.iter().filter_map(|piece| self.fill(piece)).collect();
        self.put(events);
    }

    /// Throws away what was not handed over yet.
    pub(crate) fn flush(&self) {
        if let Some(alarm) = self.alarm.get() {
            alarm.cancel();
        }
        let waiting = self.waiting.take();
        self.count(|stats| stats.flushed += u64::try_from(waiting.len()).unwrap_or(0));
        for event in waiting.into_values() {
            self.discard(event);
        }
    }

    /// Gives an event of the port's back, with what a package holds.
    fn discard(&self, mut event: NonNull<DmusKernelEvent>) {
        // SAFETY: the event is the port's.
        let content = unsafe { event.as_mut() };
        if let Some(package) = super::event_pool::package_of(content) {
            content.data = DmusEventData {
                bytes: [0; SHORT_EVENT_BYTES],
            };
            content.byte_count = 0;
            let mut child = package;
            while let Some(first) = NonNull::new(child) {
                // SAFETY: the package's children are the port's too.
                child = unsafe { first.as_ref() }.next;
                self.discard(first);
            }
        }
        self.pool.give_back(event, Owner::Port, "the sequencer");
    }
}
