//! Fallible memory: a fixed-length slice on the heap whose allocation can fail without a panic.
//!
//! The driver never uses `alloc`'s growing containers: they call the infallible allocation error
//! handler on some path, and a kernel driver has no business there. A [`Buffer`] is allocated
//! once, at PASSIVE level, and keeps its length for life.
#![expect(
    unsafe_code,
    reason = "the one place that talks to the global allocator"
)]

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{align_of, needs_drop};
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

/// The pool had no room for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// Whose process quota an allocation counts against, where the kernel keeps one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// Nobody's: the driver's own memory, and that of clients in the kernel.
    Nobody,
    /// That of the process whose request is being served, until the memory is freed.
    Client,
}

/// What the pool takes for a block of `size` bytes: a header and up to the next 16 bytes, or whole
/// pages for what does not fit into one.
#[must_use]
pub const fn pool_bytes(size: usize) -> u64 {
    let size = size as u64;
    match size {
        0 => 0,
        1..=LARGEST_SMALL => size.saturating_add(HEADER + 15) & !15,
        _ => size.saturating_add(PAGE - 1) & !(PAGE - 1),
    }
}

const HEADER: u64 = 16;
const PAGE: u64 = 4096;
const LARGEST_SMALL: u64 = PAGE - HEADER;

/// A slice on the heap with a length fixed at construction.
///
/// # Invariants
///
/// `data` points to `len` initialised values, allocated by the global allocator with
/// `Layout::array::<T>(len)`, or dangles when that layout has size zero.
pub struct Buffer<T> {
    data: NonNull<T>,
    len: usize,
    owns: PhantomData<T>,
}

impl<T> Buffer<T> {
    /// The kernel pool aligns to 16 bytes and no further.
    const ALIGNMENT_IS_HONOURED: () = assert!(align_of::<T>() <= 16);

    /// An empty buffer; allocates nothing.
    #[must_use]
    pub const fn empty() -> Self {
        // INVARIANT: no values, and a layout of size zero may dangle.
        Self {
            data: NonNull::dangling(),
            len: 0,
            owns: PhantomData,
        }
    }

    /// Allocates `len` values, each made by `value` from its index.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the pool has no room or the size overflows.
    pub fn try_from_fn(len: usize, value: impl FnMut(usize) -> T) -> Result<Self, OutOfMemory> {
        Self::try_from_fn_for(Charge::Nobody, len, value)
    }

    /// As [`try_from_fn`](Self::try_from_fn), and says whose quota the memory counts against.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`], also when the quota is used up.
    pub fn try_from_fn_for(
        charge: Charge,
        len: usize,
        mut value: impl FnMut(usize) -> T,
    ) -> Result<Self, OutOfMemory> {
        let () = Self::ALIGNMENT_IS_HONOURED;
        let layout = Layout::array::<T>(len).map_err(|_| OutOfMemory)?;
        let data = if layout.size() == 0 {
            NonNull::dangling()
        } else {
            let raw = match charge {
                // SAFETY: the layout's size is not zero.
                Charge::Nobody => unsafe { alloc(layout) },
                // SAFETY: the layout's size is not zero.
                Charge::Client => unsafe { alloc_charged(layout) },
            };
            NonNull::new(raw.cast::<T>()).ok_or(OutOfMemory)?
        };
        for index in 0..len {
            // SAFETY: `index` is below `len`, so the slot lies inside the allocation.
            let slot = unsafe { data.as_ptr().add(index) };
            let made = value(index);
            // SAFETY: the slot is inside the allocation, aligned and not yet initialised.
            unsafe { slot.write(made) };
        }
        // INVARIANT: all `len` values are initialised now. (A panic in `value`, which only a test
        // can raise, leaks what was made so far and nothing worse.)
        Ok(Self {
            data,
            len,
            owns: PhantomData,
        })
    }

    /// Allocates `len` copies of `value`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the pool has no room or the size overflows.
    pub fn try_filled(len: usize, value: T) -> Result<Self, OutOfMemory>
    where
        T: Copy,
    {
        Self::try_from_fn(len, |_| value)
    }

    /// Allocates a copy of `source`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the pool has no room.
    pub fn try_copy(source: &[T]) -> Result<Self, OutOfMemory>
    where
        T: Copy,
    {
        let mut values = source.iter();
        let Some(&first) = source.first() else {
            return Ok(Self::empty());
        };
        Self::try_from_fn(source.len(), |_| values.next().copied().unwrap_or(first))
    }
}

impl<T> Buffer<T> {
    /// What the buffer takes of the pool.
    #[must_use]
    pub fn pool_bytes(&self) -> u64 {
        pool_bytes(size_of_val::<[T]>(self))
    }
}

/// Allocates for the client whose request is being served. The block is freed like all others:
/// `ExFreePool` gives back what it counted, in whichever process.
///
/// # Safety
///
/// The layout's size is not zero.
#[cfg(target_env = "msvc")]
unsafe fn alloc_charged(layout: Layout) -> *mut u8 {
    use crate::kernel::nt;
    // Without POOL_FLAG_RAISE_ON_FAILURE: a quota that is used up is a null pointer.
    let flags = nt::POOL_FLAG_NON_PAGED | nt::POOL_FLAG_USE_QUOTA;
    // SAFETY: not zero bytes, promised by the caller.
    let block = unsafe { nt::ExAllocatePool2(flags, layout.size(), nt::POOL_TAG) };
    block.cast()
}

/// A host has no quotas.
///
/// # Safety
///
/// The layout's size is not zero.
#[cfg(not(target_env = "msvc"))]
unsafe fn alloc_charged(layout: Layout) -> *mut u8 {
    // SAFETY: promised by the caller.
    unsafe { alloc(layout) }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            let values: *mut [T] = &raw mut **self;
            // SAFETY: by the invariant all values are initialised; they are never used again.
            unsafe { ptr::drop_in_place(values) };
        }
        if let Ok(layout) = Layout::array::<T>(self.len)
            && layout.size() != 0
        {
            // SAFETY: by the invariant the memory came from the global allocator with this layout.
            unsafe { dealloc(self.data.as_ptr().cast(), layout) };
        }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: by the invariant `data` points to `len` initialised values we own.
        unsafe { core::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: by the invariant `data` points to `len` initialised values, borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

// SAFETY: a buffer owns its values exclusively, like a boxed slice.
unsafe impl<T: Send> Send for Buffer<T> {}
// SAFETY: shared access hands out shared references only.
unsafe impl<T: Sync> Sync for Buffer<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn holds_what_it_was_given() {
        let squares = Buffer::try_from_fn(5, |n| n * n).unwrap();
        assert_eq!(&*squares, &[0, 1, 4, 9, 16]);
        assert_eq!(&*Buffer::try_copy(&[3_u8, 2, 1]).unwrap(), &[3, 2, 1]);
        assert!(Buffer::try_filled(0, 7_u32).unwrap().is_empty());
    }

    #[test]
    fn the_pool_takes_a_header_or_whole_pages() {
        for (size, takes) in [
            (0, 0),
            (1, 32),
            (16, 32),
            (17, 48),
            (4080, 4096),
            (4081, 4096),
            (4096, 4096),
            (4097, 8192),
        ] {
            assert_eq!(pool_bytes(size), takes, "{size}");
        }
        assert_eq!(Buffer::try_filled(100, 0_u16).unwrap().pool_bytes(), 224);
        assert_eq!(Buffer::<u64>::empty().pool_bytes(), 0);
    }

    #[test]
    fn impossible_sizes_are_an_error() {
        assert_eq!(
            Buffer::try_filled(usize::MAX, 0_u64).unwrap_err(),
            OutOfMemory
        );
    }

    struct Tick(Rc<Cell<u32>>);

    impl Drop for Tick {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn drops_each_value_once() {
        let count = Rc::new(Cell::new(0));
        drop(Buffer::try_from_fn(4, |_| Tick(count.clone())).unwrap());
        assert_eq!(count.get(), 4);
    }
}
