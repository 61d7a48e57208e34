//! Stands in for the published `wdk-build` when the driver is cross-built without a WDK.
//!
//! The published crate locates an installed WDK and therefore refuses to compile on any host but
//! Windows. The build scripts of `wdk`, `wdk-sys`, `wdk-alloc`, `wdk-panic` and of the driver use
//! the small surface below; here it describes mingw-w64's DDK headers instead, and emits the same
//! `cfg` and the same linker arguments. Only the WDM driver model is supported: nothing else is
//! built in this repository.
//!
//! Configuration comes from two environment variables that `cargo xtask sys` sets:
//! `DMUSMINI_DDK_INCLUDE` (the directory that holds `ddk/ntddk.h`) and `DMUSMINI_CLANG_RESOURCES`
//! (clang's own headers).

mod bindings;
mod config;
mod error;
mod link;

pub use bindings::BuilderExt;
pub use config::{ApiSubset, Config, DriverConfig, KmdfConfig, UmdfConfig};
pub use error::{ConfigError, IoError};

/// Declares and sets the `cfg` by which the wdk crates know the driver model.
pub fn configure_wdk_library_build() -> Result<(), ConfigError> {
    configure_wdk_library_build_and_then(|_| Ok(()))
}

/// [`configure_wdk_library_build`], then whatever the build script has left to do.
pub fn configure_wdk_library_build_and_then<E: From<ConfigError>>(
    mut rest: impl FnMut(Config) -> Result<(), E>,
) -> Result<(), E> {
    let config = Config::from_env()?;
    link::emit_driver_model();
    rest(config)
}

/// Configures the link of the driver image itself.
pub fn configure_wdk_binary_build() -> Result<(), ConfigError> {
    // Fails early, with the reason, where the environment is not that of a cross-build.
    let _config = Config::from_env()?;
    if !link::crt_is_static() {
        return Err(ConfigError::StaticCrtNotEnabled);
    }
    link::emit_driver_model();
    link::emit_arguments();
    Ok(())
}
