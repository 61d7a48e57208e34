//! The test certificate, and signatures by `osslsigncode`.
//!
//! A test certificate is made once and kept, so that a test machine that trusts it need not be set
//! up again for each build. Its key never enters a package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A certificate and its key, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// The test certificate in `directory`; made when there is none.
    ///
    /// # Errors
    ///
    /// When `openssl` is missing or refuses.
    pub fn in_directory(directory: &Path) -> Result<Self> {
        let own = Self {
            certificate: directory.join("test.pem"),
            key: directory.join("test.key"),
        };
        if own.certificate.exists() && own.key.exists() {
            return Ok(own);
        }
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        run(Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:3072", "-sha256", "-nodes", "-days", "3650",
            ])
            .args(["-subj", "/CN=dmusmini test certificate"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "keyUsage=critical,digitalSignature"])
            .args(["-addext", "extendedKeyUsage=codeSigning"])
            .arg("-keyout")
            .arg(&own.key)
            .arg("-out")
            .arg(&own.certificate))?;
        Ok(own)
    }

    /// The certificate as the `.cer` file that a test machine imports.
    ///
    /// # Errors
    ///
    /// When `openssl` is missing or refuses.
    pub fn der(&self) -> Result<Vec<u8>> {
        run(Command::new("openssl")
            .args(["x509", "-outform", "DER", "-in"])
            .arg(&self.certificate))
    }

    /// Writes a signed copy of an image or a catalog.
    ///
    /// # Errors
    ///
    /// When `osslsigncode` is missing or refuses.
    pub fn sign(&self, from: &Path, to: &Path) -> Result<()> {
        run(Command::new("osslsigncode")
            .args(["sign", "-h", "sha256", "-n", "dmusmini", "-certs"])
            .arg(&self.certificate)
            .arg("-key")
            .arg(&self.key)
            .arg("-in")
            .arg(from)
            .arg("-out")
            .arg(to))?;
        Ok(())
    }

    /// Verifies an image against a catalog, and both signatures, with `osslsigncode`.
    ///
    /// # Errors
    ///
    /// What does not hold.
    pub fn verify(&self, catalog: &Path, image: &Path) -> Result<()> {
        let verify = || {
            let mut command = Command::new("osslsigncode");
            command.arg("verify").arg("-CAfile").arg(&self.certificate);
            command
        };
        run(verify().arg("-in").arg(image))?;
        run(verify().arg("-in").arg(catalog))?;
        let said = run(verify().arg("-catalog").arg(catalog).arg("-in").arg(image))?;
        let said = String::from_utf8_lossy(&said);
        if !said.contains("signed in catalog") {
            bail!("{} does not list {}", catalog.display(), image.display());
        }
        Ok(())
    }
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!(
            "{name}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&said).trim_end()
        );
    }
    Ok(output.stdout)
}
