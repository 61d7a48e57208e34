//! `cargo xtask demo`: builds the driver image and has it play the bundled song.

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use super::sys;
use crate::{cross::Architecture, process};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Passed on to `dmus demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    dmus: Vec<String>,
}

/// Builds the image and the player, and plays; the player reports.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    sys::run(&sys::Arguments {
        arch: Architecture::Amd64,
        debug: false,
        prove: false,
    })?;
    process::run(
        "dmus",
        process::cargo().args(["build", "--package", "dmus"]),
    )?;
    // The player has the terminal to itself: it shows its own progress and writes its own report.
    let mut play = process::cargo();
    play.args(["run", "--quiet", "--package", "dmus", "--", "demo"])
        .args(&arguments.dmus);
    let status = play.status()?;
    if !status.success() {
        bail!("dmus demo: {status}");
    }
    say!("demo: {:.1} s in all", started.elapsed().as_secs_f32());
    Ok(())
}
