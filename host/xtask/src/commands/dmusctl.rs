//! `cargo xtask dmusctl`: the tool for a Windows test machine, built on this one.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::{process, windows_gnu::WindowsGnu, workspace};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Builds `target/dmusctl/dmusctl.exe`, and beside it, for Wine, what it needs there; returns the program.
pub(crate) fn run(_: &Arguments) -> Result<PathBuf> {
    let windows = WindowsGnu::prepare()?;
    let mut cargo = windows.cargo("build", "dmusctl");
    cargo.args(["--release", "--bin", "dmusctl"]);
    let done = process::run("dmusctl.exe", &mut cargo)?;
    let shim = windows.wine_shim()?;
    let to = workspace::target().join("dmusctl");
    std::fs::create_dir_all(to.join("wine")).with_context(|| to.display().to_string())?;
    let copy = |from: PathBuf, name: &str| -> Result<PathBuf> {
        let to = to.join(name);
        std::fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        Ok(to)
    };
    copy(shim, "wine/bcryptprimitives.dll")?;
    let program = copy(windows.output("release").join("dmusctl.exe"), "dmusctl.exe")?;
    println!(
        "{} in {:.1} s",
        workspace::shown(&program),
        done.time.as_secs_f32()
    );
    Ok(program)
}
