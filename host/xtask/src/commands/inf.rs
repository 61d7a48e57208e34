//! `cargo xtask inf`: the INF against the rules of a Windows driver and the driver's own constants.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::{process, programs};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The INF to check instead of the project's own
    pub(crate) file: Option<PathBuf>,
}

/// Prints the findings; fails if there are any.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // A program of its own: it contains the driver, and this one shall not wait for that.
    programs::build(&["dmusmini-package"])?;
    let mut command = programs::command("dmusmini-package");
    command.arg("inf");
    if let Some(file) = &arguments.file {
        command.arg(std::path::absolute(file)?);
    }
    let done = process::run("inf", &mut command)?;
    say!("{}", done.log.trim_end());
    Ok(())
}
