//! Which pins are open, and what belongs to what.
//!
//! - Every MIDI pin has an engine of its own, with its own downloads and channel groups.
//! - A wave pin renders one engine: that of the first DirectMusic pin of its process without a wave
//!   pin, else of the first such legacy pin; else a new engine, which the next MIDI pin of the
//!   process takes over.
//! - A legacy pin's events play on the first DirectMusic pin's engine that has a wave pin, else on
//!   its own, else on that of the first wave pin.
//!
//! # Whose is what
//!
//! An engine belongs to the process that opened its first pin, and only pins that the same process
//! opens join it: with the engine a pin gets the downloads, the volumes and the port parameters of
//! all others on it. KS hands an open to the driver in the context of the thread that opens
//! (IRP_MJ_CREATE is dispatched there, and PortCls calls `NewStream` from it at PASSIVE); the
//! samples and the documentation pair whatever halves there are, and say nothing of processes
//! (contract section 5.6). A kernel client that opens from a thread of its own is the system
//! process, so that those pair among themselves; one that opens on a program's thread acts for that
//! program.
//!
//! Later requests are not bound to the process: a program can hand the handle of a pin on
//! (duplicate it, let a child inherit it), and then means to. A download's handle names something in
//! the engine of the pin that it is used on, and nowhere else.
//!
//! Legacy events cross from one process to another, as before: wdmaud or the MIDI service opens
//! legacy pins, for every program and in a process of its own, while the program that wants to hear
//! them opens the wave pin (contract section 5.7: legacy notes play on the first open DirectMusic
//! instance). What a legacy pin can do to an engine of another process is what a keyboard can: it
//! plays notes on it, and ends them when it stops and no other pin plays. It can neither download
//! to it nor set it up.
//!
//! The table is guarded by the miniport's lock, which is outside all others. It holds references
//! to engines and inlets, none to streams; nothing is allocated or freed under the lock.

use super::engine::Engine;
use super::filter::{INSTANCES, Pin};
use super::inlet::{Inlet, Lent};
use super::share::Costs;
use crate::com::ObjectRef;
use crate::kernel::process::Process;

/// Open pins at most: so many of each of three.
const PLACES: usize = 3 * INSTANCES as usize;
/// MIDI pins at most.
const MIDI_PLACES: usize = 2 * INSTANCES as usize;

/// One open pin.
#[derive(Debug)]
pub struct Place {
    /// Which pin.
    pub pin: Pin,
    /// The process that opened it.
    pub opener: Process,
    /// Names this instance; later ones have higher numbers.
    pub id: u64,
    /// The synthesizer that it belongs to.
    pub engine: ObjectRef<Engine>,
    /// What a MIDI pin receives.
    pub inlet: Option<ObjectRef<Inlet>>,
}

/// The inlets that feed an engine, on loan.
pub type Feeds = [Option<Lent>; MIDI_PLACES];

/// The open pins.
#[derive(Debug, Default)]
pub struct Streams {
    /// What the open pins cost, those included that are not entered yet.
    pub costs: Costs,
    places: [Option<Place>; PLACES],
    opened: u64,
}

impl Streams {
    /// How many instances of a pin are open.
    #[must_use]
    pub fn count(&self, pin: Pin) -> u32 {
        let count = self.all().filter(|place| place.pin == pin).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The engine that a new instance of the pin would join, when this process opens it.
    #[must_use]
    pub fn engine_for(&self, pin: Pin, opener: Process) -> Option<&ObjectRef<Engine>> {
        let unpaired = |partner: Pin| {
            let is_own = |place: &Place| place.pin == partner && place.opener == opener;
            self.oldest(|place| is_own(place) && !self.has_partner(place))
                .map(|place| &place.engine)
        };
        match pin {
            Pin::Wave => unpaired(Pin::DirectMusic).or_else(|| unpaired(Pin::Midi)),
            Pin::DirectMusic | Pin::Midi => unpaired(Pin::Wave),
        }
    }

    /// Enters a pin. It comes back when the table is full, which the instance limits prevent.
    pub fn insert(&mut self, mut place: Place) -> Result<u64, Place> {
        let Some(free) = self.places.iter_mut().find(|free| free.is_none()) else {
            return Err(place);
        };
        self.opened = self.opened.wrapping_add(1);
        place.id = self.opened;
        *free = Some(place);
        Ok(self.opened)
    }

    /// Takes a pin out, to be dropped outside the lock.
    pub fn remove(&mut self, id: u64) -> Option<Place> {
        let mut places = self.places.iter_mut();
        let found = places.find(|place| matches!(place, Some(place) if place.id == id))?;
        found.take()
    }

    /// The engine that a MIDI pin's events play on, when it has a wave pin.
    #[must_use]
    pub fn target_of(&self, id: u64) -> Option<&ObjectRef<Engine>> {
        let place = self.all().find(|place| place.id == id)?;
        let first = |pin| self.oldest(|place| place.pin == pin && self.is_heard(place));
        let place = match place.pin {
            Pin::Midi => match first(Pin::DirectMusic) {
                Some(place) => place,
                None if self.is_heard(place) => place,
                None => first(Pin::Wave)?,
            },
            Pin::DirectMusic | Pin::Wave => place,
        };
        self.is_heard(place).then_some(&place.engine)
    }

    /// The inlets whose events play on an engine.
    #[must_use]
    pub fn feeds_of(&self, engine: &ObjectRef<Engine>) -> Feeds {
        let mut feeds = Feeds::default();
        let fed = self.all().filter(|place| {
            let target = self.target_of(place.id);
            target.is_some_and(|target| is_same(target, engine))
        });
        for (feed, inlet) in feeds
            .iter_mut()
            .zip(fed.filter_map(|place| place.inlet.as_ref()))
        {
            *feed = Lent::of(inlet);
        }
        feeds
    }

    /// Whether a wave pin renders the pin's engine.
    fn is_heard(&self, place: &Place) -> bool {
        self.all()
            .any(|wave| wave.pin == Pin::Wave && is_same(&wave.engine, &place.engine))
    }

    /// Whether a pin of the other side shares the engine.
    fn has_partner(&self, place: &Place) -> bool {
        self.all().any(|other| {
            (other.pin == Pin::Wave) != (place.pin == Pin::Wave)
                && is_same(&other.engine, &place.engine)
        })
    }

    fn oldest(&self, which: impl Fn(&Place) -> bool) -> Option<&Place> {
        self.all()
            .filter(|place| which(place))
            .min_by_key(|place| place.id)
    }

    fn all(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().flatten()
    }
}

fn is_same(a: &ObjectRef<Engine>, b: &ObjectRef<Engine>) -> bool {
    a.as_context() == b.as_context()
}
