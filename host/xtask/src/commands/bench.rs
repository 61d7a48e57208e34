//! `cargo xtask bench`: the synth beside its peers, in one run; writes docs/benchmarks.md.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{process, workspace};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print JSON instead of writing docs/benchmarks.md
    #[arg(long)]
    json: bool,
}

/// Builds the bench and the peers, measures, and keeps the table.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root();
    process::run(
        "bench",
        process::cargo().args(["build", "--release", "--package", "dmusmini-bench"]),
    )?
    .expect_success("bench")?;
    let peers = root.join("host/bench/peers");
    process::run(
        "peers",
        process::cargo()
            .args(["build", "--release", "--manifest-path"])
            .arg(peers.join("Cargo.toml")),
    )?
    .expect_success("peers")?;
    let data = std::env::var_os("DMUSMINI_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let mut bench = process::cargo();
    bench
        .args(["run", "--quiet", "--release", "--package", "dmusmini-bench"])
        .args(["--", "report", "--bank"])
        .arg(data.join("TimGM6mb.dls"))
        .arg("--song")
        .arg(data.join("freedoom1_D_E2M4.mid"))
        .arg("--peers")
        .arg(peers.join("target/release/dmusmini-bench-peers"));
    if arguments.json {
        bench.arg("--json");
    }
    let output = bench.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "bench: {}", output.status);
    let report = String::from_utf8(output.stdout)?;
    print!("{report}");
    if !arguments.json {
        let path = root.join("docs/benchmarks.md");
        let old = fs::read_to_string(&path).with_context(|| workspace::shown(&path))?;
        let head = old.split_once(MARK).map_or(old.as_str(), |(head, _)| head);
        fs::write(&path, format!("{head}{MARK}\n\n{report}"))?;
    }
    Ok(())
}

/// Everything behind it is replaced.
const MARK: &str = "<!-- cargo xtask bench writes below -->";
