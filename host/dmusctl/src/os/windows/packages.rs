//! Installed packages: the INFs that Windows keeps as `oemNN.inf`, and what belongs to them.

use std::{fs, path::PathBuf, ptr};

use windows_sys::{
    Win32::{
        Devices::DeviceAndDriverInstallation::{SUOI_FORCEDELETE, SetupUninstallOEMInfW},
        Foundation::HWND,
        System::LibraryLoader::{GetModuleHandleW, GetProcAddress},
    },
    core::BOOL,
};

use super::{
    image, last_error,
    text::{units, wide},
};
use crate::{error::OsError, image_path::is_stray};

/// The folder that Windows is in.
pub(super) fn windows() -> Option<PathBuf> {
    std::env::var_os("windir").map(PathBuf::from)
}

/// The names of the installed INFs that are ours: those that name our catalog. Windows calls them
/// `oemNN.inf`; Wine leaves the first its own name.
pub(super) fn ours() -> Vec<String> {
    let Some(windows) = windows() else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(windows.join("inf")) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_str()?.to_ascii_lowercase();
            let is_inf = name.strip_suffix(".inf").is_some();
            let text = is_inf.then(|| fs::read(entry.path()).ok())??;
            is_ours(&text).then_some(name)
        })
        .collect();
    names.sort();
    names
}

/// The version in an installed INF's DriverVer.
pub(super) fn version(name: &str) -> Option<String> {
    let text = fs::read(windows()?.join("inf").join(name)).ok()?;
    let value = values(&text, "DriverVer").into_iter().next()?;
    let (_, version) = value.split_once(',')?;
    Some(version.trim().to_owned())
}

fn is_ours(text: &[u8]) -> bool {
    values(text, "CatalogFile")
        .iter()
        .any(|file| file.eq_ignore_ascii_case(CATALOG))
}

/// The values of a key, wherever it stands, of an INF in UTF-16 or in bytes, as Windows keeps it.
fn values(text: &[u8], key: &str) -> Vec<String> {
    let text = match text {
        [0xFF, 0xFE, rest @ ..] => String::from_utf16_lossy(&units(rest)),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case(key))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

/// The catalog's name in the INF.
const CATALOG: &str = "dmusmini.cat";

type DiUninstallDriver = unsafe extern "system" fn(HWND, *const u16, u32, *mut BOOL) -> BOOL;

/// `DiUninstallDriver`, which Windows has since 10 version 1703 and Wine 8 has not.
fn di_uninstall_driver() -> Option<DiUninstallDriver> {
    let name = wide("newdev.dll");
    // SAFETY: the name ends with a zero; this program's own imports keep the library loaded.
    let library = unsafe { GetModuleHandleW(name.as_ptr()) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library is loaded, the name ends with a zero.
    let found = unsafe { GetProcAddress(library, c"DiUninstallDriverW".as_ptr().cast()) }?;
    // SAFETY: this is the function's documented type.
    Some(unsafe {
        std::mem::transmute::<unsafe extern "system" fn() -> isize, DiUninstallDriver>(found)
    })
}

/// Removes an installed package; whether a restart is wanted.
///
/// `DiUninstallDriver` takes it from every device and out of the driver store, image and all. Where there is no
/// such function, or where it refuses, `SetupUninstallOEMInf` removes the package even if a device has it.
pub(super) fn remove(name: &str) -> Result<bool, OsError> {
    let refusal = match take_off(name) {
        Some(Ok(restart)) => return Ok(restart),
        Some(Err(refusal)) => Some(refusal),
        None => None,
    };
    let text = wide(name);
    // SAFETY: the name ends with a zero.
    if unsafe { SetupUninstallOEMInfW(text.as_ptr(), SUOI_FORCEDELETE, ptr::null()) } == 0 {
        let error = last_error(format!("removing the package {name}"));
        return Err(refusal.unwrap_or(error));
    }
    Ok(false)
}

/// `DiUninstallDriver`, where the system has it.
fn take_off(name: &str) -> Option<Result<bool, OsError>> {
    let uninstall = di_uninstall_driver()?;
    let path = wide(windows()?.join("inf").join(name));
    let mut restart = 0;
    // SAFETY: no window is named, the path ends with a zero, the answer has a place.
    let is_fine = unsafe { uninstall(ptr::null_mut(), path.as_ptr(), 0, &raw mut restart) };
    Some(if is_fine == 0 {
        Err(last_error(format!("removing the package {name}")))
    } else {
        Ok(restart != 0)
    })
}

/// Deletes what a removal has left of packages with these names, and the image that the service
/// loaded; returns what there was. On Windows there is nothing: it keeps all of it in the driver store
/// and removes it with the package. Wine has no such store and forgets what it copied.
pub(super) fn sweep(names: &[String], loaded: Option<&str>) -> Result<Vec<String>, OsError> {
    let Some(windows) = windows() else {
        return Ok(Vec::new());
    };
    let catalogs = windows.join("system32").join("catroot").join(CATALOGS);
    let mut left: Vec<PathBuf> = names
        .iter()
        .map(|name| windows.join("inf").join(name).with_extension("pnf"))
        .collect();
    left.push(catalogs.join(CATALOG));
    let folder = windows.to_string_lossy();
    let loaded = loaded.filter(|image| is_stray(image, &folder));
    left.extend(loaded.map(image::waiting));
    left.extend(loaded.map(PathBuf::from));
    let mut swept = Vec::new();
    for path in left {
        match fs::remove_file(&path) {
            Ok(()) => swept.push(path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                let code = error.raw_os_error().unwrap_or_default();
                let what = format!("removing {}", path.display());
                return Err(OsError::win32(what, code.cast_unsigned()));
            }
        }
        // Folders that were made for these files alone; one that holds anything else stays.
        for folder in path.ancestors().skip(1).take(2) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
    Ok(swept)
}

/// Where Windows keeps catalogs of drivers.
const CATALOGS: &str = "{F750E6C3-38EE-11D1-85E5-00C04FC295EE}";
