//! Downloads, as a client of the synth sees them (contract section 11); [`super::bank`] keeps them.
#![forbid(unsafe_code)]

use super::{BankTable, Handle, InstallError, Synth, UnknownHandle};
use crate::dls::Download;

/// Memory that nothing uses any more; drop it outside the lock.
#[derive(Debug)]
pub struct Garbage(Download);

impl Garbage {
    /// What it takes of the pool.
    #[must_use]
    pub fn pool_bytes(&self) -> u64 {
        self.0.pool_bytes()
    }
}

impl Synth {
    /// Makes a download playable, as [`install`](Self::install), after
    /// [`look_for_waves`](Self::look_for_waves) has found all of its waves.
    pub fn install_complete(
        &mut self,
        download: Download,
    ) -> Result<Handle, (InstallError, Download)> {
        self.bank.install(download)
    }

    /// Whether the waves of some of a download's regions are there, from number `first` on; says
    /// which region is the next to look at, if any is left. An instrument may have so many that to
    /// look at all of them would keep the lock for a millisecond.
    pub fn look_for_waves(
        &self,
        download: &Download,
        first: usize,
    ) -> Result<Option<usize>, InstallError> {
        self.bank.look_for_waves(download, first)
    }

    /// Makes a download playable. On failure it is handed back, to be dropped outside the lock.
    pub fn install(&mut self, download: Download) -> Result<Handle, (InstallError, Download)> {
        let mut next = Some(0);
        while let Some(first) = next {
            next = match self.look_for_waves(&download, first) {
                Ok(next) => next,
                Err(error) => return Err((error, download)),
            };
        }
        self.install_complete(download)
    }

    /// Takes a download out of the searchable set. Sounding voices keep it until they end; then
    /// [`Synth::reap`] gives it out.
    pub fn unload(&mut self, handle: Handle) -> Result<(), UnknownHandle> {
        self.bank.unload(handle)
    }

    /// Hands out one piece of memory that nothing uses any more. Call it under the lock until it
    /// gives none, and drop what it gives outside.
    pub fn reap(&mut self) -> Option<Garbage> {
        self.bank.reap().map(Garbage)
    }

    /// Bytes of the pool that downloads hold, those included that wait to be reaped.
    #[must_use]
    pub const fn download_bytes(&self) -> u64 {
        self.bank.used()
    }

    /// How many downloads fit before [`InstallError::NoSlot`].
    #[must_use]
    pub fn bank_capacity(&self) -> usize {
        self.bank.capacity()
    }

    /// Takes a larger table for downloads and hands the old one back, to be dropped outside.
    pub fn grow_bank(&mut self, table: BankTable) -> BankTable {
        self.bank.grow(table)
    }
}
