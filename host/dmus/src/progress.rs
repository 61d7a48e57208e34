//! Progress on a terminal; silence elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// How much of a job is done, in steps of its own.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over `total` steps, or nothing if `quiet` or if standard error is no terminal.
    pub(crate) fn new(total: u64, what: &'static str, quiet: bool) -> Self {
        if quiet {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(total);
        let template = "{msg:>12} {wide_bar:.cyan/blue} {percent:>3} %  {elapsed} + {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// Something that turns, where nobody knows how long it takes.
    pub(crate) fn spinner(what: &'static str, quiet: bool) -> Self {
        if quiet {
            return Self(ProgressBar::hidden());
        }
        let spinner = ProgressBar::new_spinner().with_message(what);
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self(spinner)
    }

    /// Tells that `done` steps are done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
