//! Structured exceptions, by the image's own unwind tables.
//!
//! What `RtlDispatchException`, `RtlUnwindEx` and `__C_specific_handler` do, in that order: the
//! frames are walked from the raising point with the unwind codes of each function; the first
//! function with a handler is asked through its language handler (called in the image, which reaches
//! ours through its import); a scope whose filter says so gets control at its `__except`, after a
//! second walk has run the termination handlers in between. Frames of the host end the search.

use std::ffi::c_void;

use crate::kernel::Kernel;
use crate::status::NtStatus;

mod context;
mod handler;
mod unwind;

pub(crate) use context::{Context, HOST_REGISTERS, capture_and_call, restore};
pub(crate) use handler::c_specific_handler;
pub(crate) use unwind::functions_with_handlers;
use unwind::{Frame, HandlerKind};

/// EXCEPTION_RECORD.
#[repr(C)]
#[derive(Clone, Debug)]
pub(crate) struct ExceptionRecord {
    code: NtStatus,
    flags: u32,
    nested: usize,
    address: usize,
    count: u32,
    parameters: [u64; 15],
}

impl ExceptionRecord {
    pub(crate) fn new(code: NtStatus, address: usize) -> Self {
        Self {
            code,
            flags: 0,
            nested: 0,
            address,
            count: 0,
            parameters: [0; 15],
        }
    }

    pub(crate) fn set_parameters(&mut self, parameters: &[u64]) {
        for (slot, value) in self.parameters.iter_mut().zip(parameters) {
            *slot = *value;
        }
        self.count = u32::try_from(parameters.len()).unwrap_or(0);
    }
}

/// DISPATCHER_CONTEXT on x64.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct DispatcherContext {
    control_pc: usize,
    image_base: usize,
    function_entry: usize,
    establisher_frame: usize,
    target_ip: usize,
    context_record: *mut Context,
    language_handler: usize,
    handler_data: usize,
    history_table: usize,
    scope_index: u32,
    fill: u32,
}

/// EXCEPTION_ROUTINE.
type LanguageHandler = unsafe extern "win64" fn(
    *mut ExceptionRecord,
    usize,
    *mut Context,
    *mut DispatcherContext,
) -> i32;

/// Looks for a handler and continues there. Returns when there is none.
///
/// # Safety
///
/// `context` is the state of driver code on this stack, at the instruction that raised or at the
/// return from the call that did; nothing between here and there needs to be unwound by Rust.
pub(crate) unsafe fn dispatch(
    kernel: &Kernel,
    record: &mut ExceptionRecord,
    context: &mut Context,
) {
    let mut walk = context.clone();
    while let Some(image) = kernel.image_at(walk.address()) {
        let control_pc = walk.address();
        // SAFETY: the context is that of a frame on this stack, promised by the caller.
        let frame = unsafe { unwind::step(&image, &mut walk, HandlerKind::Exception) };
        let Frame::WithHandler(found) = frame else {
            continue;
        };
        let mut dispatcher = found.dispatcher(control_pc, &image, &mut walk, 0);
        // SAFETY: the image's tables name this function as a language handler.
        let disposition = unsafe { found.call(record, context, &mut dispatcher) };
        if disposition == CONTINUE_EXECUTION {
            // SAFETY: the state at the raising point, as the filter left it.
            unsafe { restore(context) };
        }
    }
}

/// Unwinds from `context` to `target_frame` and continues at `target` with `value` in RAX.
///
/// # Safety
///
/// As for [`dispatch`]; the frame was found by the walk from the same context.
unsafe fn unwind_to(
    kernel: &Kernel,
    target_frame: usize,
    target: usize,
    value: u64,
    record: &mut ExceptionRecord,
    context: &Context,
) -> ! {
    let mut walk = context.clone();
    record.flags |= UNWINDING;
    while let Some(image) = kernel.image_at(walk.address()) {
        let before = walk.clone();
        let control_pc = walk.address();
        // SAFETY: the context is that of a frame on this stack.
        let frame = unsafe { unwind::step(&image, &mut walk, HandlerKind::Termination) };
        let establisher = frame.establisher();
        let at_target = establisher == Some(target_frame);
        if at_target {
            record.flags |= TARGET_UNWIND;
        }
        if let Frame::WithHandler(found) = frame {
            let mut at_frame = before.clone();
            let mut dispatcher = found.dispatcher(control_pc, &image, &mut at_frame, target);
            let mut unused = context.clone();
            // SAFETY: the image's tables name this function as a language handler.
            unsafe { found.call(record, &mut unused, &mut dispatcher) };
        }
        if at_target {
            let mut resume = before;
            resume.rip = target as u64;
            resume.general[RAX] = value;
            // SAFETY: the frame's own state, at the landing pad that its tables name.
            unsafe { restore(&raw const resume) };
        }
    }
    unreachable!("the frame that handles the exception was seen by the first walk");
}

/// What a frame's tables say about its handler.
#[derive(Debug)]
struct Found {
    function_entry: usize,
    establisher: usize,
    handler: usize,
    data: usize,
}

impl Found {
    fn dispatcher(
        &self,
        control_pc: usize,
        image: &crate::kernel::ImageRange,
        walk: &mut Context,
        target_ip: usize,
    ) -> DispatcherContext {
        DispatcherContext {
            control_pc,
            image_base: image.addresses.start,
            function_entry: self.function_entry,
            establisher_frame: self.establisher,
            target_ip,
            context_record: walk,
            language_handler: self.handler,
            handler_data: self.data,
            history_table: 0,
            scope_index: 0,
            fill: 0,
        }
    }

    /// Calls the language handler.
    ///
    /// # Safety
    ///
    /// The image's unwind information names it.
    unsafe fn call(
        &self,
        record: &mut ExceptionRecord,
        context: &mut Context,
        dispatcher: &mut DispatcherContext,
    ) -> i32 {
        let address: *const c_void = std::ptr::with_exposed_provenance(self.handler);
        // SAFETY: promised by the caller; language handlers have this signature.
        let handler: LanguageHandler = unsafe { std::mem::transmute(address) };
        // SAFETY: all arguments are alive for the call.
        unsafe { handler(record, self.establisher, context, dispatcher) }
    }
}

const RAX: usize = 0;
const CONTINUE_EXECUTION: i32 = 0;
const CONTINUE_SEARCH: i32 = 1;
const UNWINDING: u32 = 0x02;
const EXIT_UNWIND: u32 = 0x04;
const TARGET_UNWIND: u32 = 0x20;
