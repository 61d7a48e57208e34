//! The structured-exception trampoline: the one function whose exceptions are handled.
//!
//! Rust has no `__try`. The function is written in assembly with the unwind information and the
//! one-entry scope table that the C compiler would have written: from the probe to the end of the
//! copy, any exception continues at the landing pad, where the return register holds its code.

use core::arch::global_asm;

use crate::com::Status;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl dmusmini_guarded_copy",
    ".p2align 4",
    ".seh_proc dmusmini_guarded_copy",
    "dmusmini_guarded_copy:",
    "push rbx",
    ".seh_pushreg rbx",
    "push rsi",
    ".seh_pushreg rsi",
    "push rdi",
    ".seh_pushreg rdi",
    // Three pushes and the return address leave the stack aligned; the callee needs 32 bytes.
    "sub rsp, 32",
    ".seh_stackalloc 32",
    ".seh_handler __C_specific_handler, @except",
    ".seh_endprologue",
    "mov rdi, rcx",
    "mov rsi, rdx",
    "mov rbx, r8",
    "2:",
    "test r9b, r9b",
    "jz 3f",
    // ProbeForRead(address, length, alignment 1) raises for anything outside user space.
    "mov rcx, rsi",
    "mov rdx, rbx",
    "mov r8d, 1",
    "call qword ptr [rip + __imp_ProbeForRead]",
    "3:",
    "mov rcx, rbx",
    "rep movsb",
    "4:",
    "xor eax, eax",
    "5:",
    "add rsp, 32",
    "pop rdi",
    "pop rsi",
    "pop rbx",
    "ret",
    // The landing pad: rsp and the saved registers are the frame's, eax is the exception code.
    "6:",
    "jmp 5b",
    ".seh_handlerdata",
    ".long 1",
    ".long (2b)@IMGREL",
    ".long (4b)@IMGREL",
    // A filter of 1 is EXCEPTION_EXECUTE_HANDLER.
    ".long 1",
    ".long (6b)@IMGREL",
    ".text",
    ".seh_endproc",
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl dmusmini_guarded_copy",
    ".p2align 2",
    ".seh_proc dmusmini_guarded_copy",
    "dmusmini_guarded_copy:",
    "stp x29, x30, [sp, #-48]!",
    ".seh_save_fplr_x 48",
    "stp x19, x20, [sp, #16]",
    ".seh_save_regp x19, 16",
    "str x21, [sp, #32]",
    ".seh_save_reg x21, 32",
    ".seh_handler __C_specific_handler, @except",
    ".seh_endprologue",
    "mov x19, x0",
    "mov x20, x1",
    "mov x21, x2",
    "2:",
    "and w3, w3, #0xff",
    "cbz w3, 3f",
    // ProbeForRead(address, length, alignment 1) raises for anything outside user space.
    "mov x0, x20",
    "mov x1, x21",
    "mov w2, #1",
    "adrp x8, __imp_ProbeForRead",
    "ldr x8, [x8, :lo12:__imp_ProbeForRead]",
    "blr x8",
    "3:",
    "cbz x21, 4f",
    "ldrb w8, [x20], #1",
    "strb w8, [x19], #1",
    "sub x21, x21, #1",
    "b 3b",
    "4:",
    "mov w0, #0",
    "5:",
    ".seh_startepilogue",
    "ldr x21, [sp, #32]",
    ".seh_save_reg x21, 32",
    "ldp x19, x20, [sp, #16]",
    ".seh_save_regp x19, 16",
    "ldp x29, x30, [sp], #48",
    ".seh_save_fplr_x 48",
    ".seh_endepilogue",
    "ret",
    // The landing pad: the frame is restored and w0 is the exception code.
    "6:",
    "b 5b",
    ".seh_handlerdata",
    ".long 1",
    ".long (2b)@IMGREL",
    ".long (4b)@IMGREL",
    ".long 1",
    ".long (6b)@IMGREL",
    ".text",
    ".seh_endproc",
);

unsafe extern "system" {
    #[link_name = "dmusmini_guarded_copy"]
    pub(super) fn guarded_copy(to: *mut u8, from: u64, length: usize, requestor_mode: u8)
    -> Status;
}
