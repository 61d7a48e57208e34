//! `dmusctl`: see the library.

use std::process::ExitCode;

use clap::Parser as _;
use dmusctl::{arguments::Arguments, commands, error::exit_code, os, output::Output, stop::Stop};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output {
        json: arguments.json,
    };
    let stop = Stop::default();
    os::on_interrupt(&stop);
    match commands::run(
        &arguments.command,
        &os::system(arguments.no_wait),
        output,
        &stop,
    ) {
        Ok(report) => {
            output.print(&report);
            ExitCode::from(report.exit_code)
        }
        Err(error) => {
            output.print_error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}
