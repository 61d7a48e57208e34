//! The suites of `test` and `soak`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::{bench, prove, sys};
use crate::{
    cross::{Architecture, Cross},
    install::{self, Need},
    libtest, process,
    suite::Outcome,
    tools,
    windows_gnu::WindowsGnu,
    workspace,
};

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
            let names: Vec<_> = suites.iter().map(|(name, _)| *name).collect();
            bail!(
                "no suite is called {only:?}; there are: {}",
                names.join(", ")
            );
        }
        Ok(wanted)
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = process::cargo();
    command.args(arguments);
    command
}

fn format(_: Effort) -> Result<Outcome> {
    component("rustfmt")?;
    process::run("cargo fmt", &mut cargo(&["fmt", "--all", "--check"]))?;
    for manifest in ["host/wdk-build/Cargo.toml", "fuzz/Cargo.toml"] {
        let mut command = cargo(&["fmt", "--check", "--manifest-path", manifest]);
        process::run("cargo fmt", &mut command)?;
    }
    Ok(Outcome::count(3))
}

fn spelling(_: Effort) -> Result<Outcome> {
    process::run("typos", &mut tools::wheel("typos")?).map(|_| Outcome::one())
}

/// Names where to look: left alone, taplo walks all of `target` too, and out of it through the link
/// to `/` that every Wine prefix holds.
fn toml(_: Effort) -> Result<Outcome> {
    let mut taplo = tools::wheel("taplo")?;
    taplo.args(["fmt", "--check"]);
    taplo.args(["*.toml", ".cargo/*.toml", "fuzz/*.toml", "host/**/*.toml"]);
    process::run("taplo", &mut taplo).map(|_| Outcome::one())
}

/// The workspace; then the pure modules alone, which shows that none of them names a kernel.
fn clippy(_: Effort) -> Result<Outcome> {
    component("clippy")?;
    let all = ["clippy", "--workspace", "--all-targets", "--", "-Dwarnings"];
    process::run("clippy", &mut cargo(&all))?;
    let pure = [
        "clippy",
        "-p",
        "dmusmini",
        "--lib",
        "--no-default-features",
        "--",
        "-Dwarnings",
    ];
    process::run("clippy pure modules", &mut cargo(&pure))?;
    Ok(Outcome::count(2))
}

/// The driver as it is built for Windows, the stand-in that configures that build, and what runs
/// under Wine.
fn clippy_windows(_: Effort) -> Result<Outcome> {
    let windows = WindowsGnu::prepare()?;
    let mut wine = windows.cargo("clippy", "dmusmini-wine");
    wine.args(["--package", "dmusmini-wine-ksuser"]);
    wine.args(["--package", "dmusctl", "--", "-Dwarnings"]);
    process::run("clippy wine", &mut wine)?;

    let cross = Cross::prepare(Architecture::Amd64)?;
    let mut driver = cross.cargo("clippy");
    driver.args(["--", "-Dwarnings"]);
    process::run("clippy windows", &mut driver)?;

    // Outside the workspace, and its lock file is nobody's: it is checked in a copy.
    let copy = workspace::target().join("sys/wdk-build");
    let _ = fs::remove_dir_all(&copy);
    copy_tree(&workspace::root().join("host/wdk-build"), &copy)?;
    let manifest = copy.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)? + "\n[workspace]\n";
    fs::write(&manifest, text)?;
    let mut stand_in = cargo(&["clippy", "--manifest-path"]);
    stand_in.arg(&manifest).args(["--", "-Dwarnings"]);
    // A program of the host's: from the copy, clippy would find the driver's settings.
    stand_in.env("CLIPPY_CONF_DIR", workspace::root().join("host"));
    stand_in.env(
        "CARGO_TARGET_DIR",
        workspace::target().join("sys/wdk-build-target"),
    );
    process::run("clippy wdk-build", &mut stand_in)?;
    Ok(Outcome::count(3))
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
        println!("  {count}");
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

fn documentation(_: Effort) -> Result<Outcome> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    process::run(
        "rustdoc",
        cargo(&arguments).env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    Ok(Outcome::one())
}

/// Every interleaving, up to a bound on preemptions that the short run sets lower.
fn loom(effort: Effort) -> Result<Outcome> {
    let arguments = [
        "test",
        "-p",
        "dmusmini",
        "--lib",
        "--no-default-features",
        "--release",
        "--",
        "model::",
        "--show-output",
    ];
    let mut command = cargo(&arguments);
    command
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", workspace::target().join("loom"))
        // Fully optimised all the same: what the models do not reach has to be gone, for it would
        // ask the linker for a kernel.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env(
            "LOOM_MAX_PREEMPTIONS",
            if effort == Effort::Full { "4" } else { "3" },
        );
    libtest::run("loom", &mut command)
}

/// libFuzzer over the committed corpus and on. Built on stable: coverage comes from LLVM's own
/// pass, and there is no unsafe code in what is fuzzed for a sanitizer to look at.
fn fuzz(effort: Effort) -> Result<Outcome> {
    const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
         -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
         -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
         -Ccodegen-units=1";
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    install::packages(&[Need {
        package: "g++",
        reason: "compiles libFuzzer",
        present: process::ask("c++", &["--version"]).is_some(),
    }])?;
    let seconds = if effort == Effort::Full { 600 } else { 12 };
    let root = workspace::root().join("fuzz");
    let output = workspace::target().join("fuzz");
    let mut build = cargo(&["build", "--release", "--target", TARGET, "--manifest-path"]);
    build
        .arg(root.join("Cargo.toml"))
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", &output);
    process::run("fuzz build", &mut build)?;

    let mut targets = 0;
    for entry in root
        .join("fuzz_targets")
        .read_dir()
        .context("fuzz/fuzz_targets")?
    {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (found, artifacts) = (output.join("found").join(&name), output.join("artifacts"));
        fs::create_dir_all(&found)?;
        fs::create_dir_all(&artifacts)?;
        let mut fuzzer = Command::new(output.join(TARGET).join("release").join(&name));
        fuzzer
            .arg(&found)
            .arg(root.join("corpus").join(&name))
            .args([
                format!("-max_total_time={seconds}"),
                "-seed=1".to_owned(),
                "-timeout=5".to_owned(),
                "-rss_limit_mb=1024".to_owned(),
                format!("-artifact_prefix={}/{name}-", artifacts.display()),
            ]);
        let done = process::run(&format!("fuzz {name}"), &mut fuzzer)?;
        let summary = done
            .log
            .lines()
            .rfind(|line| line.starts_with("Done "))
            .unwrap_or("no summary");
        println!("fuzz {name}: {summary}");
        targets += 1;
    }
    ensure!(targets > 0, "no fuzz target");
    Ok(Outcome::count(targets))
}

/// The unsafe modules and the settings that they read, under both aliasing models, and a whole life of the MPU-401 driver in the
/// simulator under the stricter one. The long run has more of the driver's scenarios, both models for
/// all of them, and every module but the synthesizer's arithmetic: those measure sound, have no
/// unsafe code, and would take days.
fn miri(effort: Effort) -> Result<Outcome> {
    const MODULES: &[&str] = &[
        "com::",
        "ring::",
        "portcls::",
        "irql::",
        "mem::",
        "driver::settings::",
    ];
    const MORE_MODULES: &[&str] = &[
        "com::",
        "ring::",
        "portcls::",
        "irql::",
        "mem::",
        "driver::",
        "kernel::",
        "trace::",
        "time::",
        "mpu401::",
        "midi::",
        "dls::",
        "synth::simd::",
        "synth::bank::",
        "synth::bus::",
        "synth::channel::",
        "synth::groups::",
        "synth::pool::",
        "synth::queue::",
    ];
    const DRIVER: &str = "MPU-401";
    const SCENARIOS: &[&str] = &["whole_path::"];
    const MORE_SCENARIOS: &[&str] = &[
        "whole_path::",
        "properties::",
        "power::",
        "capture::raw_capture",
        "interleavings::put_message",
    ];
    let (modules, scenarios) = match effort {
        Effort::Short => (MODULES, SCENARIOS),
        Effort::Full => (MORE_MODULES, MORE_SCENARIOS),
    };
    let parts = [
        ("modules", &["--lib"][..], modules),
        (DRIVER, &["--test", "uart"], scenarios),
    ];
    let mut total = Outcome::default();
    for (model, flag) in [
        ("stacked borrows", ""),
        ("tree borrows", "-Zmiri-tree-borrows"),
    ] {
        for (part, target, filter) in parts {
            if effort == Effort::Short && part == DRIVER && !flag.is_empty() {
                continue;
            }
            let mut command = match tools::nightly("miri") {
                Ok(command) => command,
                Err(reason) => return Ok(Outcome::skip(reason)),
            };
            command
                .args(["miri", "test", "-p", "dmusmini"])
                .args(target);
            command.arg("--").args(filter);
            // The kernel's structures hold addresses as numbers; Miri need not say so each time.
            let flags = format!("-Zmiri-disable-isolation -Zmiri-permissive-provenance {flag}");
            command
                .env("MIRIFLAGS", flags)
                .env("CARGO_TARGET_DIR", workspace::target().join("miri"));
            let outcome = libtest::run(&format!("miri {part} {model}"), &mut command)?;
            total.passed += outcome.passed;
            total.failed += outcome.failed;
            total.skipped.extend(outcome.skipped);
        }
    }
    Ok(total)
}

fn dependencies(_: Effort) -> Result<Outcome> {
    let mut deny = match tools::cargo_deny() {
        Ok(deny) => deny,
        Err(error) => {
            return Ok(Outcome::skip(format!(
                "cargo-deny is not to be had: {error:#}"
            )));
        }
    };
    deny.args([
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    process::run("cargo deny", &mut deny)?;
    Ok(Outcome::count(3))
}

/// Known vulnerabilities; the list is fetched, so this one needs more network than a registry.
fn advisories(_: Effort) -> Result<Outcome> {
    let Ok(mut deny) = tools::cargo_deny() else {
        return Ok(Outcome::skip("cargo-deny is not to be had"));
    };
    deny.args([
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
        "advisories",
    ]);
    let done = process::capture("cargo deny advisories", &mut deny)?;
    if done.log.contains("failed to fetch advisory database") {
        return Ok(Outcome::skip("the advisory database cannot be fetched"));
    }
    done.expect_success("cargo deny advisories")
        .map(|_| Outcome::one())
}

/// Makes sure that the running toolchain has `name`.
fn component(name: &str) -> Result<()> {
    let subcommand = if name == "rustfmt" { "fmt" } else { name };
    let present = cargo(&[subcommand, "--version"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()?
        .success();
    if !present {
        println!("installing the Rust component {name}");
        process::run(
            "rustup component add",
            Command::new("rustup").args(["component", "add", name]),
        )?;
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in from
        .read_dir()
        .with_context(|| from.display().to_string())?
    {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}
