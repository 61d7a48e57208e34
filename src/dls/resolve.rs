//! Defaults, then the instrument's blocks, then the region's: what is left is the articulation.
#![forbid(unsafe_code)]

use super::articulation::{Articulation, Envelope, Filter, Lfo};
use super::connection::{Connection, Destination, Input, Source};
use super::units::{Cents, Gain, Permille, PitchCents, TimeCents};
use crate::mem::{Buffer, OutOfMemory, pool_bytes};

/// Different (source, control, destination) triples that one articulation may have. All that the
/// level 2 text defines is about fifty.
pub(super) const MOST_CONNECTIONS: usize = 128;

/// Those of them that move the key: they are evaluated for each region that a note looks at. The
/// text defines two.
const MOST_TO_KEY: usize = 8;

/// An articulation while its blocks are applied, starting with the defaults.
///
/// Its connections are on the heap: two and a half kilobytes are too much for a kernel's stack.
#[derive(Debug)]
pub struct Resolver {
    fixed: Articulation,
    /// The resting cutoff, still with its "off" value, and the resonance.
    cutoff: PitchCents,
    q: Gain,
    /// The first `used` are meant.
    connections: Buffer<Connection>,
    used: usize,
}

/// An articulation has more different connections than the level 2 text defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Resolver {
    /// What one takes of the pool.
    pub(super) const POOL_BYTES: u64 = pool_bytes(MOST_CONNECTIONS * size_of::<Connection>());

    /// Only the defaults.
    ///
    /// # Errors
    ///
    /// There is no memory for the connections.
    pub fn try_new() -> Result<Self, OutOfMemory> {
        let mut resolver = Self {
            fixed: Articulation::DEFAULT,
            cutoff: Filter::OFF,
            q: Gain(0),
            connections: Buffer::try_filled(MOST_CONNECTIONS, DEFAULT_CONNECTION)?,
            used: 0,
        };
        resolver.reset();
        Ok(resolver)
    }

    /// Back to the defaults.
    pub(super) fn reset(&mut self) {
        self.fixed = Articulation::DEFAULT;
        self.cutoff = Filter::OFF;
        self.q = Gain(0);
        self.used = 0;
        for default in DEFAULT_CONNECTIONS {
            // There is room: the defaults are far fewer than the buffer is long.
            let _ = self.connect(default);
        }
    }

    /// Becomes equal to `other`.
    pub(super) fn copy(&mut self, other: &Self) {
        self.fixed = other.fixed;
        self.cutoff = other.cutoff;
        self.q = other.q;
        self.used = other.used;
        for (mine, theirs) in self
            .connections
            .iter_mut()
            .zip(other.connections.iter().take(other.used))
        {
            *mine = *theirs;
        }
    }

    /// Applies one block: it replaces the block with the same source, control and destination.
    pub(super) fn apply(&mut self, block: &Connection) -> Result<(), TooMany> {
        if block.source == Source::None && block.control == Source::None {
            self.set(block.destination, block.scale);
            Ok(())
        } else {
            self.connect(block)
        }
    }

    /// The connections as they stand, those to the key number first. One with scale 0 says
    /// "replaced by nothing".
    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        let to_key = |connection: &&Connection| connection.destination == Destination::KeyNumber;
        let of = move |first: bool| {
            let used = self.connections.iter().take(self.used);
            used.filter(move |c| c.scale != 0 && to_key(c) == first)
        };
        of(true).chain(of(false))
    }

    /// The static parameters, with the place of its connections in the instrument's list.
    pub(super) fn articulation(&self, first_connection: u32, connections: u32) -> Articulation {
        let filter = (self.cutoff != Filter::OFF).then_some(Filter {
            cutoff: self.cutoff.within(Filter::LOWEST, Filter::HIGHEST),
            q: self.q,
        });
        Articulation {
            filter,
            first_connection,
            connections,
            ..self.fixed
        }
    }

    /// How many blocks a copy of this moves.
    pub(super) const fn weight(&self) -> usize {
        self.used
    }

    fn connect(&mut self, block: &Connection) -> Result<(), TooMany> {
        let mut known = self.connections.iter_mut().take(self.used);
        if let Some(earlier) = known.find(|earlier| block.replaces(earlier)) {
            *earlier = *block;
            return Ok(());
        }
        if block.destination == Destination::KeyNumber {
            let used = self.connections.iter().take(self.used);
            let known = used.filter(|c| c.destination == Destination::KeyNumber);
            if known.count() >= MOST_TO_KEY {
                return Err(TooMany);
            }
        }
        let slot = self.connections.get_mut(self.used).ok_or(TooMany)?;
        *slot = *block;
        self.used = self.used.saturating_add(1);
        Ok(())
    }

    /// Sets a static parameter, moved into its range.
    fn set(&mut self, destination: Destination, scale: i32) {
        let time = TimeCents(scale).at_most(Envelope::LONGEST);
        let delay = TimeCents(scale).at_most(Lfo::LONGEST_DELAY);
        let frequency = PitchCents(scale).within(Lfo::SLOWEST, Lfo::FASTEST);
        let part = Permille(scale).within(Permille(0), WHOLE);
        let fixed = &mut self.fixed;
        match destination {
            Destination::Gain => fixed.gain = Gain(scale).within(QUIETEST, LOUDEST),
            Destination::Pitch => fixed.pitch = Cents(scale).within(WIDEST_TUNING),
            Destination::Pan => fixed.pan = Permille(scale).within(LEFT, RIGHT),
            Destination::KeyNumber => fixed.key_number = Cents(scale).within(ALL_KEYS),
            Destination::Chorus => fixed.chorus = part,
            Destination::Reverb => fixed.reverb = part,
            Destination::ModLfoFrequency => fixed.mod_lfo.frequency = frequency,
            Destination::ModLfoDelay => fixed.mod_lfo.delay = delay,
            Destination::VibratoFrequency => fixed.vibrato.frequency = frequency,
            Destination::VibratoDelay => fixed.vibrato.delay = delay,
            Destination::Eg1Delay => fixed.eg1.delay = time,
            Destination::Eg1Attack => fixed.eg1.attack = time,
            Destination::Eg1Hold => fixed.eg1.hold = time,
            Destination::Eg1Decay => fixed.eg1.decay = time,
            Destination::Eg1Sustain => fixed.eg1.sustain = part,
            Destination::Eg1Release => fixed.eg1.release = time,
            Destination::Eg1Shutdown => fixed.eg1.shutdown = time,
            Destination::Eg2Delay => fixed.eg2.delay = time,
            Destination::Eg2Attack => fixed.eg2.attack = time,
            Destination::Eg2Hold => fixed.eg2.hold = time,
            Destination::Eg2Decay => fixed.eg2.decay = time,
            Destination::Eg2Sustain => fixed.eg2.sustain = part,
            Destination::Eg2Release => fixed.eg2.release = time,
            Destination::FilterCutoff => self.cutoff = PitchCents(scale),
            Destination::FilterQ => self.q = Gain(scale).within(Gain(0), Filter::SHARPEST),
        }
    }
}

/// The connections that every voice has unless its collection replaces them (dls.md section 3.2).
/// Those whose default scale is 0 are left out: they do nothing.
pub const DEFAULT_CONNECTIONS: &[Connection] = &[
    level(Source::Velocity),
    level(Source::Cc7),
    level(Source::Cc11),
    plain(Source::Key, Destination::Pitch, 12_800),
    Connection {
        control: Source::Rpn0,
        ..bipolar(Source::PitchWheel, Destination::Pitch, 12_800)
    },
    bipolar(Source::Rpn1, Destination::Pitch, 100),
    bipolar(Source::Rpn2, Destination::KeyNumber, 6_400),
    plain(Source::Key, Destination::KeyNumber, 12_800),
    bipolar(Source::Cc10, Destination::Pan, 508),
    plain(Source::Cc91, Destination::Reverb, 1000),
    plain(Source::Cc93, Destination::Chorus, 1000),
];

const fn plain(source: Source, destination: Destination, scale: i16) -> Connection {
    Connection {
        source,
        control: Source::None,
        destination,
        source_input: Input::PLAIN,
        control_input: Input::PLAIN,
        scale: (scale as i32) << 16,
    }
}

const fn bipolar(source: Source, destination: Destination, scale: i16) -> Connection {
    Connection {
        source_input: Input::BIPOLAR,
        ..plain(source, destination, scale)
    }
}

const fn level(source: Source) -> Connection {
    Connection {
        source_input: Input::LEVEL,
        ..plain(source, Destination::Gain, -960)
    }
}

/// Fills the unused part of the array.
const DEFAULT_CONNECTION: Connection = plain(Source::None, Destination::Gain, 0);

const QUIETEST: Gain = Gain::from_tenths(-960);
const LOUDEST: Gain = Gain::from_tenths(960);
/// Wider than the text's 1,200 cents, as DirectMusic allows.
const WIDEST_TUNING: Cents = Cents::from_whole(12_000);
const ALL_KEYS: Cents = Cents::from_whole(12_800);
const LEFT: Permille = Permille::from_whole(-508);
const RIGHT: Permille = Permille::from_whole(508);
const WHOLE: Permille = Permille::from_whole(1000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_block_replaces_the_default() {
        let mut resolver = Resolver::try_new().unwrap();
        resolver
            .apply(&plain(Source::None, Destination::ModLfoFrequency, -851))
            .unwrap();
        let articulation = resolver.articulation(0, 0);
        // Added to the default it would be 3.06 Hz, as in one shipping player.
        assert_eq!(articulation.mod_lfo, Lfo::DEFAULT);
    }

    #[test]
    fn a_connection_replaces_its_triple_and_zero_removes_it() {
        let mut resolver = Resolver::try_new().unwrap();
        let defaults = resolver.connections().count();
        assert_eq!(defaults, DEFAULT_CONNECTIONS.len());
        resolver
            .apply(&plain(Source::Key, Destination::Pitch, 0))
            .unwrap();
        assert_eq!(resolver.connections().count(), defaults - 1);
        resolver
            .apply(&plain(Source::Key, Destination::Pitch, 6400))
            .unwrap();
        assert_eq!(resolver.connections().count(), defaults);
        let key = resolver
            .connections()
            .find(|c| c.source == Source::Key && c.destination == Destination::Pitch);
        assert_eq!(key.unwrap().scale, 6400 << 16);
    }

    #[test]
    fn the_filter_is_off_until_a_cutoff_is_given() {
        let mut resolver = Resolver::try_new().unwrap();
        resolver
            .apply(&plain(Source::None, Destination::FilterQ, 300))
            .unwrap();
        assert_eq!(resolver.articulation(0, 0).filter, None);
        resolver
            .apply(&plain(Source::None, Destination::FilterCutoff, 100))
            .unwrap();
        assert_eq!(
            resolver.articulation(0, 0).filter,
            Some(Filter {
                cutoff: Filter::LOWEST,
                q: Filter::SHARPEST
            })
        );
    }

    #[test]
    fn statics_are_moved_into_range() {
        let mut resolver = Resolver::try_new().unwrap();
        for (destination, scale) in [
            (Destination::Eg1Attack, i32::MAX),
            (Destination::Eg1Sustain, -1),
            (Destination::Eg2Sustain, i32::MAX),
            (Destination::VibratoFrequency, i32::MIN),
            (Destination::VibratoDelay, i32::MIN),
            (Destination::Pan, i32::MIN),
        ] {
            resolver.set(destination, scale);
        }
        let articulation = resolver.articulation(0, 0);
        assert_eq!(articulation.eg1.attack, Envelope::LONGEST);
        assert_eq!(articulation.eg1.sustain, Permille(0));
        assert_eq!(articulation.eg2.sustain, WHOLE);
        assert_eq!(articulation.vibrato.frequency, Lfo::SLOWEST);
        assert_eq!(articulation.vibrato.delay, TimeCents::ZERO);
        assert_eq!(articulation.pan, LEFT);
    }
}
