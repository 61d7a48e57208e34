//! A way out of the driver when the system stops: back to the outermost call into it.
//!
//! `KeBugCheckEx` never returns. Frames of the driver cannot be unwound by Rust, so the stop jumps
//! over them. What those frames owned is lost, and the machine is dead afterwards; the scenario
//! fails with the stop's report instead of taking the process with it.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
pub(crate) use jump::{leave, run};

/// Without the jump, `work` simply runs.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
#[expect(clippy::unnecessary_wraps, reason = "with the jump it may not")]
pub(crate) fn run<R>(work: impl FnOnce() -> R) -> Option<R> {
    Some(work())
}

/// Without the jump, a stop is the end of the process.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
pub(crate) fn leave() -> ! {
    std::process::abort()
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod jump {
    use std::arch::naked_asm;
    use std::cell::Cell;
    use std::panic::{self, AssertUnwindSafe};
    use std::ptr;

    /// The registers that a function must give back, in the order that the assembly stores them.
    #[repr(C)]
    #[derive(Default)]
    struct Saved([u64; 7]);

    thread_local! {
        static OUTERMOST: Cell<*const Saved> = const { Cell::new(ptr::null()) };
    }

    struct Call<W, R> {
        work: Option<W>,
        result: Option<std::thread::Result<R>>,
    }

    /// The function that runs a call of this type.
    fn trampoline_for<W: FnOnce() -> R, R>(_call: &Call<W, R>) -> *const () {
        trampoline::<W, R> as *const ()
    }

    extern "sysv64" fn trampoline<W: FnOnce() -> R, R>(call: *mut Call<W, R>) {
        // SAFETY: `run` passes a pointer to its own local, which outlives the call.
        let call = unsafe { &mut *call };
        if let Some(work) = call.work.take() {
            // A panic must not cross the assembly below, which has no unwind information.
            call.result = Some(panic::catch_unwind(AssertUnwindSafe(work)));
        }
    }

    /// Runs `work`; `None` when [`leave`] ended it.
    pub(crate) fn run<R>(work: impl FnOnce() -> R) -> Option<R> {
        let mut call = Call {
            work: Some(work),
            result: None,
        };
        let mut saved = Saved::default();
        let outer = OUTERMOST.replace(&raw const saved);
        let function = trampoline_for(&call);
        // SAFETY: `call_saving` calls the function once with the pointer, whose type is the one
        // that the function expects, and saves registers into `saved`.
        unsafe { call_saving(&raw mut saved, function, (&raw mut call).cast()) };
        OUTERMOST.set(outer);
        match call.result {
            Some(Ok(result)) => Some(result),
            Some(Err(panic)) => panic::resume_unwind(panic),
            None => None,
        }
    }

    /// Ends the outermost [`run`] of this thread; aborts when there is none.
    pub(crate) fn leave() -> ! {
        let saved = OUTERMOST.get();
        if saved.is_null() {
            std::process::abort();
        }
        // SAFETY: a non-null pointer belongs to a `run` that is still active further up this stack.
        unsafe { resume(saved) }
    }

    /// Saves the preserved registers in `saved`, then calls `function(data)`.
    #[unsafe(naked)]
    unsafe extern "sysv64" fn call_saving(
        saved: *mut Saved,
        function: *const (),
        data: *mut std::ffi::c_void,
    ) {
        naked_asm!(
            "mov [rdi], rbx",
            "mov [rdi + 8], rbp",
            "mov [rdi + 16], r12",
            "mov [rdi + 24], r13",
            "mov [rdi + 32], r14",
            "mov [rdi + 40], r15",
            "mov [rdi + 48], rsp",
            "sub rsp, 8",
            "mov rdi, rdx",
            "call rsi",
            "add rsp, 8",
            "ret",
        )
    }

    /// Returns from the `call_saving` that filled `saved`.
    #[unsafe(naked)]
    unsafe extern "sysv64" fn resume(saved: *const Saved) -> ! {
        naked_asm!(
            "mov rbx, [rdi]",
            "mov rbp, [rdi + 8]",
            "mov r12, [rdi + 16]",
            "mov r13, [rdi + 24]",
            "mov r14, [rdi + 32]",
            "mov r15, [rdi + 40]",
            "mov rsp, [rdi + 48]",
            "ret",
        )
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn work_that_ends_returns_its_value() {
            assert_eq!(run(|| 7), Some(7));
        }

        #[test]
        fn leaving_skips_the_rest() {
            let mut reached = 0;
            let result: Option<u32> = run(|| {
                reached = 1;
                if reached == 1 {
                    leave();
                }
                reached = 2;
                5
            });
            assert_eq!((result, reached), (None, 1));
            assert_eq!(run(|| 8), Some(8));
        }

        #[test]
        fn a_panic_comes_through() {
            let caught = panic::catch_unwind(|| run(|| panic!("on purpose")));
            assert!(caught.is_err());
        }
    }
}
