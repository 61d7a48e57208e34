//! The test certificate, and signatures by `osslsigncode`.
//!
//! A test certificate is made once and kept, so that a test machine that trusts it need not be set
//! up again for each build. Its key never enters a package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

const SUBJECT: &str = "/CN=dmusmini test certificate";
/// A machine whose clock is behind, as those of virtual machines are, refuses what is not valid yet (0x800B0101).
const BACKDATED: Duration = Duration::hours(48);
const LIFETIME: Duration = Duration::days(3650);

/// For `openssl`: a certificate that signs code and is no authority.
const CONFIGURATION: &str = "\
[req]
distinguished_name = subject
[subject]
[ca]
default_ca = test
[test]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = code
[any]
commonName = supplied
[code]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
";

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
        own.make(directory)?;
        Ok(own)
    }

    /// Makes the key and the certificate. `openssl ca` does it: `openssl req` takes no first day before version 3.4.
    fn make(&self, directory: &Path) -> Result<()> {
        let scratch = directory.join("new");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
        for (name, text) in [("ca.cnf", CONFIGURATION), ("index", ""), ("index.attr", "")] {
            let path = scratch.join(name);
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        let openssl = || {
            let mut command = Command::new("openssl");
            command.current_dir(&scratch);
            command
        };
        run(openssl()
            .args([
                "req", "-new", "-newkey", "rsa:3072", "-sha256", "-nodes", "-config", "ca.cnf",
            ])
            .args(["-subj", SUBJECT, "-keyout", "key", "-out", "request"]))?;
        let now = OffsetDateTime::now_utc();
        run(openssl()
            .args(["ca", "-selfsign", "-batch", "-notext", "-config", "ca.cnf"])
            .args(["-keyfile", "key", "-in", "request", "-out", "certificate"])
            .args(["-startdate", &utc_time(now - BACKDATED)?])
            .args(["-enddate", &utc_time(now + LIFETIME)?]))?;
        for (from, to) in [("key", &self.key), ("certificate", &self.certificate)] {
            fs::rename(scratch.join(from), to).with_context(|| to.display().to_string())?;
        }
        fs::remove_dir_all(&scratch).with_context(|| scratch.display().to_string())
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

/// A time as `openssl` takes it.
fn utc_time(time: OffsetDateTime) -> Result<String> {
    Ok(time.format(format_description!(
        "[year][month][day][hour][minute][second]Z"
    ))?)
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
