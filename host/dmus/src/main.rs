//! The `dmus` command: see [`dmus`].

use std::process::ExitCode;

fn main() -> ExitCode {
    dmus::run()
}
