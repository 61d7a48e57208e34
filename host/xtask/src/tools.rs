//! Checkers that are not part of Rust, kept in `target/tools` at pinned versions.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{install, process, workspace};

/// Prebuilt programs that PyPI carries as wheels: seconds to install, where a compilation takes
/// minutes.
const WHEELS: &[&str] = &["typos==1.52.0", "taplo==0.9.3"];

const CARGO_DENY: &str = "0.20.2";

/// The toolchain that has Miri.
const NIGHTLY: &str = "nightly-2026-10-30";

/// `typos` or `taplo`.
pub(crate) fn wheel(program: &str) -> Result<Command> {
    let environment = directory().join("venv");
    let path = environment.join("bin").join(program);
    // Written last: an installation that was interrupted, or is of other versions, is made again.
    let mark = environment.join("versions");
    if !fs::read_to_string(&mark).is_ok_and(|versions| versions == WHEELS.join(" ")) {
        say!(
            "installing {} (spelling and TOML format) into target/tools",
            WHEELS.join(" ")
        );
        install::packages(&[install::Need {
            package: "python3-venv",
            reason: "pip, for prebuilt typos and taplo",
            present: process::ask("python3", &["-c", "import venv, ensurepip"]).is_some(),
        }])?;
        process::run(
            "python3 -m venv",
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--no-deps"]).args(WHEELS);
        process::run("pip install", &mut pip)
            .with_context(|| format!("{} come from PyPI", WHEELS.join(" ")))?;
        fs::write(&mark, WHEELS.join(" ")).with_context(|| mark.display().to_string())?;
    }
    let mut command = Command::new(path);
    command.current_dir(workspace::root());
    Ok(command)
}

/// `cargo-deny`, from the reader's own installation if that has the version.
pub(crate) fn cargo_deny() -> Result<Command> {
    let has_version = |program: &str| {
        process::ask(program, &["--version"])
            .is_some_and(|version| version.ends_with(&format!(" {CARGO_DENY}")))
    };
    if has_version("cargo-deny") {
        let mut command = Command::new("cargo-deny");
        command.current_dir(workspace::root());
        return Ok(command);
    }
    let path = directory().join("bin/cargo-deny");
    if !has_version(&path.to_string_lossy()) {
        say!("compiling cargo-deny {CARGO_DENY} (licences and sources) into target/tools");
        let mut cargo = process::cargo();
        // Unoptimised: it runs for a second, and compiles in a third of the time.
        cargo.args([
            "install",
            "cargo-deny",
            "--locked",
            "--force",
            "--debug",
            "--version",
            CARGO_DENY,
        ]);
        cargo
            .arg("--root")
            .arg(directory())
            .arg("--target-dir")
            .arg(directory().join("build"));
        cargo.env_remove("CARGO_TARGET_DIR");
        process::run("cargo install cargo-deny", &mut cargo)?;
        let build = directory().join("build");
        fs::remove_dir_all(&build).with_context(|| build.display().to_string())?;
    }
    let mut command = Command::new(path);
    command.current_dir(workspace::root());
    Ok(command)
}

/// Cargo of the nightly toolchain with `component`, or why there is none. Where the pinned one is not
/// to be had, as without a network or from a mirror, another day's will do.
pub(crate) fn nightly(component: &str) -> Result<Command, String> {
    if process::ask("rustup", &["--version"]).is_none() {
        return Err("no rustup, so no nightly toolchain".into());
    }
    let has = |toolchain: &str| {
        let list = ["component", "list", "--toolchain", toolchain, "--installed"];
        process::ask("rustup", &list)
            .is_some_and(|list| list.lines().any(|line| line.starts_with(component)))
    };
    let toolchain = if has(NIGHTLY) {
        NIGHTLY
    } else if let Err(reason) = install_nightly(NIGHTLY, component) {
        say!("no {NIGHTLY}: {reason}");
        if !has("nightly") {
            install_nightly("nightly", component)
                .map_err(|reason| format!("no nightly toolchain: {reason}"))?;
        }
        say!("the nightly toolchain of another day has to do");
        "nightly"
    } else {
        NIGHTLY
    };
    let mut command = Command::new("rustup");
    command
        .args(["run", toolchain, "cargo"])
        .current_dir(workspace::root());
    // Cargo has set these for the stable toolchain that runs us.
    for name in [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "LD_LIBRARY_PATH",
    ] {
        command.env_remove(name);
    }
    Ok(command)
}

/// Installs a nightly, or says in a line why not.
fn install_nightly(toolchain: &str, component: &str) -> Result<(), String> {
    say!("installing {toolchain} with {component}");
    let mut rustup = Command::new("rustup");
    rustup.args(["toolchain", "install", toolchain, "--profile", "minimal"]);
    rustup.args(["--component", component, "--component", "rust-src"]);
    let done = process::capture("rustup toolchain install", &mut rustup)
        .map_err(|error| format!("{error:#}"))?;
    if done.status.success() {
        return Ok(());
    }
    let last = done.log.lines().rfind(|line| !line.trim().is_empty());
    Err(last.unwrap_or_default().trim().to_owned())
}

fn directory() -> PathBuf {
    workspace::target().join("tools")
}
