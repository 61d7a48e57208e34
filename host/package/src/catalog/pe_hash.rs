//! The Authenticode hash of an image.

use anyhow::{Context, Result, anyhow};
use authenticode::authenticode_digest;
use object::read::pe::PeFile64;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Hashes;

/// The hashes of everything in a PE image that a signature does not change: without the checksum, the
/// entry of the certificate table, and the table itself.
///
/// # Errors
///
/// When the bytes are not a 64-bit PE image.
pub fn authenticode(bytes: &[u8]) -> Result<Hashes> {
    let image = PeFile64::parse(bytes).context("not a 64-bit PE image")?;
    let mut sha_1 = Sha1::new();
    authenticode_digest(&image, &mut sha_1).map_err(|error| anyhow!("{error}"))?;
    let mut sha_256 = Sha256::new();
    authenticode_digest(&image, &mut sha_256).map_err(|error| anyhow!("{error}"))?;
    Ok(Hashes {
        sha_1: sha_1.finalize().into(),
        sha_256: sha_256.finalize().into(),
    })
}
