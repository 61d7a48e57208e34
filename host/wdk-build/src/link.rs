//! What the build scripts tell Cargo: the driver model and the linker's arguments.

use std::env;

use crate::{ApiSubset, Config};

/// Arguments of a WDM driver's link, each with the reason it is there.
const ARGUMENTS: &[&str] = &[
    "/DRIVER",           // image base, checksum and section layout of a driver
    "/SUBSYSTEM:NATIVE", // no user-mode subsystem
    "/ENTRY:DriverEntry",
    "/NODEFAULTLIB",   // no C runtime
    "/NXCOMPAT",       // data is not executable
    "/DYNAMICBASE",    // relocatable
    "/INTEGRITYCHECK", // loads only if signed
    "/OPT:REF,ICF",
    "/MAP",
    "/MANIFEST:NO",
    "/RELEASE", // writes the header's checksum, which Windows verifies on drivers
    "/BREPRO",  // the same sources give the same bytes
];

/// Import libraries that `wdk-sys` links on behalf of every kernel driver.
const LIBRARIES: &[&str] = &["BufferOverflowFastFailK", "ntoskrnl", "hal", "wmilib"];

pub(crate) fn emit_driver_model() {
    println!(
        r#"cargo::rustc-check-cfg=cfg(driver_model__driver_type, values("WDM", "KMDF", "UMDF"))"#
    );
    println!(r#"cargo::rustc-cfg=driver_model__driver_type="WDM""#);
}

pub(crate) fn emit_arguments() {
    for argument in ARGUMENTS {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}

pub(crate) fn crt_is_static() -> bool {
    env::var("CARGO_CFG_TARGET_FEATURE")
        .is_ok_and(|features| features.split(',').any(|feature| feature == "crt-static"))
}

impl Config {
    /// Rust text that makes `wdk-sys` link the import libraries of `subset`.
    #[must_use]
    pub fn bindgen_library_link_raw_lines(&self, subset: ApiSubset) -> Option<String> {
        (subset == ApiSubset::Base).then(|| {
            LIBRARIES
                .iter()
                .flat_map(|name| ["#[link(name = \"", name, "\")]\nunsafe extern \"C\" {}\n"])
                .collect()
        })
    }
}
