//! The table of the README that says what is exercised where: it is complete, and it does not lie.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The table's rows, as their cells.
fn rows() -> Vec<Vec<String>> {
    let readme = read("README.md");
    let (_, rest) = readme
        .split_once("<!-- coverage: begin -->")
        .expect("the table begins");
    let (table, _) = rest
        .split_once("<!-- coverage: end -->")
        .expect("the table ends");
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
    .collect()
}

/// What is in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The methods of an interface, from its declaration.
fn methods(declarations: &str, interface: &str) -> Vec<String> {
    let (_, body) = declarations
        .split_once(&format!("pub {interface}("))
        .unwrap_or_else(|| panic!("{interface} is declared"));
    let (body, _) = body.split_once("\n}").unwrap();
    let method = |line: &str| {
        let (level, rest) = line.trim().split_once(" fn ")?;
        let is_level = ["passive", "dispatch", "any"].contains(&level);
        is_level.then(|| rest.split('(').next().unwrap().to_owned())
    };
    body.lines().filter_map(method).collect()
}

/// The constants of a module.
fn constants(source: &str, module: &str) -> Vec<String> {
    let (_, body) = source.split_once(&format!("pub mod {module} {{")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let name = |line: &str| {
        let rest = line.trim().strip_prefix("pub const ")?;
        Some(rest.split(':').next().unwrap().to_owned())
    };
    body.lines().filter_map(name).collect()
}

#[test]
fn every_row_names_tests_that_exist() {
    for row in rows() {
        let [what, synth, uart] = row.as_slice() else {
            panic!("three cells: {row:?}");
        };
        let tests = [quoted(synth), quoted(uart)].concat();
        assert!(!tests.is_empty(), "nothing exercises {what}");
        for test in tests {
            let (file, name) = test.split_once("::").expect("file::name");
            let source = read(&format!("tests/{file}.rs"));
            assert!(
                source.contains(&format!("fn {name}(")),
                "{test} is not there"
            );
        }
    }
}

#[test]
fn every_method_and_property_has_a_row() {
    let rows = rows();
    let listed: Vec<&str> = rows.iter().flat_map(|row| quoted(&row[0])).collect();
    let declarations = read("src/portcls/interfaces.rs");
    let implemented = [
        ("IMiniport", "IMiniport"),
        ("IMiniportDMus", "IMiniportDMus"),
        ("IMxf", "IMXF"),
        ("ISynthSinkDMus", "ISynthSinkDMus"),
        ("IPowerNotify", "IPowerNotify"),
    ];
    for (declared, shown) in implemented {
        let methods = methods(&declarations, declared);
        assert!(!methods.is_empty(), "{declared}");
        for method in methods {
            let entry = format!("{shown}::{method}");
            assert!(listed.contains(&entry.as_str()), "no row for {entry}");
        }
    }
    let source = read("src/portcls/synth_abi.rs");
    for module in ["synth_property", "dls_property"] {
        let items = constants(&source, module);
        assert!(items.len() >= 5, "{module}");
        for item in items {
            let entry = format!("{module}::{item}");
            assert!(listed.contains(&entry.as_str()), "no row for {entry}");
        }
    }
}
