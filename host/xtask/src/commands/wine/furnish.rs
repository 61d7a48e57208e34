//! What a fresh prefix gets before anything runs in it.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{
    commands, cross::Architecture, process, programs, windows_gnu::WindowsGnu, wine::Prefix,
    workspace,
};

/// Puts programs, stand-ins, the package and a song into the prefix.
pub(super) fn furnish(windows: &WindowsGnu, prefix: &Prefix) -> Result<()> {
    let package = workspace::target().join("package/amd64");
    // Always: one that is there may be of other sources.
    commands::package::run(&commands::package::Arguments {
        arch: vec![Architecture::Amd64],
    })?;
    let mut build = windows.cargo("build", "dmusmini-wine");
    build.args(["--package", "dmusmini-wine-ksuser"]);
    // Symbols would be most of the files.
    build.env("CARGO_PROFILE_DEV_DEBUG", "none");
    process::run("stand-ins for Wine", &mut build)?;
    programs::build(&["dmus", "dmusmini-package"])?;
    let made = windows.output("debug");
    for (from, to) in [
        (
            made.join("portcls.dll"),
            "windows/system32/drivers/portcls.sys",
        ),
        (
            windows.wine_shim()?,
            "windows/system32/bcryptprimitives.dll",
        ),
        (
            made.join("wine-session.exe"),
            "dmusmini/bin/wine-session.exe",
        ),
        (made.join("wine-pnp.exe"), "dmusmini/bin/wine-pnp.exe"),
        (
            made.join("wine-stand-in.exe"),
            "dmusmini/bin/wine-stand-in.exe",
        ),
        (made.join("ksuser.dll"), "dmusmini/bin/ksuser.dll"),
        (package.join("dmusctl.exe"), "dmusmini/bin/dmusctl.exe"),
    ] {
        prefix.put(&from, to)?;
    }
    let song_of_package = package.join("demo.mid");
    let upgrade = workspace::target().join("wine/upgrade");
    let mut later = programs::command("dmusmini-package");
    later.args(["later", "--driver-version", LATER, "--output"]);
    process::run("later package", later.arg(&upgrade))?;
    for (from, to) in [(package, "package"), (upgrade, "upgrade")] {
        for name in ["dmusmini.sys", "dmusmini.cat"] {
            prefix.put(&from.join(name), &format!("dmusmini/{to}/{name}"))?;
        }
        let inf = from.join("dmusmini.inf");
        let text = fs::read_to_string(&inf).with_context(|| workspace::shown(&inf))?;
        fs::write(
            prefix.file(&format!("dmusmini/{to}/dmusmini.inf")),
            without_versions(&text)?,
        )?;
    }
    let mut song = programs::song();
    process::run("demo song", song.arg(prefix.file("dmusmini/song")))?;
    prefix.put(&song_of_package, "dmusmini/song/demo.mid")?;
    Ok(())
}

/// The shipped INF without the Windows versions in its models' decorations, which Wine 8 does not
/// know: the only thing that is changed of the package.
fn without_versions(inf: &str) -> Result<String> {
    ensure!(inf.matches(VERSIONS).count() == 4, "the INF's decorations");
    Ok(inf.replace(VERSIONS, ""))
}

/// The version that is upgraded to.
pub(super) const LATER: &str = "9.9.9.9";
const VERSIONS: &str = ".10.0...19041";
