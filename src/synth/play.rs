//! What messages do to channels and voices.
#![forbid(unsafe_code)]

use super::Lookup;
use super::bank::Bank;
use super::channel::{Channel, Effect};
use super::group::Group;
use super::groups::Groups;
use super::pool::{Cut, Pool};
use super::silent::Table;
use super::start::Starting;
use super::voice::{Hold, Identity, Output, Voice};
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
    /// Notes that nothing plays.
    pub(super) silent: &'a mut Table,
    /// Where instruments are looked for.
    pub(super) lookup: Lookup,
    /// Counts regions that notes were looked for in.
    pub(super) searched: &'a mut usize,
    /// The note that the next step goes on with.
    pub(super) starting: &'a mut Option<Starting>,
    /// Voices that were ever started, when the step began.
    pub(super) before: usize,
}

/// A part of a group, by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) group: u16,
    pub(super) part: u8,
}

impl Address {
    pub(super) const fn owns(self, voice: &Voice) -> bool {
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
                let parts = self.listeners(number, channel);
                self.note_on(number, parts, key.number(), velocity);
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
                            part.program(program, standard, at.part);
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
                let group = self.groups.get_mut(number);
                if group.is_some_and(|group| group.listen(part, channel)) {
                    // What would release its notes goes to the channel that it has left.
                    self.let_go_of_all(Address {
                        group: number,
                        part: part.index(),
                    });
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

    /// The parts that listen to a channel, one bit each.
    fn listeners(&self, number: u16, channel: midi::Channel) -> u16 {
        let group = self.groups.get(number);
        group.map_or(0, |group| group.listeners(channel))
    }

    /// Does something for every part that listens to a channel.
    fn for_parts(
        &mut self,
        number: u16,
        channel: midi::Channel,
        mut each: impl FnMut(&mut Self, Address),
    ) {
        let listeners = self.listeners(number, channel);
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
            Effect::SustainDown => self.pool.each(|voice| {
                if at.owns(voice) {
                    // The dampers are up: the other pedal's notes are no longer its alone.
                    voice.hold.sustain |= voice.hold.sostenuto && !voice.hold.key;
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

    /// All keys and pedals of a part come up.
    fn let_go_of_all(&mut self, at: Address) {
        if let Some(part) = self.part_mut(at) {
            part.lift_pedals();
        }
        self.pool.each(|voice| {
            if at.owns(voice) {
                voice.hold = Hold::default();
                let_go(voice);
            }
        });
    }

    fn all_sound_off(&mut self, at: Address) {
        let fade = Cut::Fade(fade_frames(self.output));
        self.pool.cut(fade, |voice| at.owns(voice));
    }

    fn silence(&mut self, number: u16) {
        let fade = Cut::Fade(fade_frames(self.output));
        self.pool.cut(fade, |voice| voice.identity.group == number);
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
}

/// Hands the state of parts to the voices that want it, to so many at most, and says how many those
/// were.
pub(super) fn freshen(pool: &mut Pool, groups: &Groups, bank: &Bank, most: usize) -> usize {
    let mut count = 0_usize;
    pool.each(|voice| {
        if count >= most || !core::mem::take(&mut voice.is_stale) {
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
