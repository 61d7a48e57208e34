//! Tests that look for what nobody thought of: interleavings, inputs, aliasing.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};

use super::{Effort, cargo};
use crate::{
    install::{self, Need},
    libtest, process,
    suite::Outcome,
    tools, workspace,
};

/// Every interleaving, up to a bound on preemptions that the short run sets lower.
pub(super) fn loom(effort: Effort) -> Result<Outcome> {
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
pub(super) fn fuzz(effort: Effort) -> Result<Outcome> {
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
        say!("fuzz {name}: {summary}");
        targets += 1;
    }
    ensure!(targets > 0, "no fuzz target");
    Ok(Outcome::count(targets))
}

/// The unsafe modules and the settings that they read, under both aliasing models, and a whole life of the MPU-401 driver in the
/// simulator under the stricter one. The long run has more of the driver's scenarios, both models for
/// all of them, and every module but the synthesizer's arithmetic: those measure sound, have no
/// unsafe code, and would take days.
pub(super) fn miri(effort: Effort) -> Result<Outcome> {
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
            let output = workspace::target().join("miri");
            command
                .env("MIRIFLAGS", flags)
                // Miri's standard library, which another toolchain would replace under us in the
                // cache that all share.
                .env("XDG_CACHE_HOME", output.join("cache"))
                .env("CARGO_TARGET_DIR", output);
            let outcome = libtest::run(&format!("miri {part} {model}"), &mut command)?;
            total.passed += outcome.passed;
            total.failed += outcome.failed;
            total.skipped.extend(outcome.skipped);
        }
    }
    Ok(total)
}
