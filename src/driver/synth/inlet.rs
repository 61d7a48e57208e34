//! What a MIDI pin has received and the synthesizer has not yet played.
//!
//! `PutMessage` puts events in, at DISPATCH; rendering takes out those whose frame has come, hands
//! their messages to the synthesizer, and gives them back to the allocator. They stay events
//! until then, in the order of their master-clock time (see [`Queue`]).
//!
//! Lock order: an inlet's lock is outside the engine's. The allocator is called with neither held.
#![expect(unsafe_code, reason = "lends an inlet without counting references")]

use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};

use super::assembly::{Assembly, Part};
use super::engine::{EVENTS_PER_BLOCK, Engine, State};
use super::queue::Queue;
use crate::class;
use crate::com::{Object, ObjectRef, Status};
use crate::irql::{AtMost, Dispatch, Irql, Passive};
use crate::kernel::rundown::Rundown;
use crate::kernel::spinlock::SpinLock;
use crate::midi::parser::{Meaning, Parser};
use crate::portcls::event::{Allocator, Event, EventChain};
use crate::synth::ScheduleError;
use crate::time::{RefTime, SampleTime};
use crate::trace;

/// A MIDI pin's events.
#[derive(Debug)]
pub struct Inlet {
    allocator: Allocator,
    rundown: Rundown,
    lost_notes: AtomicU32,
    lost_events: AtomicU32,
    waiting: SpinLock<Waiting>,
}

class!(Inlet);

/// What an inlet with room for `capacity` events takes of the pool.
#[must_use]
pub fn pool_bytes_for(capacity: u32) -> u64 {
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    Queue::<Event>::pool_bytes_for(capacity).saturating_add(OTHERS)
}

/// The beginnings of a long message, and the inlet itself.
const OTHERS: u64 = 72 << 10;

/// What is done with events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They go back at once.
    Closed,
    /// They wait.
    Held,
    /// They are played when their time comes.
    Running,
}

/// The events, under the lock.
#[derive(Debug)]
struct Waiting {
    queue: Queue<Event>,
    assembly: Assembly,
    /// The status byte that a message without one means, or 0.
    running: u8,
    flow: Flow,
}

/// What has to be seen to before events can wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// One has no time of its own.
    pub time: bool,
    /// One is for a channel group that may have no state yet.
    pub group: bool,
}

/// Events that are moved under one hold of the lock.
pub const BATCH: usize = 64;

impl Inlet {
    /// A closed inlet with room for `capacity` events.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn create(
        _: &Irql<Passive>,
        allocator: Allocator,
        capacity: u32,
    ) -> Result<ObjectRef<Self>, Status> {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        let waiting = Waiting {
            queue: Queue::try_new(capacity)?,
            assembly: Assembly::try_new()?,
            running: 0,
            flow: Flow::Closed,
        };
        Object::try_new(Self {
            allocator,
            rundown: Rundown::new(),
            lost_notes: AtomicU32::new(0),
            lost_events: AtomicU32::new(0),
            waiting: SpinLock::new(waiting),
        })
        .map_err(|_| Status::INSUFFICIENT_RESOURCES)
    }

    /// Notes of events that were lost since the last [`reset_losses`](Self::reset_losses).
    #[must_use]
    pub fn lost_notes(&self) -> u32 {
        self.lost_notes.load(Ordering::Relaxed)
    }

    /// Begins to count anew.
    pub fn reset_losses(&self) {
        self.lost_notes.store(0, Ordering::Relaxed);
    }

    /// Puts events in. `now` is the time that an event without one gets: that of the next frame.
    pub fn accept(&self, irql: &mut Irql<Dispatch>, mut events: EventChain, now: RefTime) {
        while !events.is_empty() {
            let mut refused = EventChain::new();
            let lost = self.waiting.with(irql, |waiting, _| {
                for event in core::iter::from_fn(|| events.pop_front()).take(BATCH) {
                    waiting.accept(event, now, &mut refused);
                }
                waiting.flow != Flow::Closed
            });
            if lost {
                self.lose(irql, refused);
            } else {
                self.allocator.give_back(irql, refused);
            }
        }
    }

    /// Gives events back that nobody will play, and counts them.
    pub fn lose(&self, irql: &Irql<Dispatch>, mut events: EventChain) {
        while let Some(event) = events.pop_front() {
            if is_note_on(event.bytes()) {
                self.lost_notes.fetch_add(1, Ordering::Relaxed);
            }
            if self.lost_events.fetch_add(1, Ordering::Relaxed) == 0 {
                // The first is reported at once, the rest in a lump when the stream stops.
                trace::emit(trace::Event::EventsLost { count: 1 });
            }
            self.allocator.give_back_one(irql, event);
        }
    }

    /// Puts the children of packages in the place of the packages, which go back at once.
    /// Also says what the events need.
    pub fn unpack(&self, irql: &Irql<Dispatch>, mut events: EventChain) -> (EventChain, Needs) {
        let mut flat = EventChain::new();
        let mut needs = Needs::default();
        while let Some(mut event) = events.pop_front() {
            if event.is_package() {
                let mut children = event.take_package();
                events.prepend(&mut children);
                self.allocator.give_back_one(irql, event);
            } else {
                needs.time |= event.presentation_time() == RefTime(0);
                // The first group has its state from the beginning.
                needs.group |= event.channel_group() > 1;
                flat.push_back(event);
            }
        }
        (flat, needs)
    }

    /// Lets events wait or play.
    pub fn open<L: AtMost<Dispatch>>(&self, irql: &mut Irql<L>, flow: Flow) {
        self.waiting.with(irql, |waiting, _| waiting.flow = flow);
    }

    /// Whether events are being played.
    pub fn is_running<L: AtMost<Dispatch>>(&self, irql: &mut Irql<L>) -> bool {
        self.waiting
            .with(irql, |waiting, _| waiting.flow == Flow::Running)
    }

    /// Gives back everything that waits, and from now on everything that comes.
    pub fn close(&self, irql: &mut Irql<Passive>) {
        loop {
            let mut events = EventChain::new();
            self.waiting.with(irql, |waiting, _| {
                waiting.flow = Flow::Closed;
                waiting.assembly.finish();
                waiting.running = 0;
                for event in core::iter::from_fn(|| waiting.queue.pop()).take(BATCH) {
                    events.push_back(event);
                }
            });
            if events.is_empty() {
                break;
            }
            self.allocator.give_back(irql, events);
        }
        let lost = self.lost_events.swap(0, Ordering::Relaxed);
        if lost > 1 {
            trace::emit(trace::Event::EventsLost { count: lost });
        }
    }

    /// Waits until nobody has the inlet on loan. It must have left the table of streams, so that
    /// it will not be lent again.
    pub fn wait_until_unused(&self, irql: &Irql<Passive>) {
        self.rundown.wait(irql);
    }

    /// Plays what is due before frame `until`.
    pub fn feed(&self, irql: &mut Irql<Dispatch>, engine: &Engine, until: SampleTime) {
        loop {
            let mut done = EventChain::new();
            let mut dropped = None;
            let more = self.waiting.with(irql, |waiting, irql| {
                engine.with_inner(irql, |state| {
                    waiting.play(state, until, &mut done, &mut dropped)
                })
            });
            if let Some(bytes) = dropped {
                trace::emit(trace::Event::SysExDropped { bytes });
            }
            self.allocator.give_back(irql, done);
            if !more {
                return;
            }
        }
    }
}

impl Waiting {
    fn accept(&mut self, event: Event, now: RefTime, refused: &mut EventChain) {
        let time = match event.presentation_time() {
            RefTime(0) => now,
            time => time,
        };
        if self.flow == Flow::Closed {
            refused.push_back(event);
        } else if let Err(event) = self.queue.push(time, event) {
            refused.push_back(event);
        }
    }

    /// Plays up to [`BATCH`] events; says whether there may be more.
    fn play(
        &mut self,
        state: &mut State,
        until: SampleTime,
        done: &mut EventChain,
        dropped: &mut Option<u32>,
    ) -> bool {
        if self.flow != Flow::Running {
            return false;
        }
        for _ in 0..BATCH {
            let Some((time, event)) = self.queue.peek() else {
                return false;
            };
            let frame = state.frame_of(time);
            if frame >= until {
                return false;
            }
            let mut player = Player {
                state,
                frame,
                group: event.channel_group(),
                assembly: &mut self.assembly,
                running: &mut self.running,
                dropped,
            };
            if player.play(event.bytes(), !event.is_incomplete()).is_err() {
                // The synthesizer has enough for this block; the rest comes with the next.
                return false;
            }
            if let Some(event) = self.queue.pop() {
                done.push_back(event);
            }
        }
        true
    }
}

/// The synthesizer's queue is full.
struct Full;

/// One event on its way into the synthesizer.
struct Player<'a> {
    state: &'a mut State,
    frame: SampleTime,
    group: u16,
    assembly: &'a mut Assembly,
    running: &'a mut u8,
    dropped: &'a mut Option<u32>,
}

impl Player<'_> {
    fn play(&mut self, bytes: &[u8], last: bool) -> Result<(), Full> {
        match bytes {
            // Real time means nothing to a synthesizer, not even inside a SysEx.
            [] | [0xF8..=0xFF] => Ok(()),
            _ if !last || self.assembly.is_open() => self.play_part(bytes, last),
            _ if holds_more(bytes) => self.play_bytes(bytes),
            _ => self.play_message(bytes),
        }
    }

    fn play_part(&mut self, bytes: &[u8], last: bool) -> Result<(), Full> {
        loop {
            match self.assembly.offer(bytes, last) {
                Part::Taken => return Ok(()),
                Part::Whole(message) => {
                    let scheduled = self.state.synth.schedule(self.frame, self.group, message);
                    if scheduled == Err(ScheduleError::QueueFull) {
                        return Err(Full);
                    }
                    self.assembly.finish();
                    *self.running = 0;
                    return Ok(());
                }
                Part::Dropped { bytes, again } => {
                    *self.dropped = u32::try_from(bytes).ok();
                    if !again {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn play_message(&mut self, bytes: &[u8]) -> Result<(), Full> {
        match self.state.synth.schedule(self.frame, self.group, bytes) {
            Ok(()) => {
                self.remember_status(bytes);
                Ok(())
            }
            Err(ScheduleError::QueueFull) => Err(Full),
            Err(ScheduleError::Malformed) => self.play_bytes(bytes),
        }
    }

    /// An event that is not one message: several, or one that relies on running status. They are
    /// played together or, while there is no room for as many as there may be, not yet.
    fn play_bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let most = bytes.len().min(EVENTS_PER_BLOCK as usize);
        if self.state.synth.queue_room() < most {
            return Err(Full);
        }
        let mut parser = Parser::new();
        if bytes.first().is_some_and(|&byte| byte < 0x80) && *self.running != 0 {
            let _ = parser.feed(*self.running, RefTime(0));
        }
        for &byte in bytes {
            if let Meaning::Short(short) = parser.feed(byte, RefTime(0)).meaning {
                let message = short.as_bytes();
                let _ = self.state.synth.schedule(self.frame, self.group, message);
                self.remember_status(message);
            }
        }
        Ok(())
    }

    /// Channel messages set the running status, system common ones clear it (contract 13.1).
    fn remember_status(&mut self, message: &[u8]) {
        match message.first() {
            Some(&status @ 0x80..0xF0) => *self.running = status,
            Some(0xF0..0xF8) => *self.running = 0,
            _ => {}
        }
    }
}

/// Whether something follows the channel message that the bytes begin with.
const fn holds_more(bytes: &[u8]) -> bool {
    match bytes {
        [0xC0..=0xDF, rest @ ..] => rest.len() > 1,
        [0x80..=0xEF, rest @ ..] => rest.len() > 2,
        _ => false,
    }
}

/// Whether a message starts a note.
fn is_note_on(message: &[u8]) -> bool {
    matches!(message, [0x90..=0x9F, _, 1..=0x7F])
}

/// An inlet on loan from the table of streams: its owner waits for it before it goes.
///
/// # Invariants
///
/// One use of the inlet's run-down protection is ours.
#[derive(Debug)]
pub struct Lent {
    inlet: ManuallyDrop<ObjectRef<Inlet>>,
}

impl Lent {
    /// Lends an inlet, unless its owner is already waiting. No reference is counted, so that the
    /// last one is never given up at DISPATCH.
    #[must_use]
    pub fn of(inlet: &ObjectRef<Inlet>) -> Option<Self> {
        // INVARIANT: this use becomes ours; `drop` ends it.
        core::mem::forget(inlet.rundown.enter()?);
        // SAFETY: the context is that of a live object of this class.
        let inlet = unsafe { ObjectRef::from_context(inlet.as_context()) };
        Some(Self { inlet })
    }
}

impl Deref for Lent {
    type Target = Inlet;

    fn deref(&self) -> &Inlet {
        &self.inlet
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: by the invariant one use is ours; the inlet is not touched again.
        unsafe { self.inlet.rundown.leave() };
    }
}
