//! Zeroed memory for the system's structures, of which the driver's own declarations name only the
//! parts that it reads.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Zeroed, 16-byte aligned memory that stays where it is.
#[derive(Debug)]
pub(crate) struct Block {
    start: NonNull<u8>,
    layout: Layout,
    borrowed: bool,
}

impl Block {
    /// `size` zeroed bytes.
    pub(crate) fn new(size: usize) -> Self {
        let layout = Layout::from_size_align(size.max(1), 16).expect("a small structure");
        // SAFETY: the layout has a size above zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout);
        };
        Self {
            start,
            layout,
            borrowed: false,
        }
    }

    /// A structure that another kernel made; it is that kernel's to free.
    ///
    /// # Safety
    ///
    /// `start` has `size` bytes, aligned to 16, for as long as the block is used.
    pub(crate) unsafe fn over(start: NonNull<u8>, size: usize) -> Self {
        let layout = Layout::from_size_align(size, 16).expect("a small structure");
        Self {
            start,
            layout,
            borrowed: true,
        }
    }

    /// The start of the memory as a pointer to a `T`.
    pub(crate) fn pointer<T>(&self) -> *mut T {
        assert!(size_of::<T>() <= self.layout.size() && align_of::<T>() <= 16);
        self.start.as_ptr().cast()
    }

    /// The bytes as they are now.
    pub(crate) fn read(&self, start: usize, length: usize) -> Vec<u8> {
        assert!(start + length <= self.layout.size());
        let mut bytes = vec![0; length];
        let from = self.start.as_ptr().wrapping_add(start);
        // SAFETY: the range lies inside the block by the assertion; the target is our own.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), length) };
        bytes
    }

    /// Overwrites bytes.
    pub(crate) fn write(&self, start: usize, bytes: &[u8]) {
        assert!(start + bytes.len() <= self.layout.size());
        let to = self.start.as_ptr().wrapping_add(start);
        // SAFETY: the range lies inside the block by the assertion.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.borrowed {
            return;
        }
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}
