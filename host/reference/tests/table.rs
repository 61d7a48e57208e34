//! The tables of the README: every row of the specification's sections 7 and 8 has its test.

use std::fs;
use std::path::Path;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands in backticks in the last cell of each row.
fn tests_of(readme: &str, table: &str) -> Vec<String> {
    let (_, rest) = readme
        .split_once(&format!("<!-- {table}: begin -->"))
        .expect("the table begins");
    let (rows, _) = rest
        .split_once(&format!("<!-- {table}: end -->"))
        .expect("the table ends");
    let rows = rows.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cell = row.trim_matches('|').rsplit('|').next().unwrap_or("");
        let name = cell.trim().trim_matches('`');
        assert!(!name.is_empty(), "a row without a test: {row}");
        name.to_owned()
    })
    .collect()
}

#[test]
fn every_row_has_a_test() {
    let readme = fs::read_to_string(here().join("README.md")).expect("the README");
    // As many as the specification has rows: section 7's row on loaders is three here.
    for (table, rows) in [("section 7", 12), ("section 8", 10)] {
        let tests = tests_of(&readme, table);
        assert_eq!(tests.len(), rows, "{table}");
        for test in tests {
            let (module, name) = test.split_once("::").expect("module::test");
            let quality = here().join(format!("tests/quality/{module}.rs"));
            let collection = here().join(format!("../collection/tests/{module}.rs"));
            let source = fs::read_to_string(quality)
                .or_else(|_| fs::read_to_string(collection))
                .unwrap_or_else(|_| panic!("{table}: no module {module}"));
            assert!(
                source.contains(&format!("#[test]\nfn {name}()")),
                "{table}: no test {test}"
            );
        }
    }
}
