//! The shipped INF has no findings, and for each rule there is an INF that breaks it and no other.

use dmusmini_package::inf::Inf;
use dmusmini_package::lint::{Package, Rule, lint};
use dmusmini_package::stamp::{DriverVer, stamp};
use time::macros::date;

const SOURCE: &str = include_str!("../../../inf/dmusmini.inx");

fn shipped() -> String {
    stamp(SOURCE, DriverVer::parse("11/01/2026", "1.0.0.0").unwrap()).unwrap()
}

fn findings(text: &str) -> Vec<(Rule, String)> {
    let package = Package {
        files: &["dmusmini.sys"],
        today: date!(2026 - 11 - 23),
        optional_sections: &["Synth.DefaultPort.AddReg"],
    };
    let inf = Inf::from_bytes(text.as_bytes()).unwrap();
    lint(&inf, &package)
        .into_iter()
        .map(|finding| (finding.rule, finding.to_string()))
        .collect()
}

#[test]
fn the_shipped_inf_is_clean() {
    assert_eq!(findings(&shipped()), []);
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
    (Rule::Files, "dmusmini.sys = 1", "dmusmini.sys = 2"),
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
    (
        Rule::DriverGuid,
        "{7F0B6A52-3C41-4D2E-9A57-4BB1C0DE5D01}",
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

#[test]
fn every_rule_has_a_bad_inf() {
    use Rule::*;
    let all = [
        Version,
        DriverVer,
        MissingSection,
        UnusedSection,
        MissingString,
        UnusedString,
        DuplicateString,
        Decoration,
        HardwareId,
        ForbiddenSection,
        ForbiddenDirective,
        AddRegRoot,
        Destination,
        Files,
        Service,
        Include,
        Interface,
        InterfaceRegistry,
        Hardware,
        DriverGuid,
    ];
    for rule in all {
        assert!(
            BROKEN.iter().any(|(broken, ..)| *broken == rule),
            "{rule:?}"
        );
    }
}
