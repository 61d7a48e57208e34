//! The service that drives the devices.

use super::super::{Package, Report, Rule};
use super::line_of;
use crate::inf::{Inf, Line};

/// What `dmusctl` and the instructions call it.
const SERVICE: &str = "dmusmini";

pub(super) fn services(inf: &Inf, package: &Package<'_>, report: &mut Report) {
    let lines: Vec<&Line> = inf
        .sections
        .iter()
        .flat_map(|section| section.keyed("AddService"))
        .collect();
    if lines.is_empty() {
        report.add(1, Rule::Service, "no device gets a service");
    }
    for line in lines {
        if parse_number(line.field(1)) != Some(2) {
            report.add(
                line.number,
                Rule::Service,
                "the service is not the device's function driver (flag 2)",
            );
        }
        if line.field(0) != SERVICE {
            let text = format!("the service is called {}, not {SERVICE}", line.field(0));
            report.add(line.number, Rule::Service, text);
        }
        let Some(section) = inf.section(line.field(2)) else {
            continue;
        };
        for (key, wanted) in [("ServiceType", 1), ("StartType", 3), ("ErrorControl", 1)] {
            if section.value(key).and_then(parse_number) != Some(wanted) {
                report.add(
                    line_of(section, key),
                    Rule::Service,
                    format!("{key} is not {wanted}"),
                );
            }
        }
        let binary = section.value("ServiceBinary").unwrap_or_default();
        let in_store = binary.strip_prefix("%13%\\").is_some_and(|file| {
            package
                .files
                .iter()
                .any(|present| present.eq_ignore_ascii_case(file))
        });
        if !in_store {
            report.add(
                line_of(section, "ServiceBinary"),
                Rule::Service,
                format!("{binary:?} is not a file of the package in the driver store"),
            );
        }
    }
}

pub(super) fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
