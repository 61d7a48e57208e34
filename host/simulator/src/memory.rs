//! User-mode address space as a client sees it, and MDLs that lock parts of it.
//!
//! On Linux a user range is real memory, mapped twice: once at the address that the client passes
//! to the driver, once where only the kernel looks. So a range can vanish from under the driver
//! while locked pages stay, and code that touches a user address directly really faults. Elsewhere
//! (Miri) user addresses are numbers that nothing may follow.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use crate::kernel::Kernel;
use crate::user_range::UserRange;
use crate::violation::Rule;

/// On whose behalf an address is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The address is the kernel's own.
    Kernel,
    /// The address came from a client and may be anything.
    User,
}

/// What will be done to the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is only read.
    Read,
    /// It is written (too).
    Write,
}

/// An address cannot be used in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessViolation;

#[derive(Clone, Copy, Debug)]
struct Mdl {
    start: usize,
    length: usize,
    locked: bool,
    mapped: bool,
}

/// Unmapped ranges whose addresses stay free.
const KEPT: usize = 64;

/// User ranges and MDLs.
#[derive(Debug, Default)]
pub struct Memory {
    ranges: RefCell<Vec<UserRange>>,
    /// The last ranges that were unmapped: nothing is there, and as long as they are kept the process
    /// maps nothing else there either.
    gone: RefCell<VecDeque<UserRange>>,
    mdls: RefCell<BTreeMap<usize, Mdl>>,
}

impl Memory {
    /// Maps a range into user space that holds `bytes`, and returns its address.
    pub fn map_user(&self, bytes: &[u8]) -> usize {
        let range = UserRange::new(bytes);
        let address = range.address();
        self.ranges.borrow_mut().push(range);
        address
    }

    /// Maps a range into the space of a 32-bit program, and returns its address.
    ///
    /// # Panics
    ///
    /// Never: the address is below 4 GiB.
    pub fn map_user_32(&self, bytes: &[u8]) -> u32 {
        let range = UserRange::new_32(bytes);
        let address = u32::try_from(range.address()).expect("an address below 4 GiB");
        self.ranges.borrow_mut().push(range);
        address
    }

    /// Unmaps the range that contains `address`; pages that are locked stay until they are unlocked.
    pub fn unmap_user(&self, address: usize) {
        let mut ranges = self.ranges.borrow_mut();
        if let Some(at) = ranges.iter().position(|range| range.contains(address, 1)) {
            ranges[at].unmap();
            if ranges[at].locks == 0 {
                self.bury(ranges.remove(at));
            }
        }
    }

    fn bury(&self, range: UserRange) {
        let mut gone = self.gone.borrow_mut();
        if gone.len() == KEPT {
            gone.pop_front();
        }
        gone.push_back(range);
    }

    /// Makes the range that contains `address` read-only for the client.
    pub fn protect_user(&self, address: usize) {
        for range in self.ranges.borrow_mut().iter_mut() {
            if range.contains(address, 1) {
                range.protect();
            }
        }
    }

    /// Reads user memory as the client itself would.
    pub fn read_user(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        self.with_range(address, length, |range| range.read(address, length))
    }

    /// Writes user memory as the client itself would.
    pub fn write_user(&self, address: usize, bytes: &[u8]) -> Option<()> {
        self.with_range(address, bytes.len(), |range| range.write(address, bytes))
    }

    fn with_range<R>(
        &self,
        address: usize,
        length: usize,
        use_it: impl FnOnce(&UserRange) -> R,
    ) -> Option<R> {
        let ranges = self.ranges.borrow();
        let range = ranges
            .iter()
            .find(|range| range.is_mapped() && range.contains(address, length))?;
        Some(use_it(range))
    }

    /// Whether `length` bytes at `address` may be used.
    pub fn probe(
        &self,
        address: usize,
        length: usize,
        mode: Mode,
        access: Access,
    ) -> Result<(), AccessViolation> {
        let end = address.checked_add(length).ok_or(AccessViolation)?;
        if address == 0 || (mode == Mode::User && end > USER_END) {
            return Err(AccessViolation);
        }
        let usable = self.with_range(address, length, |range| {
            access == Access::Read || range.is_writable()
        });
        match (usable, mode) {
            // The kernel's own addresses are the process's own here.
            (Some(true), _) | (None, Mode::Kernel) => Ok(()),
            (Some(false), _) | (None, Mode::User) => Err(AccessViolation),
        }
    }

    pub(crate) fn add_mdl(&self, mdl: usize, start: usize, length: usize) {
        self.mdls.borrow_mut().insert(
            mdl,
            Mdl {
                start,
                length,
                locked: false,
                mapped: false,
            },
        );
    }

    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.mdls
            .borrow()
            .iter()
            .map(|(address, mdl)| {
                let state = if mdl.locked { "locked" } else { "allocated" };
                format!("MDL {address:#x} is still {state}")
            })
            .collect()
    }

    fn count_lock(&self, address: usize, length: usize, lock: bool) {
        let mut ranges = self.ranges.borrow_mut();
        let Some(at) = ranges
            .iter()
            .position(|range| range.contains(address, length) && (lock || range.locks > 0))
        else {
            return;
        };
        if lock {
            ranges[at].locks += 1;
        } else {
            ranges[at].locks -= 1;
            if ranges[at].locks == 0 && !ranges[at].is_mapped() {
                self.bury(ranges.remove(at));
            }
        }
    }

    /// Where the kernel sees a locked address.
    fn alias(&self, address: usize, length: usize) -> *mut u8 {
        let ranges = self.ranges.borrow();
        ranges
            .iter()
            .find(|range| range.locks > 0 && range.contains(address, length))
            .map_or_else(
                || std::ptr::with_exposed_provenance_mut(address),
                |range| range.alias(address),
            )
    }
}

impl Kernel {
    /// Locks the pages of an MDL, or says that the address raises.
    pub(crate) fn lock_pages(
        &self,
        mdl: usize,
        mode: Mode,
        access: Access,
        at: &'static str,
    ) -> Result<(), AccessViolation> {
        let memory = self.memory();
        let Some(state) = memory.mdls.borrow().get(&mdl).copied() else {
            self.violate(Rule::MdlMisuse, at, format!("unknown MDL {mdl:#x}"));
            return Err(AccessViolation);
        };
        if state.locked {
            self.violate(Rule::MdlMisuse, at, "the pages are already locked");
        }
        memory.probe(state.start, state.length, mode, access)?;
        memory.count_lock(state.start, state.length, true);
        if let Some(state) = memory.mdls.borrow_mut().get_mut(&mdl) {
            state.locked = true;
        }
        Ok(())
    }

    /// Unlocks the pages of an MDL and takes its system mapping away.
    pub(crate) fn unlock_pages(&self, mdl: usize, at: &'static str) {
        let memory = self.memory();
        let mut mdls = memory.mdls.borrow_mut();
        let Some(state) = mdls.get_mut(&mdl).filter(|state| state.locked) else {
            drop(mdls);
            self.violate(Rule::MdlMisuse, at, "the pages are not locked");
            return;
        };
        state.locked = false;
        state.mapped = false;
        let (start, length) = (state.start, state.length);
        drop(mdls);
        memory.count_lock(start, length, false);
    }

    /// Maps locked pages into system space; null when there is no room.
    pub(crate) fn map_locked(&self, mdl: usize, at: &'static str) -> *mut u8 {
        let memory = self.memory();
        let mut mdls = memory.mdls.borrow_mut();
        let Some(state) = mdls.get_mut(&mdl).filter(|state| state.locked) else {
            drop(mdls);
            self.violate(Rule::MdlMisuse, at, "the pages are not locked");
            return std::ptr::null_mut();
        };
        state.mapped = true;
        let (start, length) = (state.start, state.length);
        drop(mdls);
        memory.alias(start, length)
    }

    /// Forgets an MDL that is being freed.
    pub(crate) fn remove_mdl(&self, mdl: usize, at: &'static str) {
        match self.memory().mdls.borrow_mut().remove(&mdl) {
            Some(state) if !state.locked => {}
            Some(_) => self.violate(Rule::MdlMisuse, at, "freed with its pages locked"),
            None => self.violate(Rule::MdlMisuse, at, format!("unknown MDL {mdl:#x}")),
        }
    }
}

/// The first address that is not user space, less the 64 KiB that Windows keeps free below it.
pub const USER_END: usize = 0x7FFF_FFFF_0000;
