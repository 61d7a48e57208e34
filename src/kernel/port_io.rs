//! The real ports of an MPU-401: `in` and `out`.
//!
//! The assembly is not marked `nomem`, on purpose: a byte must be out of the queue before it is
//! written to the port, and the compiler must not think otherwise.
#![expect(unsafe_code, reason = "port I/O")]

use crate::mpu401::PortIo;
use crate::mpu401::spec::Register;

/// Two consecutive I/O ports.
///
/// # Invariants
///
/// `base` and the port after it belong to the device.
#[derive(Debug)]
pub struct IoPorts {
    base: u16,
}

impl IoPorts {
    /// Names the ports at `base`.
    ///
    /// # Safety
    ///
    /// The resource list assigned them to the device, for as long as the result is used.
    #[must_use]
    pub const unsafe fn new(base: u16) -> Self {
        Self { base }
    }

    const fn port(&self, register: Register) -> u16 {
        self.base.wrapping_add(register.offset())
    }
}

impl PortIo for IoPorts {
    fn read(&mut self, register: Register) -> u8 {
        // SAFETY: by the invariant the port is the device's.
        unsafe { read_port(self.port(register)) }
    }

    fn write(&mut self, register: Register, value: u8) {
        // SAFETY: by the invariant the port is the device's.
        unsafe { write_port(self.port(register), value) };
    }
}

#[cfg(target_env = "msvc")]
unsafe fn read_port(port: u16) -> u8 {
    let value: u8;
    // SAFETY: passed on to the caller.
    unsafe {
        core::arch::asm!("in al, dx", in("dx") port, out("al") value,
            options(nostack, preserves_flags));
    }
    value
}

#[cfg(target_env = "msvc")]
unsafe fn write_port(port: u16, value: u8) {
    // SAFETY: passed on to the caller.
    unsafe {
        core::arch::asm!("out dx, al", in("dx") port, in("al") value,
            options(nostack, preserves_flags));
    }
}

#[cfg(not(target_env = "msvc"))]
use super::nt::{dmusmini_host_in as read_port, dmusmini_host_out as write_port};
