//! The commands of `dmusctl` on this machine: `dmusmini.sys` in the simulated kernel, both devices, a
//! cable from the MPU-401's output to its input. What another kernel gives is compared with it.
//!
//! ```sh
//! cargo run -p dmusctl --example simulated -- render SONG.mid -o OUT.wav
//! ```
//!
//! With `DMUSMINI_WIRE=FILE`, the bytes that the MPU-401 put on its wire go to that file.

#[path = "../tests/simulated/mod.rs"]
mod simulated;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser as _;
use dmusctl::{arguments::Arguments, commands, error::exit_code, output::Output, stop::Stop};
use dmusmini_simulator::{
    chip::{Cable, Config},
    session::{Binary, Hardware, Session},
};
use simulated::Simulated;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output {
        json: arguments.json,
    };
    match run(&arguments, output) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output.print_error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(arguments: &Arguments, output: Output) -> Result<u8> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let session = Session::boot(&Binary::built_in(&workspace))?;
    let cable = Config {
        cable: Cable::Loopback,
        ..Config::default()
    };
    let synth = session.install(&Hardware::synth())?;
    let uart = session.install(&Hardware::uart(cable))?;
    let report = {
        let system = Simulated {
            machine: session.machine(),
            devices: vec![synth, uart.clone()],
        };
        commands::run(&arguments.command, &system, output, &Stop::default())?
    };
    if let Some(file) = std::env::var_os("DMUSMINI_WIRE") {
        let bytes: Vec<u8> = uart.take_sent().iter().map(|flown| flown.byte).collect();
        std::fs::write(&file, bytes).with_context(|| Path::new(&file).display().to_string())?;
    }
    drop(uart);
    output.print(&report);
    let end = session.shut_down();
    ensure!(end.is_clean(), "{end}");
    Ok(report.exit_code)
}
