//! `cargo xtask test`: everything that continuous integration checks, on a machine with nothing but
//! Rust.

use anyhow::Result;
use clap::Args;

use super::checks;
use crate::suite::Run;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only the suites whose name contains this
    pub(crate) only: Option<String>,
}

/// Runs all suites, prints the table, fails if one did.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut run = Run::default();
    for (name, suite) in checks::SUITES {
        if arguments
            .only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
        {
            run.suite(name, || suite(checks::Effort::Short));
        }
    }
    run.finish()
}
