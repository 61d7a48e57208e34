//! The Authenticode hash of an image.

use anyhow::{Context, Result, anyhow};
use authenticode::authenticode_digest;
use object::read::pe::PeFile64;
use sha2::{Digest, Sha256};

/// SHA-256 of everything in a PE image that a signature does not change: without the checksum, the
/// entry of the certificate table, and the table itself.
///
/// # Errors
///
/// When the bytes are not a 64-bit PE image.
pub fn authenticode_sha256(bytes: &[u8]) -> Result<[u8; 32]> {
    let image = PeFile64::parse(bytes).context("not a 64-bit PE image")?;
    let mut hash = Sha256::new();
    authenticode_digest(&image, &mut hash).map_err(|error| anyhow!("{error}"))?;
    Ok(hash.finalize().into())
}
