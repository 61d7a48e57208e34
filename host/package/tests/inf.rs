//! The INF and the driver say the same: reference strings, categories and their order, names,
//! settings. The driver is asked as a client asks it, in both of its builds; nothing is looked up in
//! its sources but the table of settings.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};

use dmusmini::driver::settings::{Allowed, ROWS};
use dmusmini_ks::Guid;
use dmusmini_ks::guids::{
    DMUSMINI_PIN_DIRECTMUSIC, DMUSMINI_PIN_MIDI, DMUSMINI_PIN_WAVE, DMUSMINI_SYNTH,
    KSPROPSETID_PIN, KSPROPSETID_TOPOLOGY,
};
use dmusmini_ks::property::{Property, items, pin_item, topology_item};
use dmusmini_ks::zerocopy::IntoBytes;
use dmusmini_package::inf::{Inf, Line, Section};
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{Binary, Client, Filter, Hardware, Session};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn inf() -> Inf {
    Inf::parse(&text("inf/dmusmini.inx")).unwrap()
}

fn section<'a>(inf: &'a Inf, name: &str) -> &'a Section {
    inf.section(name).unwrap_or_else(|| panic!("no [{name}]"))
}

/// Both builds, or the one that is there.
fn binaries() -> Vec<Binary> {
    let sys = Binary::built_in(&workspace());
    match &sys {
        Binary::Sys(path) if !path.exists() => {
            println!("SKIPPED: {} is missing", path.display());
            vec![Binary::Native]
        }
        _ => vec![Binary::Native, sys],
    }
}

/// The two devices: the install section, and what is plugged in for it.
fn devices() -> [(&'static str, Hardware); 2] {
    [
        ("Uart", Hardware::uart(Config::default())),
        ("Synth", Hardware::synth()),
    ]
}

/// The lines of the AddReg sections that a section names.
fn added<'a>(inf: &'a Inf, name: &str) -> Vec<&'a Line> {
    let fields = section(inf, name)
        .keyed("AddReg")
        .flat_map(|line| line.fields.iter());
    fields.flat_map(|name| &section(inf, name).lines).collect()
}

fn get(filter: &Filter, input: &[u8]) -> Option<Vec<u8>> {
    let size = filter.property_bytes(input, &[], Client::USER).information;
    let reply = filter.property_bytes(input, &vec![0; size], Client::USER);
    reply.ok().ok()
}

fn braced(guid: Guid) -> String {
    let (one, two, three, rest) = guid.parts();
    let rest = u64::from_be_bytes(rest);
    let (four, five) = (rest >> 48, rest & 0xFFFF_FFFF_FFFF);
    format!("{{{one:08X}-{two:04X}-{three:04X}-{four:04X}-{five:012X}}}")
}

#[test]
fn interfaces_are_the_subdevices_and_their_categories() {
    let inf = inf();
    for binary in binaries() {
        let session = Session::boot(&binary).unwrap();
        for (install, hardware) in devices() {
            let device = session.install(&hardware).unwrap();
            let interfaces: Vec<(String, String, String)> =
                section(&inf, &format!("{install}.NT.Interfaces"))
                    .keyed("AddInterface")
                    .map(|line| {
                        let field = |index| inf.expand(line.field(index));
                        (field(0), field(1), line.field(2).to_owned())
                    })
                    .collect();
            // One reference string a device: the name of the one subdevice that it registers.
            let names = device.subdevices();
            let [name] = names.as_slice() else {
                panic!("{install}: {names:?}");
            };
            assert!(interfaces.iter().all(|(_, reference, _)| reference == name));
            let filter = device.filter(name).unwrap();
            let categories = Property::get(KSPROPSETID_TOPOLOGY, topology_item::CATEGORIES);
            let categories = get(&filter, categories.as_bytes()).unwrap();
            let described: Vec<String> = items::<Guid>(&categories)
                .unwrap()
                .into_iter()
                .map(braced)
                .collect();
            let listed: Vec<&str> = interfaces.iter().map(|(guid, ..)| &**guid).collect();
            assert_eq!(listed, described, "[{install}.NT.Interfaces]");
            // Programs that list interfaces show what the device manager shows.
            let friendly = friendly_name(&inf, install);
            for (_, _, interface) in &interfaces {
                let lines = added(&inf, interface);
                let value = |name: &str| {
                    let line = lines.iter().find(|line| line.field(2) == name);
                    inf.expand(line.unwrap().field(4))
                };
                assert_eq!(value("FriendlyName"), friendly);
                assert_eq!(value("CLSID"), "{17CCA71B-ECD7-11D0-B908-00A0C9223196}");
            }
        }
    }
}

/// What the models section calls the device of an install section.
fn friendly_name(inf: &Inf, install: &str) -> String {
    let models = section(inf, "Models.NTamd64.10.0...19041");
    let line = models.lines.iter().find(|line| line.field(0) == install);
    inf.expand(line.unwrap().key.as_ref().unwrap())
}

/// The names of `HKR,MediaCategories\{guid},Name`.
fn media_categories(inf: &Inf, install: &str) -> Vec<(String, String)> {
    let lines = added(inf, &format!("{install}.NT"));
    lines
        .iter()
        .filter_map(|line| {
            let key = inf.expand(line.field(1));
            let guid = key.strip_prefix("MediaCategories\\")?.to_owned();
            assert_eq!(line.field(2), "Name");
            Some((guid, inf.expand(line.field(4))))
        })
        .collect()
}

#[test]
fn pins_are_called_what_the_inf_calls_them() {
    let inf = inf();
    let named = media_categories(&inf, "Synth");
    let guids = [
        DMUSMINI_PIN_MIDI,
        DMUSMINI_PIN_DIRECTMUSIC,
        DMUSMINI_PIN_WAVE,
    ];
    let listed: Vec<&str> = named.iter().map(|(guid, _)| &**guid).collect();
    assert_eq!(listed, guids.map(braced));
    assert!(media_categories(&inf, "Uart").is_empty());
    for binary in binaries() {
        let session = Session::boot(&binary).unwrap();
        let device = session.install(&Hardware::synth()).unwrap();
        let filter = device.filter("DMusic").unwrap();
        let registry = &session.settings().media_categories;
        for (guid, name) in &named {
            let guid = guid.trim_matches(['{', '}']).to_lowercase();
            let guid = dmusmini::com::Guid::parse(&guid);
            registry.borrow_mut().insert(guid, name.clone());
        }
        // What a client shows for each pin is its line of the INF.
        for (pin, (_, name)) in (0..).zip(&named) {
            let request = Property::get(KSPROPSETID_PIN, pin_item::NAME).of_pin(pin);
            let shown = get(&filter, request.as_bytes()).unwrap();
            let expected: Vec<u8> = name
                .encode_utf16()
                .chain([0])
                .flat_map(u16::to_le_bytes)
                .collect();
            assert_eq!(shown, expected, "pin {pin}");
        }
    }
    // The line that makes the synthesizer the default port, an option, names it by its capabilities' GUID.
    let source = text("inf/dmusmini.inx");
    let option = source
        .lines()
        .filter_map(|line| line.strip_prefix(r";HKR,DirectMusic\Defaults,DefaultOutputPort,,"));
    let expected = format!("\"{}\"", braced(DMUSMINI_SYNTH));
    assert_eq!(option.collect::<Vec<_>>(), [expected]);
}

/// The numbers in a text; "bit 3" counts as the numbers that bits up to 3 make.
fn numbers(text: &str) -> Vec<u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut numbers = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Ok(number) = word.parse::<u32>() else {
            continue;
        };
        if index > 0 && words[index - 1] == "bit" {
            numbers.extend([0, (2 << number) - 1]);
        } else {
            numbers.push(number);
        }
    }
    numbers
}

/// Whether a description names a setting's range: its ends, or each of its values.
fn describes(text: &str, allowed: Allowed) -> bool {
    let numbers = numbers(text);
    match allowed {
        Allowed::Range(from, to) => {
            numbers.iter().min() == Some(&from) && numbers.iter().max() == Some(&to)
        }
        Allowed::OneOf(list) => numbers == list,
    }
}

#[test]
fn every_setting_is_in_the_inf_and_in_the_readme() {
    let inf = inf();
    let source = text("inf/dmusmini.inx");
    let readme = text("README.md");
    let mut written: Vec<(String, String, String)> = ["Uart", "Synth"]
        .iter()
        .flat_map(|install| added(&inf, &format!("{install}.NT")))
        .filter(|line| line.field(1) == "Parameters")
        .map(|line| {
            let field = |index| line.field(index).to_owned();
            (field(2), field(3), field(4))
        })
        .collect();
    written.sort();
    let mut read = Vec::new();
    for row in &ROWS {
        let name = String::from_utf16(row.name).unwrap();
        let comment = source
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("; {name}: ")))
            .collect::<String>();
        assert!(
            describes(&comment, row.allowed),
            "the INF says of {name}: {comment:?}, the driver {:?}",
            row.allowed
        );
        let cells: Vec<&str> = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("no row for {name} in the README"))
            .split('|')
            .map(str::trim)
            .collect();
        assert!(
            describes(cells[2], row.allowed),
            "the README says of {name}: {:?}, the driver {:?}",
            cells[2],
            row.allowed
        );
        assert_eq!(cells[3], row.default.to_string(), "{name} in the README");
        // FLG_ADDREG_TYPE_DWORD.
        read.push((name, "0x00010001".to_owned(), row.default.to_string()));
    }
    read.sort();
    assert_eq!(written, read, "the INF, and what the driver reads");
}
