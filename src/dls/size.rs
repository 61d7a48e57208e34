//! What downloads take of the pool, and whose leave that takes.
#![forbid(unsafe_code)]

use core::fmt;

use super::download::Download;
use crate::mem::{Buffer, Charge, OutOfMemory, pool_bytes};

/// The leave to allocate while a download is parsed.
///
/// How much an instrument becomes shows only while it is read. So the parser asks before each
/// allocation, with the bytes that the pool takes for it, its own working memory included.
#[derive(Clone, Copy)]
pub struct Allowance<'a> {
    /// Whether so many more bytes may be allocated.
    pub admit: &'a dyn Fn(u64) -> bool,
    /// Whose quota they count against.
    pub charge: Charge,
}

impl Allowance<'_> {
    /// As much as there is.
    pub const UNLIMITED: Self = Self {
        admit: &|_| true,
        charge: Charge::Nobody,
    };

    /// Asks for memory that is allocated elsewhere.
    pub(super) fn admit(&self, bytes: u64) -> Result<(), OutOfMemory> {
        if (self.admit)(bytes) {
            Ok(())
        } else {
            Err(OutOfMemory)
        }
    }

    /// Allocates `len` values for the client.
    pub(super) fn buffer<T>(
        &self,
        len: usize,
        value: impl FnMut(usize) -> T,
    ) -> Result<Buffer<T>, OutOfMemory> {
        let size = len.checked_mul(size_of::<T>()).ok_or(OutOfMemory)?;
        self.admit(pool_bytes(size))?;
        Buffer::try_from_fn_for(self.charge, len, value)
    }
}

impl fmt::Debug for Allowance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowance")
            .field("charge", &self.charge)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// What the download takes of the pool.
    #[must_use]
    pub fn pool_bytes(&self) -> u64 {
        match self {
            Self::Wave(wave) => pool_bytes(size_of_val(wave.padded())),
            Self::Instrument(instrument) => instrument
                .regions
                .pool_bytes()
                .saturating_add(instrument.articulations.pool_bytes())
                .saturating_add(pool_bytes(size_of_val(instrument.all_connections()))),
        }
    }
}
