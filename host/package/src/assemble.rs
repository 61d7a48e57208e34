//! Puts a package together: INF, image, symbols, scripts, catalog, signatures, zip.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use crate::catalog::{Catalog, Kind, Member};
use crate::inf::Inf;
use crate::lint::{Package, lint};
use crate::sign::Certificate;
use crate::stamp::{DriverVer, stamp};

/// The architecture of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x64: both devices.
    Amd64,
    /// arm64: the synthesizer.
    Arm64,
}

impl Architecture {
    /// The folder's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// What the catalog's OS attribute says: every Windows 10 and later of this architecture.
    const fn systems(self) -> &'static str {
        match self {
            Self::Amd64 => "_v100_X64",
            Self::Arm64 => "_v100_ARM64",
        }
    }
}

/// What a package is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The architecture.
    pub architecture: Architecture,
    /// The INF source.
    pub inf_source: &'a str,
    /// The stamp.
    pub driver_ver: DriverVer,
    /// The image, unsigned.
    pub image: &'a Path,
    /// Files that are copied as they are: source and name in the package.
    pub extra: &'a [(PathBuf, String)],
    /// Who signs.
    pub certificate: &'a Certificate,
}

/// Makes the package in `directory`, which is replaced, and `directory`.zip beside it. Returns what
/// it made, a line each.
///
/// # Errors
///
/// An INF with findings, a file that cannot be read or written, a signature that fails.
pub fn assemble(inputs: &Inputs<'_>, directory: &Path) -> Result<Vec<String>> {
    let inf = checked_inf(inputs)?;
    let new = directory.with_extension("new");
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new).with_context(|| new.display().to_string())?;
    let write = |name: &str, bytes: &[u8]| {
        let path = new.join(name);
        fs::write(&path, bytes).with_context(|| path.display().to_string())
    };
    write("dmusmini.inf", inf.as_bytes())?;
    let image = new.join("dmusmini.sys");
    inputs.certificate.sign(inputs.image, &image)?;
    let unsigned = new.join("unsigned.cat");
    write("unsigned.cat", &catalog(inputs, &inf, &image)?)?;
    inputs
        .certificate
        .sign(&unsigned, &new.join("dmusmini.cat"))?;
    fs::remove_file(&unsigned)?;
    write("dmusmini.cer", &inputs.certificate.der()?)?;
    for (from, name) in inputs.extra {
        let to = new.join(name);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, &to).with_context(|| from.display().to_string())?;
    }
    let _ = fs::remove_dir_all(directory);
    fs::rename(&new, directory).with_context(|| directory.display().to_string())?;
    let files = list(directory)?;
    zip_up(directory, &files)?;
    files.iter().map(|name| describe(directory, name)).collect()
}

fn checked_inf(inputs: &Inputs<'_>) -> Result<String> {
    let text = stamp(inputs.inf_source, inputs.driver_ver)?;
    let package = Package {
        files: &["dmusmini.sys"],
        today: inputs.driver_ver.date,
    };
    let findings = lint(&Inf::parse(&text)?, &package);
    if !findings.is_empty() {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        bail!("the INF is not fit to ship:\n{}", lines.join("\n"));
    }
    Ok(text)
}

fn catalog(inputs: &Inputs<'_>, inf: &str, image: &Path) -> Result<Vec<u8>> {
    let image = fs::read(image).with_context(|| image.display().to_string())?;
    let members = vec![
        Member::of_file("dmusmini.sys", &image, Kind::Image)?,
        Member::of_file("dmusmini.inf", inf.as_bytes(), Kind::Flat)?,
    ];
    // Any 16 bytes of its own will do; a hash of the contents makes them so.
    let mut hash = Sha256::new();
    for member in &members {
        hash.update(member.hashes.sha_256);
    }
    let digest = hash.finalize();
    let mut identifier = [0; 16];
    identifier.copy_from_slice(&digest[..16]);
    let hardware_ids = match inputs.architecture {
        Architecture::Amd64 => vec!["acpi\\pnpb006", "*pnpb006", "root\\dmusmini"],
        Architecture::Arm64 => vec!["root\\dmusmini"],
    };
    let catalog = Catalog {
        members,
        os_attribute: "2:10.0".to_owned(),
        systems: inputs.architecture.systems().to_owned(),
        hardware_ids: hardware_ids.into_iter().map(str::to_owned).collect(),
    };
    catalog.to_der(identifier, SystemTime::now())
}

/// The names of all files below a directory, with forward slashes, sorted.
fn list(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let parts: Vec<String> = path
                    .strip_prefix(directory)?
                    .components()
                    .map(|part| part.as_os_str().to_string_lossy().into_owned())
                    .collect();
                names.push(parts.join("/"));
            }
        }
    }
    names.sort();
    Ok(names)
}

fn zip_up(directory: &Path, files: &[String]) -> Result<()> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in files {
        zip.start_file(name.as_str(), SimpleFileOptions::default())?;
        zip.write_all(&fs::read(directory.join(name))?)?;
    }
    let path = directory.with_extension("zip");
    fs::write(&path, zip.finish()?.into_inner()).with_context(|| path.display().to_string())
}

fn describe(directory: &Path, name: &str) -> Result<String> {
    let bytes = fs::metadata(directory.join(name))?.len();
    Ok(format!("{name:<32} {bytes:>9} bytes"))
}
