//! Binding imports, by an allow-list of modules and names.

use object::LittleEndian as LE;
use object::pe::ImageNtHeaders64;
use object::read::pe::{Import, PeFile64};

use super::map::Mapping;
use super::{LoadError, Module, to_usize};

/// Fills the import address table; the names that were bound.
pub(super) fn bind(
    mapping: &mut Mapping,
    pe: &PeFile64<'_>,
    modules: &[Module],
) -> Result<Vec<String>, LoadError> {
    let (mut bound, mut unresolved) = (Vec::new(), Vec::new());
    let Some(table) = pe.import_table()? else {
        return Ok(bound);
    };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let file = text(table.name(descriptor.name.get(LE))?);
        let module = modules
            .iter()
            .find(|module| module.name.eq_ignore_ascii_case(&file));
        let names = match descriptor.original_first_thunk.get(LE) {
            0 => descriptor.first_thunk.get(LE),
            names => names,
        };
        let mut thunks = table.thunks(names)?;
        let mut slot = to_usize(descriptor.first_thunk.get(LE));
        while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
            let name = match table.import::<ImageNtHeaders64>(thunk)? {
                Import::Name(_, name) => text(name),
                Import::Ordinal(ordinal) => format!("#{ordinal}"),
            };
            let export = module.and_then(|module| {
                let mut exports = module.exports.iter();
                exports.find(|export| export.name == name)
            });
            let full = format!("{file}!{name}");
            if let Some(export) = export {
                let address = export.address.expose_provenance() as u64;
                mapping
                    .bytes(slot, 8)?
                    .copy_from_slice(&address.to_le_bytes());
                bound.push(full);
            } else {
                unresolved.push(full);
            }
            slot += 8;
        }
    }
    if unresolved.is_empty() {
        Ok(bound)
    } else {
        Err(LoadError::Unresolved(unresolved))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
