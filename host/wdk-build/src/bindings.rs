//! How bindgen has to be set up to read mingw-w64's DDK headers.

use std::{borrow::Borrow, fmt::Debug};

use bindgen::{Builder, EnumVariation, RustEdition, RustTarget};

use crate::{Config, ConfigError};

/// The constructor that `wdk-sys` expects on bindgen's builder.
pub trait BuilderExt {
    /// A builder that is ready for DDK headers.
    fn wdk_default(config: impl Borrow<Config> + Debug) -> Result<Builder, ConfigError>;
}

impl BuilderExt for Builder {
    fn wdk_default(config: impl Borrow<Config> + Debug) -> Result<Builder, ConfigError> {
        let config = config.borrow();
        // Not `-fms-compatibility`: it defines `_MSC_VER`, and mingw's headers then refuse.
        let builder = Builder::default()
            .clang_args([
                "--target=x86_64-w64-windows-gnu",
                "-fms-extensions",
                "-fno-builtin",
                "-w",
            ])
            .clang_args(
                config
                    .preprocessor_definitions()
                    .map(|(name, value)| match value {
                        Some(value) => format!("-D{name}={value}"),
                        None => format!("-D{name}"),
                    }),
            )
            .clang_args(
                config
                    .include_paths()?
                    .flat_map(|path| ["-isystem".to_owned(), path.display().to_string()]),
            );
        Ok(builder
            .use_core()
            .derive_default(true)
            .generate_cstr(true)
            .detect_include_paths(false)
            .default_enum_style(EnumVariation::ModuleConsts)
            .must_use_type("NTSTATUS")
            .must_use_type("HRESULT")
            // Intrinsics of clang's own headers; their vector types have no counterpart.
            .blocklist_item("_.*tile1024i.*")
            .rust_target(RustTarget::default())
            .rust_edition(RustEdition::Edition2024)
            .parse_callbacks(Box::new(bindgen::CargoCallbacks::new())))
    }
}
