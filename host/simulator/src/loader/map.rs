//! The pages of an image.

use std::io;
use std::ptr::{self, NonNull};

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _, PeFile64};

use super::{LoadError, to_usize};

/// Address space of an image.
///
/// # Invariants
///
/// `base` is a mapping of `size` bytes, which is unmapped when the value is dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    base: NonNull<u8>,
    size: usize,
}

impl Mapping {
    pub(super) fn new(size: usize) -> Result<Self, LoadError> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the host's choice.
        let address = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
        if address == libc::MAP_FAILED {
            return Err(LoadError::Memory(io::Error::last_os_error()));
        }
        let base = NonNull::new(address.cast())
            .ok_or_else(|| LoadError::Memory(io::ErrorKind::OutOfMemory.into()))?;
        // INVARIANT: mapped above.
        Ok(Self { base, size })
    }

    pub(super) fn base(&self) -> usize {
        self.base.as_ptr().expose_provenance()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The bytes at `rva`, while the image is not yet protected.
    pub(super) fn bytes(&mut self, rva: usize, length: usize) -> Result<&mut [u8], LoadError> {
        let end = rva.checked_add(length).filter(|&end| end <= self.size);
        if end.is_none() {
            return Err(LoadError::Damaged(format!(
                "{length} bytes at {rva:#x} are outside the image"
            )));
        }
        // SAFETY: inside the mapping by the check above.
        let start = unsafe { self.base.as_ptr().add(rva) };
        // SAFETY: mapped, initialised by the host, and borrowed with `self`.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, length) })
    }

    /// Copies headers and sections to their places.
    pub(super) fn copy(&mut self, file: &[u8], pe: &PeFile64<'_>) -> Result<(), LoadError> {
        let headers = to_usize(pe.nt_headers().optional_header().size_of_headers());
        let header_bytes = file
            .get(..headers)
            .ok_or_else(|| LoadError::Damaged("the headers are cut off".into()))?;
        self.bytes(0, headers)?.copy_from_slice(header_bytes);
        for section in pe.section_table().iter() {
            let data = section.pe_data(file)?;
            let rva = to_usize(section.virtual_address.get(LE));
            self.bytes(rva, data.len())?.copy_from_slice(data);
        }
        Ok(())
    }

    /// Gives headers and sections the protection that the image asks for.
    pub(super) fn protect(&mut self, pe: &PeFile64<'_>) -> Result<(), LoadError> {
        let headers = to_usize(pe.nt_headers().optional_header().size_of_headers());
        self.protect_range(0, headers, libc::PROT_READ)?;
        for section in pe.section_table().iter() {
            let wanted = section.characteristics.get(LE);
            let mut protection = 0;
            for (flag, bit) in [
                (pe::IMAGE_SCN_MEM_READ, libc::PROT_READ),
                (pe::IMAGE_SCN_MEM_WRITE, libc::PROT_WRITE),
                (pe::IMAGE_SCN_MEM_EXECUTE, libc::PROT_EXEC),
            ] {
                if (wanted & flag).0 != 0 {
                    protection |= bit;
                }
            }
            if protection & libc::PROT_WRITE != 0 && protection & libc::PROT_EXEC != 0 {
                return Err(LoadError::Kind(
                    "a section is both writable and executable".into(),
                ));
            }
            let rva = to_usize(section.virtual_address.get(LE));
            let size = to_usize(section.virtual_size.get(LE));
            self.protect_range(rva, size, protection)?;
        }
        Ok(())
    }

    fn protect_range(&mut self, rva: usize, size: usize, protection: i32) -> Result<(), LoadError> {
        let size = size.next_multiple_of(PAGE);
        let start = self.bytes(rva, size)?.as_mut_ptr();
        // SAFETY: whole pages inside the mapping, to which no reference exists.
        if unsafe { libc::mprotect(start.cast(), size, protection) } != 0 {
            return Err(LoadError::Memory(io::Error::last_os_error()));
        }
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, by the invariant; the driver does not run any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.size) };
    }
}

const PAGE: usize = 4096;
