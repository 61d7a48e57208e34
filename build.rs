//! Hands the link of a Windows image to `wdk-build`, and gives the image its version resource.

#[path = "build/version.rs"]
mod version;

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? == "windows" {
        if env::var("CARGO_CFG_TARGET_ENV")? == "msvc" {
            configure_driver()?;
            version::link_resource()?;
        } else {
            // A dependency of programs that bring the simulated kernel along. Cargo links it as a
            // DLL all the same, which nobody loads and whose imports are nowhere.
            println!("cargo::rustc-cdylib-link-arg=-Wl,--noinhibit-exec");
        }
    }
    Ok(())
}

/// Build dependencies are chosen by the *host*: Windows has the published `wdk-build`, and any other
/// host gets one through the feature `cross-build`, which only `cargo xtask sys` sets.
#[cfg(any(windows, feature = "cross-build"))]
fn configure_driver() -> Result<(), Box<dyn Error>> {
    Ok(wdk_build::configure_wdk_binary_build()?)
}

#[cfg(not(any(windows, feature = "cross-build")))]
fn configure_driver() -> Result<(), Box<dyn Error>> {
    Err("on this host, cross-build the driver with `cargo xtask sys`".into())
}
