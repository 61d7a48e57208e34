//! `cargo xtask inf`: the INF against the rules of a Windows driver and the driver's own constants.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use dmusmini_package::{
    OPTIONAL_SECTIONS,
    inf::Inf,
    lint::{Package, lint},
};

use crate::workspace;

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The INF to check instead of the project's own
    pub(crate) file: Option<PathBuf>,
}

/// Prints the findings; fails if there are any.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let own = workspace::root().join("inf/dmusmini.inx");
    let path = arguments.file.as_ref().unwrap_or(&own);
    let shown = workspace::shown(path);
    let bytes = fs::read(path).with_context(|| shown.clone())?;
    let inf = Inf::from_bytes(&bytes).with_context(|| shown.clone())?;
    let package = Package {
        files: &["dmusmini.sys"],
        today: time::OffsetDateTime::now_utc().date(),
        optional_sections: OPTIONAL_SECTIONS,
    };
    let findings = lint(&inf, &package);
    for finding in &findings {
        println!("{shown}: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {shown}", findings.len());
    }
    println!("{shown}: {} sections, no findings", inf.sections.len());
    Ok(())
}
