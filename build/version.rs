//! Writes the VERSIONINFO resource as a compiled resource file, which any linker for Windows takes.
//!
//! The numbers are the package's: `1.2.3` becomes `1.2.3.0`, the `DriverVer` of the INF. Written
//! here, 100 lines, because the resource compilers are not on every host that builds the driver.

use std::{env, error::Error, fs, path::Path};

const LANGUAGE_US_ENGLISH: u16 = 0x0409;
const CODE_PAGE_UNICODE: u16 = 1200;

/// Writes the resource into `OUT_DIR` and has the linker take it.
pub(crate) fn link_resource() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build/version.rs");
    let path = Path::new(&env::var("OUT_DIR")?).join("version.res");
    fs::write(&path, resource_file(&version_information()?))?;
    println!("cargo::rustc-cdylib-link-arg={}", path.display());
    Ok(())
}

/// The tree of blocks that Windows calls `VS_VERSIONINFO`.
fn version_information() -> Result<Vec<u8>, Box<dyn Error>> {
    let part = |name: &str| -> Result<u16, Box<dyn Error>> {
        Ok(env::var(format!("CARGO_PKG_VERSION_{name}"))?.parse()?)
    };
    let (major, minor, patch) = (part("MAJOR")?, part("MINOR")?, part("PATCH")?);
    let version = format!("{major}.{minor}.{patch}.0");
    let description = env::var("CARGO_PKG_DESCRIPTION")?;
    let strings = [
        ("CompanyName", "dmusmini"),
        ("FileDescription", description.as_str()),
        ("FileVersion", version.as_str()),
        ("InternalName", "dmusmini"),
        ("LegalCopyright", "MIT OR Apache-2.0"),
        ("OriginalFilename", "dmusmini.sys"),
        ("ProductName", "dmusmini"),
        ("ProductVersion", version.as_str()),
    ];
    let table: Vec<Vec<u8>> = strings
        .iter()
        .map(|(name, value)| block(name, Value::Text(value), &[]))
        .collect();
    let table_name = format!("{LANGUAGE_US_ENGLISH:04x}{CODE_PAGE_UNICODE:04x}");
    let strings = block(
        "StringFileInfo",
        Value::None,
        &[block(&table_name, Value::None, &table)],
    );

    let translation: Vec<u8> = [LANGUAGE_US_ENGLISH, CODE_PAGE_UNICODE]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let translation = block("Translation", Value::Binary(&translation), &[]);
    let variables = block("VarFileInfo", Value::None, &[translation]);

    let fixed = fixed_information(
        u32::from(major) << 16 | u32::from(minor),
        u32::from(patch) << 16,
    );
    Ok(block(
        "VS_VERSION_INFO",
        Value::Binary(&fixed),
        &[strings, variables],
    ))
}

/// `VS_FIXEDFILEINFO` for a driver.
fn fixed_information(high: u32, low: u32) -> Vec<u8> {
    const SIGNATURE: u32 = 0xFEEF_04BD;
    const STRUCTURE_VERSION: u32 = 0x0001_0000;
    const FLAGS_MASK: u32 = 0x3F;
    const OS_NT_WINDOWS32: u32 = 0x0004_0004;
    const TYPE_DRIVER: u32 = 3;
    const SUBTYPE_SOUND: u32 = 9;
    [
        SIGNATURE,
        STRUCTURE_VERSION,
        high,
        low,
        high,
        low,
        FLAGS_MASK,
        0,
        OS_NT_WINDOWS32,
        TYPE_DRIVER,
        SUBTYPE_SOUND,
        0,
        0,
    ]
    .iter()
    .flat_map(|word| word.to_le_bytes())
    .collect()
}

#[derive(Clone, Copy)]
enum Value<'a> {
    None,
    Text(&'a str),
    Binary(&'a [u8]),
}

/// One block: length, value length, kind, name, then value and children at multiples of four.
fn block(name: &str, value: Value<'_>, children: &[Vec<u8>]) -> Vec<u8> {
    let (value, length, is_text) = match value {
        Value::None => (Vec::new(), 0, 1_u16),
        Value::Text(text) => {
            let units = wide(text);
            let characters = units.len() / 2;
            (units, characters, 1)
        }
        Value::Binary(bytes) => (bytes.to_vec(), bytes.len(), 0),
    };
    let mut out = vec![0, 0];
    out.extend(word(length));
    out.extend(is_text.to_le_bytes());
    out.extend(wide(name));
    align(&mut out);
    out.extend(value);
    for child in children {
        align(&mut out);
        out.extend(child);
    }
    let length = word(out.len());
    out[..2].copy_from_slice(&length);
    out
}

/// A `.res` file: the empty entry that marks the format, then the version resource, number 1.
fn resource_file(data: &[u8]) -> Vec<u8> {
    const RT_VERSION: u16 = 16;
    let mut file = entry(0, 0, 0, &[]);
    file.extend(entry(RT_VERSION, 1, LANGUAGE_US_ENGLISH, data));
    file
}

fn entry(kind: u16, name: u16, language: u16, data: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: u32 = 32;
    const NUMERIC: u16 = 0xFFFF;
    const MOVEABLE_PURE: u16 = 0x30;
    let length = u32::try_from(data.len()).expect("a version resource is small");
    let mut out = Vec::new();
    out.extend(length.to_le_bytes());
    out.extend(HEADER_BYTES.to_le_bytes());
    for half in [NUMERIC, kind, NUMERIC, name] {
        out.extend(half.to_le_bytes());
    }
    out.extend(0_u32.to_le_bytes()); // data version
    out.extend((if kind == 0 { 0 } else { MOVEABLE_PURE }).to_le_bytes());
    out.extend(language.to_le_bytes());
    out.extend([0; 8]); // version, characteristics
    out.extend(data);
    align(&mut out);
    out
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn word(value: usize) -> [u8; 2] {
    u16::try_from(value)
        .expect("a version resource is small")
        .to_le_bytes()
}

fn align(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
