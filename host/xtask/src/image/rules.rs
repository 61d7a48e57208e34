//! What a driver image has to be. Each rule is a function from the facts to a complaint.

use std::collections::BTreeSet;

use object::pe;

use super::Image;
use crate::{cross::Architecture, imports::Import};

/// A rule and its name.
type Rule = (
    &'static str,
    fn(&Image, &Expected) -> Result<String, String>,
);

/// What the rules compare with.
#[derive(Debug)]
pub(crate) struct Expected {
    /// The processor that was asked for.
    pub(crate) architecture: Architecture,
    /// Every import that is allowed.
    pub(crate) allowed: BTreeSet<Import>,
    /// The package's version, as Windows counts.
    pub(crate) version: [u16; 4],
    /// Every import that there has to be.
    pub(crate) used: BTreeSet<Import>,
}

/// One rule's outcome.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The rule.
    pub(crate) rule: &'static str,
    /// What was found: right, or wrong.
    pub(crate) finding: Result<String, String>,
}

const RULES: &[Rule] = &[
    ("machine", machine),
    ("subsystem", subsystem),
    ("entry", entry),
    ("hardening", hardening),
    ("relocations", relocations),
    ("alignment", alignment),
    ("no W+X section", no_writable_code),
    ("no C runtime", no_runtime),
    ("imports", imports),
    ("checksum", checksum),
    ("version", version),
];

/// Applies every rule.
pub(crate) fn judge(image: &Image, expected: &Expected) -> Vec<Verdict> {
    RULES
        .iter()
        .map(|(rule, judge)| Verdict {
            rule,
            finding: judge(image, expected),
        })
        .collect()
}

fn machine(image: &Image, expected: &Expected) -> Result<String, String> {
    let wanted = match expected.architecture {
        Architecture::Amd64 => pe::IMAGE_FILE_MACHINE_AMD64,
        Architecture::Arm64 => pe::IMAGE_FILE_MACHINE_ARM64,
    };
    let found = format!("{:#06x}", image.machine);
    if image.machine == wanted.0 {
        Ok(expected.architecture.name().into())
    } else {
        Err(found)
    }
}

fn subsystem(image: &Image, _: &Expected) -> Result<String, String> {
    if image.subsystem == pe::IMAGE_SUBSYSTEM_NATIVE.0 {
        Ok("native".into())
    } else {
        Err(format!("{}, not native", image.subsystem))
    }
}

/// Symbols that `wdk-sys` defines for the linker's sake; Rust exports them from every driver.
const LINKER_SYMBOLS: &[&str] = &[
    "__CxxFrameHandler3",
    "__CxxFrameHandler4",
    "__GSHandlerCheck_EH4",
    "_fltused",
];

fn entry(image: &Image, _: &Expected) -> Result<String, String> {
    let mut exports: Vec<_> = image.exports.iter().collect();
    exports.retain(|(name, _)| !LINKER_SYMBOLS.contains(&name.as_str()));
    match exports.as_slice() {
        [(name, address)] if name == "DriverEntry" && *address == image.entry => {
            Ok("DriverEntry".into())
        }
        [(name, _)] if name == "DriverEntry" => {
            Err("execution does not start at DriverEntry".into())
        }
        others => Err(format!("exports are not DriverEntry alone: {others:x?}")),
    }
}

fn hardening(image: &Image, _: &Expected) -> Result<String, String> {
    let wanted = [
        ("NX", pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT),
        ("DYNAMICBASE", pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE),
        (
            "HIGHENTROPYVA",
            pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
        ),
        (
            "INTEGRITYCHECK",
            pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
        ),
    ];
    let has = |flag: pe::DllFlags| image.characteristics & flag.0 != 0;
    let names = |present: bool| {
        let chosen = wanted.iter().filter(|(_, flag)| has(*flag) == present);
        chosen.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    };
    if names(false).is_empty() {
        Ok(names(true))
    } else {
        Err(format!("not {}", names(false)))
    }
}

fn relocations(image: &Image, _: &Expected) -> Result<String, String> {
    if image.relocatable {
        Ok("present".into())
    } else {
        Err("none: cannot be moved".into())
    }
}

/// Memory integrity protects whole pages, so a section may not share one.
fn alignment(image: &Image, _: &Expected) -> Result<String, String> {
    const PAGE: u32 = 0x1000;
    let found = format!("{:#x}", image.section_alignment);
    if image.section_alignment == PAGE {
        Ok(found)
    } else {
        Err(found)
    }
}

fn no_writable_code(image: &Image, _: &Expected) -> Result<String, String> {
    let has = |flags: u32, flag: pe::SectionFlags| flags & flag.0 != 0;
    let bad: Vec<&str> = image
        .sections
        .iter()
        .filter(|(_, flags)| {
            has(*flags, pe::IMAGE_SCN_MEM_WRITE) && has(*flags, pe::IMAGE_SCN_MEM_EXECUTE)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if bad.is_empty() {
        Ok(format!("{} sections", image.sections.len()))
    } else {
        Err(bad.join(" "))
    }
}

/// A kernel has no C runtime: an import from one, or from user mode, is a broken link.
fn no_runtime(image: &Image, _: &Expected) -> Result<String, String> {
    const USER_MODE: &[&str] = &[
        "msvcr",
        "ucrtbase",
        "vcruntime",
        "api-ms-win",
        "kernel32",
        "ntdll",
        "user32",
    ];
    let bad: BTreeSet<&str> = image
        .imports
        .iter()
        .map(|import| import.module.as_str())
        .filter(|module| USER_MODE.iter().any(|name| module.starts_with(name)))
        .collect();
    if bad.is_empty() {
        Ok("none".into())
    } else {
        Err(format!("imports from {bad:?}"))
    }
}

fn imports(image: &Image, expected: &Expected) -> Result<String, String> {
    let list = |names: Vec<&Import>| {
        let names: Vec<String> = names
            .iter()
            .map(|import| format!("{}!{}", import.module, import.name))
            .collect();
        names.join(" ")
    };
    let extra: Vec<_> = image.imports.difference(&expected.allowed).collect();
    if !extra.is_empty() {
        return Err(format!("not in host/xtask/imports: {}", list(extra)));
    }
    let unused: Vec<_> = expected.used.difference(&image.imports).collect();
    if !unused.is_empty() {
        return Err(format!(
            "allowed but never imported, so strike it out: {}",
            list(unused)
        ));
    }
    let modules: BTreeSet<_> = image
        .imports
        .iter()
        .map(|import| import.module.as_str())
        .collect();
    let modules = modules.into_iter().collect::<Vec<_>>().join(", ");
    Ok(format!(
        "{} from {modules}, exactly the list",
        image.imports.len()
    ))
}

fn checksum(image: &Image, _: &Expected) -> Result<String, String> {
    let (claimed, actual) = image.checksum;
    if claimed == actual {
        Ok(format!("{claimed:#x}"))
    } else {
        Err(format!("header says {claimed:#x}, bytes say {actual:#x}"))
    }
}

fn version(image: &Image, expected: &Expected) -> Result<String, String> {
    let shown = |version: [u16; 4]| version.map(|part| part.to_string()).join(".");
    match image.version {
        Some(version) if version == expected.version => Ok(shown(version)),
        Some(version) => Err(format!(
            "{}, not {}",
            shown(version),
            shown(expected.version)
        )),
        None => Err("no version resource".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(module: &str, name: &str) -> Import {
        Import {
            module: module.into(),
            name: name.into(),
        }
    }

    fn good() -> Image {
        let flags = pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT
            | pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
            | pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA
            | pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY;
        let code = pe::IMAGE_SCN_MEM_EXECUTE | pe::IMAGE_SCN_MEM_READ;
        Image {
            machine: pe::IMAGE_FILE_MACHINE_AMD64.0,
            subsystem: pe::IMAGE_SUBSYSTEM_NATIVE.0,
            characteristics: flags.0,
            section_alignment: 0x1000,
            checksum: (7, 7),
            relocatable: true,
            entry: 0x1000,
            exports: vec![("DriverEntry".into(), 0x1000)],
            imports: BTreeSet::from([import("ntoskrnl.exe", "KeBugCheckEx")]),
            sections: vec![(".text".into(), code.0)],
            version: Some([1, 2, 3, 0]),
            bytes: 4096,
        }
    }

    fn expected() -> Expected {
        Expected {
            architecture: Architecture::Amd64,
            allowed: BTreeSet::from([import("ntoskrnl.exe", "KeBugCheckEx")]),
            used: BTreeSet::from([import("ntoskrnl.exe", "KeBugCheckEx")]),
            version: [1, 2, 3, 0],
        }
    }

    /// The names of the rules that `change` breaks.
    fn broken_by(change: impl FnOnce(&mut Image)) -> Vec<&'static str> {
        let mut image = good();
        change(&mut image);
        let verdicts = judge(&image, &expected());
        verdicts
            .into_iter()
            .filter(|v| v.finding.is_err())
            .map(|v| v.rule)
            .collect()
    }

    #[test]
    fn a_good_image_passes_every_rule() {
        assert!(broken_by(|_| ()).is_empty());
    }

    #[test]
    fn every_rule_can_fail_and_fails_alone() {
        let writable_code: u32 = (pe::IMAGE_SCN_MEM_EXECUTE | pe::IMAGE_SCN_MEM_WRITE).0;
        assert_eq!(broken_by(|i| i.machine = 0x14C), ["machine"]);
        assert_eq!(broken_by(|i| i.subsystem = 3), ["subsystem"]);
        assert_eq!(broken_by(|i| i.entry = 0x2000), ["entry"]);
        assert_eq!(broken_by(|i| i.exports.clear()), ["entry"]);
        assert_eq!(
            broken_by(|i| i.exports.push(("Other".into(), 0x1000))),
            ["entry"]
        );
        for bit in [0x0020, 0x0040, 0x0080, 0x0100] {
            assert_eq!(
                broken_by(|i| i.characteristics &= !bit),
                ["hardening"],
                "{bit:#x}"
            );
        }
        assert_eq!(broken_by(|i| i.relocatable = false), ["relocations"]);
        assert_eq!(broken_by(|i| i.section_alignment = 0x20), ["alignment"]);
        assert_eq!(
            broken_by(|i| i.sections.push(("INIT".into(), writable_code))),
            ["no W+X section"]
        );
        assert_eq!(
            broken_by(|i| i.imports.extend([import("ntoskrnl.exe", "ZwClose")])),
            ["imports"]
        );
        assert_eq!(broken_by(|i| i.imports.clear()), ["imports"]);
        assert_eq!(broken_by(|i| i.checksum.0 = 0), ["checksum"]);
        assert_eq!(broken_by(|i| i.version = None), ["version"]);
        assert_eq!(broken_by(|i| i.version = Some([1, 2, 4, 0])), ["version"]);
    }

    #[test]
    fn a_c_runtime_is_noticed_even_if_it_were_allowed() {
        let mut image = good();
        let runtime = import("vcruntime140.dll", "memcpy");
        image.imports.insert(runtime.clone());
        let mut expected = expected();
        expected.allowed.insert(runtime);
        let verdicts = judge(&image, &expected);
        let broken: Vec<_> = verdicts
            .iter()
            .filter(|v| v.finding.is_err())
            .map(|v| v.rule)
            .collect();
        assert_eq!(broken, ["no C runtime"]);
    }
}
