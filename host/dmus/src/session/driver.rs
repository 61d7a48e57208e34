//! Which build of the driver plays.

use anyhow::{Context, Result, bail};
use dmusmini_simulator::session::Binary;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
    /// The image lies where `cargo xtask sys` puts it, and the driver's sources there are newer.
    pub outdated: bool,
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
                outdated: false,
            },
            Self::Image { path, bytes } => DriverReport {
                kind: "image",
                path: Some(path.clone()),
                bytes: Some(bytes.len()),
                sha256: Some(hex(&Sha256::digest(bytes))),
                outdated: is_outdated(path),
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

/// Whether the workspace that `image` was built in has newer sources; not, when that cannot be told.
fn is_outdated(image: &Path) -> bool {
    let Some(root) = image.canonicalize().ok().and_then(|image| {
        let root = image.ancestors().nth(4)?;
        image
            .starts_with(root.join("target/sys"))
            .then(|| root.to_owned())
    }) else {
        return false;
    };
    modified(image).is_some_and(|built| {
        newest(&root.join("Cargo.toml")).is_some_and(|changed| changed > built)
            || newest(&root.join("src")).is_some_and(|changed| changed > built)
    })
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// When a file, or the last of those in a folder, was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    match std::fs::read_dir(path) {
        Ok(entries) => entries
            .filter_map(|entry| newest(&entry.ok()?.path()))
            .max(),
        Err(_) => modified(path),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_image_that_is_older_than_its_sources_is_told() {
        let workspace = tempfile::tempdir().unwrap();
        let image = workspace.path().join("target/sys/amd64/dmusmini.sys");
        let source = workspace.path().join("src/synth/voice.rs");
        for file in [&image, &source] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let built = modified(&image).unwrap();
        let change = |path: &Path, at| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(at).unwrap();
        };

        change(&source, built - Duration::from_secs(1));
        assert!(!is_outdated(&image), "built after the last change");
        change(&source, built + Duration::from_secs(1));
        assert!(is_outdated(&image), "changed after it was built");
        let report = Driver::image(Some(&image)).unwrap().report();
        assert!(report.to_string().contains("cargo xtask sys"), "{report}");

        let elsewhere = workspace.path().join("dmusmini.sys");
        fs::copy(&image, &elsewhere).unwrap();
        assert!(!is_outdated(&elsewhere), "it may be of other sources");
        assert!(!is_outdated(&workspace.path().join("none.sys")));
    }
}
