//! `dmusctl`: installs dmusmini on a Windows machine, plays, captures and renders through it, tests it.
//!
//! It is what a DirectMusic client is to the driver: it finds the filter by its interface, opens pins
//! as `KsCreatePin` does, and sends `IOCTL_KS_*`. All that is not Windows stands above one seam:
//!
//! - [`ks`]: the seam. A [`System`] has filters, a [`Filter`] takes properties and makes pins, a
//!   [`Pin`] is written and read. Bytes go in and come out, laid out by `dmusmini-ks`.
//! - [`patience`], [`wire`]: what a client knows of pins that are busy for a moment, and of the time that bytes take.
//! - [`describe`], [`synth`], [`player`], [`capture`], [`render`], [`selftest`]: what a client does.
//!   They run on any host; the tests drive them against the simulated port with the real driver.
//! - `os`: the seam over Win32, and the device nodes (SetupAPI). On other hosts every call is refused.
//! - [`commands`]: a command line as a report, in text or JSON.

pub mod arguments;
pub mod capture;
pub mod commands;
pub mod describe;
pub mod devices;
pub mod error;
pub mod image_path;
pub mod ks;
pub mod os;
pub mod output;
pub mod patience;
pub mod player;
pub mod render;
pub mod schedule;
pub mod selftest;
pub mod stop;
pub mod synth;
pub mod table;
pub mod wire;

pub use error::{Code, Failure, OsError};
pub use ks::{Filter, Pin, System};
