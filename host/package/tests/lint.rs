//! The shipped INF has no findings, and for each rule, and each complaint that a rule can make, there
//! is an INF that it catches.

use clap::ValueEnum;
use dmusmini_package::inf::Inf;
use dmusmini_package::lint::{Finding, Package, Rule, lint};
use dmusmini_package::stamp::{DriverVer, stamp};
use time::macros::date;

const SOURCE: &str = include_str!("../../../inf/dmusmini.inx");

fn shipped() -> String {
    stamp(SOURCE, DriverVer::parse("11/01/2026", "1.0.0.0").unwrap()).unwrap()
}

fn findings(text: &str) -> Vec<(Rule, String)> {
    let inf = Inf::from_bytes(text.as_bytes()).unwrap();
    lint_of(&inf)
        .into_iter()
        .map(|finding| (finding.rule, finding.to_string()))
        .collect()
}

fn lint_of(inf: &Inf) -> Vec<Finding> {
    let package = Package {
        files: &["dmusmini.sys"],
        today: date!(2026 - 11 - 23),
    };
    lint(inf, &package)
}

#[test]
fn the_shipped_inf_is_clean() {
    assert_eq!(findings(&shipped()), []);
}

/// As it lies in the checkout, which `cargo make` takes as it is.
#[test]
fn the_source_has_no_findings_but_its_line_ends_count() {
    assert!(SOURCE.lines().count() > 100);
    assert_eq!(SOURCE.matches('\n').count(), SOURCE.matches("\r\n").count());
    assert_eq!(findings(SOURCE), []);
    let found = findings(&SOURCE.replace("\r\n", "\n"));
    let text = "line 1: LineEnd: the line does not end in CR LF".to_owned();
    assert_eq!(found, [(Rule::LineEnd, text)]);
}

/// The number in the INF is FILE_DEVICE_SOUND (0x1D); FILE_DEVICE_KS is 0x2F. Both are in `tests/oracle/facts.tsv`.
#[test]
fn the_device_type_is_called_what_it_is() {
    let lines: Vec<&str> = SOURCE.lines().collect();
    let place = lines
        .iter()
        .position(|line| line.starts_with("HKR,,DeviceType,"))
        .unwrap();
    assert!(lines[place].ends_with(",0x0000001D"));
    let comment = lines[place - 1];
    assert!(
        comment.contains("FILE_DEVICE_SOUND") && !SOURCE.contains("FILE_DEVICE_KS"),
        "{comment}"
    );
}

/// Rule, what is replaced, by what.
const BROKEN: &[(Rule, &str, &str)] = &[
    (Rule::Version, "\"$Windows NT$\"", "\"$CHICAGO$\""),
    (Rule::Version, "PnpLockdown = 1", "PnpLockdown = 0"),
    (Rule::Version, "Class       = MEDIA", "Class       = SOUND"),
    (
        Rule::Version,
        "ClassGUID   = {4d36e96c",
        "ClassGUID   = {4d36e96d",
    ),
    (Rule::Version, "CatalogFile = dmusmini.cat\r\n", ""),
    (Rule::Version, "Provider    = %Provider%", "Provider    ="),
    (Rule::DriverVer, "DriverVer   = 11/01/2026,1.0.0.0\r\n", ""),
    (Rule::MissingSection, "[Version]", "[Versions]"),
    (Rule::DriverVer, "11/01/2026", "11/24/2026"),
    (Rule::DriverVer, "11/01/2026,1.0.0.0", "11/01/2026,1.0"),
    (Rule::DriverVer, "11/01/2026", "2026-11-01"),
    (
        Rule::MissingSection,
        "AddReg    = Common.AddReg,Synth.AddReg",
        "AddReg    = Common.AddReg,Synth.AddReg,Nowhere",
    ),
    (
        Rule::MissingSection,
        "ACPI\\PNPB006,*PNPB006\r\n",
        "ACPI\\PNPB006,*PNPB006\r\n%Device.Synth% = Gone,ROOT\\dmusmini\r\n",
    ),
    (
        Rule::UnusedSection,
        "[Strings]",
        "[Lonely]\r\nx = 1\r\n\r\n[Strings]",
    ),
    (
        Rule::MissingString,
        "DisplayName   = %Service%",
        "DisplayName   = %Service%%Typo%",
    ),
    (
        Rule::UnusedString,
        "[Strings]\r\n",
        "[Strings]\r\nSpare = \"x\"\r\n",
    ),
    (
        Rule::DuplicateString,
        "[Strings]\r\n",
        "[Strings]\r\nDisk = \"x\"\r\n",
    ),
    (
        Rule::Decoration,
        ",NTarm64.10.0...19041\r\n",
        ",NTarm64\r\n",
    ),
    (
        Rule::Decoration,
        ",NTarm64.10.0...19041",
        ",NTarm64.10.0..1.19041",
    ),
    (
        Rule::Decoration,
        "Models,NTamd64.10.0...19041,NTarm64.10.0...19041",
        "Models",
    ),
    (
        Rule::Decoration,
        "NTarm64.10.0...19041",
        "NTx86.10.0...19041",
    ),
    (
        Rule::Decoration,
        "NTarm64.10.0...19041",
        "NTarm64.10.0...15063",
    ),
    (
        Rule::HardwareId,
        "%Device.Synth% = Synth,ROOT\\dmusmini",
        "%Device.Synth% = Synth,PCI\\VEN_1102",
    ),
    (
        Rule::HardwareId,
        "[Models.NTarm64.10.0...19041]\r\n",
        "[Models.NTarm64.10.0...19041]\r\n%Device.Uart% = Uart,*PNPB006\r\n",
    ),
    (
        Rule::ForbiddenSection,
        "[Strings]",
        "[Uart.NT.CoInstallers]\r\n\r\n[Strings]",
    ),
    (
        Rule::ForbiddenSection,
        "[Strings]",
        "[ClassInstall32]\r\n\r\n[Strings]",
    ),
    (
        Rule::ForbiddenDirective,
        "[Uart.NT]\r\n",
        "[Uart.NT]\r\nDelReg = Common.AddReg\r\n",
    ),
    (
        Rule::ForbiddenDirective,
        "[Uart.NT]\r\n",
        "[Uart.NT]\r\nLogConfig = Common.AddReg\r\n",
    ),
    (
        Rule::AddRegRoot,
        "HKR,,Driver,,dmusmini.sys",
        "HKLM,Software\\X,Driver,,dmusmini.sys",
    ),
    (
        Rule::Destination,
        "DefaultDestDir = 13",
        "DefaultDestDir = 12",
    ),
    (Rule::Destination, "DefaultDestDir = 13\r\n", ""),
    (Rule::Files, "[Files]\r\n", "[Files]\r\nother.sys\r\n"),
    (
        Rule::Files,
        "[SourceDisksFiles]\r\n",
        "[SourceDisksFiles]\r\nother.sys = 1\r\n",
    ),
    (
        Rule::Files,
        "[Files]\r\ndmusmini.sys",
        "[Files]\r\ndmusmini.sys,other.sys",
    ),
    (Rule::Files, "dmusmini.sys = 1", "dmusmini.sys = 2"),
    (Rule::Service, "ServiceType   = 1", "ServiceType   = 2"),
    (Rule::Service, "ErrorControl  = 1\r\n", ""),
    (Rule::Service, "StartType     = 3", "StartType     = 0"),
    (Rule::Service, "%13%\\dmusmini.sys", "%12%\\dmusmini.sys"),
    (
        Rule::Service,
        "AddService = dmusmini,0x00000002",
        "AddService = dmusmini,0x00000000",
    ),
    (
        Rule::Include,
        "Needs     = KS.Registration,WDMAUDIO.Registration\r\n",
        "",
    ),
    (Rule::Include, "ks.inf,wdmaudio.inf", "ks.inf,other.inf"),
    (
        Rule::Interface,
        "Reference.Uart           = \"UART\"",
        "Reference.Uart           = \"Uart\"",
    ),
    (
        Rule::Interface,
        "AddInterface = %KSCATEGORY_AUDIO%,%Reference.Uart%",
        "AddInterface = %KSCATEGORY_MIXER%,%Reference.Uart%",
    ),
    (
        Rule::InterfaceRegistry,
        "HKR,,FriendlyName,,%Device.Uart%\r\n",
        "",
    ),
    (Rule::InterfaceRegistry, "{17CCA71B", "{17CCA71C"),
    (
        Rule::Hardware,
        "HKR,,DeviceType,0x00010001,0x0000001D\r\n",
        "",
    ),
    (Rule::Hardware, "HKR,,Security,,", "HKR,,Insecurity,,"),
    (
        Rule::HardwareId,
        "%Device.Uart%  = Uart,ACPI\\PNPB006,*PNPB006",
        "%Device.Uart%  = Uart,*PNPB006",
    ),
    (Rule::Include, "Include   = ks.inf,wdmaudio.inf\r\n", ""),
    (
        Rule::Include,
        "KS.Registration,WDMAUDIO.Registration",
        "KS.Registration",
    ),
    (Rule::Files, "CopyFiles = Files\r\n", ""),
    (
        Rule::Service,
        "AddService = dmusmini,0x00000002,Service\r\n",
        "",
    ),
    (
        Rule::Hardware,
        "[Uart.NT.HW]\r\nAddReg = Hardware.AddReg\r\n",
        "",
    ),
    (
        Rule::Interface,
        "AddInterface = %KSCATEGORY_AUDIO%,%Reference.Uart%,Uart.Interface\r\n",
        "",
    ),
    (
        Rule::Registry,
        "HKR,Drivers,SubClasses,,\"midi\"",
        "HKR,Drivers,SubClasses,,\"wave\"",
    ),
    (
        Rule::Service,
        "AddService = dmusmini,",
        "AddService = other,",
    ),
    (
        Rule::Interface,
        "= %KSCATEGORY_AUDIO%,",
        "= %KSCATEGORY_AUDIO%9,",
    ),
    (Rule::Hardware, "0x0000001D", "0x0000002F"),
    (Rule::Hardware, "(A;;GRGWGX;;;WD)", ""),
    (
        Rule::Registry,
        "%Pin.Wave.Guid%,Name",
        "%Pin.Wave.Guid%,Title",
    ),
    (
        Rule::Registry,
        "HKR,,Driver,,dmusmini.sys",
        "HKR,,Driver,,x.sys",
    ),
    (
        Rule::Registry,
        "IdlePowerState,3,03,00,00,00",
        "IdlePowerState,3,03,00",
    ),
    (Rule::Setting, "Parameters,Voices,", "Parameters,Voice,"),
    (
        Rule::Setting,
        "EventQueue,0x00010001,65536",
        "EventQueue,0x00010001,1000",
    ),
    (Rule::Setting, "Effects,0x00010001,0", "Effects,,0"),
    (Rule::LineEnd, "[Files]\r\n", "[Files]\n"),
    (Rule::MissingSection, "[Uart.NT]", "[Uart.NTamd64]"),
    (
        Rule::DriverGuid,
        "{7F0B6A52-3C41-4D2E-9A57-4BB1C0DE5D02}",
        "{7F0B6A52-3C41-4D2E-9A57-4BB1C0DE5DFF}",
    ),
    (Rule::DriverGuid, "{65E8773D-8F56", "{65E8773E-8F56"),
];

#[test]
fn every_rule_catches_its_bad_inf() {
    let good = shipped();
    for (rule, from, to) in BROKEN {
        assert!(good.contains(from), "{from:?} is not in the INF");
        let found = findings(&good.replacen(from, to, 1));
        assert!(
            found.iter().any(|(caught, _)| caught == rule),
            "{rule:?}: {from:?} -> {to:?}: {found:?}"
        );
    }
}

/// What the rules have to say, apart from the names that it is said of.
const COMPLAINTS: &[&str] = &[
    "PnpLockdown is \"0\", not 1",
    "[Version] has no CatalogFile",
    "[Version] has no DriverVer",
    "does not have four parts",
    "lies in the future",
    "is not MM/DD/YYYY",
    "there is no [Version]",
    "there is no [Nowhere]",
    "there is no [Gone] or [Gone.NT]",
    "nothing refers to [Lonely]",
    "%Typo% is not in [Strings]",
    "%Spare% is never used",
    "%Disk% is defined twice",
    "decorated with their architecture",
    "needs build 16299 or later",
    "product type and suite must be empty",
    "the decoration is not ARCHITECTURE.10.0...BUILD",
    "needs port I/O, which only x64 has",
    "is not a device of this driver",
    "[ClassInstall32] is not allowed",
    "DelReg is not allowed",
    "is not HKR",
    "is not 13, the driver store",
    "there is no DefaultDestDir",
    "is renamed or flagged",
    "other.sys is not in [SourceDisksFiles]",
    "other.sys is not in the package",
    "other.sys is never copied",
    "disk 2 is not in [SourceDisksNames]",
    "not the device's function driver",
    "ServiceType is not 1",
    "StartType is not 3",
    "ErrorControl is not 1",
    "is not a file of the package in the driver store",
    "Include without Needs",
    "only ks.inf and wdmaudio.inf",
    "the driver registers \"UART\", not \"Uart\"",
    "is not a category of the driver",
    "CLSID is not KsProxy",
    "there is no FriendlyName",
    "does not set DeviceType and Security",
    "is not the driver's",
    "does not offer ACPI\\PNPB006",
    "does not take what a KS device needs",
    "[Uart.NT] copies no file",
    "gives the device no service",
    "[Uart.NT.HW] sets nothing",
    "has the categories CAPTURE RENDER, the filter AUDIO CAPTURE RENDER",
    "does not set Drivers\\SubClasses as it must be",
    "is not four bytes",
    "the service is called other",
    "the pin MediaCategories",
    "the driver reads no setting Voice",
    "no device shows the setting Voices",
    "is no DWORD that the driver takes",
    "does not end in CR LF",
    "which serves every architecture",
];

#[test]
fn every_complaint_is_made() {
    let good = shipped();
    let made: Vec<String> = BROKEN
        .iter()
        .flat_map(|(_, from, to)| findings(&good.replacen(from, to, 1)))
        .map(|(_, text)| text)
        .collect();
    for complaint in COMPLAINTS {
        assert!(
            made.iter().any(|text| text.contains(complaint)),
            "{complaint}"
        );
    }
}

#[test]
fn an_inf_without_services_is_caught() {
    let without = shipped().replace("AddService = dmusmini,0x00000002,Service\r\n", "");
    let found = findings(&without);
    assert!(
        found
            .iter()
            .any(|(rule, text)| *rule == Rule::Service && text.contains("no device gets a service")),
        "{found:?}"
    );
}

/// What a universal INF must not have (Microsoft: "Using a Universal INF File").
#[test]
fn everything_that_is_forbidden_is_caught() {
    let good = shipped();
    for directive in [
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
    ] {
        let line = format!("[Synth.NT]\r\n{directive} = Files\r\n");
        let found = findings(&good.replacen("[Synth.NT]\r\n", &line, 1));
        assert!(
            found.iter().any(|it| it.0 == Rule::ForbiddenDirective),
            "{directive}: {found:?}"
        );
    }
    for section in [
        "ClassInstall32",
        "ClassInstall32.NTamd64",
        "DefaultInstall",
        "DefaultInstall.NTamd64",
        "DefaultUninstall.NTamd64",
        "Uart.NT.CoInstallers",
        "Uart.NT.FactDef",
        "Uart.NT.LogConfigOverride",
    ] {
        let text = format!("{good}\r\n[{section}]\r\n");
        let found = findings(&text);
        assert!(
            found.iter().any(|it| it.0 == Rule::ForbiddenSection),
            "{section}: {found:?}"
        );
    }
}

/// What a line is there for is what some rule looks after.
#[test]
fn no_line_of_the_shipped_inf_can_be_left_out() {
    let good = shipped();
    let lines: Vec<&str> = good.lines().collect();
    for (index, left_out) in lines.iter().enumerate() {
        if left_out.is_empty() || left_out.starts_with(';') {
            continue;
        }
        let mut rest = lines.clone();
        rest.remove(index);
        let is_caught =
            Inf::parse(&rest.join("\r\n")).map_or(true, |inf| !lint_of(&inf).is_empty());
        assert!(is_caught, "line {}: {left_out}", index + 1);
    }
}

#[test]
fn every_rule_has_a_bad_inf() {
    for rule in Rule::value_variants() {
        assert!(BROKEN.iter().any(|(broken, ..)| broken == rule), "{rule:?}");
    }
}
