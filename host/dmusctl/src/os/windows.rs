//! Win32: filters and pins over handles, device nodes over SetupAPI.
#![allow(
    clippy::cast_possible_truncation,
    reason = "sizes of structures and lengths of buffers, as Win32 counts them"
)]

mod devices;
mod filters;
mod handle;
mod image;
mod install;
mod nodes;
mod packages;
mod service;
mod streams;
mod text;

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use crate::{Filter, System, devices::Devices, error::OsError, stop::Stop};

/// `STATUS_CONTROL_C_EXIT`, as a program without a handler ends.
const INTERRUPTED: i32 = 0xC000_013A_u32.cast_signed();

/// Windows.
#[derive(Debug)]
pub struct Windows {
    start: Instant,
    /// Waits are skipped: how much they came to, in 100 ns.
    skipped: Option<Cell<i64>>,
    devices: devices::SetupApi,
}

/// The system; with `no_wait`, time passes at once when the client sleeps.
#[must_use]
pub fn system(no_wait: bool) -> Windows {
    Windows {
        start: Instant::now(),
        skipped: no_wait.then(Cell::default),
        devices: devices::SetupApi,
    }
}

/// Ctrl-C becomes the wish to stop. A second one ends the program: not every command looks at the wish, and
/// Windows closes the pins of a program that is gone.
pub fn on_interrupt(stop: &Stop) {
    let stop = stop.clone();
    // Without it a Ctrl-C ends the program at once, which is no reason not to start.
    let _ = ctrlc::set_handler(move || {
        if stop.is_set() {
            std::process::exit(INTERRUPTED);
        }
        stop.set();
    });
}

impl System for Windows {
    fn filters(&self) -> Result<Vec<String>, OsError> {
        filters::paths()
    }

    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError> {
        Ok(Box::new(streams::OpenFilter::open(path)?))
    }

    fn now(&self) -> i64 {
        let passed = i64::try_from(self.start.elapsed().as_nanos() / 100).unwrap_or(i64::MAX);
        passed.saturating_add(self.skipped.as_ref().map_or(0, Cell::get))
    }

    fn sleep(&self, time: Duration) {
        match &self.skipped {
            None => thread::sleep(time),
            Some(skipped) => {
                let more = i64::try_from(time.as_nanos() / 100).unwrap_or(i64::MAX);
                skipped.set(skipped.get().saturating_add(more));
            }
        }
    }

    fn shares_time(&self) -> bool {
        self.skipped.is_none()
    }

    fn devices(&self) -> Option<&dyn Devices> {
        Some(&self.devices)
    }
}

/// The refusal that the last call on this thread left.
fn last_error(operation: impl Into<String>) -> OsError {
    let code = std::io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or_default();
    OsError::win32(operation, code.cast_unsigned())
}
