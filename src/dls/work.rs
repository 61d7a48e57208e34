//! The bound on the work that one download may cause.
#![forbid(unsafe_code)]

use super::download::{DownloadError, Fault};
use super::reader::View;

/// How much reading is left: a download may name the same list from many places, but not so often
/// that reading it costs more than a few steps a byte.
#[derive(Debug)]
pub(super) struct Work(usize);

impl Work {
    pub(super) fn for_size(bytes: u32) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self(bytes.saturating_mul(4).saturating_add(4096))
    }

    pub(super) fn spend(&mut self, steps: usize, at: &View<'_>) -> Result<(), DownloadError> {
        self.0 = self
            .0
            .checked_sub(steps)
            .ok_or(at.fault(Fault::TooMuchWork))?;
        Ok(())
    }
}
