//! Which section refers to which.

use std::collections::BTreeSet;

use super::{Report, Rule};
use crate::inf::{Inf, Line, Section};

/// Suffixes of an install section's companions, each found by name and not by reference.
const COMPANIONS: [&str; 6] = ["", ".Services", ".Interfaces", ".HW", ".Wdf", ".Events"];

/// Directives whose fields name sections of this INF.
const REFERRING: [&str; 2] = ["CopyFiles", "AddReg"];

pub(super) fn sections(inf: &Inf, report: &mut Report) {
    let mut reached = BTreeSet::new();
    for root in [
        "Version",
        "Manufacturer",
        "Strings",
        "DestinationDirs",
        "SourceDisksNames",
        "SourceDisksFiles",
    ] {
        reached.insert(root.to_ascii_lowercase());
        if inf.section(root).is_none() {
            report.add(1, Rule::MissingSection, format!("there is no [{root}]"));
        }
    }
    for (line, name) in models_sections(inf) {
        let Some(models) = require(inf, &mut reached, report, line, &name) else {
            continue;
        };
        for model in &models.lines {
            install(inf, &mut reached, report, model);
        }
    }
    for section in &inf.sections {
        let name = section.name.to_ascii_lowercase();
        if !reached.contains(&name) {
            report.add(
                section.number,
                Rule::UnusedSection,
                format!("nothing refers to [{}]", section.name),
            );
        }
    }
}

/// The decorated models sections that `[Manufacturer]` names.
pub(super) fn models_sections(inf: &Inf) -> Vec<(usize, String)> {
    let lines = inf
        .section("Manufacturer")
        .map_or(&[][..], |section| &section.lines);
    lines
        .iter()
        .flat_map(|line| {
            let base = line.field(0);
            let decorations: Vec<String> = if line.fields.len() > 1 {
                line.fields[1..]
                    .iter()
                    .map(|decoration| format!("{base}.{decoration}"))
                    .collect()
            } else {
                vec![base.to_owned()]
            };
            decorations
                .into_iter()
                .map(|name| (line.number, name))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A device's install section and everything below it.
fn install(inf: &Inf, reached: &mut BTreeSet<String>, report: &mut Report, model: &Line) {
    let base = model.field(0);
    let decorated = [
        format!("{base}.NT"),
        format!("{base}.NTamd64"),
        format!("{base}.NTarm64"),
        base.to_owned(),
    ];
    let found: Vec<&String> = decorated
        .iter()
        .filter(|name| inf.section(name).is_some())
        .collect();
    if found.is_empty() {
        report.add(
            model.number,
            Rule::MissingSection,
            format!("there is no [{base}] or [{base}.NT]"),
        );
    }
    for name in found {
        for companion in COMPANIONS {
            let Some(section) = inf.section(&format!("{name}{companion}")) else {
                continue;
            };
            reached.insert(section.name.to_ascii_lowercase());
            for line in &section.lines {
                refer(inf, reached, report, line);
            }
        }
    }
}

/// The sections that one line of an install section names.
fn refer(inf: &Inf, reached: &mut BTreeSet<String>, report: &mut Report, line: &Line) {
    let Some(key) = line.key.as_deref() else {
        return;
    };
    if REFERRING
        .iter()
        .any(|directive| directive.eq_ignore_ascii_case(key))
    {
        // A name with "@" is a file, not a section.
        for name in line.fields.iter().filter(|name| !name.starts_with('@')) {
            require(inf, reached, report, line.number, name);
        }
    } else if key.eq_ignore_ascii_case("AddInterface") || key.eq_ignore_ascii_case("AddService") {
        let name = line.field(2);
        if !name.is_empty()
            && let Some(section) = require(inf, reached, report, line.number, name)
        {
            for line in &section.lines {
                refer(inf, reached, report, line);
            }
        }
    }
}

fn require<'a>(
    inf: &'a Inf,
    reached: &mut BTreeSet<String>,
    report: &mut Report,
    line: usize,
    name: &str,
) -> Option<&'a Section> {
    reached.insert(name.to_ascii_lowercase());
    let section = inf.section(name);
    if section.is_none() {
        report.add(line, Rule::MissingSection, format!("there is no [{name}]"));
    }
    section
}
