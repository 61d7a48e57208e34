//! To be written.

pub mod chip;
