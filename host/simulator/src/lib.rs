//! A simulated machine that runs `dmusmini.sys`, or the same driver built natively, in a test.
//!
//! From the bottom up:
//!
//! - [`machine`] and [`kernel`]: one processor with a virtual clock ([`clock`]), interrupt request
//!   levels ([`irql`], [`level`]), pool ([`pool`]), locks, DPCs, timers, interrupt lines
//!   ([`interrupt`]), port I/O ([`bus`]) and user memory ([`memory`]). Nothing happens by chance:
//!   two runs of one scenario are equal.
//! - [`imports`]: the functions of `ntoskrnl.exe`, as symbols for a natively built driver and as a
//!   table for the loader. Each checks the rules of its documentation; a breach is recorded
//!   ([`violation`]) and fails the scenario.
//! - [`loader`]: maps the unmodified `.sys` and binds it to the same functions; instructions that
//!   only a kernel may execute fault and are emulated; exceptions run through the image's own
//!   unwind tables.
//! - [`chip`]: the MPU-401.
//! - [`portcls`]: PortCls with a DMus port, and the clients above it.
//! - [`session`]: all of that in a few calls.
//!
//! A host of any kind must be x86_64, because the functions use the Windows x64 calling convention.

#[cfg(not(target_arch = "x86_64"))]
compile_error!(
    "the simulated kernel needs an x86_64 host: its functions are called as Windows x64 code"
);

pub mod bugcheck;
pub mod bus;
mod checkpoint;
pub mod chip;
pub mod clock;
pub mod dpc;
pub mod etw;
#[cfg(all(target_os = "linux", not(miri)))]
mod fault;
pub mod imports;
pub mod inside;
pub mod interrupt;
pub mod irql;
pub mod kernel;
#[cfg(all(target_os = "linux", not(miri)))]
mod kpcr;
pub mod level;
#[cfg(all(target_os = "linux", not(miri)))]
pub mod loader;
#[cfg(not(all(target_os = "linux", not(miri))))]
#[path = "loader_absent.rs"]
pub mod loader;
pub mod lock;
pub mod machine;
pub mod memory;
pub mod pool;
mod pool_block;
pub mod portcls;
pub mod privileged;
pub mod process;
pub mod random;
#[cfg(all(target_os = "linux", not(miri)))]
mod seh;
pub mod session;
pub mod status;
pub mod timer;
pub mod trace;
pub mod tracking_allocator;
mod user_range;
pub mod violation;
pub mod work_item;
