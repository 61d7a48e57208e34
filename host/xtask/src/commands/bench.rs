//! `cargo xtask bench`: how fast the synthesizer is, beside its peers.

use anyhow::{Result, bail};
use clap::Args;

use crate::{install, process};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Passed on to the bench: `--json` and others
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

/// Builds the bench as the driver is built, and runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    install::packages(&[
        install::Need {
            package: "fluidsynth",
            reason: "a peer to compare with",
            present: process::ask("fluidsynth", &["--version"]).is_some(),
        },
        install::Need {
            package: "valgrind",
            reason: "counts instructions: times vary from run to run",
            present: process::ask("valgrind", &["--version"]).is_some(),
        },
    ])?;
    let package = ["--release", "--package", "dmusmini-bench"];
    process::run("bench build", process::cargo().arg("build").args(package))?;
    let mut bench = process::cargo();
    bench
        .args(["run", "--quiet"])
        .args(package)
        .args(["--", "report"]);
    let status = bench.args(&arguments.bench).status()?;
    if !status.success() {
        bail!("bench: {status}");
    }
    Ok(())
}
