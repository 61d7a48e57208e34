//! `cargo xtask oracle`: writes down anew what sources outside this project say of the driver's structures and constants.

use anyhow::Result;
use clap::Args;

use crate::{
    install::{self, Need},
    process, workspace,
};

/// The command takes no arguments.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Makes `tests/oracle/facts.tsv`. Its program is no part of the workspace, so that nothing else waits for windows-bindgen.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    install::packages(&[Need {
        package: "g++-mingw-w64-x86-64",
        reason: "reads the PortCls headers",
        present: process::ask("x86_64-w64-mingw32-g++", &["--version"]).is_some(),
    }])?;
    let root = workspace::root();
    let mut command = process::cargo();
    command
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(root.join("host/oracle/Cargo.toml"))
        .env("CARGO_TARGET_DIR", workspace::target().join("oracle"))
        .current_dir(&root);
    let done = process::run("oracle", &mut command)?;
    say!("{}", done.log.trim_end());
    Ok(())
}
