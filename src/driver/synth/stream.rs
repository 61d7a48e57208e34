//! The stream object of every pin of the synthesizer (contract sections 5.6 and 7).
//!
//! One class serves all three pins, because property handlers get a stream as a bare pointer and
//! must know its class; each instance of a pin has an object of its own, because each has a state
//! of its own. What a MIDI and a wave pin share is the [`Engine`].
#![expect(unsafe_code, reason = "takes over the events of a message")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, Ordering};

use super::engine::Engine;
use super::filter::{INSTANCES, Pin};
use super::inlet::{Flow, Inlet, Leaving, Listener, Plays, Sorted};
use super::meter::Meter;
use super::miniport::SynthMiniport;
use super::share::Share;
use super::streams::Place;
use super::work::{CALL, GROUP_MEMORY, Work};
use crate::class;
use crate::com::{Borrowed, ComRef, Object, ObjectRef, Status};
use crate::irql::{Dispatch, Irql, Passive};
use crate::kernel::clock::master_time;
use crate::kernel::process::Process;
use crate::portcls::abi::{DmusKernelEvent, KsState};
use crate::portcls::event::{Allocator, EventChain, RawChain};
use crate::portcls::format::WaveFormat;
use crate::portcls::interfaces::{IMasterClock, IMxf, IMxfClass, ISynthSinkDMus, In};
use crate::synth::Lookup;
use crate::time::SampleTime;
use crate::trace;

/// A stream.
#[derive(Debug)]
pub struct SynthStream {
    miniport: ObjectRef<SynthMiniport>,
    pin: Pin,
    /// This instance in the miniport's table.
    id: u64,
    engine: ObjectRef<Engine>,
    /// What a MIDI pin receives.
    inlet: Option<ObjectRef<Inlet>>,
    /// Where a wave pin returns what it should never have got.
    allocator: Option<Allocator>,
    clock: ComRef<IMasterClock>,
    state: AtomicI32,
    /// What the pin itself costs.
    _share: Share,
}

class!(SynthStream: 0 => ISynthSinkDMus(IMxf));

impl SynthStream {
    /// Opens a MIDI pin.
    ///
    /// # Errors
    ///
    /// [`Status::INVALID_DEVICE_REQUEST`] when all instances are open,
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn open_midi(
        irql: &mut Irql<Passive>,
        miniport: &ObjectRef<SynthMiniport>,
        pin: Pin,
        allocator: Allocator,
        clock: Borrowed<'_, IMasterClock>,
    ) -> Result<ComRef<IMxf>, Status> {
        let share = Share::take(irql, miniport, pin)?;
        let capacity = miniport.event_capacity();
        let inlet = Inlet::create(irql, allocator, capacity, miniport.budget())?;
        let format = miniport.preferred_format();
        let stream = Self::open(
            irql,
            miniport,
            share,
            format,
            (pin, Some(inlet)),
            None,
            clock,
        )?;
        // The rule is that of the pin that owns the synthesizer now: one that takes over what a wave
        // pin has, or what a pin of the other kind has left there, brings its own.
        let lookup = lookup_of(pin);
        let engine = &stream.engine;
        engine.with(irql, |state, _| state.synth.set_lookup(lookup));
        Ok(stream.into_interface())
    }

    /// Opens a wave pin.
    ///
    /// # Errors
    ///
    /// As for [`open_midi`](Self::open_midi).
    pub fn open_wave(
        irql: &mut Irql<Passive>,
        miniport: &ObjectRef<SynthMiniport>,
        format: WaveFormat,
        allocator: Option<Allocator>,
        clock: Borrowed<'_, IMasterClock>,
    ) -> Result<ComRef<IMxf>, Status> {
        let share = Share::take(irql, miniport, Pin::Wave)?;
        let stream = Self::open(
            irql,
            miniport,
            share,
            format,
            (Pin::Wave, None),
            allocator,
            clock,
        )?;
        let now = master_time(irql, &stream.clock);
        // Dropping the stream closes the pin again.
        stream.engine.set_format(irql, format, now)?;
        Ok(stream.into_interface())
    }

    /// Enters the pin into the miniport's table, and makes its object.
    fn open(
        irql: &mut Irql<Passive>,
        miniport: &ObjectRef<SynthMiniport>,
        share: Share,
        format: WaveFormat,
        (pin, inlet): (Pin, Option<ObjectRef<Inlet>>),
        allocator: Option<Allocator>,
        clock: Borrowed<'_, IMasterClock>,
    ) -> Result<ObjectRef<Self>, Status> {
        let clock = clock.to_owned();
        let (id, engine) = enter(irql, miniport, pin, format, inlet.as_ref(), &clock)?;
        let stream = Self {
            miniport: miniport.clone(),
            pin,
            id,
            engine,
            inlet,
            allocator,
            clock,
            state: AtomicI32::new(KsState::STOP.0),
            _share: share,
        };
        // A stream that finds no memory comes back and is dropped, which closes the pin again.
        Object::try_new(stream).map_err(|_| Status::INSUFFICIENT_RESOURCES)
    }

    /// Which pin this is.
    #[must_use]
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// The synthesizer.
    #[must_use]
    pub const fn engine(&self) -> &ObjectRef<Engine> {
        &self.engine
    }

    /// The miniport.
    #[must_use]
    pub const fn miniport(&self) -> &ObjectRef<SynthMiniport> {
        &self.miniport
    }

    /// What a MIDI pin receives.
    #[must_use]
    pub const fn inlet(&self) -> Option<&ObjectRef<Inlet>> {
        self.inlet.as_ref()
    }

    /// The master clock.
    #[must_use]
    pub const fn clock(&self) -> &ComRef<IMasterClock> {
        &self.clock
    }

    /// The stream's state.
    #[must_use]
    pub fn state(&self) -> KsState {
        KsState(self.state.load(Ordering::Acquire))
    }

    /// The notes that this pin's synthesizer lost for want of room, or of anybody to play them.
    pub fn lost_notes(&self, irql: &mut Irql<Passive>) -> u32 {
        let engine = &self.engine;
        let feeds = self
            .miniport
            .with_streams(irql, |streams, _| streams.feeds_of(engine));
        let of_feeds = feeds.iter().flatten().map(|inlet| inlet.lost_notes());
        let own = match &self.inlet {
            // An inlet that nobody renders is in no feed.
            Some(inlet) if feeds.iter().all(Option::is_none) => inlet.lost_notes(),
            _ => 0,
        };
        of_feeds.fold(own, u32::saturating_add)
    }
}

/// How instruments are looked for on a pin's own synthesizer. A DirectMusic client downloads what
/// it plays and names it exactly. A legacy client plays songs as they are, on a collection that it
/// may know nothing of. Where a legacy pin's events play on a DirectMusic pin's synthesizer, that
/// pin's rule counts.
const fn lookup_of(pin: Pin) -> Lookup {
    match pin {
        Pin::Midi => Lookup::Fallbacks,
        Pin::DirectMusic | Pin::Wave => Lookup::Exact,
    }
}

/// Enters a pin into the table, with the engine that it belongs to.
fn enter(
    irql: &mut Irql<Passive>,
    miniport: &ObjectRef<SynthMiniport>,
    pin: Pin,
    format: WaveFormat,
    inlet: Option<&ObjectRef<Inlet>>,
    clock: &ComRef<IMasterClock>,
) -> Result<(u64, ObjectRef<Engine>), Status> {
    // NewStream runs in the context of the thread that opens the pin.
    let opener = Process::current(irql);
    let mut spare = None;
    // Twice: with a spare at hand the pin gets in, or is refused.
    for _ in 0..2 {
        let entered = miniport.with_streams(irql, |streams, _| {
            if streams.count(pin) >= INSTANCES {
                return Err(Status::INVALID_DEVICE_REQUEST);
            }
            let Some(engine) = streams.engine_for(pin, opener).or(spare.as_ref()).cloned() else {
                return Ok(None);
            };
            let place = Place {
                pin,
                opener,
                id: 0,
                engine: engine.clone(),
                inlet: inlet.cloned(),
            };
            // A place that finds no room is dropped under the lock, but it is never the last
            // owner of anything: the caller has the inlet, and `engine` is a copy.
            let id = streams
                .insert(place)
                .map_err(|_| Status::INVALID_DEVICE_REQUEST)?;
            Ok(Some((id, engine)))
        })?;
        if let Some(entered) = entered {
            return Ok(entered);
        }
        let now = master_time(irql, clock);
        spare = Some(Engine::create(irql, miniport, format, now)?);
    }
    Err(Status::INSUFFICIENT_RESOURCES)
}

impl IMxfClass for SynthStream {
    fn set_state(this: &ObjectRef<Self>, irql: &mut Irql<Passive>, state: KsState) -> Status {
        if !(KsState::STOP.0..=KsState::RUN.0).contains(&state.0) {
            return Status::INVALID_PARAMETER;
        }
        if state == KsState::RUN && !this.may_run(irql) {
            return Status::UNSUCCESSFUL;
        }
        let before = KsState(this.state.swap(state.0, Ordering::AcqRel));
        if before != state {
            match &this.inlet {
                Some(inlet) => this.set_midi_state(irql, inlet, state),
                None => this.set_wave_state(irql, before, state),
            }
        }
        Status::SUCCESS
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        let Some(event) = event else {
            return Status::SUCCESS;
        };
        match (&this.inlet, &this.allocator) {
            (Some(inlet), _) => {
                // SAFETY: promised by the caller: the chain is given up (contract section 6.1).
                inlet.put(irql, unsafe { RawChain::new(event) });
                this.settle(irql, inlet, None, &mut Work::new(CALL));
            }
            // A wave pin, to which no port sends events: it has no queue that they could wait in.
            (None, Some(allocator)) => {
                // SAFETY: as above.
                allocator.give_back(irql, unsafe { EventChain::from_raw(event) });
            }
            // A wave pin without an allocator: there is nobody to give them back to.
            (None, None) => return Status::INVALID_DEVICE_REQUEST,
        }
        Status::SUCCESS
    }

    fn connect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        // Ignored (contract section 7.4).
        Status::SUCCESS
    }

    fn disconnect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        Status::SUCCESS
    }
}

impl SynthStream {
    /// Whether the stream can go to RUN: a DirectMusic pin needs to know the rate, which its wave
    /// pin brings (contract section 7.1). A legacy pin may run deaf: a client that knows nothing
    /// but legacy MIDI opens no wave pin, and must not be refused for that.
    fn may_run(&self, irql: &mut Irql<Passive>) -> bool {
        self.pin != Pin::DirectMusic
            || self
                .miniport
                .with_streams(irql, |streams, _| streams.target_of(self.id).is_some())
    }

    fn set_midi_state(&self, irql: &mut Irql<Passive>, inlet: &Inlet, state: KsState) {
        match state {
            KsState::RUN => inlet.open(irql, Flow::Running),
            KsState::STOP => {
                inlet.close(irql);
                self.silence(irql);
            }
            _ => inlet.open(irql, Flow::Held),
        }
    }

    /// Ends the notes of a MIDI pin that has stopped, unless another pin plays on the same
    /// synthesizer: its notes cannot be told apart.
    fn silence(&self, irql: &mut Irql<Passive>) {
        let feeds = self.miniport.with_streams(irql, |streams, _| {
            let engine = streams.target_of(self.id)?;
            Some(streams.feeds_of(engine))
        });
        let mut running = false;
        for inlet in feeds.iter().flatten().flatten() {
            running |= inlet.is_running(irql);
        }
        if !running {
            self.miniport.with_streams(irql, |streams, irql| {
                if let Some(engine) = streams.target_of(self.id) {
                    engine.with_inner(irql, |state| state.synth.all_sound_off());
                }
            });
        }
    }

    fn set_wave_state(&self, irql: &mut Irql<Passive>, before: KsState, state: KsState) {
        let runs = state == KsState::RUN;
        self.engine.with(irql, |engine, _| {
            engine.running = runs;
            if runs {
                engine.meter = Meter::default();
                engine.synth.reset_stats();
            }
            if runs && before != KsState::PAUSE {
                // A pause keeps notes; only after a stop does a new run begin.
                engine.synth.reset_for_run();
                engine.position = SampleTime(0);
            }
            if state == KsState::STOP {
                engine.synth.all_sound_off();
            }
        });
        if runs {
            let engine = &self.engine;
            let feeds = self
                .miniport
                .with_streams(irql, |streams, _| streams.feeds_of(engine));
            for inlet in feeds.iter().flatten() {
                inlet.reset_losses();
            }
        }
        self.engine.reap(irql);
    }

    /// Sorts in what the port has sent to a MIDI pin, as far as `work` goes: for the synthesizer that
    /// is said, or the one that this pin's events play on. Brings memory for channel groups, so that
    /// rendering needs none; where there is none to be had, the synthesizer counts the events as lost.
    ///
    /// Every turn takes something from `work`, memory that did not help is not brought again, and what
    /// is left over waits for the next call that has time for it.
    pub(super) fn settle(
        &self,
        irql: &mut Irql<Dispatch>,
        inlet: &Inlet,
        engine: Option<&Engine>,
        work: &mut Work,
    ) {
        let mut spare = None;
        let mut do_without = false;
        while !work.is_over() {
            let mut leaving = Leaving::default();
            let sorted = self.miniport.with_streams(irql, |streams, irql| {
                let heard = engine.or_else(|| streams.target_of(self.id).map(|own| &**own));
                let plays = match heard {
                    Some(_) => Plays::Yes,
                    // A DirectMusic pin is still waiting for its wave pin.
                    None if self.pin == Pin::DirectMusic => Plays::Later,
                    None => Plays::Never,
                };
                let mut listener = Listener {
                    engine: heard.unwrap_or(&self.engine),
                    plays,
                    spare: &mut spare,
                    do_without,
                };
                inlet.sort(irql, &mut listener, work, &mut leaving)
            });
            do_without = false;
            inlet.give_back(irql, leaving);
            match sorted {
                Sorted::All => break,
                Sorted::Some => {}
                Sorted::NeedsMemory if spare.is_some() => do_without = true,
                Sorted::NeedsMemory => {
                    work.spend(GROUP_MEMORY);
                    spare = self.engine.bring().ok();
                    do_without = spare.is_none();
                }
            }
        }
        self.engine.take_back(spare);
    }
}

impl Drop for SynthStream {
    fn drop(&mut self) {
        // SAFETY: the port releases streams at PASSIVE (contract section 4).
        let mut irql = unsafe { Irql::<Passive>::assume() };
        if let Some(inlet) = &self.inlet {
            inlet.close(&mut irql);
            self.silence(&mut irql);
        } else {
            self.engine
                .with(&mut irql, |state, _| state.running = false);
        }
        let id = self.id;
        let place = self
            .miniport
            .with_streams(&mut irql, |streams, _| streams.remove(id));
        if let Some(inlet) = &self.inlet {
            // Rendering may still have it on loan, from before it left the table.
            inlet.wait_until_unused(&irql);
        }
        drop(place);
        self.engine.reap(&mut irql);
        trace::emit(trace::Event::StreamClosed { pin: self.pin.id() });
    }
}
