//! Stands in, under Wine, for a program that Wine has not: `pwrtest`, `verifier`, `pnputil`,
//! and for `dmusctl` where a script is to see it fail. It does nothing but note how it was
//! called and end as the test wants.
//!
//! It is called by the name that its file has. `STAND_IN` says how to end: `NAME:CODE` or
//! `NAME.FIRSTARGUMENT:CODE`, several with `/` between them; what is no number is printed, with blanks for `_`.

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
    if arguments.first().is_some_and(|word| word == "--version") {
        println!("{name} 1.2.3");
    } else {
        println!("version 1.2.3.0");
    }
    let first = arguments.first().map_or("", String::as_str);
    let first = first.trim_start_matches(['/', '-']);
    let wish = env::var("STAND_IN").unwrap_or_default();
    let wish = wish.split('/').filter_map(|it| it.split_once(':'));
    for (whom, how) in wish {
        if whom == name || whom == format!("{name}.{first}") {
            match how.parse::<i32>() {
                // Windows' codes have more bits than ExitCode.
                Ok(code) => std::process::exit(code),
                Err(_) => println!("({})", how.replace('_', " ")),
            }
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
