//! `cargo xtask sys`: the real driver image, cross-built, checked, and put where tests look for it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    cross::{Architecture, Cross},
    image::{Image, rules, stack, symbols::Symbols},
    imports, process, workspace,
};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The processor to build for
    #[arg(long, value_enum, default_value = "amd64")]
    pub(crate) arch: Architecture,
    /// Build without optimisation and with debug assertions
    #[arg(long)]
    pub(crate) debug: bool,
    /// Also run the no-panic proof
    #[arg(long)]
    pub(crate) prove: bool,
}

/// Builds and checks; returns the number of rules that the image was checked against.
pub(crate) fn run(arguments: &Arguments) -> Result<usize> {
    let cross = Cross::prepare(arguments.arch)?;
    let profile = if arguments.debug { "dev" } else { "release" };
    let title = format!("dmusmini.sys for {}", arguments.arch.name());
    let mut cargo = cross.cargo("rustc");
    cargo.args(["--profile", profile, "--crate-type", "cdylib"]);
    let done = process::capture(&title, &mut cargo)?;
    explain_missing_import(&done.log);
    let done = done.expect_success(&title)?;
    for line in done.log.lines().filter(|line| is_warning(line)) {
        say!("{line}");
    }

    let built = cross.output(if arguments.debug { "debug" } else { "release" });
    let image = publish(&built, arguments)?;
    say!(
        "{} in {:.1} s",
        workspace::shown(&image),
        done.time.as_secs_f32()
    );
    let rules = check(&image, arguments)?;
    if arguments.prove {
        super::prove::run(&super::prove::Arguments {
            arch: arguments.arch,
        })?;
    }
    Ok(rules)
}

/// A warning about the driver. Where Debian's Rust compiles core and alloc, Cargo says that they have no
/// use for the stand-in.
fn is_warning(line: &str) -> bool {
    line.starts_with("warning") && !line.contains("was not used in the crate graph")
}

/// Where the image of an architecture and profile is put.
fn directory(arguments: &Arguments) -> PathBuf {
    let suffix = if arguments.debug { "-debug" } else { "" };
    workspace::target()
        .join("sys")
        .join(format!("{}{suffix}", arguments.arch.name()))
}

/// Copies image, symbols and map out of Cargo's directory, the image last and at once.
fn publish(built: &Path, arguments: &Arguments) -> Result<PathBuf> {
    let to = directory(arguments);
    fs::create_dir_all(&to).with_context(|| to.display().to_string())?;
    for extension in ["pdb", "map", "dll"] {
        let from = built.join("dmusmini").with_extension(extension);
        // Cargo runs the linker in `deps`, and only links what it knows to the profile's directory.
        let from = if from.exists() {
            from
        } else {
            built.join("deps/dmusmini").with_extension(extension)
        };
        let name = if extension == "dll" { "sys" } else { extension };
        let new = to.join("dmusmini.new");
        fs::copy(&from, &new).with_context(|| from.display().to_string())?;
        fs::rename(&new, to.join("dmusmini").with_extension(name))?;
    }
    Ok(to.join("dmusmini.sys"))
}

/// Judges the image and reports; an image that breaks a rule is an error. Returns the number of rules.
fn check(path: &Path, arguments: &Arguments) -> Result<usize> {
    let image = Image::read(path)?;
    let mut imports = imports::list()?;
    if arguments.debug || arguments.arch != Architecture::Amd64 {
        imports.used.clear();
    }
    let expected = rules::Expected {
        architecture: arguments.arch,
        allowed: imports.allowed,
        used: imports.used,
        version: package_version()?,
    };
    let verdicts = rules::judge(&image, &expected);
    for verdict in &verdicts {
        match &verdict.finding {
            Ok(found) => say!("  ok    {:<14} {found}", verdict.rule),
            Err(complaint) => say!("  WRONG {:<14} {complaint}", verdict.rule),
        }
    }
    say!("        {:<14} {} bytes", "size", image.bytes);
    let deepest = report_stack(path, arguments)?;
    let wrong: Vec<&str> = verdicts
        .iter()
        .filter(|verdict| verdict.finding.is_err())
        .map(|verdict| verdict.rule)
        .collect();
    if !wrong.is_empty() {
        bail!("the image is not a proper driver: {}", wrong.join(", "));
    }
    if deepest > stack::LIMIT && !arguments.debug {
        bail!(
            "a stack frame of {deepest} bytes; the limit is {}",
            stack::LIMIT
        );
    }
    Ok(verdicts.len())
}

/// Prints the deepest frames and returns the deepest one's size; unwind codes are x64's alone.
fn report_stack(image: &Path, arguments: &Arguments) -> Result<u32> {
    const SHOWN: usize = 3;
    if arguments.arch != Architecture::Amd64 {
        return Ok(0);
    }
    let symbols = Symbols::beside(image)?;
    let frames = stack::frames(image)?;
    for frame in frames.iter().take(SHOWN) {
        say!(
            "        {:<14} {} bytes in {}",
            "stack frame",
            frame.bytes,
            symbols.name(frame.address)
        );
    }
    Ok(frames.first().map_or(0, |frame| frame.bytes))
}

/// A name that is in no import library is the one link error worth an explanation.
fn explain_missing_import(log: &str) {
    let mut names: Vec<&str> = log
        .lines()
        .filter_map(|line| {
            line.split_once("undefined symbol: ")
                .map(|(_, name)| name.trim())
        })
        .map(|name| name.trim().trim_start_matches("__declspec(dllimport) "))
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        complain!(
            "{name} is not in host/xtask/imports/*.def; if the driver is to import it, add it"
        );
    }
}

/// The driver's version as four numbers.
pub(crate) fn package_version() -> Result<[u16; 4]> {
    let path = workspace::root().join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .context("Cargo.toml has no version")?;
    let mut parts = [0; 4];
    for (part, digits) in parts.iter_mut().zip(version.split('.')) {
        *part = digits
            .parse()
            .with_context(|| format!("version {version}"))?;
    }
    Ok(parts)
}
