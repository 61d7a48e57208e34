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

// `println!` panics where a pipe was closed, and lets control characters through; `output` does neither.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod commands;
mod interrupt;
mod output;
pub mod plot;
mod progress;
pub mod report;
pub mod session;
pub mod timing;
mod warnings;
mod wav;
mod wire;

use std::panic;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = match dmusmini_terminal::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    interrupt::listen();
    match guarded(|| commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interrupt::Interrupted>() => {
            output::complain("dmus: interrupted; no file is left half-written");
            ExitCode::from(130)
        }
        Err(error) => {
            output::complain(&format!("dmus: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs `command`; a panic, of a library or ours, becomes an error of one line. Files under construction disappear on the
/// way, as with every error.
fn guarded(command: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    static PANIC: Mutex<Option<String>> = Mutex::new(None);
    let said = || PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // The first one is the cause of those that follow it.
        said().get_or_insert_with(|| info.to_string());
    }));
    let done = panic::catch_unwind(panic::AssertUnwindSafe(command));
    panic::set_hook(before);
    done.unwrap_or_else(|_| {
        let said = said().take().unwrap_or_default().replace('\n', " ");
        anyhow::bail!("this is a defect of dmus, not of your files; nothing was written ({said})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let panicking = || -> anyhow::Result<()> { panic!("deep inside") };
        let error = guarded(panicking).unwrap_err().to_string();
        assert!(error.starts_with("this is a defect of dmus"), "{error}");
        assert!(guarded(|| Ok(())).is_ok());
        assert_eq!(
            guarded(|| anyhow::bail!("its own"))
                .unwrap_err()
                .to_string(),
            "its own"
        );
    }
}
