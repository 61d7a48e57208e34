//! How a note starts: its instrument, its regions, whom it cuts, and whose voices it takes.
#![forbid(unsafe_code)]

use super::bank::SlotIndex;
use super::channel::Channel;
use super::groups::ALL;
use super::modulation::{Inputs, Sums};
use super::play::{Address, Player, fade_frames, forget};
use super::pool::{Cut, NoRoom, Pool};
use super::silent::Cause;
use super::voice::{Identity, Surroundings, Voice};

/// A note of which not all regions have been looked at yet, or not in all parts: there may be tens of
/// thousands. Its instrument is held meanwhile.
#[derive(Debug)]
pub(super) struct Starting {
    note: NewNote,
    /// The parts that are still to play it, one bit each.
    rest: u16,
}

impl Starting {
    /// The instrument that is held.
    pub(super) const fn instrument(&self) -> SlotIndex {
        self.note.identity.instrument
    }
}

impl Player<'_> {
    /// Plays a note in parts of a group, as far as one step goes.
    pub(super) fn note_on(&mut self, group: u16, parts: u16, key: u8, velocity: u8) {
        if group == ALL {
            // A group that was never addressed has nothing to play.
            return;
        }
        let mut rest = parts;
        while let Ok(part @ 0..16) = u8::try_from(rest.trailing_zeros()) {
            // Its lowest bit goes.
            rest &= rest.wrapping_sub(1);
            if let Some(note) = self.new_note(Address { group, part }, key, velocity) {
                self.bank.hold(note.identity.instrument);
                let starting = Starting { note, rest };
                if !self.go_on(starting) {
                    return;
                }
            }
        }
    }

    /// Goes on with a note that was begun.
    pub(super) fn go_on_with(&mut self, starting: Starting) {
        let Identity {
            group,
            key,
            velocity,
            ..
        } = starting.note.identity;
        let rest = starting.rest;
        if self.go_on(starting) {
            self.note_on(group, rest, key, velocity);
        }
    }

    /// Starts the note in its part, until the step is over; says whether the part is done.
    fn go_on(&mut self, mut starting: Starting) -> bool {
        let instrument = starting.instrument();
        let regions = self
            .bank
            .instrument(instrument)
            .map_or(0, |instrument| instrument.regions.len());
        let new = &mut starting.note;
        while new.identity.region < regions {
            let layers = self.pool.started().wrapping_sub(self.before);
            if *self.searched >= MOST_SEARCHES || layers >= MOST_LAYERS {
                *self.starting = Some(starting);
                return false;
            }
            *self.searched = self.searched.saturating_add(1);
            if let Err(NoRoom) = self.start_region(new) {
                *self.notes_lost = self.notes_lost.saturating_add(1);
                break;
            }
            new.identity.region = new.identity.region.saturating_add(1);
        }
        if !new.answered {
            let Identity { group, part, .. } = new.identity;
            let patch = new.part.patch();
            self.silent
                .count(Address { group, part }, patch, Cause::NoRegion);
        }
        self.bank.release(instrument);
        true
    }

    /// A note for one part, if it has an instrument.
    fn new_note(&mut self, at: Address, key: u8, velocity: u8) -> Option<NewNote> {
        *self.notes = self.notes.wrapping_add(1);
        let note = *self.notes;
        let group = self.groups.get_mut(at.group)?;
        let part = group.part_mut(at.part)?;
        let glide = part.glide_from(key).map(|from| (from, part.glide_time()));
        // A drum's key is its name: between two there is no way.
        let glide = glide.filter(|_| !part.is_drums);
        let (part, group) = (*part, &*group);
        if part.mono && !part.is_drums {
            self.pool.cut(Cut::ShutDown, |voice| at.owns(voice));
        }
        let bank = &*self.bank;
        let candidates = group.candidates(&part, self.lookup);
        let mut candidates = candidates.into_iter().flatten();
        let Some(slot) = candidates.find_map(|patch| bank.find_instrument(patch)) else {
            self.silent.count(at, part.patch(), Cause::NoInstrument);
            return None;
        };
        let surroundings = group.surroundings(&part, key, part.soft);
        let identity = Identity {
            group: at.group,
            part: at.part,
            key,
            velocity,
            note,
            priority: part.priority,
            patch: part.patch().bits(),
            soft: part.soft,
            key_group: 0,
            instrument: slot,
            wave: SlotIndex::NONE,
            region: 0,
        };
        Some(NewNote {
            identity,
            part,
            surroundings,
            glide,
            known: None,
            answered: false,
        })
    }

    /// Starts a voice if the region answers the note and its wave is there.
    fn start_region(&mut self, new: &mut NewNote) -> Result<(), NoRoom> {
        let identity = &mut new.identity;
        let Some(instrument) = self.bank.instrument(identity.instrument) else {
            return Ok(());
        };
        let Some(region) = instrument.regions.get(identity.region) else {
            return Ok(());
        };
        let Identity { key, velocity, .. } = *identity;
        if !region.velocities.contains(velocity) {
            return Ok(());
        }
        let mut inputs = new.part.inputs(i64::from(key) * (100 << 16), velocity, 0);
        let articulation = instrument.articulation(region);
        inputs.key = match new.known {
            Some((number, cents)) if number == region.articulation => cents,
            _ => {
                let connections = instrument.connections(articulation);
                let sum = Sums::key_number(connections, &inputs)
                    .saturating_add(i64::from(articulation.key_number.0));
                sum.clamp(0, 127 * (100 << 16))
            }
        };
        new.known = Some((region.articulation, inputs.key));
        let nearest = (inputs.key + (50 << 16)) / (100 << 16);
        if !u8::try_from(nearest).is_ok_and(|key| region.keys.contains(key)) {
            return Ok(());
        }
        let Some(slot) = self.bank.find_wave(region.wave) else {
            return Ok(());
        };
        let Some(wave) = self.bank.wave(slot) else {
            return Ok(());
        };
        new.answered = true;
        identity.key_group = region.key_group;
        identity.wave = slot;
        exclude(self.pool, identity, region.self_non_exclusive);
        let mut voice = Voice::new(
            *identity,
            instrument,
            region,
            wave,
            &inputs,
            &new.surroundings,
            self.output,
        );
        if let Some((from, time)) = new.glide {
            let way = (i64::from(from) - i64::from(key)) * (100 << 16);
            let there = Inputs {
                key: inputs.key.saturating_add(way),
                ..inputs
            };
            let connections = instrument.connections(articulation);
            let pitch = |inputs| Sums::pitch_of_key(connections, inputs);
            voice.glide(
                pitch(&there).saturating_sub(pitch(&inputs)),
                time,
                self.output.rate,
            );
        }
        let fade = fade_frames(self.output);
        let dropped = self
            .pool
            .make_room(new.part.priority, identity.note, fade)?;
        if let Some(dropped) = dropped {
            forget(self.bank, &dropped);
        }
        self.bank.hold(identity.instrument);
        self.bank.hold(slot);
        self.pool.put(voice);
        Ok(())
    }
}

/// A note that starts, region by region.
#[derive(Debug)]
struct NewNote {
    identity: Identity,
    part: Channel,
    surroundings: Surroundings,
    /// The key to glide from, and the time.
    glide: Option<(u8, i64)>,
    /// The key after scaling by the articulation of this number; neighbouring regions often
    /// share theirs.
    known: Option<(u32, i64)>,
    /// Whether a region was found that plays it.
    answered: bool,
}

/// Regions that a note looks at in one step.
const MOST_SEARCHES: usize = 4096;
/// Voices that it starts in one step.
const MOST_LAYERS: usize = 8;

/// Cuts what a new voice excludes: the same key, and its key group.
fn exclude(pool: &mut Pool, new: &Identity, self_non_exclusive: bool) {
    pool.cut(Cut::ShutDown, |voice| {
        let old = &voice.identity;
        let same_part = old.group == new.group && old.part == new.part && old.note != new.note;
        let same_key = old.key == new.key && !self_non_exclusive;
        let same_group =
            new.key_group != 0 && old.key_group == new.key_group && old.patch == new.patch;
        same_part && (same_key || same_group)
    });
}
