//! What is an instruction in a kernel-mode build and a function in a native one.

use crate::imports::call;
use crate::irql::Irql;
use crate::memory::{Access, Mode};
use crate::status::{self, NtStatus};

/// `in al, dx`.
#[cfg_attr(not(target_env = "msvc"), unsafe(no_mangle))]
pub extern "win64" fn dmusmini_host_in(port: u16) -> u8 {
    call("in", Irql::HIGH, |kernel| kernel.port_read(port))
}

/// `out dx, al`.
#[cfg_attr(not(target_env = "msvc"), unsafe(no_mangle))]
pub extern "win64" fn dmusmini_host_out(port: u16, value: u8) {
    call("out", Irql::HIGH, |kernel| kernel.port_write(port, value));
}

/// `mov rax, cr8`.
#[cfg_attr(not(target_env = "msvc"), unsafe(no_mangle))]
pub extern "win64" fn dmusmini_host_irql() -> u8 {
    call("mov rax, cr8", Irql::HIGH, |kernel| kernel.irql().0)
}

/// `mov cr8, rax`; the level before.
#[cfg_attr(not(target_env = "msvc"), unsafe(no_mangle))]
pub extern "win64" fn dmusmini_host_set_irql(level: u8) -> u8 {
    call("mov cr8, rax", Irql::HIGH, |kernel| {
        let before = kernel.irql().0;
        kernel.write_level(Irql(level));
        before
    })
}

/// The driver's exception trampoline, as far as its result goes: a copy from a client's address, or
/// the status that probing or reading it raises. The real one is run in the `.sys`.
///
/// # Safety
///
/// `to` has room for `length` bytes; with mode 0 the caller answers for `from`.
#[cfg_attr(not(target_env = "msvc"), unsafe(no_mangle))]
pub unsafe extern "win64" fn dmusmini_host_guarded_copy(
    to: *mut u8,
    from: u64,
    length: usize,
    requestor_mode: u8,
) -> NtStatus {
    call("guarded copy", Irql::APC, |kernel| {
        let Ok(from) = usize::try_from(from) else {
            return status::ACCESS_VIOLATION;
        };
        let mode = if requestor_mode == 0 {
            Mode::Kernel
        } else {
            Mode::User
        };
        let memory = kernel.memory();
        if memory.probe(from, length, mode, Access::Read).is_err() {
            return status::ACCESS_VIOLATION;
        }
        if let Some(bytes) = memory.read_user(from, length) {
            // SAFETY: promised by the caller.
            unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), length) };
        } else {
            // A kernel address: the caller answers for it.
            let from = std::ptr::with_exposed_provenance::<u8>(from);
            // SAFETY: promised by the caller.
            unsafe { to.copy_from_nonoverlapping(from, length) };
        }
        status::SUCCESS
    })
}
