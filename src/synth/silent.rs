//! Notes that nothing plays: which patch they asked for, and how many there were.
//!
//! A note is silent when no instrument answers its patch, and also when the instrument that answers
//! has no region, with its wave, for the key and the velocity: to a listener both are a note that
//! does not sound, and neither is a loss for want of voices. A kit without a certain drum is common,
//! so the two causes are kept apart.
//!
//! The table is bounded and allocated with the synth. Counting looks at [`MOST_SILENT`] entries at
//! most, under the lock and without memory; what finds no entry free is only counted.
#![forbid(unsafe_code)]

use super::play::Address;
use crate::dls::Patch;
use crate::mem::{Buffer, OutOfMemory};

/// Why a note is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No instrument has the patch, nor one of those that stand in for it.
    NoInstrument,
    /// The instrument has no region for the key and the velocity.
    NoRegion,
}

/// Silent notes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilentNotes {
    /// The channel group, counted from 1.
    pub group: u16,
    /// The part, 0..=15: the channel's number, unless a GS or XG message tied them otherwise.
    pub channel: u8,
    /// What the part asked for: bank, program, and whether it is a rhythm part.
    pub patch: Patch,
    /// Why.
    pub cause: Cause,
    /// How many.
    pub notes: u32,
}

/// Kinds of silent notes that are told apart.
pub const MOST_SILENT: usize = 64;

/// What silent notes have in common: cause, group, part and patch in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind(u64);

impl Kind {
    const fn new(at: Address, patch: Patch, cause: Cause) -> Self {
        let cause = match cause {
            Cause::NoInstrument => 0,
            Cause::NoRegion => 1,
        };
        Self(cause << 56 | (at.group as u64) << 40 | (at.part as u64) << 32 | patch.bits() as u64)
    }

    const fn with(self, notes: u32) -> SilentNotes {
        let [.., part, _, _, _, _] = self.0.to_be_bytes();
        SilentNotes {
            group: (self.0 >> 40 & 0xFFFF) as u16,
            channel: part,
            patch: Patch::from_bits((self.0 & 0xFFFF_FFFF) as u32),
            cause: if self.0 >> 56 == 0 {
                Cause::NoInstrument
            } else {
                Cause::NoRegion
            },
            notes,
        }
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    entries: Buffer<(Kind, u32)>,
    used: usize,
    /// Entries that [`next`](Self::next) has given.
    told: usize,
    total: u32,
    others: u32,
}

impl Table {
    pub(super) fn try_new() -> Result<Self, OutOfMemory> {
        Ok(Self {
            entries: Buffer::try_filled(MOST_SILENT, (Kind(0), 0))?,
            used: 0,
            told: 0,
            total: 0,
            others: 0,
        })
    }

    /// Forgets everything.
    pub(super) const fn clear(&mut self) {
        self.used = 0;
        self.told = 0;
        self.total = 0;
        self.others = 0;
    }

    /// Counts a note.
    pub(super) fn count(&mut self, at: Address, patch: Patch, cause: Cause) {
        let kind = Kind::new(at, patch, cause);
        self.total = self.total.saturating_add(1);
        let mut used = self.entries.iter_mut().take(self.used);
        if let Some((_, notes)) = used.find(|(known, _)| *known == kind) {
            *notes = notes.saturating_add(1);
        } else if let Some(free) = self.entries.get_mut(self.used) {
            *free = (kind, 1);
            self.used = self.used.saturating_add(1);
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    /// How many notes were silent.
    pub(super) const fn total(&self) -> u32 {
        self.total
    }

    /// How many of them are of kinds that the table had no room for.
    pub(super) const fn others(&self) -> u32 {
        self.others
    }

    /// The kinds, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = SilentNotes> {
        let used = self.entries.iter().take(self.used);
        used.map(|(kind, notes)| kind.with(*notes))
    }

    /// A kind that was not given yet.
    pub(super) fn next(&mut self) -> Option<SilentNotes> {
        let next = self.iter().nth(self.told)?;
        self.told = self.told.saturating_add(1);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const AT: Address = Address {
        group: 0xFFFF,
        part: 15,
    };

    #[test]
    fn kinds_are_told_apart_and_counted() {
        let mut table = Table::try_new().unwrap();
        let patch = Patch::from_bits(0x807F_7F7F);
        for cause in [Cause::NoInstrument, Cause::NoRegion, Cause::NoInstrument] {
            table.count(AT, patch, cause);
        }
        let expected = |cause, notes| SilentNotes {
            group: 0xFFFF,
            channel: 15,
            patch,
            cause,
            notes,
        };
        assert_eq!(
            table.iter().collect::<Vec<_>>(),
            [
                expected(Cause::NoInstrument, 2),
                expected(Cause::NoRegion, 1)
            ]
        );
        assert_eq!((table.total(), table.others()), (3, 0));
    }

    #[test]
    fn each_kind_is_given_once() {
        let mut table = Table::try_new().unwrap();
        let count = |table: &mut Table, program| {
            table.count(AT, Patch::from_bits(program), Cause::NoInstrument);
        };
        count(&mut table, 1);
        assert_eq!(table.next().map(|kind| kind.patch.bits()), Some(1));
        count(&mut table, 1);
        assert_eq!(table.next(), None);
        count(&mut table, 2);
        assert_eq!(table.next().map(|kind| kind.patch.bits()), Some(2));
        table.clear();
        assert_eq!((table.next(), table.total()), (None, 0));
    }

    #[test]
    fn a_full_table_counts_on() {
        let mut table = Table::try_new().unwrap();
        for program in 0..100 {
            table.count(AT, Patch::from_bits(program), Cause::NoInstrument);
        }
        table.count(AT, Patch::from_bits(0), Cause::NoInstrument);
        assert_eq!(table.iter().count(), MOST_SILENT);
        assert_eq!(table.iter().map(|kind| kind.notes).sum::<u32>(), 65);
        assert_eq!((table.total(), table.others()), (101, 36));
    }
}
