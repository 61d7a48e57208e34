//! Safe faces of the few NT primitives that the driver uses.
//!
//! [`nt`] declares the imports and structures; everything else here wraps one of them so that
//! the driver proper needs no `unsafe` to lock, wait, time or copy.
//!
//! **Memory of the kernel's.** A `KSPIN_LOCK` and an `EX_RUNDOWN_REF` are opaque: their functions
//! initialise them, where they lie, and from then on they do not move. A Rust value is made before it
//! gets to its place; so what holds one has a step `initialise` (or `place`) that is done there, before
//! anybody else sees it: for a COM object by [`Object::try_new`](crate::com::Object::try_new), as its
//! [`class!`](crate::class) says. `KeInitializeSpinLock` is a function that every kernel exports; some
//! headers write it as an inline store instead, which is the same.

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
pub mod turn;
pub mod user_copy;
