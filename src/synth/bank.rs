//! The downloads of one synth: handles, patch and wave look-up, deferred release.
//!
//! Contract section 11. A download is parsed and its memory allocated before the synth is locked;
//! under the lock it only moves into a slot. Unloading takes it out of the searchable set at once;
//! while voices still use it, it stays where it is, and afterwards it waits on the dead list for
//! [`Bank::reap`], so that memory is never freed under the lock.
#![forbid(unsafe_code)]

use core::num::NonZeroU32;

use crate::dls::{Download, Instrument, Patch, Wave};
use crate::mem::{Buffer, OutOfMemory, pool_bytes};

/// Names a download for as long as it is loaded: never 0, fits 32 bits (contract section 11.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The token a client gets.
    #[must_use]
    pub const fn get(self) -> NonZeroU32 {
        self.0
    }

    /// The handle behind a token that a client hands back; it need not name anything.
    #[must_use]
    pub const fn from_raw(raw: NonZeroU32) -> Self {
        Self(raw)
    }

    /// `index` is at most [`MOST_SLOTS`], so that its successor fits 16 bits.
    fn new(slot: SlotIndex, generation: u16) -> Option<Self> {
        let low = slot.0.checked_add(1)?;
        NonZeroU32::new(u32::from(generation) << 16 | low).map(Self)
    }

    const fn slot(self) -> SlotIndex {
        SlotIndex((self.0.get() & 0xFFFF).wrapping_sub(1))
    }

    const fn generation(self) -> u16 {
        (self.0.get() >> 16) as u16
    }
}

/// Why a download was not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallError {
    /// It would take the bank past its quota of bytes.
    OverQuota,
    /// No slot is left: hand the synth a larger table (`Synth::grow_bank`) and try again.
    NoSlot,
    /// A region plays a wave that was not downloaded.
    MissingWave,
}

/// The handle names nothing that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownHandle;

/// A place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotIndex(u32);

impl SlotIndex {
    /// Names no slot.
    pub(super) const NONE: Self = Self(u32::MAX);

    fn position(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

#[derive(Debug)]
struct Slot {
    download: Option<Download>,
    /// Voices that read the download.
    users: u32,
    generation: u16,
    /// Whether notes find it.
    live: bool,
    /// The next slot of the list that this one is on, free or dead.
    next: SlotIndex,
}

impl Slot {
    const EMPTY: Self = Self {
        download: None,
        users: 0,
        generation: 0,
        live: false,
        next: SlotIndex::NONE,
    };
}

/// Room for downloads, allocated before it is needed.
#[derive(Debug)]
pub struct BankTable {
    slots: Buffer<Slot>,
    index: Buffer<Entry>,
}

impl BankTable {
    /// Allocates room for `downloads` of them, at most 65,535. PASSIVE level.
    pub fn try_new(downloads: usize) -> Result<Self, OutOfMemory> {
        let count = downloads.clamp(1, MOST_SLOTS);
        Ok(Self {
            slots: Buffer::try_from_fn(count, |_| Slot::EMPTY)?,
            index: Buffer::try_filled(count, Entry(0))?,
        })
    }

    /// How many downloads there is room for.
    #[must_use]
    pub fn downloads(&self) -> usize {
        self.slots.len()
    }

    /// What a table for so many downloads takes of the pool.
    #[must_use]
    pub fn pool_bytes_for(downloads: usize) -> u64 {
        let count = downloads.clamp(1, MOST_SLOTS);
        let of = |size: usize| pool_bytes(size.saturating_mul(count));
        of(size_of::<Slot>()).saturating_add(of(size_of::<Entry>()))
    }
}

/// All downloads of a synth.
#[derive(Debug)]
pub(super) struct Bank {
    slots: Buffer<Slot>,
    /// Slots below this number have been used at least once.
    touched: u32,
    free: SlotIndex,
    dead: SlotIndex,
    /// What notes find, in the order of its keys; of one key the newest comes first. A search takes
    /// sixteen steps at most, whatever names a client thinks of: chains of a hash table can be made
    /// as long as the table.
    index: Buffer<Entry>,
    /// How much of the index is used.
    live: usize,
    /// The generation of a slot that is used for the first time.
    first_generation: u16,
    quota: u64,
    used: u64,
}

impl Bank {
    pub(super) fn new(table: BankTable, quota: u64) -> Self {
        Self {
            slots: table.slots,
            index: table.index,
            live: 0,
            touched: 0,
            free: SlotIndex::NONE,
            dead: SlotIndex::NONE,
            first_generation: 0,
            quota,
            used: 0,
        }
    }

    /// Makes the handles begin elsewhere than those of other banks.
    pub(super) fn with_handles_from(self, first_generation: u16) -> Self {
        Self {
            first_generation,
            ..self
        }
    }

    /// Bytes of the pool that downloads hold, those included that wait to be freed.
    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// How many downloads there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Bytes left of the quota.
    pub(super) const fn free_bytes(&self) -> u64 {
        self.quota.saturating_sub(self.used)
    }

    /// Moves everything into a larger table and hands the old one back; a table that is not
    /// larger is handed back itself.
    pub(super) fn grow(&mut self, mut table: BankTable) -> BankTable {
        if table.slots.len() > self.slots.len() {
            for (old, new) in self.slots.iter_mut().zip(table.slots.iter_mut()) {
                core::mem::swap(old, new);
            }
            for (old, new) in self.index.iter().zip(table.index.iter_mut()) {
                *new = *old;
            }
            core::mem::swap(&mut self.slots, &mut table.slots);
            core::mem::swap(&mut self.index, &mut table.index);
        }
        table
    }

    pub(super) fn install(
        &mut self,
        download: Download,
    ) -> Result<Handle, (InstallError, Download)> {
        let used = self.used.saturating_add(download.pool_bytes());
        if used > self.quota {
            return Err((InstallError::OverQuota, download));
        }
        let index = self.take_slot();
        let entry = Entry::new(Key::of(&download), index);
        let slot = self.slots.get_mut(index.position());
        let handle = slot
            .as_ref()
            .and_then(|slot| Handle::new(index, slot.generation));
        let (Some(slot), Some(handle)) = (slot, handle) else {
            return Err((InstallError::NoSlot, download));
        };
        slot.download = Some(download);
        slot.users = 0;
        slot.live = true;
        self.enter(entry);
        self.used = used;
        Ok(handle)
    }

    pub(super) fn unload(&mut self, handle: Handle) -> Result<(), UnknownHandle> {
        let index = handle.slot();
        let slot = self.slot(index).ok_or(UnknownHandle)?;
        if !slot.live || slot.generation != handle.generation() {
            return Err(UnknownHandle);
        }
        if let Some(key) = slot.download.as_ref().map(Key::of) {
            self.strike(Entry::new(key, index));
        }
        if let Some(slot) = self.slots.get_mut(index.position()) {
            slot.live = false;
            slot.generation = slot.generation.wrapping_add(1);
            if slot.users == 0 {
                slot.next = self.dead;
                self.dead = index;
            }
        }
        Ok(())
    }

    /// Takes one download that nothing uses any more out of its slot.
    pub(super) fn reap(&mut self) -> Option<Download> {
        let index = self.dead;
        let slot = self.slots.get_mut(index.position())?;
        let download = slot.download.take();
        self.dead = slot.next;
        slot.next = self.free;
        self.free = index;
        let size = download.as_ref().map_or(0, Download::pool_bytes);
        self.used = self.used.saturating_sub(size);
        download
    }

    /// The instrument that a patch names: the newest, and General MIDI ones last.
    pub(super) fn find_instrument(&self, patch: Patch) -> Option<SlotIndex> {
        let newest = |is_gm| self.find(Key::instrument(patch, is_gm));
        newest(false).or_else(|| newest(true))
    }

    /// The newest wave with this download id.
    pub(super) fn find_wave(&self, id: u32) -> Option<SlotIndex> {
        self.find(Key::wave(id))
    }

    pub(super) fn instrument(&self, index: SlotIndex) -> Option<&Instrument> {
        match self.slot(index)?.download.as_ref()? {
            Download::Instrument(instrument) => Some(instrument),
            Download::Wave(_) => None,
        }
    }

    pub(super) fn wave(&self, index: SlotIndex) -> Option<&Wave> {
        match self.slot(index)?.download.as_ref()? {
            Download::Wave(wave) => Some(wave),
            Download::Instrument(_) => None,
        }
    }

    /// A voice begins to read the download.
    pub(super) fn hold(&mut self, index: SlotIndex) {
        if let Some(slot) = self.slots.get_mut(index.position()) {
            slot.users = slot.users.saturating_add(1);
        }
    }

    /// A voice has ended.
    pub(super) fn release(&mut self, index: SlotIndex) {
        if let Some(slot) = self.slots.get_mut(index.position())
            && slot.users > 0
        {
            slot.users = slot.users.saturating_sub(1);
            if slot.users == 0 && !slot.live {
                slot.next = self.dead;
                self.dead = index;
            }
        }
    }

    /// Whether the waves of a few regions are there, and which region comes after these.
    pub(super) fn look_for_waves(
        &self,
        download: &Download,
        first: usize,
    ) -> Result<Option<usize>, InstallError> {
        let Download::Instrument(instrument) = download else {
            return Ok(None);
        };
        let rest = instrument.regions.get(first..).unwrap_or_default();
        let mut few = rest.iter().take(LOOK);
        if few.all(|region| self.find_wave(region.wave).is_some()) {
            Ok((rest.len() > LOOK).then_some(first.saturating_add(LOOK)))
        } else {
            Err(InstallError::MissingWave)
        }
    }

    fn slot(&self, index: SlotIndex) -> Option<&Slot> {
        self.slots.get(index.position())
    }

    /// A free slot, or an index past the table.
    fn take_slot(&mut self) -> SlotIndex {
        let index = self.free;
        if let Some(slot) = self.slot(index) {
            self.free = slot.next;
            return index;
        }
        let fresh = SlotIndex(self.touched);
        if let Some(slot) = self.slots.get_mut(fresh.position()) {
            slot.generation = self.first_generation;
            self.touched = self.touched.saturating_add(1);
        }
        fresh
    }

    /// The newest download with a key.
    fn find(&self, key: Key) -> Option<SlotIndex> {
        let entry = self.index.get(..self.live)?.get(self.first(key))?;
        (entry.key() == key).then_some(entry.slot())
    }

    /// Where the entries of a key are, or would be.
    fn first(&self, key: Key) -> usize {
        let live = self.index.get(..self.live).unwrap_or_default();
        live.partition_point(|entry| entry.key() < key)
    }

    /// Puts an entry in front of those with its key.
    fn enter(&mut self, mut entry: Entry) {
        let first = self.first(entry.key());
        self.live = self.live.saturating_add(1);
        for place in self.index.iter_mut().take(self.live).skip(first) {
            core::mem::swap(place, &mut entry);
        }
    }

    /// Takes an entry out.
    fn strike(&mut self, entry: Entry) {
        let first = self.first(entry.key());
        let mut rest = self.index.iter_mut().take(self.live).skip(first);
        if let Some(mut gap) = rest.find(|place| **place == entry) {
            for place in rest {
                core::mem::swap(gap, place);
                gap = place;
            }
            self.live = self.live.saturating_sub(1);
        }
    }
}

/// What notes search for: waves by their id, instruments by their patch, and General MIDI ones
/// apart. 33 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u64);

impl Key {
    const fn wave(id: u32) -> Self {
        Self(id as u64)
    }

    const fn instrument(patch: Patch, is_gm: bool) -> Self {
        // Patches do not use bit 7.
        Self(1 << 32 | (is_gm as u64) << 7 | patch.bits() as u64)
    }

    const fn of(download: &Download) -> Self {
        match download {
            Download::Wave(wave) => Self::wave(wave.id),
            Download::Instrument(i) => Self::instrument(i.patch, i.is_gm),
        }
    }
}

/// A line of the index: the key, and in the lowest 16 bits the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    const fn new(Key(key): Key, SlotIndex(slot): SlotIndex) -> Self {
        Self(key << 16 | (slot & 0xFFFF) as u64)
    }

    const fn key(self) -> Key {
        Key(self.0 >> 16)
    }

    const fn slot(self) -> SlotIndex {
        SlotIndex((self.0 & 0xFFFF) as u32)
    }
}

/// Regions whose waves are looked for at a time.
const LOOK: usize = 512;
/// A handle keeps 16 bits for the slot, and 0 is no handle.
const MOST_SLOTS: usize = 0xFFFF;

#[cfg(test)]
mod tests;
