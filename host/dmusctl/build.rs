//! Gives the program its version resource: the package's version, as the driver's and the INF's.

use std::{env, error::Error};

use winresource::{VersionInfo, WindowsResource};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "windows" {
        return Ok(());
    }
    let part = |name: &str| -> Result<u64, Box<dyn Error>> {
        Ok(env::var(format!("CARGO_PKG_VERSION_{name}"))?.parse()?)
    };
    let (major, minor, patch) = (part("MAJOR")?, part("MINOR")?, part("PATCH")?);
    let packed = major << 48 | minor << 32 | patch << 16;
    let version = format!("{major}.{minor}.{patch}.0");
    let mut resource = WindowsResource::new();
    resource
        .set_language(0x0409)
        .set_version_info(VersionInfo::FILEVERSION, packed)
        .set_version_info(VersionInfo::PRODUCTVERSION, packed)
        .set("CompanyName", "dmusmini")
        .set("FileDescription", &env::var("CARGO_PKG_DESCRIPTION")?)
        .set("FileVersion", &version)
        .set("InternalName", "dmusctl")
        .set("LegalCopyright", "MIT OR Apache-2.0")
        .set("OriginalFilename", "dmusctl.exe")
        .set("ProductName", "dmusmini")
        .set("ProductVersion", &version);
    resource.compile()?;
    Ok(())
}
