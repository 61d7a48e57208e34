//! What a MIDI pin has received and the synthesizer has not yet played.
//!
//! `PutMessage` leaves its chain in the backlog and sorts events in, as many as one call may; what is
//! left is sorted in by rendering, by the sink's calls and by the next `PutMessage`. Rendering takes out
//! the events whose frame has come, hands their messages to the synthesizer, and gives them back to
//! the allocator. They stay events until then, in the order of their master-clock time (see [`Queue`]).
//! An event of several messages is played in portions where it is long. However many events there are
//! and whatever is in them, one hold of the lock does at most [`HOLD`](super::work::HOLD) and one step.
//!
//! Lock order: an inlet's lock is outside the engine's. The allocator is called with neither held.
#![expect(unsafe_code, reason = "lends an inlet without counting references")]

use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};

use super::assembly::Assembly;
use super::budget::Budget;
use super::engine::{Engine, State};
use super::messages::Messages;
use super::player::{Full, Open, Played, Player};
use super::queue::Queue;
use super::work::{ARRIVAL, DEPARTURE, GROUP, LOCK, Work};
use crate::class;
use crate::com::{Object, ObjectRef, Status};
use crate::irql::{AtMost, Dispatch, Irql, Locked, Passive};
use crate::kernel::rundown::Rundown;
use crate::kernel::spinlock::SpinLock;
use crate::portcls::abi::DmusKernelEvent;
use crate::portcls::event::{Allocator, Backlog, Event, EventChain, RawChain, Step};
use crate::synth::{GroupMemory, NeedsMemory};
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
    /// What all pins of the device may hold together.
    budget: ObjectRef<Budget>,
    /// Bytes of a buffer of the allocator's.
    buffer: u64,
}

class!(Inlet; place);

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
    /// What was not sorted in yet.
    backlog: Backlog,
    queue: Queue<Event>,
    /// The event that is being played.
    open: Option<Open>,
    assembly: Assembly,
    /// The status byte that a message without one means, or 0.
    running: u8,
    flow: Flow,
}

/// Whom events are sorted in for.
#[derive(Debug)]
pub struct Listener<'a> {
    /// The synthesizer whose groups they use.
    pub engine: &'a Engine,
    /// Whether anybody will ever play them.
    pub plays: Plays,
    /// Memory for more groups.
    pub spare: &'a mut Option<GroupMemory>,
    /// There is no memory to be had: the synthesizer counts the next event as lost.
    pub do_without: bool,
}

/// Whether events are going to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plays {
    /// A wave pin renders the synthesizer.
    Yes,
    /// One may come.
    Later,
    /// None does: they are lost.
    Never,
}

/// How far the sorting has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// Nothing is left.
    All,
    /// The work is used up.
    Some,
    /// The next event's group needs memory.
    NeedsMemory,
}

/// Events on their way back to the allocator.
#[derive(Debug, Default)]
pub struct Leaving {
    /// Done with, or never wanted.
    done: EventChain,
    /// Nobody will play them.
    lost: EventChain,
    /// Bytes of a SysEx that was given up.
    dropped: Option<u32>,
}

/// Events that leave under one hold of the lock when all do: 25 us.
const BATCH: usize = 64;

impl Inlet {
    fn place(&self) {
        self.rundown.initialise();
        self.waiting.initialise();
    }

    /// A closed inlet with room for `capacity` events.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn create(
        _: &Irql<Passive>,
        allocator: Allocator,
        capacity: u32,
        budget: &ObjectRef<Budget>,
    ) -> Result<ObjectRef<Self>, Status> {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        let waiting = Waiting {
            backlog: Backlog::new(),
            queue: Queue::try_new(capacity)?,
            open: None,
            assembly: Assembly::try_new()?,
            running: 0,
            flow: Flow::Closed,
        };
        let buffer = u64::from(allocator.buffer_size());
        Object::try_new(Self {
            allocator,
            rundown: Rundown::new(),
            lost_notes: AtomicU32::new(0),
            lost_events: AtomicU32::new(0),
            waiting: SpinLock::new(waiting),
            budget: budget.clone(),
            buffer,
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

    /// Puts a chain in, not sorted yet.
    pub fn put(&self, irql: &mut Irql<Dispatch>, chain: RawChain) {
        self.waiting
            .with(irql, |waiting, _| waiting.backlog.push(chain));
    }

    /// Sorts in what the port has put here, as far as `work` and one hold of the lock go.
    pub fn sort(
        &self,
        irql: &mut Irql<Locked>,
        listener: &mut Listener<'_>,
        work: &mut Work,
        leaving: &mut Leaving,
    ) -> Sorted {
        let mut hold = work.hold();
        let plays = listener.plays;
        let sorted = self.waiting.with_inner(irql, |waiting, irql| {
            waiting.sort(self, plays, &mut hold, leaving, |event, hold| {
                let group = event.channel_group();
                // The first group has its state from the beginning; only an event without a time
                // needs to know what time it is.
                if group <= 1 && event.presentation_time() != RefTime(0) {
                    return Ok(RefTime(0));
                }
                hold.spend(GROUP.saturating_add(LOCK));
                let spare = &mut *listener.spare;
                let do_without = &mut listener.do_without;
                listener.engine.with_inner(irql, |state| {
                    let lacks = state.use_group(group, spare).is_err();
                    if lacks && !core::mem::take(do_without) {
                        return Err(NeedsMemory);
                    }
                    Ok(match plays {
                        Plays::Yes => state.now(),
                        Plays::Later | Plays::Never => RefTime(0),
                    })
                })
            })
        });
        work.end_hold(&hold);
        sorted
    }

    /// Gives events back, and counts those that are lost. No lock is held.
    pub fn give_back<L: AtMost<Dispatch>>(&self, irql: &Irql<L>, leaving: Leaving) {
        let Leaving {
            done,
            mut lost,
            dropped,
        } = leaving;
        if let Some(bytes) = dropped {
            trace::emit(trace::Event::SysExDropped { bytes });
        }
        self.allocator.give_back(irql, done);
        while let Some(event) = lost.pop_front() {
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

    /// Lets events wait or play.
    pub fn open(&self, irql: &mut Irql<Passive>, flow: Flow) {
        let was = self.waiting.with(irql, |waiting, _| waiting.flow);
        if was == Flow::Closed {
            // What came meanwhile, and no call has had the time to give back.
            self.close(irql);
        }
        self.waiting.with(irql, |waiting, _| waiting.flow = flow);
    }

    /// Whether events are being played.
    pub fn is_running<L: AtMost<Dispatch>>(&self, irql: &mut Irql<L>) -> bool {
        self.waiting
            .with(irql, |waiting, _| waiting.flow == Flow::Running)
    }

    /// Gives back everything that waits, and from now on everything that comes.
    pub fn close(&self, irql: &mut Irql<Passive>) {
        let (mut backlog, open) = self.waiting.with(irql, |waiting, _| {
            waiting.flow = Flow::Closed;
            waiting.assembly.finish();
            waiting.running = 0;
            (core::mem::take(&mut waiting.backlog), waiting.open.take())
        });
        let mut leaving = Leaving::default();
        if let Some(open) = open {
            self.leave(open.event, &mut leaving);
        }
        self.give_back(irql, leaving);
        // Nothing gets into the queue of a closed inlet, so this ends when all of it is out.
        loop {
            let mut leaving = Leaving::default();
            self.waiting.with(irql, |waiting, _| {
                for event in core::iter::from_fn(|| waiting.queue.pop_any()).take(BATCH) {
                    self.leave(event, &mut leaving);
                }
            });
            if leaving.done.is_empty() {
                break;
            }
            self.give_back(irql, leaving);
        }
        // Nor into this one.
        while let Some(step) = backlog.pop() {
            if let Step::Event(event) | Step::Emptied(event) = step {
                self.allocator.give_back_one(irql, event);
            }
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

    /// Plays what is due before frame `until`, as far as `work` goes: the rest is late.
    pub fn feed(
        &self,
        irql: &mut Irql<Dispatch>,
        engine: &Engine,
        until: SampleTime,
        work: &mut Work,
    ) {
        while !work.is_over() {
            let mut hold = work.hold();
            let mut leaving = Leaving::default();
            let more = self.waiting.with(irql, |waiting, irql| {
                engine.with_inner(irql, |state| {
                    waiting.turn(self, state, until, &mut hold, &mut leaving)
                })
            });
            work.end_hold(&hold);
            self.give_back(irql, leaving);
            if !more {
                return;
            }
        }
    }

    /// What an event counts for in the device's budget: itself, and its buffer.
    fn bytes_of(&self, event: &Event) -> u64 {
        let own = u64::try_from(size_of::<DmusKernelEvent>()).unwrap_or(0);
        if event.has_buffer() {
            own.saturating_add(self.buffer)
        } else {
            own
        }
    }

    /// An event that waited is done with.
    fn leave(&self, event: Event, leaving: &mut Leaving) {
        self.budget.release(self.bytes_of(&event));
        leaving.done.push_back(event);
    }
}

impl Waiting {
    /// Sorts events in, as far as `work` goes. `look` makes an event's group ready, and says what time
    /// it is.
    fn sort(
        &mut self,
        inlet: &Inlet,
        plays: Plays,
        work: &mut Work,
        leaving: &mut Leaving,
        mut look: impl FnMut(&Event, &mut Work) -> Result<RefTime, NeedsMemory>,
    ) -> Sorted {
        while !work.is_over() {
            let Some(step) = self.backlog.pop() else {
                return Sorted::All;
            };
            work.spend(ARRIVAL);
            let event = match step {
                Step::Event(event) => event,
                Step::Emptied(package) => {
                    leaving.done.push_back(package);
                    continue;
                }
                Step::Opened => continue,
            };
            if plays == Plays::Never {
                leaving.lost.push_back(event);
                continue;
            }
            if self.flow == Flow::Closed {
                leaving.done.push_back(event);
                continue;
            }
            let Ok(now) = look(&event, work) else {
                self.backlog.put_back(event);
                return Sorted::NeedsMemory;
            };
            let time = match event.presentation_time() {
                RefTime(0) => now,
                time => time,
            };
            let bytes = inlet.bytes_of(&event);
            if !inlet.budget.try_reserve(bytes) {
                leaving.lost.push_back(event);
            } else if let Err(event) = self.queue.push(time, event) {
                inlet.budget.release(bytes);
                leaving.lost.push_back(event);
            }
        }
        if self.backlog.is_empty() {
            Sorted::All
        } else {
            Sorted::Some
        }
    }

    /// Sorts and plays under one hold of the lock; says whether there may be more to do.
    fn turn(
        &mut self,
        inlet: &Inlet,
        state: &mut State,
        until: SampleTime,
        work: &mut Work,
        leaving: &mut Leaving,
    ) -> bool {
        if self.flow != Flow::Running {
            return false;
        }
        let mut sorted = Sorted::All;
        if !self.backlog.is_empty() {
            // Half of the work, so that neither waits for the other.
            let mut half = Work::new(work.left() / 2);
            sorted = self.sort(inlet, Plays::Yes, &mut half, leaving, |event, work| {
                work.spend(GROUP);
                // Rendering brings no memory.
                state.use_group(event.channel_group(), &mut None)?;
                Ok(state.now())
            });
            work.spend(half.spent());
        }
        // What waits for memory may wait for long: it holds up nobody.
        let sorting = sorted == Sorted::Some;
        self.play(inlet, state, until, sorting, work, leaving) || sorting
    }

    /// Plays what is due; says whether there may be more. What is `sorting` is not played before its
    /// turn.
    fn play(
        &mut self,
        inlet: &Inlet,
        state: &mut State,
        until: SampleTime,
        sorting: bool,
        work: &mut Work,
        leaving: &mut Leaving,
    ) -> bool {
        while !work.is_over() {
            let next = match &self.open {
                Some(open) => Some((open.time, open.event.channel_group())),
                None => self
                    .queue
                    .peek()
                    .map(|(time, event)| (time, event.channel_group())),
            };
            let Some((time, group)) = next else {
                return false;
            };
            let frame = state.frame_of(time);
            if frame >= until {
                return false;
            }
            let mut player = Player {
                synth: &mut state.synth,
                frame,
                group,
                assembly: &mut self.assembly,
                running: &mut self.running,
                dropped: &mut leaving.dropped,
                work,
            };
            if let Some(open) = &mut self.open {
                match player.go_on(open) {
                    Ok(Played::Whole) => {}
                    Ok(Played::Part) => return true,
                    Err(Full) => return false,
                }
                if let Some(open) = self.open.take() {
                    inlet.leave(open.event, leaving);
                }
                continue;
            }
            let first = self.backlog.front_time().filter(|_| sorting);
            if first.is_some_and(|first| first != RefTime(0) && first < time) {
                return false;
            }
            let Some((_, event)) = self.queue.peek() else {
                return false;
            };
            player.work.spend(DEPARTURE);
            let Ok(played) = player.play(event.bytes(), !event.is_incomplete()) else {
                // The synthesizer has enough for this block; the rest comes with the next.
                return false;
            };
            let messages = Messages::new(*player.running);
            let Some(event) = self.queue.pop() else {
                return false;
            };
            match played {
                Played::Whole => inlet.leave(event, leaving),
                Played::Part => {
                    self.open = Some(Open {
                        time,
                        event,
                        messages,
                    });
                }
            }
        }
        true
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
