//! Checkers that are not part of Rust, kept in `target/tools` at pinned versions.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{install, process, workspace};

/// Prebuilt programs that PyPI carries as wheels: seconds to install, where a compilation takes
/// minutes.
const WHEELS: &[&str] = &["typos==1.52.0", "taplo==0.9.3"];

const CARGO_DENY: &str = "0.20.2";

/// `typos` or `taplo`.
pub(crate) fn wheel(program: &str) -> Result<Command> {
    let environment = directory().join("venv");
    let path = environment.join("bin").join(program);
    if !path.exists() {
        println!(
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
        process::run("pip install", &mut pip)?;
    }
    let mut command = Command::new(path);
    command.current_dir(workspace::root());
    Ok(command)
}

/// `cargo-deny`, from the reader's own installation if there is one.
pub(crate) fn cargo_deny() -> Result<Command> {
    if process::ask("cargo-deny", &["--version"]).is_some() {
        let mut command = Command::new("cargo-deny");
        command.current_dir(workspace::root());
        return Ok(command);
    }
    let path = directory().join("bin/cargo-deny");
    if !path.exists() {
        println!("compiling cargo-deny {CARGO_DENY} (licences and sources) into target/tools");
        let mut cargo = process::cargo();
        // Unoptimised: it runs for a second, and compiles in a third of the time.
        cargo.args([
            "install",
            "cargo-deny",
            "--locked",
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
        std::fs::remove_dir_all(&build).with_context(|| build.display().to_string())?;
    }
    let mut command = Command::new(path);
    command.current_dir(workspace::root());
    Ok(command)
}

/// Cargo of the nightly toolchain with `component`, or why there is none.
pub(crate) fn nightly(component: &str) -> Result<Command, String> {
    if process::ask("rustup", &["--version"]).is_none() {
        return Err("no rustup, so no nightly toolchain".into());
    }
    let has = || {
        process::ask(
            "rustup",
            &["component", "list", "--toolchain", "nightly", "--installed"],
        )
        .is_some_and(|list| list.lines().any(|line| line.starts_with(component)))
    };
    if !has() {
        println!("installing the nightly toolchain with {component}");
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        rustup.args(["--component", component, "--component", "rust-src"]);
        match process::capture("rustup toolchain install nightly", &mut rustup) {
            Ok(done) if done.status.success() && has() => {}
            Ok(done) => {
                let last = done
                    .log
                    .lines()
                    .rfind(|line| !line.is_empty())
                    .unwrap_or_default();
                return Err(format!("rustup cannot install nightly: {}", last.trim()));
            }
            Err(error) => return Err(format!("{error:#}")),
        }
    }
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo"])
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

fn directory() -> PathBuf {
    workspace::target().join("tools")
}
