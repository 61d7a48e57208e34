//! The rules one by one.

use std::collections::BTreeSet;

use dmusmini::com::Guid;
use dmusmini::portcls::guids;

use super::reach::models_sections;
use super::{Package, Report, Rule};
use crate::inf::{Inf, Line, Section, tokens};
use crate::stamp::DriverVer;

const MEDIA_CLASS: &str = "{4d36e96c-e325-11ce-bfc1-08002be10318}";
/// KsProxy, the user-mode face of every KS filter.
const KS_PROXY: &str = "{17CCA71B-ECD7-11D0-B908-00A0C9223196}";
/// Run from the driver store.
const DRIVER_STORE: &str = "13";

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

/// What the MPU-401 may be called, on x64 only.
const UART_IDS: [&str; 2] = ["ACPI\\PNPB006", "*PNPB006"];
/// What the synthesizer is called.
const SYNTH_ID: &str = "ROOT\\dmusmini";

/// Strings that are GUIDs of the driver.
fn driver_guid(name: &str) -> Option<&'static Guid> {
    Some(match name.to_ascii_lowercase().as_str() {
        "kscategory_audio" => &guids::KSCATEGORY_AUDIO,
        "kscategory_render" => &guids::KSCATEGORY_RENDER,
        "kscategory_capture" => &guids::KSCATEGORY_CAPTURE,
        "kscategory_synthesizer" => &guids::KSCATEGORY_SYNTHESIZER,
        "kscategory_datatransform" => &guids::KSCATEGORY_DATATRANSFORM,
        "synth.guid" => &guids::DMUSMINI_SYNTH,
        "pin.midi.guid" => &guids::DMUSMINI_PIN_MIDI,
        "pin.directmusic.guid" => &guids::DMUSMINI_PIN_DIRECTMUSIC,
        "pin.wave.guid" => &guids::DMUSMINI_PIN_WAVE,
        _ => return None,
    })
}

pub(super) fn version(inf: &Inf, package: &Package<'_>, report: &mut Report) {
    let Some(section) = inf.section("Version") else {
        return;
    };
    let mut expect = |key: &str, fits: &dyn Fn(&str) -> bool, wanted: &str| match section.value(key)
    {
        Some(value) if fits(&inf.expand(value)) => {}
        Some(value) => report.add(
            line_of(section, key),
            Rule::Version,
            format!("{key} is {value:?}, not {wanted}"),
        ),
        None => report.add(
            section.number,
            Rule::Version,
            format!("[Version] has no {key}"),
        ),
    };
    expect(
        "Signature",
        &|value| value == "$Windows NT$",
        "\"$Windows NT$\"",
    );
    expect("Class", &|value| value == "MEDIA", "MEDIA");
    expect(
        "ClassGUID",
        &|value| value.eq_ignore_ascii_case(MEDIA_CLASS),
        MEDIA_CLASS,
    );
    expect("Provider", &|value| !value.is_empty(), "a name");
    let has_catalog_name = |value: &str| value.to_ascii_lowercase().ends_with(".cat");
    expect("CatalogFile", &has_catalog_name, "a .cat file");
    expect("PnpLockdown", &|value| value == "1", "1");
    let Some(line) = section.keyed("DriverVer").next() else {
        report.add(
            section.number,
            Rule::DriverVer,
            "[Version] has no DriverVer",
        );
        return;
    };
    match DriverVer::parse(line.field(0), line.field(1)) {
        Ok(stamp) if stamp.date > package.today => {
            report.add(
                line.number,
                Rule::DriverVer,
                format!("{stamp} lies in the future"),
            );
        }
        Ok(_) => {}
        Err(error) => report.add(line.number, Rule::DriverVer, format!("{error:#}")),
    }
}

pub(super) fn strings(inf: &Inf, report: &mut Report) {
    let defined = inf.strings();
    let mut used = BTreeSet::new();
    for section in inf
        .sections
        .iter()
        .filter(|section| !section.name.eq_ignore_ascii_case("Strings"))
    {
        for line in &section.lines {
            let texts = line.key.iter().chain(&line.fields);
            for token in texts.flat_map(|text| tokens(text)) {
                let name = token.to_ascii_lowercase();
                // Numbers between percent signs are directory ids.
                if !name.bytes().all(|byte| byte.is_ascii_digit()) && !defined.contains_key(&name) {
                    report.add(
                        line.number,
                        Rule::MissingString,
                        format!("%{token}% is not in [Strings]"),
                    );
                }
                used.insert(name);
            }
        }
    }
    let mut seen = BTreeSet::new();
    for line in inf
        .section("Strings")
        .map_or(&[][..], |section| &section.lines)
    {
        let Some(key) = &line.key else { continue };
        let name = key.to_ascii_lowercase();
        if !used.contains(&name) {
            report.add(
                line.number,
                Rule::UnusedString,
                format!("%{key}% is never used"),
            );
        }
        if !seen.insert(name) {
            report.add(
                line.number,
                Rule::DuplicateString,
                format!("%{key}% is defined twice"),
            );
        }
    }
}

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

/// The sections that directives of this name refer to.
fn referred<'a>(inf: &'a Inf, directive: &'a str) -> impl Iterator<Item = &'a Section> {
    inf.sections
        .iter()
        .flat_map(move |section| section.keyed(directive))
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
}

pub(super) fn registry(inf: &Inf, report: &mut Report) {
    // Optional sections are named in comments only, so every section that looks like one counts.
    let named = inf
        .sections
        .iter()
        .filter(|section| section.name.to_ascii_lowercase().ends_with("addreg"));
    for section in referred(inf, "AddReg").chain(named) {
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

pub(super) fn interfaces(inf: &Inf, report: &mut Report) {
    for section in &inf.sections {
        let name = section.name.to_ascii_lowercase();
        if let Some(line) = section.keyed("Include").next()
            && section.keyed("Needs").next().is_none()
        {
            report.add(line.number, Rule::Include, "Include without Needs");
        }
        for line in section
            .keyed("Include")
            .filter(|line| line.fields != ["ks.inf", "wdmaudio.inf"])
        {
            report.add(
                line.number,
                Rule::Include,
                "only ks.inf and wdmaudio.inf are included, in this order",
            );
        }
        for line in section.keyed("AddInterface") {
            interface(inf, line, &name, report);
        }
        if let Some(base) = name.strip_suffix(".services")
            && !hardware_is_complete(inf, base)
        {
            report.add(
                section.number,
                Rule::Hardware,
                format!("[{base}.HW] sets no DeviceType or no Security"),
            );
        }
    }
}

/// One AddInterface line: what it names, and what its registry section says.
fn interface(inf: &Inf, line: &Line, section: &str, report: &mut Report) {
    let reference = inf.expand(line.field(1));
    let wanted = if section.starts_with("uart") {
        "UART"
    } else {
        "DMusic"
    };
    if reference != wanted {
        report.add(
            line.number,
            Rule::Interface,
            format!("the driver registers {wanted:?}, not {reference:?}"),
        );
    }
    let category = tokens(line.field(0)).next().unwrap_or_default();
    if !category.to_ascii_uppercase().starts_with("KSCATEGORY_") || driver_guid(category).is_none()
    {
        report.add(
            line.number,
            Rule::Interface,
            format!("{} is not a category of the driver", line.field(0)),
        );
    }
    let Some(own) = inf.section(line.field(2)) else {
        return;
    };
    let values: Vec<&Line> = own
        .keyed("AddReg")
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
        .flat_map(|section| &section.lines)
        .collect();
    let value = |name: &str| {
        values
            .iter()
            .find(|line| line.field(2).eq_ignore_ascii_case(name))
            .map(|line| inf.expand(line.field(4)))
    };
    if !value("CLSID").is_some_and(|clsid| clsid.eq_ignore_ascii_case(KS_PROXY)) {
        report.add(
            own.number,
            Rule::InterfaceRegistry,
            format!("CLSID is not KsProxy, {KS_PROXY}"),
        );
    }
    if value("FriendlyName").is_none_or(|name| name.is_empty()) {
        report.add(
            own.number,
            Rule::InterfaceRegistry,
            "there is no FriendlyName",
        );
    }
}

fn hardware_is_complete(inf: &Inf, base: &str) -> bool {
    let Some(hardware) = inf.section(&format!("{base}.hw")) else {
        return false;
    };
    let lines: Vec<&Line> = hardware
        .keyed("AddReg")
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
        .flat_map(|section| &section.lines)
        .collect();
    ["DeviceType", "Security"].iter().all(|name| {
        lines
            .iter()
            .any(|line| line.field(2).eq_ignore_ascii_case(name))
    })
}

pub(super) fn driver_guids(inf: &Inf, report: &mut Report) {
    for line in inf
        .section("Strings")
        .map_or(&[][..], |section| &section.lines)
    {
        let Some(guid) = line.key.as_deref().and_then(driver_guid) else {
            continue;
        };
        let wanted = format!("{{{guid}}}");
        if !wanted.eq_ignore_ascii_case(line.field(0)) {
            report.add(
                line.number,
                Rule::DriverGuid,
                format!("{} is not the driver's {wanted}", line.field(0)),
            );
        }
    }
}

fn line_of(section: &Section, key: &str) -> usize {
    section
        .keyed(key)
        .next()
        .map_or(section.number, |line| line.number)
}

fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
