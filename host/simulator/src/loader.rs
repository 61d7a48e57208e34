//! Loading the unmodified `.sys` into this process, as the kernel's own loader would.
//!
//! The image is mapped afresh for every [`Image`], so each scenario has the driver's statics as they
//! are on disk. Imports are bound by name to [`Module`]s and to nothing else; a name that no module
//! offers fails the load. Sections get the protection that they ask for. What differs from a kernel:
//! references to the page at `0xFFFFF780_00000000` are redirected to the machine's own
//! ([`Clock`](crate::clock::Clock)), and privileged instructions fault into `fault`.

use std::ffi::c_void;
use std::ops::Range;
use std::rc::Rc;

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _, PeFile64};

use crate::fault;
use crate::imports::Export;
use crate::kernel::{ImageRange, Kernel};
use crate::kpcr;
use crate::seh;
use crate::status::NtStatus;
use crate::violation::Rule;

mod bind;
mod map;
mod relocate;

use map::Mapping;

/// A system module that an image may import from.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its file name, such as `ntoskrnl.exe`.
    pub name: &'static str,
    /// All that it exports.
    pub exports: Vec<Export>,
}

impl Module {
    /// The simulated `ntoskrnl.exe`.
    #[must_use]
    pub fn ntoskrnl() -> Self {
        let mut exports = crate::imports::ntoskrnl();
        exports.extend(crate::imports::image::exports());
        Self {
            name: "ntoskrnl.exe",
            exports,
        }
    }

    /// The simulated `hal.dll`.
    #[must_use]
    pub fn hal() -> Self {
        Self {
            name: "hal.dll",
            exports: crate::imports::hal(),
        }
    }
}

/// Why an image cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a readable PE file.
    #[error("not a PE image: {0}")]
    Format(#[from] object::Error),
    /// A PE file, but not for this machine or not a driver.
    #[error("not an x64 kernel-mode image: {0}")]
    Kind(String),
    /// A table of the image points outside the image.
    #[error("the image is damaged: {0}")]
    Damaged(String),
    /// Imports that the simulated kernel does not have.
    #[error("unresolved imports: {}", .0.join(", "))]
    Unresolved(Vec<String>),
    /// The host gave no memory.
    #[error("no memory for the image: {0}")]
    Memory(std::io::Error),
}

/// A loaded image. Dropping it unmaps it, as the system does after `DriverUnload`.
#[derive(Debug)]
pub struct Image {
    mapping: Mapping,
    entry: usize,
    imports: Vec<String>,
    redirected: usize,
    kernel: Rc<Kernel>,
}

impl Image {
    /// Loads the file's `bytes` on `kernel`, which must be this thread's.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load(kernel: &Rc<Kernel>, bytes: &[u8], modules: &[Module]) -> Result<Self, LoadError> {
        let file = PeFile64::parse(bytes)?;
        let header = file.nt_headers();
        let optional = header.optional_header();
        check_kind(header)?;
        let mut mapping = Mapping::new(to_usize(optional.size_of_image()))?;
        mapping.copy(bytes, &file)?;
        relocate::relocate(&mut mapping, bytes, &file)?;
        let imports = bind::bind(&mut mapping, &file, modules)?;
        let shared = kernel.clock.shared_page();
        let redirected = relocate::redirect_shared_page(&mut mapping, &file, shared);
        mapping.protect(&file)?;
        let exceptions = file
            .data_directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION)
            .map_or((0, 0), pe::ImageDataDirectory::address_range);
        let base = mapping.base();
        kernel.images.borrow_mut().push(ImageRange {
            addresses: base..base + mapping.size(),
            functions: to_usize(exceptions.0)..to_usize(exceptions.0) + to_usize(exceptions.1),
        });
        fault::install();
        kpcr::set_up_thread();
        Ok(Self {
            entry: base + to_usize(optional.address_of_entry_point()),
            mapping,
            imports,
            redirected,
            kernel: Rc::clone(kernel),
        })
    }

    /// Calls the image's entry point, `DriverEntry`, with its two arguments.
    ///
    /// # Safety
    ///
    /// The arguments are a DRIVER_OBJECT and a UNICODE_STRING that live as long as the image.
    pub unsafe fn call_entry(&self, driver: *mut c_void, registry_path: *mut c_void) -> NtStatus {
        let address: *const () = std::ptr::with_exposed_provenance(self.entry);
        // SAFETY: the entry point of a driver image has this signature, and the image is mapped
        // executable.
        let entry: Entry = unsafe { std::mem::transmute(address) };
        self.kernel.enter_driver("DriverEntry", || {
            // SAFETY: the caller's promise is the function's.
            unsafe { entry(driver, registry_path) }
        })
    }

    /// Where the image lies.
    #[must_use]
    pub fn base(&self) -> usize {
        self.mapping.base()
    }

    /// How many bytes of address space it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.mapping.size()
    }

    /// The functions whose unwind information names an exception handler alone, by address.
    #[must_use]
    pub fn functions_with_handlers(&self) -> Vec<usize> {
        let image = self.kernel.image_at(self.base());
        image.map_or_else(Vec::new, |image| seh::functions_with_handlers(&image))
    }

    /// What it imports, as `module!name`.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// How many references to KUSER_SHARED_DATA were redirected.
    #[must_use]
    pub fn redirected(&self) -> usize {
        self.redirected
    }
}

type Entry = unsafe extern "win64" fn(*mut c_void, *mut c_void) -> NtStatus;

impl Drop for Image {
    fn drop(&mut self) {
        let range = self.base()..self.base() + self.size();
        self.kernel
            .images
            .borrow_mut()
            .retain(|image| image.addresses.start != range.start);
        if !self.kernel.dead.get() {
            self.kernel.freed(range.clone(), UNLOAD);
            self.kernel.unloaded(&range, UNLOAD);
        }
    }
}

impl Kernel {
    /// The image that contains `address`.
    pub(crate) fn image_at(&self, address: usize) -> Option<ImageRange> {
        let images = self.images.borrow();
        images
            .iter()
            .find(|image| image.addresses.contains(&address))
            .cloned()
    }

    /// An address in an image, as the offset that a map file lists.
    pub(crate) fn describe(&self, address: usize) -> String {
        self.image_at(address).map_or_else(
            || format!("{address:#x}"),
            |image| format!("the image + {:#x}", address - image.addresses.start),
        )
    }

    /// What must not be left of an image that is unmapped: routines that the system would call.
    pub(crate) fn unloaded(&self, range: &Range<usize>, at: &'static str) {
        for routine in self.timers.calls_into(range) {
            self.violate(Rule::TimerArmed, at, routine);
        }
        for routine in self.work_items.calls_into(range) {
            self.violate(Rule::WorkItemQueued, at, routine);
        }
        for routine in self.dpcs.calls_into(range) {
            self.violate(Rule::DpcQueued, at, routine);
        }
    }
}

fn check_kind(header: &pe::ImageNtHeaders64) -> Result<(), LoadError> {
    let machine = header.file_header.machine.get(LE);
    if machine != pe::IMAGE_FILE_MACHINE_AMD64 {
        return Err(LoadError::Kind(format!("machine {machine:#06x}")));
    }
    let optional = header.optional_header();
    let subsystem = optional.subsystem();
    if subsystem != pe::IMAGE_SUBSYSTEM_NATIVE {
        return Err(LoadError::Kind(format!("subsystem {subsystem}")));
    }
    if optional.section_alignment() < 0x1000 {
        return Err(LoadError::Kind(format!(
            "section alignment {:#x}",
            optional.section_alignment()
        )));
    }
    Ok(())
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

const UNLOAD: &str = "the unloading of the image";
