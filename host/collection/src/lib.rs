//! DLS collections on the host: read them, write them, cut them into downloads.
//!
//! ```text
//! file ── riff ── read (+ condition) ─→ Bank ─┬─ download ─→ DMUS_DOWNLOADINFO buffers
//!           by hand or by program ────────────┘─ write ────→ file
//! ```

mod bank;
mod condition;
mod download;
mod error;
mod read;
mod report;
mod riff;
pub mod units;
mod write;

pub use bank::{Bank, Block, Frames, Instrument, Loop, Region, Sample, Wave};
pub use bank::{destination, source, transform};
pub use download::{Downloads, Item, ItemKind, Level, Loss, Options, Selection};
pub use error::{Cause, CollectionError};
pub use read::Collection;
pub use report::Warning;
