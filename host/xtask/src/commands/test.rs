//! `cargo xtask test`: everything that continuous integration checks, on a machine with nothing but
//! Rust.

use anyhow::Result;

use super::checks::{self, Effort, Selection};
use crate::suite::Run;

/// Runs all suites, prints the table, fails if one did.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let mut run = Run::default();
    for (name, suite) in selection.of(checks::SUITES)? {
        run.suite(name, || suite(Effort::Short));
    }
    run.finish()
}
