//! `cargo xtask soak`: in full what `cargo xtask test` does a fiftieth of.

use anyhow::Result;

use super::checks::{self, Effort, Selection};
use crate::suite::Run;

/// Runs the long suites, `tests` with the driver image that it wants.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let mut run = Run::default();
    for (name, suite) in selection.of(checks::LONG_SUITES)? {
        if name == "tests" {
            run.suite("driver image", || checks::driver_image(Effort::Full));
        }
        run.suite(name, || suite(Effort::Full));
    }
    run.finish()
}
