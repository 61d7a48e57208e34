//! What messages do to channels and voices.
#![forbid(unsafe_code)]

use super::bank::{Bank, SlotIndex};
use super::channel::{Channel, Effect};
use super::group::Group;
use super::groups::{ALL, Groups};
use super::modulation::Sums;
use super::pool::{NoRoom, Pool};
use super::voice::{Identity, Output, Surroundings, Voice};
use crate::midi::{self, Message};

/// The parts of a synth that messages act on.
#[derive(Debug)]
pub(super) struct Player<'a> {
    pub(super) bank: &'a mut Bank,
    pub(super) groups: &'a mut Groups,
    pub(super) pool: &'a mut Pool,
    pub(super) output: &'a Output,
    /// Whether a voice wants its part's new state.
    pub(super) stale: &'a mut bool,
    /// Counts note-ons.
    pub(super) notes: &'a mut u32,
    pub(super) notes_lost: &'a mut u32,
}

/// A part of a group, by number.
#[derive(Clone, Copy, Debug)]
struct Address {
    group: u16,
    part: u8,
}

impl Address {
    const fn owns(self, voice: &Voice) -> bool {
        voice.identity.group == self.group && voice.identity.part == self.part
    }
}

impl Player<'_> {
    /// Obeys a message in one group, or, in group 0, in all that are not in use.
    pub(super) fn obey(&mut self, number: u16, message: Message) {
        match message {
            Message::NoteOff { channel, key } => {
                self.for_parts(number, channel, |player, at| {
                    player.note_off(at, key.number());
                });
            }
            Message::NoteOn {
                channel,
                key,
                velocity,
            } => {
                self.for_parts(number, channel, |player, at| {
                    player.note_on(at, key.number(), velocity);
                });
            }
            Message::PolyPressure {
                channel,
                key,
                pressure,
            } => {
                self.for_parts(number, channel, |player, at| {
                    player.pool.each(|voice| {
                        if at.owns(voice) && voice.identity.key == key.number() {
                            voice.poly_pressure = pressure;
                        }
                    });
                    player.update(at);
                });
            }
            Message::Controller {
                channel,
                number: controller,
                value,
            } => {
                self.for_parts(number, channel, |player, at| {
                    player.controller(at, controller, value);
                });
            }
            Message::Program { channel, program } => {
                self.for_parts(number, channel, |player, at| {
                    if let Some(group) = player.groups.get_mut(at.group) {
                        let standard = group.standard;
                        if let Some(part) = group.part_mut(at.part) {
                            part.program(program, standard);
                        }
                    }
                });
            }
            Message::ChannelPressure { channel, pressure } => {
                self.change(number, channel, |part| part.set_pressure(pressure));
            }
            Message::PitchWheel { channel, value } => {
                self.change(number, channel, |part| part.set_wheel(value));
            }
            _ => self.obey_as_group(number, message),
        }
    }

    /// Messages that are for a group or for a part by its own number.
    fn obey_as_group(&mut self, number: u16, message: Message) {
        match message {
            Message::Reset(standard) => {
                if let Some(group) = self.groups.get_mut(number) {
                    group.reset(Some(standard));
                }
                self.silence(number);
            }
            Message::MasterVolume { value } => self.master(number, |group| group.set_volume(value)),
            Message::MasterFineTuning { value } => {
                self.master(number, |group| group.set_fine(value));
            }
            Message::MasterCoarseTuning { value } => {
                self.master(number, |group| group.set_coarse(value));
            }
            Message::UseForRhythm { channel, drums } => {
                let part = channel.index();
                if self
                    .part_mut(Address {
                        group: number,
                        part,
                    })
                    .is_some_and(|part| part.is_drums != drums)
                {
                    self.all_sound_off(Address {
                        group: number,
                        part,
                    });
                    if let Some(part) = self.part_mut(Address {
                        group: number,
                        part,
                    }) {
                        part.use_for_drums(drums);
                    }
                }
            }
            Message::ReceiveChannel { part, channel } => {
                if let Some(group) = self.groups.get_mut(number) {
                    group.listen(part, channel);
                }
            }
            Message::ScaleTuning {
                channel,
                first,
                count,
                cents,
            } => {
                let at = Address {
                    group: number,
                    part: channel.index(),
                };
                if let Some(part) = self.part_mut(at) {
                    let cents = cents.get(..usize::from(count)).unwrap_or(&cents);
                    part.tune_scale(first, cents);
                }
                self.update(at);
            }
            _ => {}
        }
    }

    /// Does something for every part that listens to a channel.
    fn for_parts(
        &mut self,
        number: u16,
        channel: midi::Channel,
        mut each: impl FnMut(&mut Self, Address),
    ) {
        let listeners = self
            .groups
            .get(number)
            .map_or(0, |group| group.listeners(channel));
        for part in 0..16 {
            if listeners >> part & 1 != 0 {
                each(
                    self,
                    Address {
                        group: number,
                        part,
                    },
                );
            }
        }
    }

    fn change(&mut self, number: u16, channel: midi::Channel, change: impl Fn(&mut Channel)) {
        self.for_parts(number, channel, |player, at| {
            if let Some(part) = player.part_mut(at) {
                change(part);
            }
            player.update(at);
        });
    }

    fn master(&mut self, number: u16, change: impl Fn(&mut Group)) {
        if let Some(group) = self.groups.get_mut(number) {
            change(group);
        }
        self.update_voices(number, |_| true);
    }

    fn part_mut(&mut self, at: Address) -> Option<&mut Channel> {
        self.groups.get_mut(at.group)?.part_mut(at.part)
    }

    fn controller(&mut self, at: Address, number: u8, value: u8) {
        let Some(part) = self.part_mut(at) else {
            return;
        };
        let effect = part.controller(number, value);
        let (sustain, sostenuto) = (part.sustain, part.sostenuto);
        match effect {
            Effect::Nothing => {}
            Effect::Moved => self.update(at),
            Effect::AllNotesOff => self.pool.each(|voice| {
                if at.owns(voice) {
                    key_up(voice, sustain);
                }
            }),
            Effect::AllSoundOff => self.all_sound_off(at),
            Effect::SostenutoDown => self.pool.each(|voice| {
                if at.owns(voice) && voice.hold.key {
                    voice.hold.sostenuto = true;
                }
            }),
            Effect::SustainUp | Effect::SostenutoUp => self.lift(at, sustain, sostenuto),
            Effect::Reset => {
                self.lift(at, false, false);
                self.pool.each(|voice| {
                    if at.owns(voice) {
                        voice.poly_pressure = 0;
                    }
                });
                self.update(at);
            }
        }
    }

    /// Takes away what the pedals no longer hold.
    fn lift(&mut self, at: Address, sustain: bool, sostenuto: bool) {
        self.pool.each(|voice| {
            if at.owns(voice) {
                voice.hold.sustain &= sustain;
                voice.hold.sostenuto &= sostenuto;
                let_go(voice);
            }
        });
    }

    fn all_sound_off(&mut self, at: Address) {
        let fade = fade_frames(self.output);
        self.pool.each(|voice| {
            if at.owns(voice) {
                voice.steal(fade);
            }
        });
    }

    fn silence(&mut self, number: u16) {
        let fade = fade_frames(self.output);
        self.pool.each(|voice| {
            if voice.identity.group == number {
                voice.steal(fade);
            }
        });
    }

    /// A part's voices want its new state.
    fn update(&mut self, at: Address) {
        self.update_voices(at.group, |part| part == at.part);
    }

    /// The voices of some parts of a group want its new state. They get it before they go on, once
    /// however much has moved by then: see [`freshen`].
    fn update_voices(&mut self, number: u16, is_meant: impl Fn(u8) -> bool) {
        let mut stale = false;
        self.pool.each(|voice| {
            if voice.identity.group == number && is_meant(voice.identity.part) {
                voice.is_stale = true;
                stale = true;
            }
        });
        *self.stale |= stale;
    }

    /// Releases the oldest note of a key that is still held; its layers together.
    fn note_off(&mut self, at: Address, key: u8) {
        let current = *self.notes;
        let mut oldest = None;
        self.pool.each(|voice| {
            if at.owns(voice) && voice.identity.key == key && voice.hold.key {
                let age = current.wrapping_sub(voice.identity.note);
                oldest = oldest.max(Some(age));
            }
        });
        let sustain = self.part_mut(at).is_some_and(|part| part.sustain);
        self.pool.each(|voice| {
            let age = current.wrapping_sub(voice.identity.note);
            if at.owns(voice) && voice.identity.key == key && Some(age) == oldest {
                key_up(voice, sustain);
            }
        });
    }

    fn note_on(&mut self, at: Address, key: u8, velocity: u8) {
        if at.group == ALL {
            // A group that was never addressed has nothing to play.
            return;
        }
        *self.notes = self.notes.wrapping_add(1);
        let note = *self.notes;
        let Some(group) = self.groups.get_mut(at.group) else {
            return;
        };
        let Some(part) = group.part_mut(at.part) else {
            return;
        };
        let glide = part.glide_from(key).map(|from| (from, part.glide_time()));
        let (part, group) = (*part, &*group);
        if part.mono && !part.is_drums {
            self.pool.each(|voice| {
                if at.owns(voice) {
                    voice.shut_down();
                }
            });
        }
        let bank = &*self.bank;
        let mut candidates = group.candidates(&part).into_iter().flatten();
        let Some(slot) = candidates.find_map(|patch| bank.find_instrument(patch)) else {
            return;
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
        let regions = bank
            .instrument(slot)
            .map_or(0, |instrument| instrument.regions.len());
        let mut new = NewNote {
            identity,
            part,
            surroundings,
            glide,
            known: None,
        };
        for region in 0..regions {
            new.identity.region = region;
            if let Err(NoRoom) = self.start_region(&mut new) {
                *self.notes_lost = self.notes_lost.saturating_add(1);
                return;
            }
        }
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
            voice.glide(from, time, self.output.rate);
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
struct NewNote {
    identity: Identity,
    part: Channel,
    surroundings: Surroundings,
    /// The key to glide from, and the time.
    glide: Option<(u8, i64)>,
    /// The key after scaling by the articulation of this number; neighbouring regions often
    /// share theirs.
    known: Option<(u32, i64)>,
}

/// Hands the state of parts to the voices that want it, and says how many those were.
pub(super) fn freshen(pool: &mut Pool, groups: &Groups, bank: &Bank) -> usize {
    let mut count = 0_usize;
    pool.each(|voice| {
        if !core::mem::take(&mut voice.is_stale) {
            return;
        }
        count = count.saturating_add(1);
        let Identity {
            key,
            velocity,
            soft,
            instrument,
            part,
            group,
            ..
        } = voice.identity;
        if let Some(group) = groups.get(group)
            && let Some(part) = group.part(part)
            && let Some(instrument) = bank.instrument(instrument)
        {
            let inputs = part.inputs(voice.key_cents, velocity, voice.poly_pressure);
            voice.update(instrument, &inputs, &group.surroundings(part, key, soft));
        }
    });
    count
}

/// A voice has ended: what it read may be freed.
pub(super) fn forget(bank: &mut Bank, identity: &Identity) {
    bank.release(identity.instrument);
    bank.release(identity.wave);
}

/// Cuts what a new voice excludes: the same key, and its key group.
fn exclude(pool: &mut Pool, new: &Identity, self_non_exclusive: bool) {
    pool.each(|voice| {
        let old = &voice.identity;
        let same_part = old.group == new.group && old.part == new.part && old.note != new.note;
        let same_key = old.key == new.key && !self_non_exclusive;
        let same_group =
            new.key_group != 0 && old.key_group == new.key_group && old.patch == new.patch;
        if same_part && (same_key || same_group) {
            voice.shut_down();
        }
    });
}

fn key_up(voice: &mut Voice, sustain: bool) {
    if voice.hold.key {
        voice.hold.key = false;
        voice.hold.sustain = sustain;
        let_go(voice);
    }
}

/// Releases a voice that nothing holds.
fn let_go(voice: &mut Voice) {
    let hold = voice.hold;
    if !hold.key && !hold.sustain && !hold.sostenuto {
        voice.release();
    }
}

/// A stolen voice is gone after a seventieth of a second (contract section 13.4).
pub(super) const fn fade_frames(output: &Output) -> u32 {
    output.rate / 70
}
