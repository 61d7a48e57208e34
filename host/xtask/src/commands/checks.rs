//! The suites of `test` and `soak`.

mod exploration;
mod style;

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use self::{
    exploration::{fuzz, loom, miri},
    style::{
        advisories, clippy, clippy_windows, dependencies, documentation, format, spelling, toml,
    },
};
use super::{bench, prove, sys};
use crate::{cross::Architecture, libtest, process, suite::Outcome};

/// How long the suites with a dial run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A fiftieth, for every change.
    Short,
    /// All of it.
    Full,
}

/// A suite's name and what it does.
pub(crate) type Suite = (&'static str, fn(Effort) -> Result<Outcome>);

/// Every suite, quick ones first.
pub(crate) const SUITES: &[Suite] = &[
    ("format", format),
    ("spelling", spelling),
    ("toml", toml),
    ("clippy", clippy),
    ("clippy windows", clippy_windows),
    ("driver image", driver_image),
    ("driver image arm64", driver_image_arm64),
    ("no-panic proof", no_panic_proof),
    ("inf", inf),
    ("package", package),
    ("wine", wine),
    ("tests", tests),
    ("instructions", instructions),
    ("doc tests", examples),
    ("documentation", documentation),
    ("loom", loom),
    ("fuzz", fuzz),
    ("miri", miri),
    ("dependencies", dependencies),
    ("advisories", advisories),
];

/// The suites that have a dial.
pub(crate) const LONG_SUITES: &[Suite] = &[
    ("tests", tests),
    ("loom", loom),
    ("fuzz", fuzz),
    ("miri", miri),
];

/// Arguments of `test` and `soak`.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Only the suites whose name contains this
    only: Option<String>,
}

/// The names of `suites`, for the help text.
pub(crate) fn listed(suites: &[Suite]) -> String {
    let names: Vec<_> = suites.iter().map(|(name, _)| *name).collect();
    format!("Suites: {}", names.join(", "))
}

impl Selection {
    /// Those of `suites` that are wanted; an error where no name fits, with the names there are.
    pub(crate) fn of(&self, suites: &[Suite]) -> Result<Vec<Suite>> {
        let only = self.only.as_deref().unwrap_or_default();
        let wanted: Vec<Suite> = suites
            .iter()
            .filter(|(name, _)| name.contains(only))
            .copied()
            .collect();
        if wanted.is_empty() {
            bail!("no suite is called {only:?}. {}", listed(suites));
        }
        Ok(wanted)
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = process::cargo();
    command.args(arguments);
    command
}

/// The image that the scenario tests run.
pub(crate) fn driver_image(_: Effort) -> Result<Outcome> {
    image(Architecture::Amd64)
}

fn driver_image_arm64(_: Effort) -> Result<Outcome> {
    image(Architecture::Arm64)
}

fn image(arch: Architecture) -> Result<Outcome> {
    let rules = sys::run(&sys::Arguments {
        arch,
        debug: false,
        prove: false,
    })?;
    Ok(Outcome::count(rules as u64))
}

fn no_panic_proof(_: Effort) -> Result<Outcome> {
    prove::run(&prove::Arguments {
        arch: Architecture::Amd64,
    })?;
    Ok(Outcome::count(2))
}

fn inf(_: Effort) -> Result<Outcome> {
    super::inf::run(&super::inf::Arguments { file: None }).map(|()| Outcome::one())
}

fn package(_: Effort) -> Result<Outcome> {
    super::package::run(&super::package::Arguments { arch: Vec::new() })?;
    Ok(Outcome::count(2))
}

/// The package on Wine's kernel.
fn wine(_: Effort) -> Result<Outcome> {
    super::wine::run()
}

/// Unit, property and scenario tests of the whole workspace.
fn tests(effort: Effort) -> Result<Outcome> {
    let arguments = [
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
        "--",
        "--show-output",
    ];
    let mut command = cargo(&arguments);
    if effort == Effort::Full {
        command.env("DMUSMINI_SOAK", "full");
    }
    libtest::run("tests", &mut command)
}

/// What a voice and a block may cost, in instructions: no other process disturbs the count.
fn instructions(_: Effort) -> Result<Outcome> {
    crate::install::packages(&[bench::valgrind()])?;
    let program = bench::build(None)?;
    let done = process::run("instructions", Command::new(program).arg("instructions"))?;
    let counts = done
        .log
        .lines()
        .filter(|line| line.starts_with("instructions"));
    let counts: Vec<&str> = counts.collect();
    for count in &counts {
        say!("  {count}");
    }
    Ok(Outcome::count(counts.len() as u64))
}

/// Examples in the documentation, those that must not compile among them.
fn examples(_: Effort) -> Result<Outcome> {
    let mut outcome = libtest::run("doc tests", &mut cargo(&["test", "--workspace", "--doc"]))?;
    // `ignore` marks an illustration.
    outcome.skipped.clear();
    Ok(outcome)
}
