//! Safe faces of the few NT primitives that the driver uses.
//!
//! [`nt`] declares the imports and structures; everything else here wraps one of them so that
//! the driver proper needs no `unsafe` to lock, wait, time or copy.

pub mod clock;
pub mod deferral;
pub mod gate;
pub mod interrupt;
pub mod latch;
#[cfg(all(test, loom))]
mod model;
pub mod nt;
pub mod once;
#[cfg(target_arch = "x86_64")]
pub mod port_io;
pub mod process;
pub mod rundown;
pub mod spinlock;
pub mod timer;
pub mod user_copy;
