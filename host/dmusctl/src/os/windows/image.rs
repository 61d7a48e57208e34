//! The image that the service runs, after an installation over a version that was running.
//!
//! Windows puts each version of a package into a folder of its own. Wine has one place for all, cannot
//! replace a file that is in use, and says that all went well.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use windows_sys::Win32::Storage::FileSystem::{
    MOVEFILE_DELAY_UNTIL_REBOOT, MOVEFILE_REPLACE_EXISTING, MoveFileExW,
};

use super::{last_error, packages, service, text::wide};
use crate::{error::OsError, image_path::is_stray};

/// Where the system left another image than the INF's, has it replaced at the next start; whether a
/// restart is needed for that.
pub(super) fn replace_later(inf: &Path) -> Result<bool, OsError> {
    let (Some(image), Some(windows)) = (service::image()?, packages::windows()) else {
        return Ok(false);
    };
    let new = inf.with_file_name("dmusmini.sys");
    let (Ok(wanted), Ok(found)) = (fs::read(&new), fs::read(&image)) else {
        return Ok(false);
    };
    if wanted == found || !is_stray(&image, &windows.to_string_lossy()) {
        return Ok(false);
    }
    let waiting = waiting(&image);
    if fs::read(&waiting).is_ok_and(|waiting| waiting == wanted) {
        return Ok(true);
    }
    fs::write(&waiting, wanted).map_err(|error| refused(&error, &waiting))?;
    let (from, to) = (wide(&waiting), wide(&image));
    let flags = MOVEFILE_DELAY_UNTIL_REBOOT | MOVEFILE_REPLACE_EXISTING;
    // SAFETY: both texts end with a zero.
    if unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), flags) } == 0 {
        return Err(last_error(format!("replacing {image} at the next start")));
    }
    Ok(true)
}

/// The image that takes this one's place at the next start.
pub(super) fn waiting(image: &str) -> PathBuf {
    PathBuf::from(format!("{image}.new"))
}

fn refused(error: &io::Error, path: &Path) -> OsError {
    let code = error.raw_os_error().unwrap_or_default();
    OsError::win32(format!("writing {}", path.display()), code.cast_unsigned())
}
