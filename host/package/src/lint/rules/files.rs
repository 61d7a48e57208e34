//! What is copied, and to where.

use std::collections::BTreeSet;

use super::super::{Package, Report, Rule};
use super::referred;
use crate::inf::Inf;

/// Run from the driver store.
const DRIVER_STORE: &str = "13";

pub(super) fn files(inf: &Inf, package: &Package<'_>, report: &mut Report) {
    for line in inf
        .section("DestinationDirs")
        .map_or(&[][..], |section| &section.lines)
    {
        if line.field(0) != DRIVER_STORE {
            report.add(
                line.number,
                Rule::Destination,
                format!("directory {} is not 13, the driver store", line.field(0)),
            );
        }
    }
    let has_default = inf
        .section("DestinationDirs")
        .is_some_and(|section| section.value("DefaultDestDir").is_some());
    if !has_default {
        report.add(1, Rule::Destination, "there is no DefaultDestDir");
    }
    let listed = inf
        .section("SourceDisksFiles")
        .map_or(&[][..], |section| &section.lines);
    let mut copied = BTreeSet::new();
    for section in referred(inf, "CopyFiles") {
        for line in &section.lines {
            let file = line.field(0);
            copied.insert(file.to_ascii_lowercase());
            if line.fields.iter().skip(1).any(|field| !field.is_empty()) {
                report.add(
                    line.number,
                    Rule::Files,
                    format!("{file} is renamed or flagged, which the driver store does not do"),
                );
            }
            if !listed.iter().any(|line| line.has_key(file)) {
                report.add(
                    line.number,
                    Rule::Files,
                    format!("{file} is not in [SourceDisksFiles]"),
                );
            }
            if !package
                .files
                .iter()
                .any(|present| present.eq_ignore_ascii_case(file))
            {
                report.add(
                    line.number,
                    Rule::Files,
                    format!("{file} is not in the package"),
                );
            }
        }
    }
    for line in listed {
        let file = line.key.as_deref().unwrap_or_default();
        if !copied.contains(&file.to_ascii_lowercase()) {
            report.add(line.number, Rule::Files, format!("{file} is never copied"));
        }
        let disk = line.field(0);
        if inf
            .section("SourceDisksNames")
            .is_none_or(|section| section.keyed(disk).next().is_none())
        {
            report.add(
                line.number,
                Rule::Files,
                format!("disk {disk} is not in [SourceDisksNames]"),
            );
        }
    }
}
