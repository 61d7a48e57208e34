//! Which build of the driver plays.

use anyhow::{Context, Result, bail};
use dmusmini_simulator::session::Binary;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A build of the driver.
#[derive(Clone, Debug)]
pub enum Driver {
    /// An image, as Windows would load it.
    Image {
        /// Where it was read from.
        path: PathBuf,
        /// The file.
        bytes: Vec<u8>,
    },
    /// The same sources, linked into this program.
    Native,
}

/// Which driver a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriverReport {
    /// `image` or `native`.
    pub kind: &'static str,
    /// The file.
    pub path: Option<PathBuf>,
    /// Its size.
    pub bytes: Option<usize>,
    /// Its digest.
    pub sha256: Option<String>,
}

impl Driver {
    /// The image at `path`, or at the place where `cargo xtask sys` puts it.
    pub fn image(path: Option<&Path>) -> Result<Self> {
        let path = path.map_or_else(default_image, Path::to_owned);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!(
                    "{}: no driver image; `cargo xtask sys` builds it, --native does without",
                    path.display()
                )
            }
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{}: cannot read the driver image", path.display()));
            }
        };
        Ok(Self::Image { path, bytes })
    }

    pub(super) fn binary(&self) -> Binary {
        match self {
            Self::Image { path, .. } => Binary::Sys(path.clone()),
            Self::Native => Binary::Native,
        }
    }

    /// What to tell about it.
    pub fn report(&self) -> DriverReport {
        match self {
            Self::Native => DriverReport {
                kind: "native",
                path: None,
                bytes: None,
                sha256: None,
            },
            Self::Image { path, bytes } => DriverReport {
                kind: "image",
                path: Some(path.clone()),
                bytes: Some(bytes.len()),
                sha256: Some(hex(&Sha256::digest(bytes))),
            },
        }
    }
}

/// `$DMUSMINI_SYS`; the image below the current directory; the one of the workspace this program was built in.
fn default_image() -> PathBuf {
    const BUILT: &str = "target/sys/amd64/dmusmini.sys";
    if let Some(path) = std::env::var_os("DMUSMINI_SYS") {
        return path.into();
    }
    let near = PathBuf::from(BUILT);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(BUILT);
    if !near.exists() && workspace.exists() {
        workspace
    } else {
        near
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
