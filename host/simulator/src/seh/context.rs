//! The registers of a thread, taken at a call and put back anywhere.

use std::arch::naked_asm;
use std::mem::offset_of;

/// CONTEXT on x64: 1,232 bytes, of which the registers are used.
#[repr(C, align(16))]
#[derive(Clone, Debug)]
pub(crate) struct Context {
    homes: [u64; 6],
    flags: u32,
    pub(crate) mxcsr: u32,
    segments: [u16; 6],
    eflags: u32,
    debug: [u64; 6],
    /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: the order of the instruction set.
    pub(crate) general: [u64; 16],
    pub(crate) rip: u64,
    float_save: [u64; 20],
    pub(crate) xmm: [[u64; 2]; 16],
    float_rest: [u64; 12],
    vectors: [[u64; 2]; 26],
    vector_control: u64,
    branches: [u64; 5],
}

const _: () = {
    assert!(size_of::<Context>() == 1232);
    assert!(offset_of!(Context, flags) == 0x30);
    assert!(offset_of!(Context, eflags) == 0x44);
    assert!(offset_of!(Context, general) == 0x78);
    assert!(offset_of!(Context, rip) == 0xF8);
    assert!(offset_of!(Context, xmm) == 0x1A0);
    assert!(offset_of!(Context, vectors) == 0x300);
    assert!(offset_of!(Context, branches) == 0x4A8);
};

impl Context {
    pub(crate) fn zeroed() -> Self {
        Self {
            homes: [0; 6],
            flags: FULL,
            mxcsr: 0x1F80,
            segments: [0; 6],
            eflags: 0x202,
            debug: [0; 6],
            general: [0; 16],
            rip: 0,
            float_save: [0; 20],
            xmm: [[0; 2]; 16],
            float_rest: [0; 12],
            vectors: [[0; 2]; 26],
            vector_control: 0,
            branches: [0; 5],
        }
    }

    /// The instruction that this state is about to execute.
    pub(crate) fn address(&self) -> usize {
        usize::try_from(self.rip).unwrap_or(0)
    }
}

/// Where a Linux signal frame keeps the general registers, by their number in the instruction set.
pub(crate) const HOST_REGISTERS: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// Defines a function of three arguments that may raise: it takes the caller's preserved registers
/// as they are at the return, and passes them to `$inner` as a fourth argument, a `*mut Context`.
macro_rules! capture_and_call {
    ($inner:path) => {
        std::arch::naked_asm!(
            // The return address leaves the stack 8 off; the context lies above the home space.
            "sub rsp, {room}",
            "mov [rsp + 0x20 + {general} + 3*8], rbx",
            "mov [rsp + 0x20 + {general} + 5*8], rbp",
            "mov [rsp + 0x20 + {general} + 6*8], rsi",
            "mov [rsp + 0x20 + {general} + 7*8], rdi",
            "mov [rsp + 0x20 + {general} + 12*8], r12",
            "mov [rsp + 0x20 + {general} + 13*8], r13",
            "mov [rsp + 0x20 + {general} + 14*8], r14",
            "mov [rsp + 0x20 + {general} + 15*8], r15",
            "movaps [rsp + 0x20 + {xmm} + 6*16], xmm6",
            "movaps [rsp + 0x20 + {xmm} + 7*16], xmm7",
            "movaps [rsp + 0x20 + {xmm} + 8*16], xmm8",
            "movaps [rsp + 0x20 + {xmm} + 9*16], xmm9",
            "movaps [rsp + 0x20 + {xmm} + 10*16], xmm10",
            "movaps [rsp + 0x20 + {xmm} + 11*16], xmm11",
            "movaps [rsp + 0x20 + {xmm} + 12*16], xmm12",
            "movaps [rsp + 0x20 + {xmm} + 13*16], xmm13",
            "movaps [rsp + 0x20 + {xmm} + 14*16], xmm14",
            "movaps [rsp + 0x20 + {xmm} + 15*16], xmm15",
            "stmxcsr [rsp + 0x20 + {mxcsr}]",
            "lea rax, [rsp + {room} + 8]",
            "mov [rsp + 0x20 + {general} + 4*8], rax",
            "mov rax, [rsp + {room}]",
            "mov [rsp + 0x20 + {rip}], rax",
            "lea r9, [rsp + 0x20]",
            "call {inner}",
            "add rsp, {room}",
            "ret",
            room = const size_of::<$crate::seh::Context>() + 0x28,
            general = const std::mem::offset_of!($crate::seh::Context, general),
            xmm = const std::mem::offset_of!($crate::seh::Context, xmm),
            mxcsr = const std::mem::offset_of!($crate::seh::Context, mxcsr),
            rip = const std::mem::offset_of!($crate::seh::Context, rip),
            inner = sym $inner,
        )
    };
}
pub(crate) use capture_and_call;

/// Continues with the state in `context`.
///
/// # Safety
///
/// The state is one that code on this thread's stack can go on with; the eight bytes below its
/// stack pointer are free; everything between is given up.
#[unsafe(naked)]
pub(crate) unsafe extern "win64" fn restore(context: *const Context) -> ! {
    naked_asm!(
        "movaps xmm0, [rcx + {xmm}]",
        "movaps xmm1, [rcx + {xmm} + 1*16]",
        "movaps xmm2, [rcx + {xmm} + 2*16]",
        "movaps xmm3, [rcx + {xmm} + 3*16]",
        "movaps xmm4, [rcx + {xmm} + 4*16]",
        "movaps xmm5, [rcx + {xmm} + 5*16]",
        "movaps xmm6, [rcx + {xmm} + 6*16]",
        "movaps xmm7, [rcx + {xmm} + 7*16]",
        "movaps xmm8, [rcx + {xmm} + 8*16]",
        "movaps xmm9, [rcx + {xmm} + 9*16]",
        "movaps xmm10, [rcx + {xmm} + 10*16]",
        "movaps xmm11, [rcx + {xmm} + 11*16]",
        "movaps xmm12, [rcx + {xmm} + 12*16]",
        "movaps xmm13, [rcx + {xmm} + 13*16]",
        "movaps xmm14, [rcx + {xmm} + 14*16]",
        "movaps xmm15, [rcx + {xmm} + 15*16]",
        "ldmxcsr [rcx + {mxcsr}]",
        // The target's address goes below the target's stack, so that one `ret` does both.
        "mov rdx, [rcx + {general} + 4*8]",
        "sub rdx, 8",
        "mov rax, [rcx + {rip}]",
        "mov [rdx], rax",
        "mov [rcx + {general} + 4*8], rdx",
        "mov rax, [rcx + {general}]",
        "mov rdx, [rcx + {general} + 2*8]",
        "mov rbx, [rcx + {general} + 3*8]",
        "mov rbp, [rcx + {general} + 5*8]",
        "mov rsi, [rcx + {general} + 6*8]",
        "mov rdi, [rcx + {general} + 7*8]",
        "mov r8, [rcx + {general} + 8*8]",
        "mov r9, [rcx + {general} + 9*8]",
        "mov r10, [rcx + {general} + 10*8]",
        "mov r11, [rcx + {general} + 11*8]",
        "mov r12, [rcx + {general} + 12*8]",
        "mov r13, [rcx + {general} + 13*8]",
        "mov r14, [rcx + {general} + 14*8]",
        "mov r15, [rcx + {general} + 15*8]",
        "mov rsp, [rcx + {general} + 4*8]",
        "mov rcx, [rcx + {general} + 1*8]",
        "ret",
        general = const offset_of!(Context, general),
        xmm = const offset_of!(Context, xmm),
        mxcsr = const offset_of!(Context, mxcsr),
        rip = const offset_of!(Context, rip),
    )
}

/// CONTEXT_FULL for AMD64.
const FULL: u32 = 0x0010_000B;
