//! The repository's commands: `cargo xtask COMMAND`.

// `say!` and `complain!`: `cargo xtask sys | head -1` must build all the same, and its exit code say how that ended.
#[macro_use]
extern crate dmusmini_terminal;

mod commands;
mod cross;
mod image;
mod imports;
mod install;
mod libtest;
mod process;
mod programs;
mod suite;
mod tools;
mod windows_gnu;
mod wine;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build dmusmini.sys and check the image
    Sys(commands::sys::Arguments),
    /// Show that no panic is left in the driver: with one, the proof does not link
    Prove(commands::prove::Arguments),
    /// Have the driver play the bundled song: target/demo/{demo.wav, uart.mid, demo.png}
    Demo(commands::demo::Arguments),
    /// Check the INF: rules of a Windows driver, and agreement with the driver
    Inf(commands::inf::Arguments),
    /// Build dmusctl.exe, the tool for a Windows test machine
    Dmusctl(commands::dmusctl::Arguments),
    /// Make the package for a Windows test machine: INF, image, catalog, signatures, scripts, zip
    Package(commands::package::Arguments),
    /// Write down anew what Microsoft's metadata and mingw's headers say: tests/oracle/facts.tsv
    Oracle(commands::oracle::Arguments),
    /// Run every check: what continuous integration runs
    #[command(after_help = commands::checks::listed(commands::checks::SUITES))]
    Test(commands::checks::Selection),
    /// Measure the synth beside its peers and write docs/benchmarks.md
    Bench(commands::bench::Arguments),
    /// Run in full what `test` runs a fiftieth of: hours
    #[command(after_help = commands::checks::listed(commands::checks::LONG_SUITES))]
    Soak(commands::checks::Selection),
}

fn main() -> ExitCode {
    let arguments: Arguments = match dmusmini_terminal::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let result = match arguments.command {
        Command::Sys(arguments) => commands::sys::run(&arguments).map(drop),
        Command::Prove(arguments) => commands::prove::run(&arguments),
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Inf(arguments) => commands::inf::run(&arguments),
        Command::Dmusctl(arguments) => commands::dmusctl::run(&arguments).map(drop),
        Command::Package(arguments) => commands::package::run(&arguments),
        Command::Oracle(arguments) => commands::oracle::run(&arguments),
        Command::Test(selection) => commands::test::run(&selection),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Soak(selection) => commands::soak::run(&selection),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
