//! The install notes say of the package and of the driver what is so; the scripts keep a rule that Wine's cmd does not show.

use std::{
    fs,
    path::{Path, PathBuf},
};

const NOTES: &str = include_str!("../../../inf/README-INSTALL.md");

#[test]
fn the_trace_is_the_drivers() {
    let provider = dmusmini::trace::PROVIDER.to_string().to_uppercase();
    let provider = provider.trim_matches(['{', '}']);
    assert!(NOTES.contains(provider), "{provider}");
}

#[test]
fn every_script_is_there_and_named() {
    let mut names: Vec<String> = scripts()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    // Called by the others.
    names.retain(|name| name != "common.cmd");
    for name in &names {
        assert!(NOTES.contains(&format!("`{name}`")), "{name} is not named");
    }
    for word in NOTES.split(['`', ' ', '\\', ',', '\n']) {
        let is_script = Path::new(word).extension().is_some_and(|it| it == "cmd");
        assert!(
            !is_script || names.iter().any(|name| name == word),
            "there is no {word}"
        );
    }
}

/// `call` reads its line twice: a percent sign or a caret in the name of a folder would not survive.
#[test]
fn no_script_calls_another_by_the_name_of_a_folder() {
    let mut calls = 0;
    for path in scripts()
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "cmd"))
    {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::trim_start);
        for line in
            lines.filter(|line| line.starts_with("call ") && !line.starts_with("call :say "))
        {
            assert!(!line.contains('%'), "{}: {line}", path.display());
            calls += 1;
        }
    }
    assert!(calls >= 7, "{calls}");
}

fn scripts() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/windows");
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
