//! Stands in, under Wine, for a program that Wine has not: `pwrtest`, `verifier`, `pnputil`,
//! and for `dmusctl` where a script is to see it fail. It does nothing but note how it was
//! called and end as the test wants.
//!
//! It is called by the name that its file has. `STAND_IN` says how to end: `NAME:CODE` or
//! `NAME.FIRSTARGUMENT:CODE`, several with `/` between them; what is no number is printed, with blanks for `_`, and takes
//! the place of the version where that is asked for.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write as _},
    process::ExitCode,
};

fn main() -> ExitCode {
    let program = env::current_exe().unwrap_or_default();
    let name = program.file_stem().unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Err(error) = note(&format!("{name} {}", arguments.join(" "))) {
        eprintln!("{CALLS}: {error}");
        return ExitCode::from(99);
    }
    let first = arguments.first().map_or("", String::as_str);
    let first = first.trim_start_matches(['/', '-']);
    let wishes = env::var("STAND_IN").unwrap_or_default();
    let wishes: Vec<_> = wishes
        .split('/')
        .filter_map(|it| it.split_once(':'))
        .filter(|(whom, _)| *whom == name || *whom == format!("{name}.{first}"))
        .map(|(_, how)| how)
        .collect();
    if first == "version" {
        let version = wishes.first().unwrap_or(&"1.2.3");
        println!("{name} {}", version.replace('_', " "));
        return ExitCode::SUCCESS;
    }
    println!("version 1.2.3.0");
    for how in wishes {
        match how.parse::<i32>() {
            // Windows' codes have more bits than ExitCode.
            Ok(code) => std::process::exit(code),
            Err(_) => println!("({})", how.replace('_', " ")),
        }
    }
    ExitCode::SUCCESS
}

fn note(line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(CALLS)?;
    writeln!(file, "{line}")
}

/// Where calls are noted.
const CALLS: &str = r"C:\dmusmini\calls.txt";
