//! Which pins are open, and what belongs to what.
//!
//! - Every MIDI pin has an engine of its own, with its own downloads and channel groups.
//! - A wave pin renders one engine: that of the first DirectMusic pin without a wave pin, else of
//!   the first such legacy pin; else a new engine, which the next MIDI pin takes over.
//! - A legacy pin's events play on the first DirectMusic pin's engine that has a wave pin, else on
//!   its own (contract section 5.7).
//!
//! The table is guarded by the miniport's lock, which is outside all others. It holds references
//! to engines and inlets, none to streams; nothing is allocated or freed under the lock.

use super::engine::Engine;
use super::filter::{INSTANCES, Pin};
use super::inlet::{Inlet, Lent};
use crate::com::ObjectRef;

/// Open pins at most: so many of each of three.
const PLACES: usize = 3 * INSTANCES as usize;
/// MIDI pins at most.
const MIDI_PLACES: usize = 2 * INSTANCES as usize;

/// One open pin.
#[derive(Debug)]
pub struct Place {
    /// Which pin.
    pub pin: Pin,
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

    /// The engine that a new instance of the pin would join.
    #[must_use]
    pub fn engine_for(&self, pin: Pin) -> Option<&ObjectRef<Engine>> {
        let unpaired = |partner: Pin| {
            self.oldest(|place| place.pin == partner && !self.has_partner(place))
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
        let first = || self.oldest(|place| place.pin == Pin::DirectMusic && self.is_heard(place));
        let place = match place.pin {
            Pin::Midi => first().unwrap_or(place),
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
