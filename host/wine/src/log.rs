//! What happened, a line each, in a file that outlives the driver.

use std::fmt::Arguments;
use std::fs::OpenOptions;
use std::io::Write as _;

/// Where the lines go. The test that started Wine reads it there.
const FILE: &str = r"C:\dmusmini\portcls.log";

/// Appends a line; without the directory nobody wants to know.
pub(crate) fn line(text: Arguments<'_>) {
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(FILE) {
        let _ = writeln!(file, "{text}");
    }
}

/// Appends a line, written like `println!`.
macro_rules! log {
    ($($arguments:tt)*) => { $crate::log::line(format_args!($($arguments)*)) };
}
pub(crate) use log;
