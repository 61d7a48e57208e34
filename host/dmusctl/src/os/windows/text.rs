//! UTF-16 with its zero, and lists of it.

use std::{ffi::OsStr, os::windows::ffi::OsStrExt as _};

/// A text for Windows: UTF-16, ended by a zero.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// The text up to the first zero.
pub(super) fn narrow(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0);
    String::from_utf16_lossy(&units[..end.unwrap_or(units.len())])
}

/// The texts of a list that an empty one ends (REG_MULTI_SZ).
pub(super) fn list(units: &[u16]) -> Vec<String> {
    units
        .split(|unit| *unit == 0)
        .map(String::from_utf16_lossy)
        .take_while(|text| !text.is_empty())
        .collect()
}

/// A list of one text.
pub(super) fn list_of_one(text: &str) -> Vec<u16> {
    let mut units = wide(text);
    units.push(0);
    units
}

/// Bytes as UTF-16 units.
pub(super) fn units(bytes: &[u8]) -> Vec<u16> {
    let (pairs, _) = bytes.as_chunks();
    pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
}

/// UTF-16 units as bytes.
pub(super) fn bytes(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}
