//! Standard MIDI Files as messages with absolute times, and back.
//!
//! [`Song`] reads a file of format 0 or 1 the way a sequencer plays it: all tracks merged, the tempo map applied, running
//! status expanded, split system exclusive messages joined. Times are in units of 100 ns, as DirectMusic counts them, and
//! exact: no rounding accumulates over a song. [`write()`] turns messages with times into a file of format 0.

mod clock;
mod container;
mod error;
mod merge;
mod packet;
mod read;
mod riff;
mod track;
mod warning;
mod write;

pub use error::{Cause, SongError};
pub use read::{EmbeddedBank, Event, Song};
pub use warning::{Repair, Warning};
pub use write::write;

/// 100-ns units a second.
pub const SECOND: i64 = 10_000_000;
