//! Suites of checks: what each found, and the table of them all.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How one suite ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Checks that passed.
    pub(crate) passed: u64,
    /// Checks that failed.
    pub(crate) failed: u64,
    /// Checks that were not made, each with its reason.
    pub(crate) skipped: Vec<String>,
}

impl Outcome {
    /// One check, passed.
    pub(crate) fn one() -> Self {
        Self::count(1)
    }

    /// `passed` checks, all passed.
    pub(crate) fn count(passed: u64) -> Self {
        Self {
            passed,
            ..Self::default()
        }
    }

    /// One check that was not made.
    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self {
            skipped: vec![reason.into()],
            ..Self::default()
        }
    }

    /// A suite that made no check, and says of none why, has lost them.
    fn is_failure(&self) -> bool {
        self.failed > 0 || (self.passed == 0 && self.skipped.is_empty())
    }

    fn verdict(&self) -> &'static str {
        match self {
            _ if self.is_failure() => "FAILED",
            Self { passed: 0, .. } => "skipped",
            _ => "ok",
        }
    }
}

/// Runs suites one after another; one that fails does not keep the others from running.
#[derive(Debug, Default)]
pub(crate) struct Run {
    rows: Vec<(&'static str, Outcome, Duration)>,
}

impl Run {
    /// Runs one suite; an error counts as one failure and is shown.
    pub(crate) fn suite(&mut self, name: &'static str, run: impl FnOnce() -> Result<Outcome>) {
        say!("\n── {name}");
        let started = Instant::now();
        let outcome = run().unwrap_or_else(|error| {
            complain!("error: {error:#}");
            Outcome {
                failed: 1,
                ..Outcome::default()
            }
        });
        for reason in &outcome.skipped {
            say!("SKIPPED {name}: {reason}");
        }
        self.record(name, outcome, started.elapsed());
    }

    fn record(&mut self, name: &'static str, outcome: Outcome, time: Duration) {
        self.rows.push((name, outcome, time));
    }

    /// Prints the table and the closing line; fails if any check did.
    pub(crate) fn finish(self) -> Result<()> {
        say!("\n{}", self.table());
        self.verdict()
    }

    fn verdict(&self) -> Result<()> {
        let names: Vec<&str> = self
            .rows
            .iter()
            .filter(|(_, outcome, _)| outcome.is_failure())
            .map(|(name, ..)| *name)
            .collect();
        if !names.is_empty() {
            bail!("failed: {}", names.join(", "));
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{:<22} {:>8} {:>8} {:>8} {:>9}\n",
            "suite", "passed", "failed", "skipped", "seconds"
        );
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (name, outcome, time) in &self.rows {
            let _ = writeln!(
                text,
                "{name:<22} {:>8} {:>8} {:>8} {:>9.1}  {}",
                outcome.passed,
                outcome.failed,
                outcome.skipped.len(),
                time.as_secs_f32(),
                outcome.verdict()
            );
            passed += outcome.passed;
            failed += outcome.failed;
            skipped += outcome.skipped.len();
        }
        let _ = write!(
            text,
            "\n{passed} passed, {failed} failed, {skipped} skipped"
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_one_failure_fails_the_run() {
        let mut run = Run::default();
        let time = Duration::ZERO;
        run.record("a", Outcome::count(3), time);
        run.record("b", Outcome::skip("no network"), time);
        assert!(run.table().ends_with("3 passed, 0 failed, 1 skipped"));
        assert!(run.verdict().is_ok());
        run.record(
            "c",
            Outcome {
                failed: 1,
                ..Outcome::default()
            },
            time,
        );
        run.record("d", Outcome::one(), time);
        assert!(run.table().ends_with("4 passed, 1 failed, 1 skipped"));
        assert_eq!(run.verdict().unwrap_err().to_string(), "failed: c");
        run.record("e", Outcome::default(), time);
        assert_eq!(run.verdict().unwrap_err().to_string(), "failed: c, e");
    }
}
