//! `cargo xtask soak`: in full what `cargo xtask test` does a fiftieth of.

use anyhow::Result;

use super::checks;
use crate::suite::Run;

/// Runs the long suites.
pub(crate) fn run() -> Result<()> {
    let mut run = Run::default();
    run.suite("driver image", || {
        checks::driver_image(checks::Effort::Full)
    });
    for (name, suite) in checks::SUITES
        .iter()
        .filter(|(name, _)| checks::LONG.contains(name))
    {
        run.suite(name, || suite(checks::Effort::Full));
    }
    run.finish()
}
