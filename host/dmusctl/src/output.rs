//! What a command says: to people as text with progress, to programs as one JSON object.

use std::io::IsTerminal as _;

use dmusmini_terminal as terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// What a command found or did.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// 0, or 1 where something was tested and failed.
    pub exit_code: u8,
}

impl Report {
    /// A report of success.
    #[must_use]
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            exit_code: 0,
        }
    }
}

/// Where output goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// One JSON object on standard output, and nothing else.
    pub json: bool,
}

impl Output {
    /// Prints a report. An output that is gone, as at the end of a pipe, is no error.
    pub fn print(self, report: &Report) {
        let text = if self.json {
            terminal::json(&format!("{:#}", report.json)).into_owned()
        } else {
            report.text.trim_end().to_owned()
        };
        terminal::say!("{text}");
    }

    /// Prints an error.
    pub fn print_error(self, error: &anyhow::Error) {
        if self.json {
            let json = format!("{:#}", crate::error::to_json(error));
            terminal::say!("{}", terminal::json(&json));
        } else {
            terminal::complain!("error: {}", crate::error::message(error));
        }
    }

    /// Prints warnings on standard error, a line each; a program finds them in the report.
    pub fn warn(self, warnings: &[String]) {
        for warning in warnings {
            terminal::complain!("warning: {}", terminal::line(warning));
        }
    }

    /// A bar on standard error, where somebody is watching.
    #[must_use]
    pub fn progress(self, what: &'static str, length: u64) -> ProgressBar {
        let bar = ProgressBar::new(length);
        bar.set_draw_target(if self.json || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        });
        let style = ProgressStyle::with_template("{msg} {bar:30} {percent:>3} % {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        bar
    }
}
