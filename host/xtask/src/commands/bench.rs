//! `cargo xtask bench`: the synth beside its peers, in one run; writes docs/benchmarks.md, whole.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::install::{self, Need};
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
    const FONT: &str = "/usr/share/sounds/sf2/TimGM6mb.sf2";
    let needs = [
        valgrind(),
        Need {
            package: "fluidsynth",
            reason: "a peer",
            present: process::ask("fluidsynth", &["--version"]).is_some(),
        },
        Need {
            package: "timgm6mb-soundfont",
            reason: "the peers' bank",
            present: Path::new(FONT).exists(),
        },
    ];
    install::packages(&needs)?;
    let root = workspace::root();
    let data = std::env::var_os("DMUSMINI_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let bank = data.join("TimGM6mb.dls");
    ensure!(
        bank.exists(),
        "no {}: DMUSMINI_DATA names the directory of the bank and the songs",
        bank.display()
    );
    let program = build(None)?;
    let portable = build(Some("portable"))?;
    let peers = root.join("host/bench/peers");
    process::run(
        "peers",
        process::cargo()
            .args(["build", "--release", "--manifest-path"])
            .arg(peers.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(workspace::target().join("peers")),
    )?
    .expect_success("peers")?;

    let mut bench = std::process::Command::new(program);
    bench.arg("report").arg("--bank").arg(bank);
    bench.args(["--font", FONT]);
    bench.arg("--song").arg(data.join("freedoom1_D_E2M4.mid"));
    bench
        .arg("--peers")
        .arg(workspace::target().join("peers/release/dmusmini-bench-peers"));
    bench.arg("--portable").arg(portable);
    if arguments.json {
        bench.arg("--json");
    }
    let output = bench.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "bench: {}", output.status);
    let report = String::from_utf8(output.stdout)?;
    say!("{}", report.trim_end());
    if !arguments.json {
        let path = root.join("docs/benchmarks.md");
        fs::write(&path, report).with_context(|| workspace::shown(&path))?;
    }
    Ok(())
}

/// Builds the bench, with a feature or without, and says where it is.
pub(crate) fn build(feature: Option<&str>) -> Result<PathBuf> {
    let target =
        workspace::target().join(feature.map_or("bench".to_owned(), |f| format!("bench-{f}")));
    let mut cargo = process::cargo();
    cargo.args([
        "build",
        "--release",
        "--package",
        "dmusmini-bench",
        "--bins",
    ]);
    cargo.arg("--target-dir").arg(&target);
    if let Some(feature) = feature {
        cargo.args(["--features", feature]);
    }
    process::run("bench", &mut cargo)?.expect_success("bench")?;
    Ok(target.join("release/dmusmini-bench"))
}

/// What counts instructions.
pub(crate) fn valgrind() -> Need {
    Need {
        package: "valgrind",
        reason: "counts instructions",
        present: process::ask("valgrind", &["--version"]).is_some(),
    }
}
