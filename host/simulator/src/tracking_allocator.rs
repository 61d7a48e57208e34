//! A global allocator for test programs that charges the driver's allocations to the pool.
//!
//! Natively the driver allocates through Rust's global allocator. With
//!
//! ```no_run
//! # use dmusmini_simulator::tracking_allocator::TrackingAllocator;
//! #[global_allocator]
//! static ALLOCATOR: TrackingAllocator = TrackingAllocator;
//! ```
//!
//! in a test program, what is allocated inside
//! [`enter_driver`](crate::inside::enter_driver) appears in the machine's pool under the tag
//! `rust`: leak report, IRQL rules, planned failures. All else goes straight to the system.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::inside::{Border, is_inside};
use crate::kernel;

/// See the module text.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackingAllocator;

thread_local! {
    /// Charged allocations of this thread: while there are none, frees need no look-up.
    static CHARGED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every block comes from the system allocator with the caller's layout, unchanged; the
// charging around it allocates only with the flag cleared, so it does not recurse.
unsafe impl GlobalAlloc for TrackingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_inside() {
            // SAFETY: the caller's promise, passed on.
            return unsafe { System.alloc(layout) };
        }
        let _border = Border::cross(false);
        let kernel = kernel::current();
        if kernel.pool().charge(&kernel, layout.size()).is_err() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise, passed on.
        let block = unsafe { System.alloc(layout) };
        kernel.pool().charged_at(block.addr(), layout.size());
        CHARGED.set(CHARGED.get() + 1);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if CHARGED.try_with(Cell::get).unwrap_or(0) > 0 {
            let _border = Border::cross(false);
            if let Some(kernel) = kernel::existing()
                && kernel.pool().uncharge(&kernel, block.addr())
            {
                CHARGED.set(CHARGED.get() - 1);
            }
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) };
    }
}
