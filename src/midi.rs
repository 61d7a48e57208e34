//! MIDI: bytes in, meaning out. Pure; no IRQL, no memory of its own.
#![forbid(unsafe_code)]

pub mod message;
pub mod parser;
pub mod status;

pub use message::{Channel, Key, Message};
