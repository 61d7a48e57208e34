//! User-mode programs and libraries for Windows: one recipe for `dmusctl.exe` and for what Wine needs.
//!
//! The target is `x86_64-pc-windows-gnu` as rustup installs it, linked by Debian's mingw-w64. What it
//! makes runs on Windows 10 and later as it is. Wine before version 9 lacks `bcryptprimitives.dll`,
//! where Rust's standard library takes its random numbers: [`WindowsGnu::wine_shim`] makes one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    install::{self, Need},
    process, workspace,
};

const TARGET: &str = "x86_64-pc-windows-gnu";
const LINKER: &str = "x86_64-w64-mingw32-gcc";

/// A machine that can build for Windows' user mode.
#[derive(Debug)]
pub(crate) struct WindowsGnu(());

impl WindowsGnu {
    /// Installs what is missing.
    pub(crate) fn prepare() -> Result<Self> {
        install::packages(&[Need {
            package: "gcc-mingw-w64-x86-64-win32",
            reason: "links programs for Windows",
            present: process::ask(LINKER, &["--version"]).is_some(),
        }])?;
        if !install::rust_target(TARGET) {
            bail!(
                "Rust for {TARGET} is needed, and only rustup has it: rustup target add {TARGET}"
            );
        }
        Ok(Self(()))
    }

    /// Cargo, about to do `verb` for `package` and this target.
    #[expect(clippy::unused_self, reason = "shows that the machine is prepared")]
    pub(crate) fn cargo(&self, verb: &str, package: &str) -> Command {
        let mut command = process::cargo();
        command
            .args([verb, "--package", package, "--target", TARGET])
            .env("CARGO_TARGET_DIR", directory())
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", LINKER)
            .env(
                "CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS",
                flags().join(" "),
            )
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }

    /// Where Cargo leaves what it makes in `profile` (`debug`, `release`).
    #[expect(clippy::unused_self, reason = "shows that the machine is prepared")]
    pub(crate) fn output(&self, profile: &str) -> PathBuf {
        directory().join(TARGET).join(profile)
    }

    /// Makes `bcryptprimitives.dll` for Wine; its place is beside the program that runs there, and in
    /// no package.
    #[expect(clippy::unused_self, reason = "shows that the machine is prepared")]
    pub(crate) fn wine_shim(&self) -> Result<PathBuf> {
        let source = workspace::root().join("host/xtask/shims/bcryptprimitives.rs");
        let library = directory().join("wine/bcryptprimitives.dll");
        if is_newer(&library, &source) {
            return Ok(library);
        }
        let parent = directory().join("wine");
        fs::create_dir_all(&parent).with_context(|| parent.display().to_string())?;
        let mut rustc = Command::new("rustc");
        rustc
            .args(["--edition", "2024", "--target", TARGET])
            .args(["--crate-type", "cdylib", "-Copt-level=3", "-Cpanic=abort"])
            .arg(format!("-Clinker={LINKER}"))
            .arg("-o")
            .arg(&library)
            .arg(&source);
        process::run("bcryptprimitives.dll for Wine", &mut rustc)?;
        Ok(library)
    }
}

/// Everything for Windows' user mode is built here, apart from the host's own.
fn directory() -> PathBuf {
    workspace::target().join("windows")
}

/// No path of this machine in what is shipped.
fn flags() -> Vec<String> {
    let names = ["dmusmini", "rust", "cargo"];
    let remaps = machine_folders()
        .into_iter()
        .zip(names)
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    // The runtime of threads and unwinding goes in: nothing has to be beside the program.
    ["-Ctarget-feature=+crt-static".to_owned()]
        .into_iter()
        .chain(remaps)
        .collect()
}

/// Where this machine has the sources of what is shipped: ours, Rust's library, the registry.
pub(crate) fn machine_folders() -> Vec<PathBuf> {
    let sysroot = process::ask("rustc", &["--print", "sysroot"]).unwrap_or_default();
    let registry = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    [workspace::root(), PathBuf::from(sysroot)]
        .into_iter()
        .chain(registry)
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect()
}

fn is_newer(made: &Path, source: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    matches!((time(made), time(source)), (Some(made), Some(source)) if made > source)
}
