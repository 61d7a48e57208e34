//! Installed packages: the INFs that Windows keeps as `oemNN.inf`.

use std::{fs, path::PathBuf, ptr};

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    SUOI_FORCEDELETE, SetupUninstallOEMInfW,
};

use super::{
    last_error,
    text::{units, wide},
};
use crate::error::OsError;

/// The names of the installed INFs that are ours: those that name our catalog.
pub(super) fn ours() -> Vec<String> {
    let Some(windows) = std::env::var_os("windir") else {
        return Vec::new();
    };
    let folder = PathBuf::from(windows).join("inf");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_str()?.to_ascii_lowercase();
            let is_installed = name.starts_with("oem") && name.strip_suffix(".inf").is_some();
            let text = is_installed.then(|| fs::read(entry.path()).ok())??;
            is_ours(&text).then_some(name)
        })
        .collect();
    names.sort();
    names
}

/// In UTF-16 or in bytes, as Windows keeps it.
fn is_ours(text: &[u8]) -> bool {
    let text = match text {
        [0xFF, 0xFE, rest @ ..] => String::from_utf16_lossy(&units(rest)),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.lines()
        .filter_map(|line| line.split_once('='))
        .any(|(key, file)| {
            key.trim().eq_ignore_ascii_case("CatalogFile")
                && file.trim().eq_ignore_ascii_case("dmusmini.cat")
        })
}

/// Removes an installed INF and its files.
pub(super) fn remove(name: &str) -> Result<(), OsError> {
    let text = wide(name);
    // SAFETY: the name ends with a zero.
    let is_fine = unsafe { SetupUninstallOEMInfW(text.as_ptr(), SUOI_FORCEDELETE, ptr::null()) };
    if is_fine == 0 {
        return Err(last_error(format!("removing the package {name}")));
    }
    Ok(())
}
