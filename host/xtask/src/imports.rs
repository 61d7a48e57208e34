//! The allow-list of imports, and the import libraries that are made from it.
//!
//! `imports/*.def` are module-definition files. Because nothing else is on the linker's path, a name
//! that is not in them does not link.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::BufWriter,
    path::Path,
};

use anyhow::{Context, Result, bail};
use implib::{Flavor, ImportLibrary, MachineType};

use crate::{cross::Architecture, workspace};

/// One import that a driver may have: module and name, lower and exact case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// The module, in lower case.
    pub(crate) module: String,
    /// The function or variable.
    pub(crate) name: String,
}

/// Libraries that the wdk crates link and from which the driver imports nothing.
const EMPTY: &[(&str, &str)] = &[
    ("BufferOverflowFastFailK", "ntoskrnl.exe"),
    ("wmilib", "wmilib.sys"),
];

/// What the definition files say.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// Everything that may be imported.
    pub(crate) allowed: BTreeSet<Import>,
    /// What an optimised image has to import: all but the names marked `debug`.
    pub(crate) used: BTreeSet<Import>,
}

/// Reads all definition files.
pub(crate) fn list() -> Result<List> {
    let mut all = List::default();
    for (_, text) in definitions()? {
        let one = parse(&text)?;
        all.allowed.extend(one.allowed);
        all.used.extend(one.used);
    }
    Ok(all)
}

/// Writes one import library a definition file, and the empty ones, into `directory`.
pub(crate) fn write_libraries(directory: &Path, architecture: Architecture) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    for (stem, text) in definitions()? {
        write_library(directory, &stem, &text, architecture)?;
    }
    for (stem, module) in EMPTY {
        write_library(
            directory,
            stem,
            &format!("LIBRARY {module}\nEXPORTS\n"),
            architecture,
        )?;
    }
    Ok(())
}

fn write_library(
    directory: &Path,
    stem: &str,
    definition: &str,
    architecture: Architecture,
) -> Result<()> {
    let machine = match architecture {
        Architecture::Amd64 => MachineType::AMD64,
        Architecture::Arm64 => MachineType::ARM64,
    };
    let path = directory.join(stem).with_extension("lib");
    let library = ImportLibrary::new(definition, machine, Flavor::Msvc)
        .with_context(|| format!("{stem}.def"))?;
    let mut file = BufWriter::new(File::create(&path).with_context(|| path.display().to_string())?);
    library
        .write_to(&mut file)
        .with_context(|| path.display().to_string())
}

/// Stem and text of each definition file.
fn definitions() -> Result<Vec<(String, String)>> {
    let directory = workspace::root().join("host/xtask/imports");
    let mut all = Vec::new();
    for entry in directory
        .read_dir()
        .with_context(|| directory.display().to_string())?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "def") {
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            all.push((stem, text));
        }
    }
    all.sort();
    Ok(all)
}

fn parse(text: &str) -> Result<List> {
    let mut lines = text.lines().map(|line| {
        let (code, comment) = line.split_once(';').unwrap_or((line, ""));
        (code.trim(), comment.trim())
    });
    let mut module = None;
    for (line, _) in lines.by_ref() {
        if let Some(name) = line.strip_prefix("LIBRARY ") {
            module = Some(name.trim().to_lowercase());
        } else if line == "EXPORTS" {
            break;
        } else if !line.is_empty() {
            bail!("neither LIBRARY nor EXPORTS: {line}");
        }
    }
    let module = module.context("no LIBRARY line")?;
    let mut list = List::default();
    for (name, comment) in lines.filter(|(name, _)| !name.is_empty()) {
        let import = Import {
            module: module.clone(),
            name: name.to_owned(),
        };
        if comment != "debug" {
            list.used.insert(import.clone());
        }
        list.allowed.insert(import);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_file_names_module_and_functions() {
        let all =
            parse("; why\nLIBRARY Ntoskrnl.exe\nEXPORTS\nKeA ; note\n\nKdB ; debug\n").unwrap();
        let names = |imports: &BTreeSet<Import>| -> Vec<String> {
            imports.iter().map(|import| import.name.clone()).collect()
        };
        assert_eq!(names(&all.allowed), ["KdB", "KeA"]);
        assert_eq!(names(&all.used), ["KeA"]);
        assert!(
            all.allowed
                .iter()
                .all(|import| import.module == "ntoskrnl.exe")
        );
    }

    #[test]
    fn a_definition_file_without_a_library_is_refused() {
        assert!(parse("EXPORTS\nKeA\n").is_err());
        assert!(parse("NAME x\nEXPORTS\nKeA\n").is_err());
    }

    #[test]
    fn the_committed_lists_are_sorted_and_readable() {
        for (stem, text) in definitions().unwrap() {
            let names: Vec<&str> = text
                .lines()
                .skip_while(|line| *line != "EXPORTS")
                .skip(1)
                .collect();
            assert!(names.is_sorted(), "{stem}.def is not sorted");
            assert_eq!(
                names.len(),
                parse(&text).unwrap().allowed.len(),
                "{stem}.def repeats a name"
            );
        }
    }
}
