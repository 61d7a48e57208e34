//! `cargo xtask package`: one folder that a tester takes to a Windows test machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use dmusmini_package::{
    assemble::{self, Inputs, assemble},
    sign::Certificate,
    stamp::DriverVer,
};

use super::sys;
use crate::{
    cross::Architecture,
    install::{self, Need},
    process, workspace,
};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The processors to make packages for; both by default
    #[arg(long, value_enum)]
    pub(crate) arch: Vec<Architecture>,
}

/// Builds, signs, verifies and lists the packages.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    install::packages(&[Need {
        package: "osslsigncode",
        reason: "signs the image and the catalog",
        present: process::ask("osslsigncode", &["--version"]).is_some(),
    }])?;
    let both = [Architecture::Amd64, Architecture::Arm64];
    let architectures = if arguments.arch.is_empty() {
        &both[..]
    } else {
        &arguments.arch
    };
    for &arch in architectures {
        make(arch)?;
    }
    Ok(())
}

fn make(arch: Architecture) -> Result<()> {
    sys::run(&sys::Arguments {
        arch,
        debug: false,
        prove: false,
    })?;
    let root = workspace::root();
    let target = workspace::target();
    let image = target.join("sys").join(arch.name()).join("dmusmini.sys");
    let certificate = Certificate::in_directory(&target.join("certificate"))?;
    let source = root.join("inf/dmusmini.inx");
    let inf_source = fs::read_to_string(&source).with_context(|| workspace::shown(&source))?;
    let inputs = Inputs {
        architecture: match arch {
            Architecture::Amd64 => assemble::Architecture::Amd64,
            Architecture::Arm64 => assemble::Architecture::Arm64,
        },
        inf_source: &inf_source,
        driver_ver: driver_ver()?,
        image: &image,
        extra: &extra(&root, &image)?,
        certificate: &certificate,
    };
    let package = target.join("package").join(arch.name());
    let lines = assemble(&inputs, &package)?;
    certificate.verify(&package.join("dmusmini.cat"), &package.join("dmusmini.sys"))?;
    println!("{} ({})", workspace::shown(&package), inputs.driver_ver);
    for line in lines {
        println!("  {line}");
    }
    println!("  signatures verify against the test certificate; the catalog lists the image");
    Ok(())
}

/// Today, and the version that the image carries too.
fn driver_ver() -> Result<DriverVer> {
    let [major, minor, patch, build] = sys::package_version()?;
    let date = time::OffsetDateTime::now_utc().date();
    Ok(DriverVer {
        date,
        version: [major, minor, patch, build],
    })
}

/// What goes in as it is: symbols, instructions, scripts, and the test tool where it was built.
fn extra(root: &Path, image: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut extra = vec![
        (image.with_extension("pdb"), "dmusmini.pdb".to_owned()),
        (
            root.join("inf/README-INSTALL.md"),
            "README-INSTALL.md".to_owned(),
        ),
    ];
    let scripts = root.join("tests/windows");
    let entries = fs::read_dir(&scripts).with_context(|| workspace::shown(&scripts))?;
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name() {
            extra.push((path.clone(), format!("scripts/{}", name.to_string_lossy())));
        }
    }
    extra.sort();
    Ok(extra)
}
