//! Writes `tests/oracle/facts.tsv`: what Microsoft's metadata and mingw-w64's PortCls headers say of the structures, constants, GUIDs
//! and functions that the driver and its clients use. `cargo xtask oracle` runs it, from the root of the workspace.
//!
//! The table has facts alone: names, sizes, offsets, values. What is made on the way to it (windows-bindgen's file, two probes)
//! stays in the folder for compiled programs.

mod headers;
mod metadata;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A line of the table: kind, name, member, value.
type Fact = [String; 4];

fn main() -> Result<()> {
    let folder = Path::new("target/oracle/made");
    std::fs::create_dir_all(folder)?;
    let mut lines = BTreeSet::new();
    let sources = [
        (metadata::ORIGIN, "metadata", metadata::facts(folder)?),
        (&*headers::origin()?, "mingw", headers::facts(folder)?),
    ];
    let mut text = String::from(HEAD);
    for (origin, name, facts) in &sources {
        text.push_str(&format!("# {name}: {origin}\n"));
        for [kind, fact, member, value] in facts {
            lines.insert(format!("{kind}\t{fact}\t{member}\t{value}\t{name}\n"));
        }
    }
    text.push_str(COLUMNS);
    text.extend(lines.iter().map(String::as_str));
    let table = "tests/oracle/facts.tsv";
    std::fs::write(table, text).context(table)?;
    let counts: Vec<String> = sources
        .iter()
        .map(|(_, name, facts)| format!("{} from {name}", facts.len()))
        .collect();
    println!("{table}: {}", counts.join(", "));
    Ok(())
}

const HEAD: &str = "\
# What sources outside this project say of the structures, constants, GUIDs and functions that the driver uses.
# Made by `cargo xtask oracle`; `cargo test --test oracle` compares it with the driver. Not to be edited.
";

const COLUMNS: &str = "\
# struct: size, alignment. field: offset, size. value: bits, bytes. guid: text. function and method: the bytes of the result,
# then of each argument (0: nothing; a pointer has 8). method: in front of that, the slot of the table, from 0.
# kind\tname\tmember\tvalue\tsource
";

/// Runs a program and returns what it prints.
fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!(
            "{name}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn fact(kind: &str, name: &str, member: &str, value: String) -> Fact {
    [kind.to_owned(), name.to_owned(), member.to_owned(), value]
}
