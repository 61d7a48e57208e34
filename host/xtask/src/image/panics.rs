//! Where an image can still panic.
//!
//! Each panic that the optimiser kept passes a `core::panic::Location` to the handler: a pointer to
//! a file name, its length, line and column. Such records lie in read-only data, and their pointer
//! is a base relocation, so they can be recognised without debug information.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use object::{
    pe,
    read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64},
};

/// `file:line:column` of every panic that is left in `image`.
pub(crate) fn locations(image: &Path) -> Result<BTreeSet<String>> {
    let data = fs::read(image).with_context(|| image.display().to_string())?;
    let file = PeFile64::parse(data.as_slice())?;
    let base = file.nt_headers().optional_header().image_base();
    let sections = file.section_table();
    let bytes_at = |address: u64| -> Option<&[u8]> {
        let address = u32::try_from(address.checked_sub(base)?).ok()?;
        sections.pe_data_at(data.as_slice(), address)
    };
    let mut found = BTreeSet::new();
    let mut relocations = file
        .data_directories()
        .relocation_blocks(data.as_slice(), &sections)?
        .context("no relocations")?;
    while let Some(block) = relocations.next()? {
        for relocation in block {
            if relocation.typ != pe::IMAGE_REL_BASED_DIR64 {
                continue;
            }
            let record = sections.pe_data_at(data.as_slice(), relocation.virtual_address);
            found.extend(record.and_then(|record| location(record, bytes_at)));
        }
    }
    Ok(found)
}

/// Reads a `Location` at the start of `record`, if it can be one.
fn location<'a>(record: &[u8], bytes_at: impl Fn(u64) -> Option<&'a [u8]>) -> Option<String> {
    const LONGEST_PATH: u64 = 512;
    const WIDEST_LINE: u32 = 2000;
    let quad = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let double = |at: usize| Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let (pointer, length) = (quad(0)?, quad(8)?);
    let (line, column) = (double(16)?, double(20)?);
    if length > LONGEST_PATH || line == 0 || column == 0 || column > WIDEST_LINE {
        return None;
    }
    let path = bytes_at(pointer)?.get(..usize::try_from(length).ok()?)?;
    let path = std::str::from_utf8(path).ok().filter(|path| {
        Path::new(path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    })?;
    Some(format!("{path}:{line}:{column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pointer: u64, length: u64, line: u32, column: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(pointer.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(line.to_le_bytes());
        bytes.extend(column.to_le_bytes());
        bytes
    }

    fn image(address: u64) -> Option<&'static [u8]> {
        (address == 0x1000).then_some(&b"src/lib.rs and what follows"[..])
    }

    #[test]
    fn a_location_is_recognised() {
        let found = location(&record(0x1000, 10, 42, 7), image);
        assert_eq!(found.as_deref(), Some("src/lib.rs:42:7"));
    }

    #[test]
    fn other_data_is_not_a_location() {
        assert_eq!(location(&record(0x1000, 9, 42, 7), image), None);
        assert_eq!(location(&record(0x2000, 10, 42, 7), image), None);
        assert_eq!(location(&record(0x1000, 10, 0, 7), image), None);
        assert_eq!(location(&record(0x1000, 10, 42, 0)[..20], image), None);
    }
}
