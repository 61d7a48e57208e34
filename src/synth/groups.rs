//! The open channel groups, of which there may be 65,535; memory only for those in use.
//!
//! An open group costs two bytes in a directory and a share of a table, about five bytes in all.
//! Its state, close to 1 KiB, it gets when it is first addressed, out of a chunk of [`CHUNK`].
//! Until then the group is as all others that were never addressed: `rest` is the state of them
//! all, and hears what is sent to all groups. Chunks are allocated by whoever queues events,
//! outside the lock (see [`Synth::use_group`](super::Synth::use_group)); no group needs memory
//! while it is rendered.
//!
//! Slots are numbered through all chunks, from 1 and in 16 bits, and those that the first chunk lacks,
//! which may be a short one, are not counted. A group takes the lowest slot that is free, so no slot's
//! number passes the count of groups: 65,535 fit.
#![forbid(unsafe_code)]

use super::group::Group;
use crate::mem::{Buffer, OutOfMemory};

/// The state of one group in use.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Which group it is, counted from 1.
    number: u16,
    group: Group,
}

/// Memory for the state of more channel groups.
#[derive(Debug)]
pub struct GroupMemory(Buffer<Slot>);

impl GroupMemory {
    /// How much that is.
    pub const BYTES: usize = CHUNK * size_of::<Slot>();

    /// Allocates it, about 7 KiB. Any level up to DISPATCH, no lock held.
    pub fn try_new() -> Result<Self, OutOfMemory> {
        slots(CHUNK).map(Self)
    }
}

/// A group cannot be used before memory is brought. Where memory was brought and this is still the
/// answer, more of it will not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedsMemory;

/// The slots of up to eight groups.
#[derive(Debug)]
struct Chunk {
    slots: Buffer<Slot>,
    /// Which slots are in use, one bit each.
    taken: u8,
}

impl Chunk {
    /// A slot that is not in use.
    fn free(&self) -> Option<usize> {
        let first = usize::try_from(self.taken.trailing_ones()).ok()?;
        (first < self.slots.len()).then_some(first)
    }

    /// The slots in use.
    fn in_use(&self) -> impl Iterator<Item = &Slot> {
        let taken = self.taken;
        let slots = self.slots.iter().enumerate();
        slots.filter_map(move |(place, slot)| (taken & bit(place) != 0).then_some(slot))
    }

    /// Gives up the groups that are not among the first `count`.
    fn keep(&mut self, count: usize) {
        for (place, slot) in self.slots.iter().enumerate() {
            if usize::from(slot.number) > count {
                self.taken &= !bit(place);
            }
        }
    }
}

/// All open groups.
#[derive(Debug)]
pub(super) struct Groups {
    /// For each open group the number of its slot, counted from 1; 0 if it is not in use.
    directory: Buffer<u16>,
    /// How many groups are open: fewer than the directory has room for while some are being closed.
    open: usize,
    /// No group is in use that is not open, and none lies in a chunk that a table of `open` lacks.
    is_tidy: bool,
    chunks: Buffer<Chunk>,
    /// One: the state of every group that is not in use.
    rest: Buffer<Group>,
    /// No chunk before this one has a free slot.
    first_free: usize,
    /// No chunk from here on has memory.
    end: usize,
}

impl Groups {
    /// `count` groups, the first of them in use.
    pub(super) fn try_new(count: u16) -> Result<Self, OutOfMemory> {
        let count = usize::from(count.max(1));
        let mut first = Some(slots(count.min(CHUNK))?);
        let mut groups = Self {
            directory: Buffer::try_filled(count, 0)?,
            open: count,
            is_tidy: true,
            chunks: Buffer::try_from_fn(chunks_for(count), |_| Chunk {
                slots: first.take().unwrap_or(Buffer::empty()),
                taken: 0,
            })?,
            rest: Buffer::try_from_fn(1, |_| Group::new())?,
            first_free: 0,
            end: 1,
        };
        // There is room: the chunk is fresh.
        let _ = groups.enlist(1, &mut None);
        Ok(groups)
    }

    /// Bytes of a table of so many groups of which only the first is in use.
    pub(super) fn bytes_for(count: u16) -> usize {
        let count = usize::from(count.max(1));
        let table = chunks_for(count).saturating_mul(size_of::<Chunk>());
        let first = count.min(CHUNK).saturating_mul(size_of::<Slot>());
        let directory = count.saturating_mul(size_of::<u16>());
        directory
            .saturating_add(table)
            .saturating_add(first)
            .saturating_add(size_of::<Group>())
    }

    /// Bytes of this table.
    pub(super) fn bytes(&self) -> usize {
        let slots = self.chunks.iter().map(|chunk| chunk.slots.len());
        let slots = slots.fold(0, usize::saturating_add);
        let table = self.chunks.len().saturating_mul(size_of::<Chunk>());
        let directory = self.directory.len().saturating_mul(size_of::<u16>());
        slots
            .saturating_mul(size_of::<Slot>())
            .saturating_add(table)
            .saturating_add(directory)
            .saturating_add(size_of::<Group>())
    }

    /// How many groups are open.
    pub(super) const fn len(&self) -> usize {
        self.open
    }

    /// A group in use; 0 stands for all that are not.
    pub(super) fn get(&self, number: u16) -> Option<&Group> {
        if number == ALL {
            return self.rest.first();
        }
        let (chunk, place) = self.place(number)?;
        Some(&self.chunks.get(chunk)?.slots.get(place)?.group)
    }

    /// As [`get`](Self::get), to be changed.
    pub(super) fn get_mut(&mut self, number: u16) -> Option<&mut Group> {
        if number == ALL {
            return self.rest.first_mut();
        }
        let (chunk, place) = self.place(number)?;
        Some(&mut self.chunks.get_mut(chunk)?.slots.get_mut(place)?.group)
    }

    /// The state of an open group, in use or not.
    pub(super) fn state_of(&self, number: u16) -> Option<&Group> {
        let open = self.directory.get(..self.open)?;
        let slot = open.get(usize::from(number).checked_sub(1)?)?;
        self.get(if *slot == 0 { ALL } else { number })
    }

    /// Gives an open group a state of its own, if it has none. Where no slot is free the memory
    /// in `spare` is taken.
    pub(super) fn enlist(
        &mut self,
        number: u16,
        spare: &mut Option<GroupMemory>,
    ) -> Result<(), NeedsMemory> {
        let index = usize::from(number).checked_sub(1);
        let index = index.filter(|&index| index < self.open);
        let entry = index.and_then(|index| self.directory.get(index));
        if entry.is_none_or(|&slot| slot != 0) {
            // All groups, one that is not open, or one in use.
            return Ok(());
        }
        let (chunk, place) = self.free_slot(spare).ok_or(NeedsMemory)?;
        if let Some(&rest) = self.rest.first() {
            self.fill(chunk, place, number, &rest);
        }
        if self.is_in_use(number) {
            Ok(())
        } else {
            Err(NeedsMemory)
        }
    }

    /// Whether an open group has a state of its own.
    pub(super) fn is_in_use(&self, number: u16) -> bool {
        self.place(number).is_some()
    }

    /// The first slot at or after `from` that is in use: its number, and the group's.
    pub(super) fn next_in_use(&self, from: usize) -> Option<(usize, u16)> {
        let first = from / CHUNK;
        let chunks = self.chunks.iter().enumerate().take(self.end).skip(first);
        for (number, chunk) in chunks {
            let before = if number == first { from % CHUNK } else { 0 };
            let taken = u32::from(chunk.taken) & (0xFF << before);
            if taken == 0 {
                continue;
            }
            let place = usize::try_from(taken.trailing_zeros()).ok()?;
            let slot = chunk.slots.get(place)?;
            return Some((number.checked_mul(CHUNK)?.checked_add(place)?, slot.number));
        }
        None
    }

    /// Begins to close all groups but the first `count`, if there are more.
    pub(super) fn close(&mut self, count: u16) {
        let count = usize::from(count.max(1));
        if count < self.open {
            self.open = count;
            self.is_tidy = false;
        }
    }

    /// Gives up closed groups, and moves those that stay out of the chunks that will go: so many in one
    /// call that it takes some 20 us. `cursor` is what the last call returned, and 0 at first; none at
    /// the end.
    pub(super) fn tidy(&mut self, mut cursor: usize) -> Option<usize> {
        let chunks = self.chunks.len();
        let mut left = TIDY;
        while left > 0 {
            if let Some(index) = cursor.checked_sub(chunks) {
                if index >= chunks {
                    self.is_tidy = true;
                    return None;
                }
                left = left.saturating_sub(self.move_out(index));
            } else {
                left = left.saturating_sub(self.give_up(cursor));
            }
            cursor = cursor.saturating_add(1);
        }
        Some(cursor)
    }

    /// Gives up the closed groups of a chunk; says what that has cost.
    fn give_up(&mut self, index: usize) -> usize {
        let open = self.open;
        let Some(chunk) = self.chunks.get_mut(index).filter(|chunk| chunk.taken != 0) else {
            return 1;
        };
        for (place, slot) in chunk.slots.iter().enumerate() {
            if chunk.taken & bit(place) != 0 && usize::from(slot.number) > open {
                chunk.taken &= !bit(place);
                enter(&mut self.directory, slot.number, 0);
            }
        }
        self.first_free = self.first_free.min(index);
        CHUNK
    }

    /// Moves the groups of a chunk that will go: with their memory to a place that has none, or to free
    /// slots. Says what that has cost.
    fn move_out(&mut self, index: usize) -> usize {
        let kept = chunks_for(self.open).min(self.chunks.len());
        let Some(chunk) = self.chunks.get(index).filter(|chunk| chunk.taken != 0) else {
            return 1;
        };
        if index < kept {
            return 1;
        }
        let mut taken = chunk.taken;
        if let Some(hole) = self
            .chunks
            .iter()
            .take(kept)
            .position(|c| c.slots.is_empty())
        {
            if let Ok([from, to]) = self.chunks.get_disjoint_mut([index, hole]) {
                core::mem::swap(from, to);
            }
            self.adopt(hole);
            return TIDY;
        }
        self.first_free = 0;
        while let Ok(place @ 0..CHUNK) = usize::try_from(taken.trailing_zeros()) {
            // Its lowest bit goes.
            taken &= taken.wrapping_sub(1);
            let Some(chunk) = self.chunks.get_mut(index) else {
                break;
            };
            chunk.taken &= !bit(place);
            let Some(&Slot { number, group }) = chunk.slots.get(place) else {
                break;
            };
            if let Some((to, place)) = self.free_slot(&mut None) {
                self.fill(to, place, number, &group);
            }
        }
        TIDY
    }

    /// Takes over all groups of a table that is tidy and no larger, where they are.
    fn take_all(&mut self, old: &mut Self) -> bool {
        if !old.is_tidy || old.open > self.open {
            return false;
        }
        for (entry, &their) in self.directory.iter_mut().zip(old.directory.iter()) {
            *entry = their;
        }
        for (chunk, theirs) in self.chunks.iter_mut().zip(old.chunks.iter_mut()) {
            if !theirs.slots.is_empty() {
                core::mem::swap(chunk, theirs);
            }
        }
        self.end = old.end.min(self.chunks.len());
        self.first_free = 0;
        self.drop_unused(old);
        true
    }

    /// Chunks that nobody uses go, but the first, which any synth has.
    fn drop_unused(&mut self, old: &mut Self) {
        let pairs = self.chunks.iter_mut().zip(old.chunks.iter_mut()).skip(1);
        for (chunk, theirs) in pairs.filter(|(chunk, _)| chunk.taken == 0) {
            core::mem::swap(chunk, theirs);
        }
        self.first_free = 0;
        let last = self
            .chunks
            .iter()
            .rposition(|chunk| !chunk.slots.is_empty());
        self.end = last.map_or(0, |last| last.saturating_add(1));
    }

    /// Takes over the state of another number of groups, and their memory; `old` is left with
    /// what is no longer needed, to be dropped.
    pub(super) fn succeed(&mut self, old: &mut Self) {
        core::mem::swap(&mut self.rest, &mut old.rest);
        if self.take_all(old) {
            return;
        }
        // What follows numbers all slots anew: the first chunk is another one.
        self.directory.fill(0);
        for (chunk, theirs) in self.chunks.iter_mut().zip(old.chunks.iter_mut()) {
            core::mem::swap(chunk, theirs);
        }
        self.end = self.chunks.len();
        for index in 0..self.chunks.len() {
            self.adopt(index);
        }
        // What lies behind goes where no memory is, while there are such places, and then into what
        // is free: each chunk has memory by then, and together they have room for all open groups.
        let (mut hole, mut free) = (0, 0);
        for theirs in old.chunks.iter_mut().skip(self.chunks.len()) {
            theirs.keep(self.directory.len());
            if theirs.taken == 0 {
                continue;
            }
            let place = self
                .chunks
                .iter()
                .skip(hole)
                .position(|c| c.slots.is_empty());
            hole = place.map_or(self.chunks.len(), |place| hole.saturating_add(place));
            if let Some(chunk) = self.chunks.get_mut(hole) {
                core::mem::swap(chunk, theirs);
                self.adopt(hole);
                continue;
            }
            for slot in theirs.in_use() {
                self.first_free = free;
                if let Some((chunk, place)) = self.free_slot(&mut None) {
                    self.fill(chunk, place, slot.number, &slot.group);
                    free = chunk;
                }
            }
        }
        self.drop_unused(old);
    }

    /// Enters the groups of a chunk into the directory.
    fn adopt(&mut self, index: usize) {
        let open = self.directory.len();
        let first = self.number_of(index, 0);
        let Some(chunk) = self.chunks.get_mut(index) else {
            return;
        };
        chunk.keep(open);
        for (place, slot) in chunk.slots.iter().enumerate() {
            if chunk.taken & bit(place) != 0 {
                enter(
                    &mut self.directory,
                    slot.number,
                    first.saturating_add(place),
                );
            }
        }
    }

    /// The number of a slot, from 1.
    fn number_of(&self, chunk: usize, place: usize) -> usize {
        let before = match chunk.checked_sub(1) {
            Some(full) => self.shortest().saturating_add(full.saturating_mul(CHUNK)),
            None => 0,
        };
        before.saturating_add(place).saturating_add(1)
    }

    /// Where the slot with this number is.
    fn slot(&self, number: usize) -> Option<(usize, usize)> {
        let index = number.checked_sub(1)?;
        match index.checked_sub(self.shortest()) {
            Some(index) => Some((index / CHUNK + 1, index % CHUNK)),
            None => Some((0, index)),
        }
    }

    /// The slots of the first chunk.
    fn shortest(&self) -> usize {
        self.chunks.first().map_or(0, |chunk| chunk.slots.len())
    }

    fn place(&self, number: u16) -> Option<(usize, usize)> {
        let slot = self.directory.get(usize::from(number).checked_sub(1)?)?;
        self.slot(usize::from(*slot))
    }

    fn free_slot(&mut self, spare: &mut Option<GroupMemory>) -> Option<(usize, usize)> {
        let chunks = self.chunks.iter_mut().enumerate();
        for (number, chunk) in chunks.skip(self.first_free) {
            if chunk.slots.is_empty() {
                let GroupMemory(memory) = spare.take()?;
                chunk.slots = memory;
                self.end = self.end.max(number.saturating_add(1));
            }
            if let Some(place) = chunk.free() {
                self.first_free = number;
                return Some((number, place));
            }
        }
        None
    }

    fn fill(&mut self, chunk: usize, place: usize, number: u16, group: &Group) {
        let named = self.number_of(chunk, place);
        let Some(memory) = self.chunks.get_mut(chunk) else {
            return;
        };
        if let Some(slot) = memory.slots.get_mut(place) {
            *slot = Slot {
                number,
                group: *group,
            };
            memory.taken |= bit(place);
            enter(&mut self.directory, number, named);
        }
    }
}

/// Notes which slot a group has.
fn enter(directory: &mut Buffer<u16>, number: u16, slot: usize) {
    let index = usize::from(number).checked_sub(1);
    if let Some(entry) = index.and_then(|index| directory.get_mut(index)) {
        *entry = u16::try_from(slot).unwrap_or(0);
    }
}

/// The chunks that groups need at most: the first may be a short one.
const fn chunks_for(count: usize) -> usize {
    count / CHUNK + 2
}

fn slots(count: usize) -> Result<Buffer<Slot>, OutOfMemory> {
    let slot = Slot {
        number: 0,
        group: Group::new(),
    };
    Buffer::try_filled(count, slot)
}

fn bit(place: usize) -> u8 {
    1_u8.checked_shl(u32::try_from(place).unwrap_or(u32::MAX))
        .unwrap_or(0)
}

/// The number that means every group.
pub(super) const ALL: u16 = 0;
/// What one call of [`Groups::tidy`] does: so many chunks are looked at.
const TIDY: usize = 1024;
/// Slots in a chunk: the bits of a byte.
const CHUNK: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn use_group(groups: &mut Groups, number: u16) {
        let mut spare = None;
        if groups.enlist(number, &mut spare).is_err() {
            spare = Some(GroupMemory::try_new().unwrap());
            assert_eq!(groups.enlist(number, &mut spare), Ok(()), "group {number}");
        }
        assert!(spare.is_none(), "memory was brought that was not needed");
    }

    /// Another number of groups; in steps, as the driver does it, or in one go.
    fn change(groups: &mut Groups, count: u16, in_steps: bool) {
        if in_steps {
            groups.close(count);
            let mut cursor = Some(0);
            let mut steps = 0;
            while let Some(next) = cursor {
                cursor = groups.tidy(next);
                steps += 1;
                assert!(steps <= 1 << 14);
                // Others use groups meanwhile; those that are being closed need nothing.
                use_group(groups, 2 + steps % 7);
                use_group(groups, u16::MAX - steps % 7);
            }
            assert!(groups.is_tidy);
        }
        let mut next = Groups::try_new(count).unwrap();
        next.succeed(groups);
        *groups = next;
    }

    fn in_use(groups: &Groups) -> std::vec::Vec<u16> {
        let mut from = 0;
        let next = || {
            let (slot, number) = groups.next_in_use(from)?;
            from = slot + 1;
            Some(number)
        };
        core::iter::from_fn(next).collect()
    }

    #[test]
    fn only_groups_in_use_take_memory() {
        let mut groups = Groups::try_new(u16::MAX).unwrap();
        let chunks = |groups: &Groups| groups.chunks.iter().filter(|c| !c.slots.is_empty()).count();
        assert_eq!((chunks(&groups), in_use(&groups)), (1, [1].to_vec()));
        for number in [65_535, 40_000, 2, 2, 7] {
            use_group(&mut groups, number);
        }
        assert_eq!(in_use(&groups), [1, 65_535, 40_000, 2, 7]);
        assert_eq!(chunks(&groups), 1);
        for number in 100..112 {
            use_group(&mut groups, number);
        }
        assert_eq!((chunks(&groups), in_use(&groups).len()), (3, 17));
        // 0 is all of them, and what is not open needs nothing.
        let mut few = Groups::try_new(3).unwrap();
        assert_eq!(few.enlist(0, &mut None), Ok(()));
        assert_eq!(few.enlist(4, &mut None), Ok(()));
        assert_eq!(in_use(&few), [1]);
    }

    #[test]
    fn a_group_begins_as_those_that_were_never_addressed() {
        let mut groups = Groups::try_new(9).unwrap();
        groups.get_mut(ALL).unwrap().part_mut(3).unwrap().priority = 77;
        assert_eq!(
            groups.state_of(5).unwrap().part(3).unwrap().priority,
            77,
            "not in use"
        );
        use_group(&mut groups, 5);
        assert_eq!(groups.get(5).unwrap().part(3).unwrap().priority, 77);
        assert_ne!(groups.get(1).unwrap().part(3).unwrap().priority, 77);
        assert!(groups.state_of(10).is_none() && groups.state_of(0).is_none());
    }

    #[test]
    fn another_number_of_groups_keeps_those_that_stay() {
        let mark = |groups: &mut Groups, number: u16| {
            use_group(groups, number);
            let part = groups.get_mut(number).unwrap().part_mut(0).unwrap();
            part.priority = number.into();
        };
        for in_steps in [false, true] {
            // Used from the highest down, so that those that stay lie in the last chunks.
            let mut groups = Groups::try_new(100).unwrap();
            for number in (2..=100).rev() {
                mark(&mut groups, number);
            }
            for count in [60, 9, 8, 7, 300, 1, 40] {
                let kept = in_use(&groups);
                let mut next = groups;
                change(&mut next, count, in_steps);
                let mut expected: std::vec::Vec<u16> =
                    kept.into_iter().filter(|&number| number <= count).collect();
                expected.sort_unstable();
                let mut found = in_use(&next);
                found.sort_unstable();
                assert_eq!(found, expected, "{count} groups");
                for number in found.into_iter().filter(|&number| number > 1) {
                    let part = next.get(number).unwrap().part(0).unwrap();
                    assert_eq!(part.priority, u32::from(number));
                }
                groups = next;
                for number in 2..=count {
                    mark(&mut groups, number);
                }
            }
        }
    }

    /// Every count from which all groups can be used, however the table came to have so many.
    #[test]
    fn all_groups_of_any_count_have_a_slot() {
        let most = u16::MAX;
        for first in [1, 7, 8, 9, most] {
            let mut groups = Groups::try_new(first).unwrap();
            use_group(&mut groups, first);
            for count in [1, 2, 7, 8, 9, 16, 17].into_iter().chain(most - 9..=most) {
                change(&mut groups, count, count % 2 == 0);
                assert_eq!(groups.len(), usize::from(count));
                // Twice: the last ones are still there.
                for number in (1..=count).chain(count.saturating_sub(20)..=count) {
                    use_group(&mut groups, number);
                    assert!(
                        number == 0 || groups.is_in_use(number),
                        "{number} of {count}"
                    );
                }
                use_group(&mut groups, count.saturating_add(1));
                for number in [1, count / 2, count - 1, count]
                    .into_iter()
                    .filter(|&n| n > 0)
                {
                    assert!(groups.get(number).is_some(), "{number} of {count}");
                }
            }
        }
    }

    /// A chunk whose groups were all closed gives its memory back; the next change must not lose those
    /// that lie behind it.
    #[test]
    fn a_place_without_memory_is_no_obstacle() {
        let mark = |groups: &mut Groups, number: u16| {
            use_group(groups, number);
            groups
                .get_mut(number)
                .unwrap()
                .part_mut(0)
                .unwrap()
                .priority = number.into();
        };
        for in_steps in [false, true] {
            let mut groups = Groups::try_new(100).unwrap();
            // The first chunk has group 1 and 100 to 94, the second 93 to 86, and so on.
            for number in (2..=100).rev() {
                mark(&mut groups, number);
            }
            for count in [92, 85, 20, 17, 9] {
                change(&mut groups, count, in_steps);
                let mut found = in_use(&groups);
                found.sort_unstable();
                assert!(found.iter().copied().eq(1..=count), "{count}: {found:?}");
                for number in 2..=count {
                    let part = groups.get(number).unwrap().part(0).unwrap();
                    assert_eq!(part.priority, u32::from(number), "of {count}");
                }
            }
        }
    }
}
