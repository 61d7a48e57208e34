//! Which driver, which processor, which headers.

use std::{env, fmt::Debug, path::PathBuf};

use crate::ConfigError;

/// The one configuration that is built: a WDM driver against mingw-w64's DDK.
#[derive(Debug, Clone)]
pub struct Config {
    /// The driver model; always [`DriverConfig::Wdm`] here.
    pub driver_config: DriverConfig,
    ddk_include: PathBuf,
    clang_resources: PathBuf,
}

/// The driver models that build scripts match on.
#[derive(Debug, Clone)]
pub enum DriverConfig {
    /// Windows Driver Model.
    Wdm,
    /// Kernel-Mode Driver Framework; never constructed here.
    Kmdf(KmdfConfig),
    /// User-Mode Driver Framework; never constructed here.
    Umdf(UmdfConfig),
}

/// Versions of the kernel-mode framework.
#[derive(Debug, Clone, Copy)]
pub struct KmdfConfig {
    /// Major version.
    pub kmdf_version_major: u8,
    /// Minor version that is targeted.
    pub target_kmdf_version_minor: u8,
    /// Oldest minor version that will do.
    pub minimum_kmdf_version_minor: Option<u8>,
}

/// Versions of the user-mode framework.
#[derive(Debug, Clone, Copy)]
pub struct UmdfConfig {
    /// Major version.
    pub umdf_version_major: u8,
    /// Minor version that is targeted.
    pub target_umdf_version_minor: u8,
    /// Oldest minor version that will do.
    pub minimum_umdf_version_minor: Option<u8>,
}

/// Groups of headers that the features of `wdk-sys` ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiSubset {
    /// What every driver needs.
    Base,
    /// The driver frameworks.
    Wdf,
    /// General-purpose I/O.
    Gpio,
    /// Human interface devices.
    Hid,
    /// Parallel ports.
    ParallelPorts,
    /// Simple peripheral buses.
    Spb,
    /// Storage.
    Storage,
    /// USB.
    Usb,
}

impl Config {
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        let architecture = variable("CARGO_CFG_TARGET_ARCH")?;
        if !["x86_64", "aarch64"].contains(&architecture.as_str()) {
            return Err(ConfigError::UnsupportedArchitecture(architecture));
        }
        Ok(Self {
            driver_config: DriverConfig::Wdm,
            ddk_include: directory("DMUSMINI_DDK_INCLUDE")?,
            clang_resources: directory("DMUSMINI_CLANG_RESOURCES")?,
        })
    }

    /// Where headers are searched, in order.
    pub fn include_paths(&self) -> Result<impl Iterator<Item = PathBuf> + use<>, ConfigError> {
        let ddk = self.ddk_include.join("ddk");
        if !ddk.is_dir() {
            return Err(ConfigError::DirectoryNotFound(ddk));
        }
        Ok([ddk, self.ddk_include.clone(), self.clang_resources.clone()].into_iter())
    }

    /// What a driver compiler predefines.
    ///
    /// Always for x86-64: mingw's DDK knows no ARM64. An ARM64 build gets the bindings of x86-64,
    /// which is right for what the driver names (objects, requests, stack locations and strings
    /// are equal on all 64-bit Windows) and would be wrong for processor state, which it does not.
    pub fn preprocessor_definitions(
        &self,
    ) -> impl Iterator<Item = (String, Option<String>)> + use<> {
        // The mingw headers define inline C library functions unless told not to.
        [
            "_WIN64",
            "_AMD64_",
            "AMD64",
            "_KERNEL_MODE",
            "_NO_CRT_STDIO_INLINE",
        ]
        .iter()
        .map(|name| ((*name).to_owned(), None))
    }

    /// The headers of one group; only [`ApiSubset::Base`] has any here.
    pub fn headers(
        &self,
        subset: ApiSubset,
    ) -> Result<impl Iterator<Item = String> + use<>, ConfigError> {
        let names: &[&str] = match subset {
            ApiSubset::Base => &["ntifs.h", "ntddk.h", "ntstrsafe.h"],
            _ => &[],
        };
        Ok(names.iter().map(|name| (*name).to_owned()))
    }

    /// A header text that includes the groups asked for, and adds what mingw's DDK (of 2004) lacks.
    pub fn bindgen_header_contents(
        &self,
        subsets: impl IntoIterator<Item = ApiSubset> + Debug,
    ) -> Result<String, ConfigError> {
        let mut text = String::new();
        for subset in subsets {
            for header in self.headers(subset)? {
                text.extend(["#include \"", &header, "\"\n"]);
            }
        }
        text.push_str(
            "typedef ULONG64 POOL_FLAGS;\n\
             PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);\n",
        );
        Ok(text)
    }

    /// The symbol of a framework's function table; WDM drivers have none.
    #[must_use]
    pub fn compute_wdffunctions_symbol_name(&self) -> Option<String> {
        None
    }
}

fn variable(name: &'static str) -> Result<String, ConfigError> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).map_err(|source| ConfigError::Variable { name, source })
}

fn directory(name: &'static str) -> Result<PathBuf, ConfigError> {
    let path = PathBuf::from(variable(name)?);
    if path.is_dir() {
        Ok(path)
    } else {
        Err(ConfigError::DirectoryNotFound(path))
    }
}
