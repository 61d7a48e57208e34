//! A bounds-checked little-endian view of the download; nothing else here slices.
#![forbid(unsafe_code)]

use super::download::{DownloadError, Fault};

/// A window over the download that knows where it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// Everything from the window's start to the end of the download.
    bytes: &'a [u8],
    /// The window's offset in the download, for error reports.
    offset: u32,
}

impl<'a> View<'a> {
    pub(super) const fn new(bytes: &'a [u8], offset: u32) -> Self {
        Self { bytes, offset }
    }

    /// The same view, moved on by `distance` bytes (empty past the end).
    pub(super) fn at(&self, distance: u32) -> Self {
        let bytes = usize::try_from(distance)
            .ok()
            .and_then(|n| self.bytes.get(n..));
        Self {
            bytes: bytes.unwrap_or(&[]),
            offset: self.offset.saturating_add(distance),
        }
    }

    /// `length` bytes from `distance` on.
    pub(super) fn bytes(&self, distance: u32, length: u32) -> Result<&'a [u8], DownloadError> {
        let rest = self.at(distance);
        usize::try_from(length)
            .ok()
            .and_then(|n| rest.bytes.get(..n))
            .ok_or(rest.fault(Fault::Truncated))
    }

    pub(super) fn u16(&self, distance: u32) -> Result<u16, DownloadError> {
        Ok(u16::from_le_bytes(self.array(distance)?))
    }

    pub(super) fn i16(&self, distance: u32) -> Result<i16, DownloadError> {
        Ok(i16::from_le_bytes(self.array(distance)?))
    }

    pub(super) fn u32(&self, distance: u32) -> Result<u32, DownloadError> {
        Ok(u32::from_le_bytes(self.array(distance)?))
    }

    pub(super) fn i32(&self, distance: u32) -> Result<i32, DownloadError> {
        Ok(i32::from_le_bytes(self.array(distance)?))
    }

    /// An error that happened at the start of this view.
    pub(super) const fn fault(&self, fault: Fault) -> DownloadError {
        DownloadError {
            fault,
            offset: self.offset,
        }
    }

    fn array<const N: usize>(&self, distance: u32) -> Result<[u8; N], DownloadError> {
        let rest = self.at(distance);
        rest.bytes
            .first_chunk::<N>()
            .copied()
            .ok_or(rest.fault(Fault::Truncated))
    }
}
