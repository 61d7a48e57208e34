//! `dmusctl`: see the library.

use std::process::ExitCode;

use clap::Parser as _;
use dmusctl::{
    Failure, arguments::Arguments, commands, error::exit_code, os, output::Output, stop::Stop,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
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

/// A command line that is not understood, and the texts that only a command line asks for.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_json = std::env::args_os().any(|word| word == "--json");
    if error.use_stderr() && is_json {
        let text = error.render().to_string();
        let text = text.trim_end().trim_start_matches("error: ").to_owned();
        Output { json: true }.print_error(&Failure::Precondition(text).into());
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    dmusmini_terminal::refuse(error)
}
