//! Not Windows: there is nothing to talk to, and every call says so.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    Filter, System,
    devices::Devices,
    error::{OsError, win32},
    stop::Stop,
};

/// A system without kernel streaming.
#[derive(Debug)]
pub struct NotWindows(Instant);

/// The system.
#[must_use]
pub fn system(_: bool) -> NotWindows {
    NotWindows(Instant::now())
}

/// Nothing runs long enough here to be interrupted.
pub fn on_interrupt(_: &Stop) {}

impl System for NotWindows {
    fn filters(&self) -> Result<Vec<String>, OsError> {
        Err(OsError::win32(
            "finding filters",
            win32::CALL_NOT_IMPLEMENTED,
        ))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Filter>, OsError> {
        let what = format!("opening {path}");
        Err(OsError::win32(what, win32::CALL_NOT_IMPLEMENTED))
    }

    fn now(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_nanos() / 100).unwrap_or(i64::MAX)
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }

    fn shares_time(&self) -> bool {
        true
    }

    fn devices(&self) -> Option<&dyn Devices> {
        None
    }
}
