//! dmusmini: a DirectMusic (DMus) miniport driver for Windows.
#![no_std]

extern crate alloc;
#[cfg(not(windows))]
extern crate std;

pub mod dls;
pub mod mem;
pub mod time;
