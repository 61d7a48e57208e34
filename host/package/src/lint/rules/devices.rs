//! What each device has to have, by what it is: its line in the models, its install section and the companions of that, its
//! registry values. An INF without one of these installs, and the device then does less than it should, or nothing.

use std::collections::BTreeSet;

use dmusmini::driver::settings::{Allowed, ROWS, Row};
use dmusmini::portcls::guids;

use super::super::reach::models_sections;
use super::super::{Package, Report, Rule};
use super::interfaces::DWORD;
use super::models::{SYNTH_ID, UART_IDS};
use super::services::parse_number;
use crate::inf::{Inf, Line, Section, tokens};

/// The categories that the driver's filters are in.
const UART_CATEGORIES: [&str; 3] = ["AUDIO", "RENDER", "CAPTURE"];
const SYNTH_CATEGORIES: [&str; 4] = ["AUDIO", "RENDER", "SYNTHESIZER", "DATATRANSFORM"];
/// What every KS device takes from the system's INFs.
const NEEDS: [&str; 2] = ["KS.Registration", "WDMAUDIO.Registration"];
/// Key, value name and text, without which Windows' own MIDI clients do not find a device.
const REGISTRY: [(&str, &str, Option<&str>); 5] = [
    ("", "AssociatedFilters", Some("wdmaud,swmidi,redbook")),
    ("", "Driver", None),
    ("Drivers", "SubClasses", Some("midi")),
    (r"Drivers\midi\wdmaud.drv", "Driver", Some("wdmaud.drv")),
    (r"Drivers\midi\wdmaud.drv", "Description", None),
];
const POWER: [&str; 3] = [
    "ConservationIdleTime",
    "PerformanceIdleTime",
    "IdlePowerState",
];
/// `FLG_ADDREG_BINVALUETYPE`, alone and with `FLG_ADDREG_NOCLOBBER`.
const BINARY: [u32; 2] = [1, 3];

pub(super) fn devices(inf: &Inf, package: &Package<'_>, report: &mut Report) {
    let mut checked = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for (number, name) in models_sections(inf) {
        let lines = inf.section(&name).map_or(&[][..], |section| &section.lines);
        let is_x64 = name.to_ascii_lowercase().contains(".ntamd64");
        let uart = UART_IDS.iter().filter(|_| is_x64);
        for wanted in uart.chain(&[SYNTH_ID]) {
            if !lines.iter().any(|line| offers(line, wanted)) {
                let text = format!("[{name}] does not offer {wanted}");
                report.add(number, Rule::HardwareId, text);
            }
        }
        for line in lines {
            if checked.insert(line.field(0).to_ascii_lowercase()) {
                device(inf, package, line, &mut shown, report);
            }
        }
    }
    for row in &ROWS {
        let name = String::from_utf16_lossy(row.name);
        if !shown.contains(&name) {
            let text = format!("no device shows the setting {name}");
            report.add(1, Rule::Setting, text);
        }
    }
}

fn offers(model: &Line, id: &str) -> bool {
    let ids = model.fields.iter().skip(1);
    ids.into_iter().any(|own| own.eq_ignore_ascii_case(id))
}

fn device(
    inf: &Inf,
    package: &Package<'_>,
    model: &Line,
    shown: &mut BTreeSet<String>,
    report: &mut Report,
) {
    let base = model.field(0);
    let Some(install) = inf.section(&format!("{base}.NT")) else {
        let text = format!("there is no [{base}.NT], which serves every architecture");
        return report.add(model.number, Rule::MissingSection, text);
    };
    let has = |key: &str, wanted: &[&str]| {
        let mut fields = install.keyed(key).flat_map(|line| &line.fields);
        wanted.iter().all(|name| {
            fields
                .next()
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    };
    if !has("Include", &["ks.inf", "wdmaudio.inf"]) || !has("Needs", &NEEDS) {
        let text = format!("[{base}.NT] does not take what a KS device needs from the system");
        report.add(install.number, Rule::Include, text);
    }
    if install.keyed("CopyFiles").next().is_none() {
        let text = format!("[{base}.NT] copies no file");
        report.add(install.number, Rule::Files, text);
    }
    let companion = |suffix: &str, directive: &str| {
        let section = inf.section(&format!("{base}.NT.{suffix}"));
        section.is_some_and(|section| section.keyed(directive).next().is_some())
    };
    if !companion("Services", "AddService") {
        let text = format!("[{base}.NT.Services] gives the device no service");
        report.add(install.number, Rule::Service, text);
    }
    if !companion("HW", "AddReg") {
        let text = format!("[{base}.NT.HW] sets nothing");
        report.add(install.number, Rule::Hardware, text);
    }
    categories(inf, base, model, report);
    registry(inf, package, model, install, shown, report);
}

/// The interfaces are in the categories of the filter, in each once.
fn categories(inf: &Inf, base: &str, model: &Line, report: &mut Report) {
    let wanted: &[&str] = if offers(model, SYNTH_ID) {
        &SYNTH_CATEGORIES
    } else {
        &UART_CATEGORIES
    };
    let section = inf.section(&format!("{base}.NT.Interfaces"));
    let lines = section
        .into_iter()
        .flat_map(|section| section.keyed("AddInterface"));
    let mut found: Vec<String> = lines
        .filter_map(|line| tokens(line.field(0)).next())
        .filter_map(|token| {
            let token = token.to_ascii_uppercase();
            token.strip_prefix("KSCATEGORY_").map(str::to_owned)
        })
        .collect();
    found.sort();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    if found != wanted {
        let text = format!(
            "[{base}.NT.Interfaces] has the categories {}, the filter {}",
            found.join(" "),
            wanted.join(" ")
        );
        let number = section.map_or(model.number, |section| section.number);
        report.add(number, Rule::Interface, text);
    }
}

/// What the device's install section writes.
fn registry(
    inf: &Inf,
    package: &Package<'_>,
    model: &Line,
    install: &Section,
    shown: &mut BTreeSet<String>,
    report: &mut Report,
) {
    let base = model.field(0);
    let lines: Vec<&Line> = install
        .keyed("AddReg")
        .flat_map(|line| &line.fields)
        .filter_map(|name| inf.section(name))
        .flat_map(|section| &section.lines)
        .collect();
    let value = |key: &str, name: &str| {
        lines.iter().find(|line| {
            inf.expand(line.field(1)).eq_ignore_ascii_case(key)
                && line.field(2).eq_ignore_ascii_case(name)
        })
    };
    for (key, name, text) in REGISTRY {
        let is_right = value(key, name).is_some_and(|line| {
            let found = inf.expand(line.field(4));
            match text {
                Some(text) => found == text,
                None if name == "Driver" => package.files.contains(&found.as_str()),
                None => !found.is_empty(),
            }
        });
        if !is_right {
            let text = format!("[{base}.NT] does not set {key}\\{name} as it must be");
            report.add(install.number, Rule::Registry, text);
        }
    }
    for name in POWER {
        let is_right = value("PowerSettings", name).is_some_and(|line| {
            let is_binary = parse_number(line.field(3)).is_some_and(|flag| BINARY.contains(&flag));
            let bytes = line.fields.get(4..).unwrap_or_default();
            let is_byte = |byte: &String| byte.len() == 2 && u8::from_str_radix(byte, 16).is_ok();
            is_binary && bytes.len() == 4 && bytes.iter().all(is_byte)
        });
        if !is_right {
            let text = format!("[{base}.NT]: PowerSettings\\{name} is not four bytes");
            report.add(install.number, Rule::Registry, text);
        }
    }
    if offers(model, SYNTH_ID) {
        for pin in [
            &guids::DMUSMINI_PIN_MIDI,
            &guids::DMUSMINI_PIN_DIRECTMUSIC,
            &guids::DMUSMINI_PIN_WAVE,
        ] {
            let key = format!("MediaCategories\\{{{pin}}}");
            let named = value(&key, "Name").map(|line| inf.expand(line.field(4)));
            if named.is_none_or(|name| name.is_empty()) {
                let text = format!("[{base}.NT] gives the pin {key} no name");
                report.add(install.number, Rule::Registry, text);
            }
        }
    }
    for line in lines {
        if line.field(1).eq_ignore_ascii_case("Parameters") {
            shown.insert(line.field(2).to_owned());
            setting(line, report);
        }
    }
}

/// A setting is one that the driver reads, and has a value that it takes as it is.
fn setting(line: &Line, report: &mut Report) {
    let name = line.field(2);
    let row = ROWS
        .iter()
        .find(|row| String::from_utf16_lossy(row.name) == name);
    let Some(row) = row else {
        let text = format!("the driver reads no setting {name}");
        return report.add(line.number, Rule::Setting, text);
    };
    let value = parse_number(line.field(4)).filter(|value| is_allowed(row, *value));
    if parse_number(line.field(3)) != Some(DWORD) || value.is_none() {
        let text = format!("{name} is no DWORD that the driver takes as it is");
        report.add(line.number, Rule::Setting, text);
    }
}

fn is_allowed(row: &Row, value: u32) -> bool {
    match row.allowed {
        Allowed::Range(from, to) => (from..=to).contains(&value),
        Allowed::OneOf(list) => list.contains(&value),
    }
}
