//! The voices, and which of them a new note gets (contract section 13.4).
//!
//! There are places for a quarter more voices than may sound at once, at least four (1,280 for
//! 1,024): what is cut off, by the wish for its place, by another note or by a message, fades out
//! in these, and is no longer counted. A new note takes a free voice; when all that may sound do,
//! one of no higher priority is stolen: released ones first and of these the quietest, otherwise
//! the oldest. A note never steals from itself. When so many fade that no place is left, the one
//! that is quietest goes, if that cannot be heard; else the new note is lost, and nobody else.
#![forbid(unsafe_code)]

use super::envelope::BOTTOM;
use super::voice::{Identity, Voice};
use crate::mem::{Buffer, OutOfMemory};

#[derive(Debug)]
pub(super) struct Pool {
    voices: Buffer<Option<Voice>>,
    /// All places; the first `sounding` hold a voice.
    order: Buffer<u16>,
    sounding: usize,
    /// How many of these fade because they were cut off.
    fading: usize,
    /// How many may sound, apart from those.
    limit: usize,
    /// Counts voices that were put in.
    started: usize,
}

/// How a voice is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// By another note: it falls at its articulation's shutdown rate.
    ShutDown,
    /// Its place, or silence, is wanted: it is gone within so many frames.
    Fade(u32),
}

/// How the places of a pool are named.
pub(super) type Place = usize;

impl Pool {
    pub(super) fn try_new(limit: u16) -> Result<Self, OutOfMemory> {
        let limit = usize::from(limit.clamp(1, MOST_VOICES));
        let places = limit + (limit / 4).max(4);
        Ok(Self {
            voices: Buffer::try_from_fn(places, |_| None)?,
            // At most 1,280 places.
            order: Buffer::try_from_fn(places, |n| u16::try_from(n).unwrap_or(0))?,
            sounding: 0,
            fading: 0,
            limit,
            started: 0,
        })
    }

    /// No places at all: where another pool stays.
    pub(super) const fn none() -> Self {
        Self {
            voices: Buffer::empty(),
            order: Buffer::empty(),
            sounding: 0,
            fading: 0,
            limit: 0,
            started: 0,
        }
    }

    /// How many voices there are to render.
    pub(super) const fn sounding(&self) -> usize {
        self.sounding
    }

    /// How many of them play a note that is wanted: at most the limit.
    pub(super) const fn active(&self) -> usize {
        self.sounding.saturating_sub(self.fading)
    }

    /// How many of them fade because they were cut off: and are not counted.
    pub(super) const fn fading(&self) -> usize {
        self.fading
    }

    /// How many voices were ever put in; wraps.
    pub(super) const fn started(&self) -> usize {
        self.started
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// The place of the `n`th sounding voice.
    pub(super) fn place(&self, n: usize) -> Option<Place> {
        let order = self.order.get(..self.sounding)?;
        order.get(n).copied().map(usize::from)
    }

    pub(super) fn at(&mut self, place: Place) -> Option<&mut Voice> {
        self.voices.get_mut(place)?.as_mut()
    }

    /// Two voices at once, if the places differ.
    pub(super) fn both(&mut self, a: Place, b: Place) -> Option<(&mut Voice, &mut Voice)> {
        let [a, b] = self.voices.get_disjoint_mut([a, b]).ok()?;
        Some((a.as_mut()?, b.as_mut()?))
    }

    /// All sounding voices.
    pub(super) fn each(&mut self, mut visit: impl FnMut(&mut Voice)) {
        for &place in self.order.iter().take(self.sounding) {
            if let Some(Some(voice)) = self.voices.get_mut(usize::from(place)) {
                visit(voice);
            }
        }
    }

    /// Cuts off all voices that are meant.
    pub(super) fn cut(&mut self, how: Cut, is_meant: impl Fn(&Voice) -> bool) {
        for &place in self.order.iter().take(self.sounding) {
            if let Some(Some(voice)) = self.voices.get_mut(usize::from(place))
                && is_meant(voice)
            {
                let was = voice.is_cut();
                voice.cut(how);
                self.fading = self.fading.saturating_add(usize::from(!was));
            }
        }
    }

    /// Makes room for one more voice of a priority, stealing one if it must. `note` is the number
    /// of the note that wants it, `fade` the frames that a stolen voice has left. If even the
    /// places for fading are full, the quietest fading voice is dropped and handed back.
    pub(super) fn make_room(
        &mut self,
        priority: u32,
        note: u32,
        fade: u32,
    ) -> Result<Option<Identity>, NoRoom> {
        let is_full = self.sounding >= self.order.len();
        // Nobody is cut off for a note that finds no place after all.
        let quietest = match is_full.then(|| self.quietest_fading()) {
            Some(None) => return Err(NoRoom),
            Some(quietest) => quietest,
            None => None,
        };
        if self.active() >= self.limit {
            let place = self.victim(priority, note).ok_or(NoRoom)?;
            if let Some(victim) = self.at(place) {
                victim.cut(Cut::Fade(fade));
                self.fading = self.fading.saturating_add(1);
            }
        }
        Ok(quietest.and_then(|n| self.remove(n)))
    }

    /// Gives a voice the place that was made for it.
    pub(super) fn put(&mut self, voice: Voice) {
        let place = self.order.get(self.sounding).copied().map(usize::from);
        if let Some(slot) = place.and_then(|place| self.voices.get_mut(place)) {
            *slot = Some(voice);
            self.sounding = self.sounding.saturating_add(1);
            self.started = self.started.wrapping_add(1);
        }
    }

    /// Takes the `n`th sounding voice out; the last one takes its number.
    pub(super) fn remove(&mut self, n: usize) -> Option<Identity> {
        let last = self.sounding.checked_sub(1)?;
        let (&place, &moved) = (self.order.get(n)?, self.order.get(last)?);
        if n > last {
            return None;
        }
        *self.order.get_mut(n)? = moved;
        *self.order.get_mut(last)? = place;
        self.sounding = last;
        let voice = self.voices.get_mut(usize::from(place))?.take()?;
        self.fading = self.fading.saturating_sub(usize::from(voice.is_cut()));
        Some(voice.identity)
    }

    fn victim(&mut self, priority: u32, note: u32) -> Option<Place> {
        let mut best = None;
        for n in 0..self.sounding {
            let place = self.place(n)?;
            let Some(voice) = self.at(place) else {
                continue;
            };
            let is_own = voice.identity.note == note;
            if is_own || voice.is_cut() || voice.identity.priority > priority {
                continue;
            }
            let age = note.wrapping_sub(voice.identity.note);
            // The most worthy of being stolen is the least of these.
            let rank = (
                voice.identity.priority,
                !voice.is_released(),
                if voice.is_released() {
                    BOTTOM.saturating_sub(voice.fall())
                } else {
                    u64::from(u32::MAX.wrapping_sub(age))
                },
            );
            if best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, place));
            }
        }
        best.map(|(_, place)| place)
    }

    /// The number of the voice that has faded most, if it has by 40 dB.
    fn quietest_fading(&mut self) -> Option<usize> {
        let mut best = None;
        for n in 0..self.sounding {
            let place = self.place(n)?;
            if let Some(voice) = self.at(place)
                && voice.is_cut()
                && voice.fall() >= BOTTOM / 96 * 40
                && best.is_none_or(|(most, _)| voice.fall() > most)
            {
                best = Some((voice.fall(), n));
            }
        }
        best.map(|(_, n)| n)
    }
}

/// All that sounds is more important.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// The largest number of notes at once.
pub(super) const MOST_VOICES: u16 = 1024;

#[cfg(test)]
mod tests;
