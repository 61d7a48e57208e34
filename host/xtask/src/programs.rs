//! The workspace's own programs for this machine, built as its tests build them.
//!
//! Cargo chooses the features of dependencies by all that it builds at once. A program that is built by
//! itself has other ones than in `cargo test --workspace`, and what depends on them, the simulator and the
//! driver's tests among it, would be compiled a second time.

use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// Built for its own sake, and because Cargo counts what tests depend on only where it builds examples or tests.
const SONG: &str = "write";

/// Builds programs, and the example that writes the demo song.
pub(crate) fn build(names: &[&str]) -> Result<()> {
    let mut cargo = process::cargo();
    cargo
        .args(["build", "--workspace", "--example", SONG])
        .env("CARGO_TARGET_DIR", workspace::target());
    for name in names {
        cargo.args(["--bin", name]);
    }
    process::run(&names.join(" and "), &mut cargo).map(drop)
}

/// A program that was built.
pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(workspace::target().join("debug").join(name));
    command.current_dir(workspace::root());
    command
}

/// The example that writes the demo song, where it was built.
pub(crate) fn song() -> Command {
    command(&format!("examples/{SONG}"))
}
