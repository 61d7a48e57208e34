//! `cargo xtask dmusctl`: the tool for a Windows test machine, built on this one.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use object::pe;

use super::sys;
use crate::{
    image::Image,
    process,
    windows_gnu::{WindowsGnu, machine_folders},
    workspace,
};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Builds `target/dmusctl/dmusctl.exe`, and beside it, for Wine, what it needs there; returns the program.
pub(crate) fn run(_: &Arguments) -> Result<PathBuf> {
    let windows = WindowsGnu::prepare()?;
    let mut cargo = windows.cargo("build", "dmusctl");
    cargo.args(["--release", "--bin", "dmusctl"]);
    // Nobody debugs it on the test machine, and symbols would be most of it. It waits for devices
    // most of its time: what takes a minute to optimise is not worth it.
    cargo
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    let done = process::run("dmusctl.exe", &mut cargo)?;
    let shim = windows.wine_shim()?;
    let to = workspace::target().join("dmusctl");
    std::fs::create_dir_all(to.join("wine")).with_context(|| to.display().to_string())?;
    let copy = |from: PathBuf, name: &str| -> Result<PathBuf> {
        let to = to.join(name);
        std::fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        Ok(to)
    };
    copy(shim, "wine/bcryptprimitives.dll")?;
    let program = copy(windows.output("release").join("dmusctl.exe"), "dmusctl.exe")?;
    say!(
        "{} in {:.1} s",
        workspace::shown(&program),
        done.time.as_secs_f32()
    );
    check(&program)?;
    Ok(program)
}

/// What Windows 10 and later have, all that the program may ask for.
const SYSTEM: [&str; 12] = [
    "advapi32.dll",
    "api-ms-win-core-synch-l1-2-0.dll",
    "bcryptprimitives.dll",
    "cfgmgr32.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "newdev.dll",
    "ntdll.dll",
    "powrprof.dll",
    "setupapi.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// It runs where nothing is installed, and carries the driver's version.
fn check(program: &Path) -> Result<()> {
    let image = Image::read(program)?;
    ensure!(
        image.machine == pe::IMAGE_FILE_MACHINE_AMD64.0,
        "machine {:#06x}",
        image.machine
    );
    ensure!(
        image.subsystem == pe::IMAGE_SUBSYSTEM_WINDOWS_CUI.0,
        "subsystem {}",
        image.subsystem
    );
    let bytes = std::fs::read(program).with_context(|| workspace::shown(program))?;
    for folder in machine_folders() {
        let text = folder.display().to_string();
        ensure!(
            !bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes()),
            "it says where it was built: {text}"
        );
    }
    let strangers: BTreeSet<_> = image
        .imports
        .iter()
        .map(|import| import.module.as_str())
        .filter(|module| !SYSTEM.contains(module))
        .collect();
    ensure!(strangers.is_empty(), "needs {strangers:?}");
    let version = sys::package_version()?;
    ensure!(
        image.version == Some(version),
        "the version resource says {:?} and the package {version:?}",
        image.version
    );
    say!(
        "  ok    version {}, system libraries only, {} bytes",
        version.map(|part| part.to_string()).join("."),
        image.bytes
    );
    Ok(())
}
