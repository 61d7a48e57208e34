//! One block of pool memory: canary, data, canary; or pages of its own before a forbidden one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

use crate::pool::{Paging, Tag};

/// Owned memory of one allocation.
///
/// # Invariants
///
/// `base` came from `System.alloc(layout)` (or `pages::map` when `pages` is set), and the data with
/// its canaries lies inside it: `data - CANARY .. data + size + CANARY` (special blocks have no
/// leading canary, and only padding up to the page behind).
#[derive(Debug)]
pub(crate) struct Block {
    base: NonNull<u8>,
    data: NonNull<u8>,
    layout: Layout,
    size: usize,
    tail: usize,
    tag: Tag,
    paging: Paging,
    pages: bool,
}

impl Block {
    /// Memory for `size` bytes, or `None` when the host has none.
    pub(crate) fn new(size: usize, tag: Tag, paging: Paging, special: bool) -> Option<Self> {
        if special {
            return Self::on_pages(size, tag, paging);
        }
        let tail = CANARY + (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;
        let total = CANARY.checked_add(size)?.checked_add(tail)?;
        let layout = Layout::from_size_align(total, ALIGNMENT).ok()?;
        // SAFETY: the layout has at least the canaries' size.
        let base = NonNull::new(unsafe { System.alloc(layout) })?;
        // SAFETY: the canary lies inside the allocation.
        let data = unsafe { base.add(CANARY) };
        let block = Self {
            base,
            data,
            layout,
            size,
            tail,
            tag,
            paging,
            pages: false,
        };
        block.paint();
        Some(block)
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    fn on_pages(size: usize, tag: Tag, paging: Paging) -> Option<Self> {
        Self::new(size, tag, paging, false)
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    fn on_pages(size: usize, tag: Tag, paging: Paging) -> Option<Self> {
        let tail = (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;
        let used = size.checked_add(tail)?;
        let usable = used.checked_next_multiple_of(PAGE)?.max(PAGE);
        let layout = Layout::from_size_align(usable.checked_add(PAGE)?, PAGE).ok()?;
        let base = pages::map(layout.size())?;
        // SAFETY: the guard page is the last page of the mapping.
        let guard = unsafe { base.add(usable) };
        pages::forbid(guard, PAGE);
        // SAFETY: `used` is at most `usable`.
        let data = unsafe { base.add(usable - used) };
        let block = Self {
            base,
            data,
            layout,
            size,
            tail,
            tag,
            paging,
            pages: true,
        };
        block.paint();
        Some(block)
    }

    pub(crate) fn data(&self) -> *mut u8 {
        self.data.as_ptr()
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) fn paging(&self) -> Paging {
        self.paging
    }

    /// Fills the data.
    pub(crate) fn fill(&self, byte: u8) {
        // SAFETY: the data lies inside the block, by the invariant.
        unsafe { self.data.write_bytes(byte, self.size) };
    }

    /// Fills a freed block, or makes it inaccessible where it has pages of its own.
    pub(crate) fn retire(&self, poison: u8) {
        if self.pages {
            #[cfg(all(target_os = "linux", not(miri)))]
            pages::forbid(self.base, self.layout.size());
        } else {
            self.fill(poison);
        }
    }

    fn paint(&self) {
        for offset in self.canaries() {
            // SAFETY: canary offsets lie inside the block, by the invariant.
            unsafe { self.data.offset(offset).write(PAINT) };
        }
    }

    fn canaries(&self) -> impl Iterator<Item = isize> + use<> {
        let head = if self.pages { 0 } else { CANARY.cast_signed() };
        let size = self.size.cast_signed();
        (-head..0).chain(size..size + self.tail.cast_signed())
    }

    /// The offset of the first damaged canary byte, relative to the data.
    pub(crate) fn first_damage(&self) -> Option<isize> {
        self.canaries().find(|&offset| {
            // SAFETY: canary offsets lie inside the block, by the invariant.
            (unsafe { self.data.offset(offset).read_volatile() }) != PAINT
        })
    }

    /// The offset of the first data byte that is not `expected`.
    pub(crate) fn first_difference(&self, expected: u8) -> Option<usize> {
        if self.pages {
            // A retired special block cannot have been written: the write would have faulted.
            return None;
        }
        // SAFETY: the data lies inside the block and is initialised, by `fill`.
        let data = unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.size) };
        data.iter().position(|&byte| byte != expected)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.pages {
            #[cfg(all(target_os = "linux", not(miri)))]
            pages::unmap(self.base, self.layout.size());
        } else {
            // SAFETY: by the invariant, and nothing uses the block any more.
            unsafe { System.dealloc(self.base.as_ptr(), self.layout) };
        }
    }
}

/// Whole pages from the host.
#[cfg(all(target_os = "linux", not(miri)))]
mod pages {
    use std::ptr::{self, NonNull};

    pub(super) fn map(size: usize) -> Option<NonNull<u8>> {
        // SAFETY: an anonymous private mapping at an address of the host's choice.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return None;
        }
        NonNull::new(address.cast())
    }

    pub(super) fn forbid(address: NonNull<u8>, size: usize) {
        // SAFETY: the pages belong to a mapping that this module made; nobody reads them by right.
        let result = unsafe { libc::mprotect(address.as_ptr().cast(), size, libc::PROT_NONE) };
        assert_eq!(result, 0, "mprotect failed");
    }

    pub(super) fn unmap(address: NonNull<u8>, size: usize) {
        // SAFETY: the whole mapping, which nothing uses any more.
        unsafe { libc::munmap(address.as_ptr().cast(), size) };
    }
}

/// What the pool aligns to on x64.
const ALIGNMENT: usize = 16;
const CANARY: usize = 32;
const PAINT: u8 = 0xFB;
#[cfg(all(target_os = "linux", not(miri)))]
const PAGE: usize = 4096;
