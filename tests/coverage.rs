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
        let level = level.trim_end_matches("(unsafe)");
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
                runs_in_both_builds(&source, name),
                "{test} is not there, or does not run with both builds"
            );
        }
    }
}

/// All Rust sources below a folder.
fn sources_below(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources_below(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// Where docs/first-contact.md names a test, there is a function of this name.
#[test]
fn every_test_of_first_contact_exists() {
    let mut sources = String::new();
    for folder in ["src", "tests", "host"] {
        sources_below(&workspace().join(folder), &mut sources);
    }
    let list = read("docs/first-contact.md");
    let rows = list.lines().filter(|line| line.starts_with('|'));
    let tests = rows.flat_map(|row| quoted(row.rsplit('|').nth(1).unwrap_or_default()));
    let names = tests.filter_map(|test| test.rsplit_once("::").map(|(_, name)| name));
    let names: Vec<&str> = names.filter(|name| *name != "*").collect();
    assert!(names.len() > 80, "only {} tests are named", names.len());
    let missing = names
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

/// Whether a source has a test of this name that plays with the native build and with the image: a
/// scenario of `scenarios!`, which makes a test of each, or one that says `with_each_binary`.
fn runs_in_both_builds(source: &str, name: &str) -> bool {
    let listed = source
        .split("scenarios!(")
        .skip(1)
        .filter_map(|rest| rest.split(");").next())
        .flat_map(|list| list.split(','))
        .any(|scenario| scenario.trim() == name);
    let Some((before, rest)) = source.split_once(&format!("fn {name}(")) else {
        return false;
    };
    let body = rest.split("\n}").next().unwrap_or_default();
    let is_test = before.trim_end().ends_with("#[test]");
    let is_ignored = source.contains("#[ignore");
    !is_ignored && (listed || is_test && body.contains("with_each_binary("))
}

/// The two ways to run with both builds do so: what the check above trusts.
#[test]
fn scenarios_are_played_by_both_builds() {
    for suite in ["synth", "ks"] {
        let source = read(&format!("tests/{suite}/main.rs"));
        let (_, of_macro) = source.split_once("macro_rules! scenarios").unwrap();
        assert!(of_macro.contains("mod native") && of_macro.contains("Binary::Native"));
        assert!(of_macro.contains("mod sys") && of_macro.contains("built_sys()"));
    }
    let source = read("tests/uart/rig.rs");
    let (_, rest) = source.split_once("fn with_each_binary(").unwrap();
    let body = rest.split("\n}").next().unwrap();
    assert!(body.contains("Binary::Native") && body.contains("Binary::Sys("));
    let scenario = "crate::scenarios!(\n    one,\n    two,\n);\nfn one(";
    assert!(runs_in_both_builds(scenario, "one"));
    assert!(!runs_in_both_builds(scenario, "two"), "no such function");
    assert!(!runs_in_both_builds(
        "#[test]\nfn one() {\n    x();\n}",
        "one"
    ));
    let each = "#[test]\nfn one() {\n    with_each_binary(|binary| {\n    });\n}";
    assert!(runs_in_both_builds(each, "one"));
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
        ("IAdapterPowerManagement", "IAdapterPowerManagement"),
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
    for (module, least) in [
        ("synth_property", 8),
        ("dls_property", 5),
        ("own_property", 2),
    ] {
        let items = constants(&source, module);
        assert!(items.len() >= least, "{module}");
        for item in items {
            let entry = format!("{module}::{item}");
            assert!(listed.contains(&entry.as_str()), "no row for {entry}");
        }
    }
    // What the port answers for the driver, as bytes.
    let table = rows.iter().map(|row| &*row[0]).collect::<String>();
    for query in PORT_QUERIES {
        assert!(table.contains(query), "no row for {query}");
    }
    // The support sets that the driver has.
    let items = read("src/driver/synth/properties.rs");
    let (_, items) = items.split_once("static NODE_ITEMS").unwrap();
    let tests = read("tests/synth/properties.rs");
    let sets = items.split("(&GUID_DMUS_PROP_").skip(1);
    let sets: Vec<&str> = sets.filter_map(|rest| rest.split(',').next()).collect();
    assert!(sets.len() >= 11, "{sets:?}");
    for set in sets {
        let row = format!("(GUID_DMUS_PROP_{set}, ");
        assert!(
            tests.contains(&row),
            "GUID_DMUS_PROP_{set} is not asked for"
        );
    }
}

/// Items and requests that are the port's own, by their names in `ks.h`.
const PORT_QUERIES: &[&str] = &[
    "CTYPES",
    "DATAFLOW",
    "COMMUNICATION",
    "DATARANGES",
    "CATEGORY",
    "INTERFACES",
    "MEDIUMS",
    "NECESSARYINSTANCES",
    "DATAINTERSECTION",
    "CINSTANCES",
    "GLOBALCINSTANCES",
    "NAME",
    "CATEGORIES",
    "NODES",
    "CONNECTIONS",
    "MASTERCLOCK",
    "STATE",
    "DATAFORMAT",
    "KsCreatePin",
    "IOCTL_KS_WRITE_STREAM",
    "IOCTL_KS_READ_STREAM",
    "Windows MIDI Services",
    "dmusic.dll",
    "ETW",
];
