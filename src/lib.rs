//! dmusmini: a DirectMusic (DMus) miniport driver for Windows.
#![no_std]
// What panics, and what allocates without a way to fail, is named by the compiler where it stands;
// that nothing of it is left is proved by the linker (`cargo xtask prove`).
#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::expect_used,
        clippy::panic,
        clippy::unwrap_used
    )
)]

extern crate alloc;
#[cfg(not(target_env = "msvc"))]
extern crate std;

pub mod dls;
pub mod fixed;
pub mod mem;
pub mod midi;
pub mod mpu401;
pub mod ring;
pub mod synth;
pub mod tables;
pub mod time;

#[cfg(feature = "kernel")]
pub mod com;
#[cfg(feature = "kernel")]
pub mod driver;
#[cfg(feature = "kernel")]
pub mod irql;
#[cfg(feature = "kernel")]
pub mod kernel;
#[cfg(feature = "kernel")]
pub mod portcls;
#[cfg(feature = "kernel")]
pub mod trace;

#[cfg(target_env = "msvc")]
mod entry;
