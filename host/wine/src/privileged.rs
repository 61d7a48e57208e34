//! Carries out what user mode refuses: port accesses and CR8, where the driver's code has them.

use std::sync::atomic::{AtomicUsize, Ordering};

use dmusmini_simulator::privileged::{self, Registers};
use windows_sys::Win32::Foundation::{
    EXCEPTION_ACCESS_VIOLATION, EXCEPTION_PRIV_INSTRUCTION, STATUS_PRIVILEGED_INSTRUCTION,
};
use windows_sys::Win32::System::Diagnostics::Debug::{
    AddVectoredExceptionHandler, CONTEXT, EXCEPTION_CONTINUE_EXECUTION, EXCEPTION_CONTINUE_SEARCH,
    EXCEPTION_POINTERS, RemoveVectoredExceptionHandler,
};

/// The addresses of the driver's image.
static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Begins to watch the driver's image.
pub(crate) fn install(start: usize, size: usize) {
    START.store(start, Ordering::Relaxed);
    END.store(start + size, Ordering::Relaxed);
    // SAFETY: the handler lives as long as this module, and is removed with it.
    let handler = unsafe { AddVectoredExceptionHandler(1, Some(on_exception)) };
    HANDLER.store(handler.expose_provenance(), Ordering::Relaxed);
}

/// Watches no more.
pub(crate) fn remove() {
    let handler = HANDLER.swap(0, Ordering::Relaxed);
    if handler != 0 {
        // SAFETY: the handle came from the registration.
        unsafe { RemoveVectoredExceptionHandler(std::ptr::with_exposed_provenance(handler)) };
    }
}

unsafe extern "system" fn on_exception(pointers: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the system passes both structures, alive for the call.
    let (record, context) = unsafe {
        (
            &*(*pointers).ExceptionRecord,
            &mut *(*pointers).ContextRecord,
        )
    };
    let code = record.ExceptionCode;
    let ours = [
        EXCEPTION_PRIV_INSTRUCTION,
        EXCEPTION_ACCESS_VIOLATION,
        STATUS_PRIVILEGED_INSTRUCTION,
    ];
    let Ok(rip) = usize::try_from(context.Rip) else {
        return EXCEPTION_CONTINUE_SEARCH;
    };
    let image = START.load(Ordering::Relaxed)..END.load(Ordering::Relaxed);
    if !ours.contains(&code) || !image.contains(&rip) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    // SAFETY: the instruction was about to be executed, in the driver's image.
    match unsafe { privileged::carry_out(rip, &mut General(context)) } {
        Some(length) => {
            context.Rip += length as u64;
            EXCEPTION_CONTINUE_EXECUTION
        }
        None => EXCEPTION_CONTINUE_SEARCH,
    }
}

struct General<'a>(&'a mut CONTEXT);

impl General<'_> {
    fn register(&mut self, number: u8) -> &mut u64 {
        let context = &mut *self.0;
        match number & 15 {
            0 => &mut context.Rax,
            1 => &mut context.Rcx,
            2 => &mut context.Rdx,
            3 => &mut context.Rbx,
            4 => &mut context.Rsp,
            5 => &mut context.Rbp,
            6 => &mut context.Rsi,
            7 => &mut context.Rdi,
            8 => &mut context.R8,
            9 => &mut context.R9,
            10 => &mut context.R10,
            11 => &mut context.R11,
            12 => &mut context.R12,
            13 => &mut context.R13,
            14 => &mut context.R14,
            _ => &mut context.R15,
        }
    }
}

impl Registers for General<'_> {
    fn get(&mut self, number: u8) -> u64 {
        *self.register(number)
    }

    fn set(&mut self, number: u8, value: u64) {
        *self.register(number) = value;
    }
}
