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
            version: version(data),
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

/// Finds `VS_FIXEDFILEINFO` by its signature; its resource is the only place that can hold one.
fn version(data: &[u8]) -> Option<[u16; 4]> {
    const SIGNATURE: [u8; 8] = [0xBD, 0x04, 0xEF, 0xFE, 0, 0, 1, 0];
    let at = data
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE)?;
    let words = data.get(at + SIGNATURE.len()..)?.get(..8)?;
    let word = |index: usize| {
        Some(u16::from_le_bytes([
            *words.get(index)?,
            *words.get(index + 1)?,
        ]))
    };
    Some([word(2)?, word(0)?, word(6)?, word(4)?])
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
