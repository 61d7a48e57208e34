//! Instructions a voice and frame, counted by callgrind: no other process disturbs them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::bars::{self, Bar};

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// The default interpolation, gains moving.
    pub(crate) plain: f64,
    /// With filter, two LFOs and two envelopes.
    pub(crate) filtered: f64,
    /// The worst block: 1,024 filtered voices and a flood of events, in millions.
    pub(crate) worst_block: f64,
}

/// Counts on this program itself, or on another build of it.
pub(crate) fn count(program: Option<&PathBuf>) -> Result<Counts> {
    let program = match program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let voices = |filter: bool, blocks: u32| {
        let blocks = blocks.to_string();
        let mut arguments = vec!["voices", "--blocks", &blocks];
        arguments.extend(filter.then_some("--filter"));
        callgrind(&program, &arguments)
    };
    // What starting takes cancels.
    let a_frame = |filter| -> Result<f64> {
        let difference = voices(filter, LONG)? - voices(filter, SHORT)?;
        Ok(difference / f64::from((LONG - SHORT) * 64 * 64))
    };
    let flood = |blocks: u32| callgrind(&program, &["flood", "--blocks", &blocks.to_string()]);
    Ok(Counts {
        plain: a_frame(false)?,
        filtered: a_frame(true)?,
        worst_block: (flood(7)? - flood(2)?) / 5.0 / 1e6,
    })
}

/// Prints the counts and fails where one is above its bar.
pub(crate) fn check() -> Result<()> {
    let bars = bars::of_instructions(&count(None)?);
    for bar in &bars {
        say!("{bar}");
    }
    ensure!(bars.iter().all(Bar::is_met), "more instructions than that");
    Ok(())
}

fn callgrind(program: &PathBuf, arguments: &[&str]) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .output()
        .context("valgrind (Debian's package has the same name)")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {text}");
    let line = text
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .with_context(|| format!("valgrind says nothing: {text}"))?;
    Ok(line.1.trim().parse()?)
}

const SHORT: u32 = 100;
const LONG: u32 = 300;
