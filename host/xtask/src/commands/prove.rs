//! `cargo xtask prove`: the linker's proof that the driver cannot panic.
//!
//! Built with `--cfg dmusmini_prove`, the driver's panic handler calls a function that exists
//! nowhere. If the optimiser finds any panic reachable, the handler is kept and the link fails;
//! if it links, there is none. On failure the same image is linked with the function left open, and
//! searched for the places that can still panic.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    cross::{Architecture, Cross},
    image::panics,
    process,
};

/// Arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The processor to prove it for
    #[arg(long, value_enum, default_value = "amd64")]
    pub(crate) arch: Architecture,
}

/// The function that exists nowhere; `src/entry.rs` declares it.
const OPEN: &str = "dmusmini_can_still_panic";

/// Proves, or says where a panic is left.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let cross = Cross::prepare(arguments.arch)?;
    match attempt(&cross, &[])? {
        Proof::Holds => say!("no panic is reachable in the driver"),
        Proof::Fails(locations) => {
            for location in &locations {
                say!("  can panic: {location}");
            }
            bail!("the driver can still panic: {} places", locations.len())
        }
    }
    // A proof that cannot fail proves nothing: a planted panic has to be found, by file and line.
    match attempt(&cross, &["--cfg", "dmusmini_planted_panic"])? {
        Proof::Fails(found) if found.iter().any(|place| place.starts_with("src/entry.rs:")) => {
            say!(
                "a planted panic is found: {}",
                found.into_iter().collect::<Vec<_>>().join(" ")
            );
            Ok(())
        }
        Proof::Fails(found) => bail!("a planted panic is reported elsewhere: {found:?}"),
        Proof::Holds => bail!("the proof is broken: it does not see a planted panic"),
    }
}

/// What the linker said.
#[derive(Debug)]
enum Proof {
    /// No panic is reachable.
    Holds,
    /// These can happen.
    Fails(BTreeSet<String>),
}

fn attempt(cross: &Cross, flags: &[&str]) -> Result<Proof> {
    let done = process::capture("no-panic proof", &mut command(cross, flags))?;
    if done.status.success() {
        return Ok(Proof::Holds);
    }
    if !done.log.contains(OPEN) {
        done.expect_success("no-panic proof")?;
    }
    let mut forced = command(cross, flags);
    forced.arg("-Clink-arg=/FORCE:UNRESOLVED");
    process::run("where it can panic", &mut forced)?;
    panics::locations(&cross.output("release").join("dmusmini.dll")).map(Proof::Fails)
}

fn command(cross: &Cross, flags: &[&str]) -> std::process::Command {
    let mut command = cross.cargo("rustc");
    command.args([
        "--release",
        "--crate-type",
        "cdylib",
        "--",
        "--cfg",
        "dmusmini_prove",
    ]);
    command.args(flags);
    command
}
