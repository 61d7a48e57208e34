//! `dmusmini-package`: checks the INF, makes the package. `cargo xtask inf` and `cargo xtask package`
//! build what it needs and call it.

// `say!` and `complain!`.
#[macro_use]
extern crate dmusmini_terminal;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use dmusmini_package::{
    assemble::{self, Inputs, assemble},
    inf::Inf,
    later::with_version,
    lint::{Package, lint},
    sign::Certificate,
    stamp::DriverVer,
};

/// Check the INF, or make the package for a Windows test machine.
#[derive(Debug, Parser)]
enum Command {
    /// Check an INF against the rules of a Windows driver and the driver's own constants
    Inf {
        /// The INF to check instead of the project's own
        file: Option<PathBuf>,
    },
    /// Sign, verify and list a package
    Make {
        /// The processor
        #[arg(long, value_enum)]
        arch: Architecture,
        /// The driver's version: four numbers
        #[arg(long)]
        driver_version: String,
    },
    /// Make a later release of the x64 package, to upgrade to: the image says the version too
    Later {
        /// The later version: four numbers
        #[arg(long)]
        driver_version: String,
        /// The folder to make it in
        #[arg(long)]
        output: PathBuf,
    },
}

/// The processors that there are packages for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Architecture {
    Amd64,
    Arm64,
}

fn main() -> ExitCode {
    let command: Command = match dmusmini_terminal::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Inf { file } => check(file),
        Command::Make {
            arch,
            driver_version,
        } => make(arch, &driver_version),
        Command::Later {
            driver_version,
            output,
        } => later(&driver_version, &output),
    }
}

/// Prints the findings; fails if there are any.
fn check(file: Option<PathBuf>) -> Result<()> {
    let path = file.unwrap_or_else(|| root().join("inf/dmusmini.inx"));
    let shown = shown(&path);
    let bytes = fs::read(&path).with_context(|| shown.clone())?;
    let inf = Inf::from_bytes(&bytes).with_context(|| shown.clone())?;
    let package = Package {
        files: &["dmusmini.sys"],
        today: time::OffsetDateTime::now_utc().date(),
    };
    let findings = lint(&inf, &package);
    for finding in &findings {
        say!("{shown}: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {shown}", findings.len());
    }
    say!("{shown}: {} sections, no findings", inf.sections.len());
    Ok(())
}

fn make(arch: Architecture, version: &str) -> Result<()> {
    let (name, architecture) = match arch {
        Architecture::Amd64 => ("amd64", assemble::Architecture::Amd64),
        Architecture::Arm64 => ("arm64", assemble::Architecture::Arm64),
    };
    let root = root();
    let image = root.join("target/sys").join(name).join("dmusmini.sys");
    let package = root.join("target/package").join(name);
    let extra = extra(&root, &image, arch)?;
    put_together(architecture, version, &image, &extra, &package)
}

/// The same image as a later release, and no more than what an upgrade takes.
fn later(version: &str, package: &Path) -> Result<()> {
    let root = root();
    let from = root.join("target/sys/amd64/dmusmini.sys");
    let image = fs::read(&from).with_context(|| shown(&from))?;
    let image = with_version(&image, driver_ver(version)?.version).with_context(|| shown(&from))?;
    let to = package.with_extension("sys");
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| shown(folder))?;
    }
    fs::write(&to, image).with_context(|| shown(&to))?;
    let amd64 = assemble::Architecture::Amd64;
    put_together(amd64, version, &to, &[], package)
}

fn put_together(
    architecture: assemble::Architecture,
    version: &str,
    image: &Path,
    extra: &[(PathBuf, String)],
    package: &Path,
) -> Result<()> {
    let root = root();
    let certificate = Certificate::in_directory(&root.join("target/certificate"))?;
    let source = root.join("inf/dmusmini.inx");
    let inf_source = fs::read_to_string(&source).with_context(|| shown(&source))?;
    let inputs = Inputs {
        architecture,
        inf_source: &inf_source,
        driver_ver: driver_ver(version)?,
        image,
        extra,
        certificate: &certificate,
    };
    let lines = assemble(&inputs, package)?;
    certificate.verify(&package.join("dmusmini.cat"), &package.join("dmusmini.sys"))?;
    say!("{} ({})", shown(package), inputs.driver_ver);
    for line in lines {
        say!("  {line}");
    }
    say!("  signatures verify against the test certificate; the catalog lists the image");
    Ok(())
}

/// Today, and the version that the image carries too.
fn driver_ver(version: &str) -> Result<DriverVer> {
    let mut numbers = [0; 4];
    for (number, digits) in numbers.iter_mut().zip(version.split('.')) {
        *number = digits
            .parse()
            .with_context(|| format!("version {version}"))?;
    }
    Ok(DriverVer {
        date: time::OffsetDateTime::now_utc().date(),
        version: numbers,
    })
}

/// What goes in as it is: symbols, instructions, scripts, and the test tool.
fn extra(root: &Path, image: &Path, arch: Architecture) -> Result<Vec<(PathBuf, String)>> {
    let mut extra = vec![
        (image.with_extension("pdb"), "dmusmini.pdb".to_owned()),
        (
            root.join("inf/README-INSTALL.md"),
            "README-INSTALL.md".to_owned(),
        ),
    ];
    // There is no dmusctl for arm64: its README says why.
    if matches!(arch, Architecture::Amd64) {
        let tool = root.join("target/dmusctl/dmusctl.exe");
        extra.push((tool, "dmusctl.exe".to_owned()));
        // A test machine has no song.
        let song = root.join("target/dmusctl/demo.mid");
        fs::write(&song, dmusmini_demo::song()).with_context(|| shown(&song))?;
        extra.push((song, "demo.mid".to_owned()));
    }
    let scripts = root.join("tests/windows");
    let entries = fs::read_dir(&scripts).with_context(|| shown(&scripts))?;
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name() {
            extra.push((path.clone(), format!("scripts/{}", name.to_string_lossy())));
        }
    }
    extra.sort();
    Ok(extra)
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// `path` as a reader at the root would write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
