//! `wine-pnp stop|start`: has the stand-in for PortCls stop or start its devices, with requests that
//! Wine's PnP manager never sends.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let code = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["stop"] => STOP,
        ["start"] => START,
        _ => {
            eprintln!("usage: wine-pnp stop|start");
            return ExitCode::from(2);
        }
    };
    match ask(code) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wine-pnp: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(windows)]
fn ask(code: u32) -> std::io::Result<()> {
    use std::{fs::OpenOptions, os::windows::io::AsRawHandle as _, ptr};

    use windows_sys::Win32::System::IO::DeviceIoControl;

    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open(r"\\.\dmusmini-pnp")?;
    let mut returned = 0;
    // SAFETY: the handle is open; there is neither input nor output.
    let done = unsafe {
        DeviceIoControl(
            device.as_raw_handle(),
            code,
            ptr::null(),
            0,
            ptr::null_mut(),
            0,
            &raw mut returned,
            ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(not(windows))]
fn ask(_: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The private control codes of the stand-in.
const STOP: u32 = 0x002F_2007;
const START: u32 = 0x002F_200B;
