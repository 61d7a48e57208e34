//! mingw-w64's PortCls headers, through an object file that its C++ compiler makes of `portcls.cpp`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use crate::{Fact, fact, run};

const COMPILER: &str = "x86_64-w64-mingw32-g++";
const HEADERS: &str = "/usr/share/mingw-w64/include/ddk";

/// The headers and their version.
pub(crate) fn origin() -> Result<String> {
    let version = run(Command::new(COMPILER).args([
        "-E",
        "-P",
        "-x",
        "c",
        "-include",
        "_mingw.h",
        "-dM",
        "/dev/null",
    ]))?;
    let number = |name: &str| {
        let line = version
            .lines()
            .find_map(|line| line.strip_prefix(&format!("#define {name} ")));
        line.map(str::to_owned)
            .with_context(|| format!("the headers do not define {name}"))
    };
    let (major, minor) = (
        number("__MINGW64_VERSION_MAJOR")?,
        number("__MINGW64_VERSION_MINOR")?,
    );
    Ok(format!(
        "ddk/portcls.h and ddk/dmusicks.h of mingw-w64 {major}.{minor}"
    ))
}

pub(crate) fn facts(folder: &Path) -> Result<Vec<Fact>> {
    let object = folder.join("portcls.o");
    run(Command::new(COMPILER)
        .args([
            "-std=c++17",
            "-O1",
            "-w",
            "-D_WIN32_WINNT=0x0A00",
            "-DNTDDI_VERSION=0x0A000000",
            "-I",
            HEADERS,
            "-c",
            "-o",
        ])
        .arg(&object)
        .arg("host/oracle/src/portcls.cpp"))?;
    let bytes = std::fs::read(&object)?;
    let file = object::File::parse(&*bytes)?;
    let mut facts = Vec::new();
    let mut slots = Vec::new();
    for symbol in file.symbols() {
        let Some((kind, rest)) = symbol
            .name()?
            .split_once("__")
            .or_else(|| guid(symbol.name().ok()?))
        else {
            continue;
        };
        let (name, member) = rest.split_once("__").unwrap_or((rest, ""));
        let Some(index) = symbol.section_index() else {
            continue;
        };
        let section = file.section_by_index(index)?;
        let data = |length: usize| -> Result<Vec<u8>> {
            if section.kind() == SectionKind::UninitializedData {
                return Ok(vec![0; length]);
            }
            let at = usize::try_from(symbol.address() - section.address())?;
            let data = section.data()?.get(at..at + length);
            Ok(data.with_context(|| format!("{rest} is cut off"))?.to_vec())
        };
        let word = |index: usize| -> Result<u64> {
            let bytes = data(8 * (index + 1))?;
            Ok(u64::from_le_bytes(bytes[8 * index..].try_into()?))
        };
        match kind {
            "struct" | "field" => facts.push(fact(
                kind,
                name,
                member,
                format!("{} {}", word(0)?, word(1)?),
            )),
            "value" => {
                let bytes = word(1)?;
                facts.push(fact(
                    kind,
                    name,
                    "",
                    format!("{:#x} {bytes}", word(0)? & u64::MAX >> (64 - 8 * bytes)),
                ));
            }
            "guid" => facts.push(fact(kind, name, "", text(&data(16)?))),
            "function" => facts.push(fact(kind, name, "", signature(word(0)?)?)),
            "signature" => slots.push((
                name.to_owned(),
                member.to_owned(),
                None,
                Some(signature(word(0)?)?),
            )),
            "slot" => slots.push((
                name.to_owned(),
                member.to_owned(),
                Some((word(0)? - 1) / 8),
                None,
            )),
            _ => {}
        }
    }
    for (name, member, slot, _) in &slots {
        let Some(slot) = slot else { continue };
        let signature = slots.iter().find(|(other, method, _, signature)| {
            other == name && method == member && signature.is_some()
        });
        let signature = signature
            .and_then(|found| found.3.as_deref())
            .context("a method without a signature")?;
        facts.push(fact("method", name, member, format!("{slot} {signature}")));
    }
    Ok(facts)
}

/// The GUIDs that the headers define by themselves have their own names.
fn guid(name: &str) -> Option<(&str, &str)> {
    let known = ["IID_I", "CLSID_Port", "CLSID_MiniportDriverDMus"];
    known
        .iter()
        .any(|prefix| name.starts_with(prefix))
        .then_some(("guid", name))
}

fn text(bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let reversed = |bytes: &[u8]| hex(&bytes.iter().rev().copied().collect::<Vec<_>>());
    format!(
        "{}-{}-{}-{}-{}",
        reversed(&bytes[..4]),
        reversed(&bytes[4..6]),
        reversed(&bytes[6..8]),
        hex(&bytes[8..10]),
        hex(&bytes[10..])
    )
}

/// From the last digit on: the result, the arguments, and a 14 as the end.
fn signature(mut digits: u64) -> Result<String> {
    let mut sizes = Vec::new();
    while digits != 14 {
        match digits & 15 {
            size @ (0 | 1 | 2 | 4 | 8) if digits != 0 => sizes.push(size.to_string()),
            other => bail!("a register of {other} bytes"),
        }
        digits >>= 4;
    }
    Ok(sizes.join(" "))
}
