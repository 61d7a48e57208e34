//! Stands in for the loader where images cannot run: under Miri, and on hosts other than Linux.
//!
//! Everything else of the machine works there with a natively built driver.

use std::convert::Infallible;
use std::ffi::c_void;
use std::rc::Rc;

use crate::imports::Export;
use crate::kernel::Kernel;
use crate::status::NtStatus;

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
        Self {
            name: "ntoskrnl.exe",
            exports: crate::imports::ntoskrnl(),
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
    /// This host is not one on which images run.
    #[error("a driver image runs on Linux on x86_64 only; use the native build here")]
    Host,
}

/// A loaded image: there are none.
#[derive(Debug)]
pub struct Image(Infallible);

impl Image {
    /// Refuses.
    ///
    /// # Errors
    ///
    /// Always [`LoadError::Host`].
    pub fn load(_: &Rc<Kernel>, _: &[u8], _: &[Module]) -> Result<Self, LoadError> {
        Err(LoadError::Host)
    }

    /// Calls the image's entry point.
    ///
    /// # Safety
    ///
    /// None: there is no image.
    pub unsafe fn call_entry(&self, _: *mut c_void, _: *mut c_void) -> NtStatus {
        match self.0 {}
    }

    /// Where the image lies.
    #[must_use]
    pub fn base(&self) -> usize {
        match self.0 {}
    }

    /// How many bytes of address space it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self.0 {}
    }

    /// What it imports, as `module!name`.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        match self.0 {}
    }
}
