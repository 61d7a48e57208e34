//! `cargo xtask package`: one folder that a tester takes to a Windows test machine.

use anyhow::Result;
use clap::Args;

use super::{dmusctl, sys};
use crate::{
    cross::Architecture,
    install::{self, Need},
    process, programs,
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
    install::packages(&[
        Need {
            package: "osslsigncode",
            reason: "signs the image and the catalog",
            present: process::ask("osslsigncode", &["--version"]).is_some(),
        },
        Need {
            package: "openssl",
            reason: "makes the test certificate",
            present: process::ask("openssl", &["version"]).is_some(),
        },
    ])?;
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
    if arch == Architecture::Amd64 {
        dmusctl::run(&dmusctl::Arguments {})?;
    }
    let version = sys::package_version()?
        .map(|number| number.to_string())
        .join(".");
    programs::build(&["dmusmini-package"])?;
    let mut command = programs::command("dmusmini-package");
    command.args(["make", "--arch", arch.name(), "--driver-version", &version]);
    let done = process::run(&format!("package {}", arch.name()), &mut command)?;
    say!("{}", done.log.trim_end());
    Ok(())
}
