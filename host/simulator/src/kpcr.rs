//! The processor control region that kernel code reaches through `gs:`.

use std::cell::Cell;
use std::io;

thread_local! {
    static READY: Cell<bool> = const { Cell::new(false) };
}

/// Points `gs:` of this thread at a region of its own, once.
///
/// The self pointers are filled in, and the current thread's, which leads to a page of zeros; all
/// else reads as zero.
pub(crate) fn set_up_thread() {
    if READY.replace(true) {
        return;
    }
    // The thread keeps its region until it ends, and a thread has no end that we could see.
    let region: &'static mut Region = Box::leak(Box::new(Region([0; 1024])));
    let base = (&raw const *region).expose_provenance() as u64;
    region.set(SELF, base);
    region.set(CURRENT_PRCB, base + PRCB);
    region.set(CURRENT_THREAD, base + THREAD);
    // SAFETY: nothing on a Linux x86_64 thread uses `gs:`, and the region lives as long as it.
    let result = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, base) };
    assert_eq!(result, 0, "arch_prctl: {}", io::Error::last_os_error());
}

#[repr(C, align(4096))]
struct Region([u64; 1024]);

impl Region {
    fn set(&mut self, offset: u64, value: u64) {
        self.0[usize::try_from(offset / 8).unwrap_or(usize::MAX)] = value;
    }
}

const ARCH_SET_GS: u64 = 0x1001;
const SELF: u64 = 0x18;
const CURRENT_PRCB: u64 = 0x20;
const PRCB: u64 = 0x180;
const CURRENT_THREAD: u64 = 0x188;
const THREAD: u64 = 0x1000;
