//! `__C_specific_handler`: the scope table of a function with `__try`.

use std::ffi::c_void;

use super::{
    CONTINUE_EXECUTION, CONTINUE_SEARCH, Context, DispatcherContext, EXIT_UNWIND, ExceptionRecord,
    TARGET_UNWIND, UNWINDING, unwind_to,
};
use crate::kernel;

/// One guarded region, as offsets in the image.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Scope {
    begin: u32,
    end: u32,
    /// The filter, 1 for "always", or the termination handler.
    handler: u32,
    /// The `__except` block; 0 for a termination handler.
    target: u32,
}

/// EXCEPTION_POINTERS.
#[repr(C)]
struct Pointers {
    record: *mut ExceptionRecord,
    context: *mut Context,
}

type Filter = unsafe extern "win64" fn(*mut Pointers, usize) -> i32;
type Termination = unsafe extern "win64" fn(u8, usize);

/// Decides for one frame, or runs its termination handlers.
///
/// # Safety
///
/// Called by the dispatcher for a frame of a loaded image, whose handler data is a scope table.
pub(crate) unsafe extern "win64" fn c_specific_handler(
    record: *mut ExceptionRecord,
    frame: usize,
    context: *mut Context,
    dispatcher: *mut DispatcherContext,
) -> i32 {
    // SAFETY: the dispatcher passes its own.
    let record = unsafe { &mut *record };
    // SAFETY: the dispatcher passes its own.
    let dispatcher = unsafe { &mut *dispatcher };
    let base = dispatcher.image_base;
    let pc = u32::try_from(dispatcher.control_pc - base).unwrap_or(0);
    let count = {
        let table = std::ptr::with_exposed_provenance::<u32>(dispatcher.handler_data);
        // SAFETY: the table begins with its length.
        unsafe { table.read_unaligned() }
    };
    let scopes = std::ptr::with_exposed_provenance::<Scope>(dispatcher.handler_data + 4);
    while dispatcher.scope_index < count {
        let index = usize::try_from(dispatcher.scope_index).unwrap_or(0);
        // SAFETY: the index is below the table's length.
        let scope = unsafe { scopes.add(index).read_unaligned() };
        dispatcher.scope_index += 1;
        if !(scope.begin..scope.end).contains(&pc) {
            continue;
        }
        let target = base + usize::try_from(scope.target).unwrap_or(0);
        if record.flags & (UNWINDING | EXIT_UNWIND) != 0 {
            if scope.target != 0 {
                if record.flags & TARGET_UNWIND != 0 && target == dispatcher.target_ip {
                    break;
                }
                continue;
            }
            // SAFETY: the scope names a termination handler of this image.
            let terminate: Termination = unsafe { function(base, scope.handler) };
            // SAFETY: the frame is the one that the handler belongs to.
            unsafe { terminate(1, frame) };
        } else if scope.target != 0 {
            let verdict = if scope.handler == EXECUTE_HANDLER {
                1
            } else {
                let mut pointers = Pointers { record, context };
                // SAFETY: the scope names a filter of this image.
                let filter: Filter = unsafe { function(base, scope.handler) };
                // SAFETY: the frame is the one that the filter belongs to.
                unsafe { filter(&raw mut pointers, frame) }
            };
            match verdict {
                ..0 => return CONTINUE_EXECUTION,
                0 => {}
                1.. => {
                    // SAFETY: driver code raised, so the machine is on.
                    let Some(kernel) = (unsafe { kernel::unowned() }) else {
                        std::process::abort();
                    };
                    let value = u64::from(record.code.cast_unsigned());
                    // SAFETY: the context is the one that the walk to this frame began with.
                    let context = unsafe { &*context };
                    // SAFETY: the frame was found by that walk.
                    unsafe { unwind_to(kernel, frame, target, value, record, context) }
                }
            }
        }
    }
    CONTINUE_SEARCH
}

/// The function at `offset` in the image.
///
/// # Safety
///
/// `F` is the type of the function there.
unsafe fn function<F: Copy>(base: usize, offset: u32) -> F {
    const { assert!(size_of::<F>() == size_of::<usize>()) };
    let address: *const c_void =
        std::ptr::with_exposed_provenance(base + usize::try_from(offset).unwrap_or(0));
    // SAFETY: promised by the caller; the sizes are equal.
    unsafe { std::mem::transmute_copy(&address) }
}

const EXECUTE_HANDLER: u32 = 1;
