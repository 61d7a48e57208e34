//! The transcript of the Wine suite, in a form that does not differ from run to run.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};

use crate::wine::{Done, Step};

const HEAD: &str = "\
# The driver under Wine

Written by `cargo xtask test wine`, which `cargo xtask test` runs: the shipped `dmusmini.sys`, unmodified,
loaded by Wine's loader, with Wine's I/O manager, PnP, registry and user-mode handles above it, and PortCls
and the hardware of the [simulator](../host/simulator/README.md) below it
([how](../host/wine/README.md)). Of the package one thing is changed: the Windows versions in the INF's
decorations, which Wine 8 does not know
([why there is no form for both](../host/wine/README.md#what-is-not-as-on-windows)). Times are masked, as `…`.
";

/// What is written down as the suite goes.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    text: String,
}

impl Transcript {
    /// Begins a part.
    pub(super) fn section(&mut self, title: &str) {
        let _ = writeln!(self.text, "\n## {title}");
    }

    /// Something that the reader has to know.
    pub(super) fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.text, "\n{text}");
    }

    /// A program that ran, and what it said.
    pub(super) fn step(&mut self, step: &Step, done: &Done) {
        if step.unsaid {
            return;
        }
        let command = step.command.join(" ").replace(r"C:\dmusmini\bin\", "");
        let output: String = done.output.lines().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{}", masked(line).trim_end());
            text
        });
        let _ = writeln!(
            self.text,
            "\n```text\nC:\\>{command}\n{}\n```",
            output.trim_end()
        );
    }

    /// What the driver's side saw.
    pub(super) fn log(&mut self, log: &str) {
        let _ = writeln!(
            self.text,
            "\nMeanwhile in the driver's process:\n\n```text\n{}\n```\n",
            log.trim_end()
        );
    }

    /// A check that held.
    pub(super) fn check(&mut self, what: &str) {
        let _ = writeln!(self.text, "- ok: {what}");
    }

    /// What belongs to the check before.
    pub(super) fn remark(&mut self, what: &str) {
        let _ = writeln!(self.text, "  - {what}");
    }

    /// Writes the file where it differs.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = format!("{HEAD}{}", self.text);
        if fs::read_to_string(path).is_ok_and(|before| before == text) {
            return Ok(());
        }
        fs::write(path, text).with_context(|| path.display().to_string())
    }
}

/// Replaces the milliseconds of a row of the self-test's table.
fn masked(line: &str) -> String {
    // As wide as the longest of them.
    if let Some((head, tail)) = line.split_once(" ms ") {
        return format!("{head} ms  {}", tail.trim_start());
    }
    for verdict in ["  ok ", "  FAILED ", "  skipped "] {
        if let Some(at) = line.find(verdict) {
            let (head, tail) = line.split_at(at + verdict.len());
            let number = tail.trim_start();
            let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() < number.len() {
                return format!("{} …  {}", head.trim_end(), rest.trim_start());
            }
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn times_are_masked() {
        let row = "uart     a pin is open once        ok       9    pin 1";
        assert_eq!(
            masked(row),
            "uart     a pin is open once        ok …  pin 1"
        );
        assert_eq!(masked("subject  ms    detail"), "subject  ms  detail");
        assert_eq!(masked("30 passed, 2 failed"), "30 passed, 2 failed");
    }
}
