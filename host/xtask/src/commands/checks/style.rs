//! What a reader of the sources would check: format, spelling, lints, links, dependencies.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{Effort, cargo};
use crate::{
    cross::{Architecture, Cross},
    process,
    suite::Outcome,
    tools,
    windows_gnu::WindowsGnu,
    workspace,
};

pub(super) fn format(_: Effort) -> Result<Outcome> {
    component("rustfmt")?;
    process::run("cargo fmt", &mut cargo(&["fmt", "--all", "--check"]))?;
    let apart = [
        "host/wdk-build/Cargo.toml",
        "host/bench/peers/Cargo.toml",
        "host/oracle/Cargo.toml",
        "fuzz/Cargo.toml",
    ];
    for manifest in apart {
        let mut command = cargo(&["fmt", "--check", "--manifest-path", manifest]);
        process::run("cargo fmt", &mut command)?;
    }
    Ok(Outcome::count(5))
}

pub(super) fn spelling(_: Effort) -> Result<Outcome> {
    process::run("typos", &mut tools::wheel("typos")?).map(|_| Outcome::one())
}

/// Names where to look: left alone, taplo walks all of `target` too, and out of it through the link
/// to `/` that every Wine prefix holds.
pub(super) fn toml(_: Effort) -> Result<Outcome> {
    let mut taplo = tools::wheel("taplo")?;
    taplo.args(["fmt", "--check"]);
    taplo.args(["*.toml", ".cargo/*.toml", "fuzz/*.toml", "host/**/*.toml"]);
    process::run("taplo", &mut taplo).map(|_| Outcome::one())
}

/// The workspace; then the pure modules alone, which shows that none of them names a kernel.
pub(super) fn clippy(_: Effort) -> Result<Outcome> {
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
pub(super) fn clippy_windows(_: Effort) -> Result<Outcome> {
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

pub(super) fn documentation(_: Effort) -> Result<Outcome> {
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

pub(super) fn dependencies(_: Effort) -> Result<Outcome> {
    // A lock file that lags behind its manifests is mended in silence by whoever builds, each in his own way.
    for manifest in [
        "Cargo.toml",
        "fuzz/Cargo.toml",
        "host/bench/peers/Cargo.toml",
        "host/oracle/Cargo.toml",
    ] {
        let mut metadata = cargo(&["metadata", "--locked", "--format-version=1"]);
        metadata.arg("--manifest-path").arg(manifest);
        process::capture("cargo metadata", &mut metadata)?
            .expect_success(&format!("the lock file of {manifest}"))?;
    }
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
    Ok(Outcome::count(6))
}

/// Known vulnerabilities; the list is fetched, so this one needs more network than a registry.
pub(super) fn advisories(_: Effort) -> Result<Outcome> {
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
        say!("installing the Rust component {name}");
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
