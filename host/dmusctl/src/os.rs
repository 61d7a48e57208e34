//! The system that the program runs on.

#[cfg(windows)]
mod windows;

#[cfg(windows)]
pub use windows::{on_interrupt, system};

#[cfg(not(windows))]
mod other;

#[cfg(not(windows))]
pub use other::{on_interrupt, system};
