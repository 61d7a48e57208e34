//! What only the Windows image has: its allocator and its panic handler.

use wdk_alloc::WdkAllocator;

/// `ExAllocatePool2`, non-paged, tag `rust`.
#[global_allocator]
static ALLOCATOR: WdkAllocator = WdkAllocator;

/// A panic that got this far stops the machine with file, line and column (bug check `RPNC`).
#[cfg(not(dmusmini_prove))]
use wdk_panic as _;

/// The proof's panic handler: it calls what cannot be linked, so that the image links only if the
/// optimiser found every panic unreachable (`cargo xtask prove`).
#[cfg(dmusmini_prove)]
#[expect(unsafe_code, reason = "a call across the link")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        // Takes the location, so that a failed proof can name it.
        fn dmusmini_can_still_panic(info: *const core::panic::PanicInfo<'_>) -> !;
    }
    // SAFETY: never executed, since no image that contains this call can be linked.
    unsafe { dmusmini_can_still_panic(info) }
}

/// A panic that the optimiser cannot remove, for the proof to be seen failing.
#[cfg(dmusmini_planted_panic)]
#[expect(unsafe_code, reason = "a fixed symbol, so that it is kept")]
#[unsafe(no_mangle)]
extern "C" fn dmusmini_planted_panic(divisor: u32) -> u32 {
    1 / divisor
}
