//! What a universal, declarative INF must not do.

use super::super::{Report, Rule};
use super::referred;
use crate::inf::Inf;

const FORBIDDEN_DIRECTIVES: [&str; 13] = [
    "BitReg",
    "DelFiles",
    "DelProperty",
    "DelReg",
    "DelService",
    "Ini2Reg",
    "LogConfig",
    "ProfileItems",
    "RegisterDlls",
    "RenFiles",
    "UnregisterDlls",
    "UpdateIniFields",
    "UpdateInis",
];

const FORBIDDEN_SECTIONS: [&str; 6] = [
    "ClassInstall32",
    "DefaultInstall",
    ".CoInstallers",
    ".FactDef",
    ".LogConfigOverride",
    "DefaultUninstall",
];

pub(super) fn forbidden(inf: &Inf, report: &mut Report) {
    for section in &inf.sections {
        let name = section.name.to_ascii_lowercase();
        for forbidden in FORBIDDEN_SECTIONS {
            let forbidden_name = forbidden.to_ascii_lowercase();
            let hit = if forbidden.starts_with('.') {
                name.ends_with(&forbidden_name)
            } else {
                name.starts_with(&forbidden_name)
            };
            if hit {
                report.add(
                    section.number,
                    Rule::ForbiddenSection,
                    format!("[{}] is not allowed in a universal INF", section.name),
                );
            }
        }
        for line in &section.lines {
            let Some(key) = &line.key else { continue };
            if FORBIDDEN_DIRECTIVES
                .iter()
                .any(|directive| directive.eq_ignore_ascii_case(key))
            {
                report.add(
                    line.number,
                    Rule::ForbiddenDirective,
                    format!("{key} is not allowed in a universal INF"),
                );
            }
        }
    }
}

pub(super) fn registry(inf: &Inf, report: &mut Report) {
    for section in referred(inf, "AddReg") {
        for line in &section.lines {
            if !line.field(0).eq_ignore_ascii_case("HKR") {
                report.add(
                    line.number,
                    Rule::AddRegRoot,
                    format!("{} is not HKR", line.field(0)),
                );
            }
        }
    }
}
