//! The pool: tagged blocks between canaries, poisoned when freed, and a way to make any one fail.
//!
//! Two doors lead in. Blocks of `ExAllocatePool2` have a header, canaries on both sides and stay in
//! quarantine after they are freed, so that a late write shows. Allocations that natively built
//! driver code makes through Rust's global allocator are only charged (see
//! [`TrackingAllocator`](crate::tracking_allocator::TrackingAllocator)).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::pool_block::Block;
use crate::process::{Process, Quotas};
use crate::violation::Rule;

/// Whether a block may be paged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Always resident.
    NonPaged,
    /// Not to be touched at or above DISPATCH_LEVEL.
    Paged,
}

/// A four-character pool tag as the driver passed it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.to_le_bytes() {
            if byte.is_ascii_graphic() || byte == b' ' {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{self}'")
    }
}

/// What allocations of Rust's global allocator are charged to, as `wdk-alloc` does.
pub const RUST_TAG: Tag = Tag(u32::from_le_bytes(*b"rust"));

/// Numbers about the pool since power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Allocations asked for, those that failed included.
    pub requests: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Bytes allocated now.
    pub bytes: u64,
    /// The most bytes that were ever allocated at once.
    pub peak: u64,
}

/// The pool of one machine.
#[derive(Debug)]
pub struct Pool {
    blocks: RefCell<BTreeMap<usize, Block>>,
    charged: RefCell<BTreeMap<usize, usize>>,
    quarantine: RefCell<VecDeque<Block>>,
    quarantined: Cell<usize>,
    counters: Cell<Counters>,
    fail_at: Cell<Option<u64>>,
    fail_from: Cell<Option<u64>>,
    forbidden: Cell<Option<&'static str>>,
    quotas: RefCell<Quotas>,
    special: bool,
}

impl Pool {
    pub(crate) fn new(special: bool) -> Self {
        Self {
            blocks: RefCell::default(),
            charged: RefCell::default(),
            quarantine: RefCell::default(),
            quarantined: Cell::new(0),
            counters: Cell::default(),
            fail_at: Cell::new(None),
            fail_from: Cell::new(None),
            forbidden: Cell::new(None),
            quotas: RefCell::default(),
            special,
        }
    }

    /// The numbers so far.
    pub fn counters(&self) -> Counters {
        self.counters.get()
    }

    /// Makes the `nth` allocation from now fail (0 = the next one), once.
    pub fn fail_nth(&self, nth: u64) {
        self.fail_at.set(Some(self.counters().requests + nth));
    }

    /// Makes every allocation from the `nth` from now on fail.
    pub fn fail_from(&self, nth: u64) {
        self.fail_from.set(Some(self.counters().requests + nth));
    }

    /// Ends [`Pool::fail_nth`] and [`Pool::fail_from`]; whether a planned single failure is still due.
    pub fn fail_none(&self) -> bool {
        self.fail_from.set(None);
        self.fail_at.take().is_some()
    }

    /// Runs `work` and records a breach for every allocation or free in it.
    pub fn forbid<R>(&self, why: &'static str, work: impl FnOnce() -> R) -> R {
        let outer = self.forbidden.replace(Some(why));
        let result = work();
        self.forbidden.set(outer);
        result
    }

    /// Bytes of pool that count against the quota of a process.
    pub fn charged_to(&self, process: Process) -> usize {
        self.quotas.borrow().charged(process)
    }

    /// Bytes of paged pool that are allocated now.
    pub fn paged(&self) -> usize {
        let blocks = self.blocks.borrow();
        let paged = blocks
            .values()
            .filter(|block| block.paging() == Paging::Paged);
        paged.map(Block::size).sum()
    }

    /// Gives a process a quota.
    pub fn set_quota(&self, process: Process, bytes: usize) {
        self.quotas.borrow_mut().limit(process, bytes);
    }

    /// What is allocated now: tag, blocks, bytes.
    pub fn outstanding(&self) -> Vec<(Tag, usize, usize)> {
        let mut tags: BTreeMap<Tag, (usize, usize)> = BTreeMap::new();
        let mut add = |tag, size| {
            let entry = tags.entry(tag).or_default();
            entry.0 += 1;
            entry.1 += size;
        };
        for block in self.blocks.borrow().values() {
            add(block.tag(), block.size());
        }
        for size in self.charged.borrow().values() {
            add(RUST_TAG, *size);
        }
        tags.into_iter().map(|(t, (n, b))| (t, n, b)).collect()
    }

    /// The block that contains `address`, as its range.
    pub fn find(&self, address: usize) -> Option<Range<usize>> {
        let blocks = self.blocks.borrow();
        let (&start, block) = blocks.range(..=address).next_back()?;
        let range = start..start + block.size();
        range.contains(&address).then_some(range)
    }

    /// Checks canaries and poison everywhere.
    pub(crate) fn check_everything(&self, kernel: &Kernel) {
        for block in self.blocks.borrow().values() {
            check_canaries(block, kernel, "a check of the whole pool");
        }
        for block in self.quarantine.borrow().iter() {
            check_poison(block, kernel);
        }
    }

    fn book_request(&self, kernel: &Kernel, at: &'static str) -> Result<(), Exhausted> {
        let mut counters = self.counters();
        let number = counters.requests;
        counters.requests += 1;
        self.counters.set(counters);
        if kernel.irql() > Irql::DISPATCH {
            kernel.violate(Rule::PoolAboveDispatch, at, "allocation");
        }
        if let Some(why) = self.forbidden.get() {
            kernel.violate(Rule::AllocationForbidden, at, why);
        }
        if self.fail_at.get() == Some(number) {
            self.fail_at.set(None);
            return Err(Exhausted);
        }
        if self.fail_from.get().is_some_and(|first| number >= first) {
            return Err(Exhausted);
        }
        Ok(())
    }

    fn book_free(&self, kernel: &Kernel, at: &'static str) {
        if kernel.irql() > Irql::DISPATCH {
            kernel.violate(Rule::PoolAboveDispatch, at, "free");
        }
        if let Some(why) = self.forbidden.get() {
            kernel.violate(Rule::AllocationForbidden, at, why);
        }
    }

    fn book_bytes(&self, size: usize) {
        let mut counters = self.counters();
        counters.bytes += size as u64;
        counters.peak = counters.peak.max(counters.bytes);
        self.counters.set(counters);
    }

    fn unbook_bytes(&self, size: usize) {
        let mut counters = self.counters();
        counters.bytes = counters.bytes.saturating_sub(size as u64);
        counters.frees += 1;
        self.counters.set(counters);
    }

    /// Charges an allocation of the global allocator before it is made.
    pub(crate) fn charge(&self, kernel: &Kernel, size: usize) -> Result<(), Exhausted> {
        self.book_request(kernel, GLOBAL)?;
        self.book_bytes(size);
        Ok(())
    }

    /// Notes where a charged allocation came to lie.
    pub(crate) fn charged_at(&self, address: usize, size: usize) {
        self.charged.borrow_mut().insert(address, size);
    }

    /// Takes a charge back; whether there was one.
    pub(crate) fn uncharge(&self, kernel: &Kernel, address: usize) -> bool {
        // A free that comes while the table is in use is the table's own.
        let Ok(mut charged) = self.charged.try_borrow_mut() else {
            return false;
        };
        let Some(size) = charged.remove(&address) else {
            return false;
        };
        drop(charged);
        self.book_free(kernel, GLOBAL);
        self.unbook_bytes(size);
        kernel.freed(address..address + size, GLOBAL);
        true
    }
}

/// The pool had, or was told to have, no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl Kernel {
    /// Allocates `size` bytes; the address, or `None` when there is no room.
    pub fn allocate(
        &self,
        size: usize,
        tag: Tag,
        paging: Paging,
        fill: Fill,
        at: &'static str,
    ) -> Option<*mut u8> {
        let pool = self.pool();
        if tag.0 == 0 || size == 0 {
            self.violate(Rule::PoolRequest, at, format!("{size} bytes, tag '{tag}'"));
        }
        if paging == Paging::Paged && self.irql() >= Irql::DISPATCH {
            self.violate(
                Rule::PagedAtDispatch,
                at,
                format!("paged allocation, tag '{tag}'"),
            );
        }
        pool.book_request(self, at).ok()?;
        let block = Block::new(size, tag, paging, pool.special)?;
        block.fill(match fill {
            Fill::Zero => 0,
            Fill::Garbage => GARBAGE,
        });
        let address = block.data();
        pool.book_bytes(size);
        pool.blocks.borrow_mut().insert(address.addr(), block);
        Some(address)
    }

    /// As [`allocate`](Self::allocate), for the process that runs: counts against its quota.
    pub(crate) fn allocate_charged(
        &self,
        size: usize,
        tag: Tag,
        paging: Paging,
        fill: Fill,
        at: &'static str,
    ) -> Option<*mut u8> {
        let process = self.process();
        if !self.pool().quotas.borrow().admits(process, size) {
            return None;
        }
        let block = self.allocate(size, tag, paging, fill, at)?;
        let mut quotas = self.pool().quotas.borrow_mut();
        quotas.charge(process, block.addr(), size);
        Some(block)
    }

    /// Frees the block at `address`; `tag` of 0 stands for "whichever".
    pub fn free(&self, address: *mut u8, tag: Tag, at: &'static str) {
        let pool = self.pool();
        pool.book_free(self, at);
        let found = pool.blocks.borrow_mut().remove(&address.addr());
        let Some(block) = found else {
            let twice = pool
                .quarantine
                .borrow()
                .iter()
                .any(|old| old.data() == address);
            let rule = if twice {
                Rule::DoubleFree
            } else {
                Rule::FreeOfUnknown
            };
            self.violate(rule, at, format!("{address:p}"));
            return;
        };
        if tag.0 != 0 && tag != block.tag() {
            self.violate(
                Rule::FreeWithWrongTag,
                at,
                format!("allocated as '{}', freed as '{tag}'", block.tag()),
            );
        }
        if block.paging() == Paging::Paged && self.irql() >= Irql::DISPATCH {
            self.violate(Rule::PagedAtDispatch, at, "paged block freed");
        }
        check_canaries(&block, self, at);
        pool.unbook_bytes(block.size());
        let start = address.addr();
        pool.quotas.borrow_mut().uncharge(start);
        self.freed(start..start + block.size(), at);
        block.retire(POISON);
        pool.quarantined.set(pool.quarantined.get() + block.size());
        let mut quarantine = pool.quarantine.borrow_mut();
        quarantine.push_back(block);
        while pool.quarantined.get() > MOST_QUARANTINED || quarantine.len() > MOST_RETIRED {
            let Some(oldest) = quarantine.pop_front() else {
                break;
            };
            check_poison(&oldest, self);
            pool.quarantined
                .set(pool.quarantined.get().saturating_sub(oldest.size()));
        }
    }

    /// What must not lie in memory that is given back: armed timers, queued DPCs, held locks.
    pub(crate) fn freed(&self, range: Range<usize>, at: &'static str) {
        for timer in self.timers.forget(&range) {
            self.violate(Rule::TimerArmed, at, format!("freed with {timer}"));
        }
        for dpc in self.dpcs.forget(&range) {
            self.violate(Rule::DpcQueued, at, format!("freed with {dpc}"));
        }
        for lock in self.locks.forget(&range) {
            self.violate(Rule::LockLeft, at, format!("freed with {lock}"));
        }
    }
}

/// What a new block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Zeros, as `ExAllocatePool2` gives by default.
    Zero,
    /// A pattern, as POOL_FLAG_UNINITIALIZED may give.
    Garbage,
}

fn check_canaries(block: &Block, kernel: &Kernel, at: &'static str) {
    if let Some(offset) = block.first_damage() {
        kernel.violate(
            Rule::Overrun,
            at,
            format!(
                "block of {} bytes, tag '{}', is damaged at offset {offset}",
                block.size(),
                block.tag()
            ),
        );
    }
}

fn check_poison(block: &Block, kernel: &Kernel) {
    if let Some(offset) = block.first_difference(POISON) {
        kernel.violate(
            Rule::WriteAfterFree,
            "a check of freed pool",
            format!(
                "block of {} bytes, tag '{}', was written at offset {offset}",
                block.size(),
                block.tag()
            ),
        );
    }
}

const GLOBAL: &str = "the global allocator";
const GARBAGE: u8 = 0xA5;
/// As a pointer this is not canonical, so following one faults.
const POISON: u8 = 0xDD;
const MOST_QUARANTINED: usize = 32 << 20;
const MOST_RETIRED: usize = 4_096;
