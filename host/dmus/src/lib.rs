//! `dmus` plays MIDI files through `dmusmini.sys`, the Windows kernel driver, in a simulated machine.
//!
//! ```text
//! SONG.mid ── song ──┐                        ┌─ wav ───→ OUT.wav
//!                    ├─→ session ─ .sys ──────┼─ write ─→ OUT.mid, OUT.syx, stdout
//! BANK.dls ── bank ──┘   (or native build)    ├─ plot ──→ OUT.png
//!                                             └─ report → text or JSON
//! ```
//!
//! The commands are thin: files in and out here, everything that makes sound or bytes behind [`session::Machine`].

// `println!` panics where a pipe was closed; `output::print` does not.
#![deny(clippy::print_stdout)]

mod arguments;
mod commands;
mod interrupt;
mod output;
pub mod plot;
mod progress;
pub mod report;
pub mod session;
pub mod timing;
mod wav;
mod wire;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    interrupt::listen();
    match commands::run(arguments::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interrupt::Interrupted>() => {
            eprintln!("dmus: interrupted; no file is left half-written");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("dmus: {error:#}");
            ExitCode::FAILURE
        }
    }
}
