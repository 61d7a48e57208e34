//! What a driver image says about itself: read once, then judged by [`rules`].

pub(crate) mod panics;
pub(crate) mod rules;
pub(crate) mod stack;
pub(crate) mod symbols;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use object::{
    LittleEndian as LE,
    pe::{self, ImageNtHeaders64},
    read::pe::{ImageNtHeaders, ImageOptionalHeader, Import as PeImport, PeFile64},
};

use crate::imports::Import;

/// The facts that the rules look at.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// `IMAGE_FILE_MACHINE_*`.
    pub(crate) machine: u16,
    /// `IMAGE_SUBSYSTEM_*`.
    pub(crate) subsystem: u16,
    /// `IMAGE_DLLCHARACTERISTICS_*`.
    pub(crate) characteristics: u16,
    /// Alignment of sections in memory.
    pub(crate) section_alignment: u32,
    /// The checksum that the header claims, and the one that the bytes have.
    pub(crate) checksum: (u32, u32),
    /// Whether the linker left the image movable.
    pub(crate) relocatable: bool,
    /// Where execution starts.
    pub(crate) entry: u32,
    /// Name and address of each export.
    pub(crate) exports: Vec<(String, u32)>,
    /// Every import.
    pub(crate) imports: BTreeSet<Import>,
    /// Name and `IMAGE_SCN_*` of each section.
    pub(crate) sections: Vec<(String, u32)>,
    /// The version resource's file version.
    pub(crate) version: Option<[u16; 4]>,
    /// Size of the file.
    pub(crate) bytes: usize,
}

impl Image {
    /// Reads the image in `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let data = fs::read(path).with_context(|| path.display().to_string())?;
        Self::parse(&data).with_context(|| path.display().to_string())
    }

    fn parse(data: &[u8]) -> Result<Self> {
        let file = PeFile64::parse(data).context("not a 64-bit PE image")?;
        let header = file.nt_headers();
        let optional = header.optional_header();
        Ok(Self {
            machine: header.file_header().machine.get(LE).0,
            subsystem: optional.subsystem().0,
            characteristics: optional.dll_characteristics().0,
            section_alignment: optional.section_alignment(),
            checksum: (optional.check_sum(), checksum(data, &file)),
            relocatable: header.file_header().characteristics.get(LE).0
                & pe::IMAGE_FILE_RELOCS_STRIPPED.0
                == 0,
            entry: optional.address_of_entry_point(),
            exports: exports(&file)?,
            imports: imports(&file)?,
            sections: file
                .section_table()
                .iter()
                .map(|section| {
                    let name = String::from_utf8_lossy(section.raw_name()).into_owned();
                    (name, section.characteristics.get(LE).0)
                })
                .collect(),
            version: version(data, &file),
            bytes: data.len(),
        })
    }
}

fn exports(file: &PeFile64<'_>) -> Result<Vec<(String, u32)>> {
    let Some(table) = file.export_table()? else {
        return Ok(Vec::new());
    };
    table
        .name_iter()
        .map(|(name, index)| {
            let name = String::from_utf8_lossy(table.name_from_pointer(name)?).into_owned();
            Ok((name, table.address_by_index(index)?))
        })
        .collect()
}

fn imports(file: &PeFile64<'_>) -> Result<BTreeSet<Import>> {
    let mut all = BTreeSet::new();
    let Some(table) = file.import_table()? else {
        return Ok(all);
    };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let module = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).to_lowercase();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
            let name = match table.import::<ImageNtHeaders64>(thunk)? {
                PeImport::Ordinal(number) => format!("#{number}"),
                PeImport::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
            };
            all.insert(Import {
                module: module.clone(),
                name,
            });
        }
    }
    Ok(all)
}

/// The file version of the version resource: its numbers, if its text says the same.
fn version(data: &[u8], file: &PeFile64<'_>) -> Option<[u16; 4]> {
    const SIGNATURE: [u8; 8] = [0xBD, 0x04, 0xEF, 0xFE, 0, 0, 1, 0];
    let resource = version_resource(data, file)?;
    let at = resource
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE)?;
    let words = resource.get(at + SIGNATURE.len()..)?.get(..8)?;
    let word = |index: usize| {
        Some(u16::from_le_bytes([
            *words.get(index)?,
            *words.get(index + 1)?,
        ]))
    };
    let version = [word(2)?, word(0)?, word(6)?, word(4)?];
    let text = version.map(|part| part.to_string()).join(".");
    ["FileVersion", "ProductVersion"]
        .iter()
        .all(|name| string_of(resource, name).is_some_and(|own| own == text))
        .then_some(version)
}

/// The bytes of the resource of type `RT_VERSION`.
fn version_resource<'a>(data: &'a [u8], file: &PeFile64<'a>) -> Option<&'a [u8]> {
    const RT_VERSION: u16 = 16;
    let sections = file.section_table();
    let directory = file
        .data_directories()
        .resource_directory(data, &sections)
        .ok()??;
    let root = directory.root().ok()?;
    let of_type = root
        .entries
        .iter()
        .find(|entry| entry.name_or_id().id() == Some(RT_VERSION))?;
    let names = of_type.data(directory).ok()?.table()?;
    let languages = names.entries.first()?.data(directory).ok()?.table()?;
    let entry = languages.entries.first()?.data(directory).ok()?.data()?;
    let bytes = sections.pe_data_at(data, entry.offset_to_data.get(LE))?;
    bytes.get(..entry.size.get(LE) as usize)
}

/// The value of a string of a version resource: UTF-16 behind the name, up to a zero.
fn string_of(resource: &[u8], name: &str) -> Option<String> {
    let units: Vec<u16> = resource
        .as_chunks()
        .0
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .collect();
    let wanted: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let at = units
        .windows(wanted.len())
        .position(|window| window == wanted)?;
    let value = units.get(at + wanted.len()..)?;
    let value = &value[value.iter().position(|unit| *unit != 0)?..];
    let end = value.iter().position(|unit| *unit == 0)?;
    String::from_utf16(&value[..end]).ok()
}

/// The checksum that Windows verifies on drivers: folded 16-bit sum without the field, plus length.
fn checksum(data: &[u8], file: &PeFile64<'_>) -> u32 {
    const FIELD_IN_OPTIONAL_HEADER: usize = 64;
    const SIGNATURE_AND_FILE_HEADER: usize = 24;
    let headers = file.dos_header().nt_headers_offset() as usize;
    let field = headers + SIGNATURE_AND_FILE_HEADER + FIELD_IN_OPTIONAL_HEADER;
    let mut sum = 0_u32;
    for (index, pair) in data.chunks(2).enumerate() {
        let at = index * 2;
        if at == field || at == field + 2 {
            continue;
        }
        sum += u32::from(pair[0]) | u32::from(pair.get(1).copied().unwrap_or(0)) << 8;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum + u32::try_from(data.len()).unwrap_or(u32::MAX)
}
