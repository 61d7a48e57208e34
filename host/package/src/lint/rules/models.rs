//! Models: which devices on which Windows.

use super::super::reach::models_sections;
use super::super::{Report, Rule};
use crate::inf::Inf;

/// What the MPU-401 may be called, on x64 only.
pub(super) const UART_IDS: [&str; 2] = ["ACPI\\PNPB006", "*PNPB006"];
/// What the synthesizer is called.
pub(super) const SYNTH_ID: &str = "ROOT\\dmusmini";

pub(super) fn models(inf: &Inf, report: &mut Report) {
    for (number, name) in models_sections(inf) {
        let decoration = name
            .split_once('.')
            .map_or("", |(_, decoration)| decoration);
        if let Err(cause) = check_decoration(decoration) {
            report.add(number, Rule::Decoration, format!("[{name}]: {cause}"));
        }
        let has_ports = decoration.to_ascii_lowercase().starts_with("ntamd64");
        for line in inf.section(&name).map_or(&[][..], |section| &section.lines) {
            for id in &line.fields[1.min(line.fields.len())..] {
                let is_uart = UART_IDS.iter().any(|uart| uart.eq_ignore_ascii_case(id));
                if is_uart && !has_ports {
                    report.add(
                        line.number,
                        Rule::HardwareId,
                        format!("{id} needs port I/O, which only x64 has"),
                    );
                } else if !is_uart && !id.eq_ignore_ascii_case(SYNTH_ID) {
                    report.add(
                        line.number,
                        Rule::HardwareId,
                        format!("{id} is not a device of this driver"),
                    );
                }
            }
        }
    }
}

/// `NTamd64.10.0...19041`: architecture, version and build, but no product type or suite.
fn check_decoration(decoration: &str) -> Result<(), &'static str> {
    let lower = decoration.to_ascii_lowercase();
    let rest = lower
        .strip_prefix("ntamd64")
        .or_else(|| lower.strip_prefix("ntarm64"))
        .ok_or("models for 64-bit Windows are decorated with their architecture")?;
    let parts: Vec<&str> = rest.split('.').collect();
    match parts.as_slice() {
        ["", "10", "0", "", "", build] => match build.parse::<u32>() {
            Ok(build) if build >= 16_299 => Ok(()),
            _ => Err("running from the driver store needs build 16299 or later"),
        },
        ["", "10", "0", _, _, _] => Err("product type and suite must be empty in a universal INF"),
        _ => Err("the decoration is not ARCHITECTURE.10.0...BUILD"),
    }
}
