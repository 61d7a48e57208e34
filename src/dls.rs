//! The low-level download format: DLS instruments and waves as DirectMusic hands them to a port.
//!
//! A client's loader cuts a DLS collection into self-contained buffers, each a
//! `DMUS_DOWNLOADINFO`, an offset table and the structures it points to (abi section 5.5). This
//! module turns such a buffer, which is wholly untrusted, into values that cannot be wrong:
//! a [`Wave`] or an [`Instrument`] whose regions carry a fully resolved [`Articulation`], level 1
//! and level 2 alike. What the numbers mean acoustically is `dls.md`; how they are validated is
//! contract section 11.
//!
//! Pure, PASSIVE level (it allocates). Work and memory are linear in the size of the buffer.
//!
//! ```text
//! bytes ── reader ── download (header, offset table) ─┬─ wave        → Wave
//!                                                     └─ instrument  → Instrument { regions }
//!                                                          └─ resolve → Articulation
//! ```
#![forbid(unsafe_code)]

mod articulation;
mod connection;
mod download;
mod instrument;
mod reader;
mod region;
mod resolve;
mod size;
mod units;
mod wave;
mod work;

pub use articulation::{Articulation, Envelope, Filter, Lfo};
pub use connection::{Connection, Curve, Destination, Input, Source};
pub use download::{Download, DownloadError, Fault};
pub use instrument::{Instrument, Patch};
pub use region::{Loop, LoopKind, Range, Region};
pub use resolve::{DEFAULT_CONNECTIONS, Resolver};
pub use size::Allowance;
pub use units::{Cents, Gain, Permille, PitchCents, TimeCents};
pub use wave::{GUARD, Wave};
