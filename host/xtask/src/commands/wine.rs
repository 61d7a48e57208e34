//! The Wine suite: the shipped image and package on a second, independent kernel interface.

mod scripts;

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{
    process,
    suite::Outcome,
    windows_gnu::WindowsGnu,
    wine::{Prefix, Step},
    workspace,
};

/// What the suite found.
#[derive(Debug, Default)]
struct Checks {
    passed: u64,
}

impl Checks {
    fn that(&mut self, holds: bool, what: &str) -> Result<()> {
        ensure!(holds, "{what}");
        println!("  ok    {what}");
        self.passed += 1;
        Ok(())
    }
}

/// Runs everything; skipped only where Wine cannot be had.
pub(crate) fn run() -> Result<Outcome> {
    let windows = WindowsGnu::prepare()?;
    let prefix = match Prefix::fresh() {
        Ok(prefix) => prefix,
        Err(error) => return Ok(Outcome::skip(format!("no Wine: {error:#}"))),
    };
    furnish(&windows, &prefix)?;
    let mut checks = Checks::default();
    load(&prefix, &mut checks)?;
    scripts::run(&prefix, &mut checks)?;
    Ok(Outcome::count(checks.passed))
}

/// Puts programs, stand-ins and the package into the prefix.
fn furnish(windows: &WindowsGnu, prefix: &Prefix) -> Result<()> {
    for package in ["dmusmini-wine", "dmusmini-wine-ksuser"] {
        let mut build = windows.cargo("build", package);
        // Symbols would be most of the file.
        build.env("CARGO_PROFILE_DEV_DEBUG", "none");
        process::run(package, &mut build)?;
    }
    let made = windows.output("debug");
    let shim = windows.wine_shim()?;
    prefix.put(
        &made.join("portcls.dll"),
        "windows/system32/drivers/portcls.sys",
    )?;
    prefix.put(&shim, "windows/system32/bcryptprimitives.dll")?;
    prefix.put(
        &made.join("wine-session.exe"),
        "dmusmini/bin/wine-session.exe",
    )?;
    prefix.put(&made.join("ksuser.dll"), "dmusmini/bin/ksuser.dll")?;
    let package = workspace::target().join("package/amd64");
    for name in ["dmusmini.sys", "dmusmini.cat"] {
        prefix.put(&package.join(name), &format!("dmusmini/package/{name}"))?;
    }
    let inf = package.join("dmusmini.inf");
    let text = fs::read_to_string(&inf).with_context(|| workspace::shown(&inf))?;
    fs::write(
        prefix.file("dmusmini/package/dmusmini.inf"),
        without_versions(&text)?,
    )?;
    Ok(())
}

/// The shipped INF without the Windows versions in its models' decorations, which Wine 8 does not
/// know: the only thing that is changed of the package.
fn without_versions(inf: &str) -> Result<String> {
    ensure!(inf.matches(VERSIONS).count() == 4, "the INF's decorations");
    Ok(inf.replace(VERSIONS, ""))
}

/// The driver as a bare service: Wine's loader, `DriverEntry`, `DriverUnload`.
fn load(prefix: &Prefix, checks: &mut Checks) -> Result<()> {
    let steps = [
        Step::new(
            "create",
            20,
            &[
                "sc",
                "create",
                "dmusmini",
                "type=",
                "kernel",
                "binPath=",
                r"C:\dmusmini\package\dmusmini.sys",
            ],
        ),
        Step::new("start", 20, &["sc", "start", "dmusmini"]),
        Step::new("stop", 20, &["sc", "stop", "dmusmini"]),
        Step::new("delete", 20, &["sc", "delete", "dmusmini"]),
    ];
    prefix.session("load", &steps)?;
    let log = take_log(prefix)?;
    checks.that(
        log.contains("dmusmini.sys is loaded: "),
        "Wine loads the shipped image",
    )?;
    checks.that(
        !log.contains("the simulated kernel has no "),
        "every import of the image is bound",
    )?;
    checks.that(
        log.contains("DriverEntry: PcInitializeAdapterDriver"),
        "DriverEntry runs",
    )?;
    checks.that(
        log.contains("DriverUnload: no leak, no lock, PASSIVE"),
        "DriverUnload leaves nothing",
    )
}

/// What the stand-in wrote since the last call.
fn take_log(prefix: &Prefix) -> Result<String> {
    let path = prefix.file("dmusmini/portcls.log");
    let log = read(&path)?;
    fs::remove_file(&path)?;
    Ok(log)
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

const VERSIONS: &str = ".10.0...19041";
