//! Base relocations, and the redirection of the page that kernels share with everyone.

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _, PeFile64};

use super::map::Mapping;
use super::{LoadError, to_usize};

/// Moves every address in the image from the preferred base to where the image lies.
pub(super) fn relocate(
    mapping: &mut Mapping,
    file: &[u8],
    pe: &PeFile64<'_>,
) -> Result<(), LoadError> {
    let preferred = pe.nt_headers().optional_header().image_base();
    let delta = (mapping.base() as u64).wrapping_sub(preferred);
    let directories = pe.data_directories();
    let Some(mut blocks) = directories.relocation_blocks(file, &pe.section_table())? else {
        return Err(LoadError::Kind("the image cannot be relocated".into()));
    };
    while let Some(block) = blocks.next()? {
        for relocation in block {
            match relocation.typ {
                pe::IMAGE_REL_BASED_ABSOLUTE => {}
                pe::IMAGE_REL_BASED_DIR64 => {
                    let field = mapping.bytes(to_usize(relocation.virtual_address), 8)?;
                    let mut value = [0; 8];
                    value.copy_from_slice(field);
                    let moved = u64::from_le_bytes(value).wrapping_add(delta);
                    field.copy_from_slice(&moved.to_le_bytes());
                }
                other => {
                    return Err(LoadError::Damaged(format!("relocation of type {other}")));
                }
            }
        }
    }
    Ok(())
}

/// Replaces addresses in the page at `0xFFFFF780_00000000` in the code; how many there were.
///
/// The compiler writes them as 64-bit immediates; no other value begins with the same 52 bits.
pub(super) fn redirect_shared_page(
    mapping: &mut Mapping,
    pe: &PeFile64<'_>,
    page: *mut u8,
) -> usize {
    let page = page.expose_provenance() as u64;
    let mut count = 0;
    for section in pe.section_table().iter() {
        if (section.characteristics.get(LE) & pe::IMAGE_SCN_MEM_EXECUTE).0 == 0 {
            continue;
        }
        let rva = to_usize(section.virtual_address.get(LE));
        let Ok(code) = mapping.bytes(rva, to_usize(section.virtual_size.get(LE))) else {
            continue;
        };
        for at in 0..code.len().saturating_sub(7) {
            let Some(field) = code.get_mut(at..at + 8) else {
                continue;
            };
            let mut value = [0; 8];
            value.copy_from_slice(field);
            let value = u64::from_le_bytes(value);
            if value & !0xFFF == SHARED_PAGE {
                field.copy_from_slice(&(page + (value & 0xFFF)).to_le_bytes());
                count += 1;
            }
        }
    }
    count
}

/// KI_USER_SHARED_DATA on x64.
const SHARED_PAGE: u64 = 0xFFFF_F780_0000_0000;
