//! Faults of driver code: privileged instructions are emulated, exceptions are dispatched.
//!
//! User mode refuses `in`, `out` and CR8; the host's signal brings us here with all registers. Only
//! faults of driver code are ours; any other goes to the handler before us. The
//! signal is raised by the instruction itself, so the interrupted state is as well defined as at a
//! call, and what runs here may be anything, the driver's own routines included (their faults nest).

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use crate::bugcheck::BugCheck;
use crate::inside::{Border, is_inside};
use crate::irql::Irql;
use crate::kernel::{self, Kernel};
use crate::memory::USER_END;
use crate::privileged::{self, Instruction, Registers};
use crate::seh::{self, Context, ExceptionRecord};
use crate::status;
use crate::trace::Event;
use crate::violation::Rule;

/// Takes over the signals that driver code raises; once for the process.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (index, signal) in SIGNALS.into_iter().enumerate() {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: all zeros is a valid action, which is then filled in.
            let action = unsafe { action.assume_init_mut() };
            action.sa_sigaction = on_signal as *const () as usize;
            // Nested faults are normal; the driver's stack is the thread's.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            // SAFETY: both point to actions; the handler has the right signature.
            let result = unsafe { libc::sigaction(signal, action, PREVIOUS.slot(index)) };
            assert_eq!(result, 0, "sigaction");
        }
    });
}

/// The handlers that were there before.
struct Previous(UnsafeCell<[MaybeUninit<libc::sigaction>; SIGNALS.len()]>);

// SAFETY: written once before the handler can run, then only read.
unsafe impl Sync for Previous {}

impl Previous {
    fn slot(&self, index: usize) -> *mut libc::sigaction {
        self.0.get().cast::<libc::sigaction>().wrapping_add(index)
    }
}

static PREVIOUS: Previous = Previous(UnsafeCell::new([MaybeUninit::zeroed(); SIGNALS.len()]));

extern "C" fn on_signal(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the host passes a ucontext to a handler with SA_SIGINFO.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let rip = register(context, libc::REG_RIP);
    // SAFETY: driver code runs when the address lies in an image or when the flag says so; then the
    // machine is on. Otherwise the reference is not used.
    let kernel = unsafe { kernel::unowned() };
    let Some(kernel) = kernel.filter(|kernel| kernel.image_at(rip).is_some()) else {
        if let Some(kernel) = kernel
            && is_inside()
            && !kernel.images.borrow().is_empty()
        {
            stray(kernel, signal, rip);
        }
        forward(signal, info, context);
        return;
    };
    let _border = Border::cross(false);
    // SAFETY: the instruction lies in an executable section of a loaded image.
    let instruction = unsafe { privileged::decode(rip) };
    if let Some((instruction, length)) = instruction {
        emulate(kernel, context, instruction);
        set_register(context, libc::REG_RIP, rip + length);
        return;
    }
    if signal == libc::SIGTRAP {
        // A breakpoint without a debugger; the address is already behind it.
        kernel.record(Event::Note(format!("breakpoint at {rip:#x}")));
        return;
    }
    // SAFETY: the host passes a siginfo to a handler with SA_SIGINFO.
    let address = unsafe { (*info).si_addr() }.addr();
    raise(kernel, signal, address, context);
}

impl Registers for libc::ucontext_t {
    fn get(&mut self, number: u8) -> u64 {
        register(self, general(number)) as u64
    }

    fn set(&mut self, number: u8, value: u64) {
        set_register(self, general(number), usize::try_from(value).unwrap_or(0));
    }
}

/// Carries a privileged instruction out, or stops the system.
fn emulate(kernel: &Kernel, context: &mut libc::ucontext_t, instruction: Instruction) {
    if privileged::emulate(kernel, context, instruction) {
        return;
    }
    match instruction {
        Instruction::FastFail => {
            let code = register(context, libc::REG_RCX) as u64;
            let rip = register(context, libc::REG_RIP);
            kernel.stop(BugCheck {
                code: KERNEL_SECURITY_CHECK_FAILURE,
                parameters: [code, rip as u64, 0, 0],
                file: None,
                detail: kernel.describe(rip),
            });
        }
        Instruction::Unsupported(name) => {
            let rip = register(context, libc::REG_RIP);
            let detail = format!("{name} at {}", kernel.describe(rip));
            kernel.violate(Rule::UnsupportedInstruction, "driver code", detail.clone());
            kernel.stop(BugCheck {
                code: KMODE_EXCEPTION_NOT_HANDLED,
                parameters: [
                    u64::from(status::PRIVILEGED_INSTRUCTION.cast_unsigned()),
                    rip as u64,
                    0,
                    0,
                ],
                file: None,
                detail,
            });
        }
        _ => {}
    }
}

/// Turns a fault into a structured exception; stops the system when nobody handles it.
fn raise(kernel: &Kernel, signal: i32, address: usize, context: &mut libc::ucontext_t) {
    let code = match signal {
        libc::SIGFPE => status::INTEGER_DIVIDE_BY_ZERO,
        libc::SIGILL => status::ILLEGAL_INSTRUCTION,
        _ => status::ACCESS_VIOLATION,
    };
    let mut windows = windows_context(context);
    let rip = register(context, libc::REG_RIP);
    // A bad address in system space is fatal, whoever waits for exceptions.
    let fatal = signal == libc::SIGSEGV && address >= USER_END;
    if !fatal {
        let write = context.uc_mcontext.gregs[libc::REG_ERR as usize] & 2 != 0;
        let mut record = ExceptionRecord::new(code, rip);
        record.set_parameters(&[u64::from(write), address as u64]);
        let level = kernel.irql();
        if level >= Irql::DISPATCH {
            kernel.violate(
                Rule::PagedAtDispatch,
                "driver code",
                format!("a fault at {address:#x}"),
            );
        }
        crate::inside::set_inside(true);
        // SAFETY: the context is that of the faulting instruction in a loaded image.
        unsafe { seh::dispatch(kernel, &mut record, &mut windows) };
        crate::inside::set_inside(false);
    }
    kernel.stop(BugCheck {
        code: if fatal {
            PAGE_FAULT_IN_NONPAGED_AREA
        } else {
            KMODE_EXCEPTION_NOT_HANDLED
        },
        parameters: [
            u64::from(code.cast_unsigned()),
            rip as u64,
            address as u64,
            0,
        ],
        file: None,
        detail: format!("{} touched {address:#x}", kernel.describe(rip)),
    });
}

/// The driver called or jumped to where no code of it is.
fn stray(kernel: &Kernel, signal: i32, rip: usize) -> ! {
    kernel.stop(BugCheck {
        code: KMODE_EXCEPTION_NOT_HANDLED,
        parameters: [
            u64::from(status::ACCESS_VIOLATION.cast_unsigned()),
            rip as u64,
            0,
            0,
        ],
        file: None,
        detail: format!("signal {signal} at {rip:#x}, outside the image"),
    })
}

/// Where the host keeps the general register with this number of the instruction set.
fn general(number: u8) -> i32 {
    seh::HOST_REGISTERS[usize::from(number & 15)]
}

fn register(context: &libc::ucontext_t, index: i32) -> usize {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let value = context.uc_mcontext.gregs[index].cast_unsigned();
    usize::try_from(value).unwrap_or(0)
}

fn set_register(context: &mut libc::ucontext_t, index: i32, value: usize) {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    context.uc_mcontext.gregs[index] = value.cast_signed() as i64;
}

fn windows_context(context: &libc::ucontext_t) -> Context {
    let mut windows = Context::zeroed();
    for (number, index) in seh::HOST_REGISTERS.into_iter().enumerate() {
        windows.general[number] = register(context, index) as u64;
    }
    windows.rip = register(context, libc::REG_RIP) as u64;
    // SAFETY: the kernel saves the SSE registers with every signal frame.
    let saved = unsafe { context.uc_mcontext.fpregs.as_ref() };
    if let Some(saved) = saved {
        for (target, source) in windows.xmm.iter_mut().zip(&saved._xmm) {
            let [a, b, c, d] = source.element;
            *target = [
                u64::from(a) | u64::from(b) << 32,
                u64::from(c) | u64::from(d) << 32,
            ];
        }
        windows.mxcsr = saved.mxcsr;
    }
    windows
}

/// Leaves a fault that is not the driver's to the handler before us.
fn forward(signal: i32, info: *mut libc::siginfo_t, context: &mut libc::ucontext_t) {
    let Some(index) = SIGNALS.iter().position(|&known| known == signal) else {
        return;
    };
    // SAFETY: `install` filled the slot before this handler could run.
    let previous = unsafe { PREVIOUS.slot(index).read() };
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The instruction faults again and meets the default.
            // SAFETY: the slot holds a valid action.
            unsafe { libc::sigaction(signal, &raw const previous, ptr::null_mut()) };
        }
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) =
                // SAFETY: a handler with SA_SIGINFO has this signature.
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, (&raw mut *context).cast());
        }
        handler => {
            // SAFETY: a handler without SA_SIGINFO has this signature.
            let handler: extern "C" fn(i32) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}

const SIGNALS: [i32; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
];
const KMODE_EXCEPTION_NOT_HANDLED: u32 = 0x1E;
const PAGE_FAULT_IN_NONPAGED_AREA: u32 = 0x50;
const KERNEL_SECURITY_CHECK_FAILURE: u32 = 0x139;
