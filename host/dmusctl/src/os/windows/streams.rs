//! Filters and pins: `IOCTL_KS_*`, and `KsCreatePin`.

use std::{ptr, sync::OnceLock, time::Duration};

use dmusmini_ks::{
    ioctl,
    pin::PIN_CLASS,
    stream::StreamHeader,
    zerocopy::{FromBytes as _, IntoBytes as _},
};
use windows_sys::{
    Wdk::{
        Foundation::OBJECT_ATTRIBUTES,
        Storage::FileSystem::{FILE_NON_DIRECTORY_FILE, FILE_OPEN, NtCreateFile},
    },
    Win32::{
        Foundation::{
            GENERIC_READ, GENERIC_WRITE, HANDLE, OBJ_CASE_INSENSITIVE, RtlNtStatusToDosError,
            UNICODE_STRING,
        },
        System::{
            IO::IO_STATUS_BLOCK,
            LibraryLoader::{GetProcAddress, LoadLibraryW},
        },
    },
};

use super::{
    handle::{Handle, Request, aligned, bytes},
    text::wide,
};
use crate::{
    Code, Filter, Pin,
    error::OsError,
    ks::{Access, Block, Object, Read},
};

/// A request that takes longer has gone wrong.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct OpenFilter(Handle);

impl OpenFilter {
    pub(super) fn open(path: &str) -> Result<Self, OsError> {
        Handle::open(path).map(Self)
    }
}

fn property(handle: &Handle, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
    const WHAT: &str = "IOCTL_KS_PROPERTY";
    let mut sent = Request::send(handle, WHAT, ioctl::PROPERTY, request, value)?;
    let count = sent.complete(PATIENCE)?;
    value.copy_from_slice(&bytes(&sent.output, value.len()));
    Ok(count)
}

impl Object for OpenFilter {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        property(&self.0, request, value)
    }
}

impl Filter for OpenFilter {
    fn create_pin(&self, connect: &[u8], access: Access) -> Result<Box<dyn Pin>, OsError> {
        let access = match access {
            Access::Read => GENERIC_READ,
            Access::Write => GENERIC_WRITE,
        };
        let handle = match ks_create_pin() {
            Some(create) => create_with(create, &self.0, connect, access)?,
            None => create_by_name(&self.0, connect, access)?,
        };
        Ok(Box::new(OpenPin(handle)))
    }
}

type KsCreatePin = unsafe extern "system" fn(HANDLE, *const u64, u32, *mut HANDLE) -> u32;

/// `KsCreatePin` of `ksuser.dll`, if the system has it.
fn ks_create_pin() -> Option<KsCreatePin> {
    static FOUND: OnceLock<Option<KsCreatePin>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let name = wide("ksuser.dll");
        // SAFETY: the name ends with a zero. The library stays loaded.
        let library = unsafe { LoadLibraryW(name.as_ptr()) };
        if library.is_null() {
            return None;
        }
        // SAFETY: the library is loaded, the name ends with a zero.
        let found = unsafe { GetProcAddress(library, c"KsCreatePin".as_ptr().cast()) }?;
        // SAFETY: this is the function's documented type.
        Some(unsafe {
            std::mem::transmute::<unsafe extern "system" fn() -> isize, KsCreatePin>(found)
        })
    })
}

fn create_with(
    create: KsCreatePin,
    filter: &Handle,
    connect: &[u8],
    access: u32,
) -> Result<Handle, OsError> {
    let connect = aligned(connect);
    let mut pin = ptr::null_mut();
    // SAFETY: the filter is open, `connect` is a KSPIN_CONNECT with a whole format behind it.
    let code = unsafe { create(filter.raw(), connect.as_ptr(), access, &raw mut pin) };
    match code {
        0 => Ok(Handle::new(pin)),
        // Documented as a Win32 code; a status is possible too.
        0x8000_0000.. => Err(refused("KsCreatePin", code)),
        code => Err(OsError::win32("KsCreatePin", code)),
    }
}

/// What `KsCreatePin` does: opens, relative to the filter, a file whose name is the connection.
fn create_by_name(filter: &Handle, connect: &[u8], access: u32) -> Result<Handle, OsError> {
    const FILENAME_TOO_LONG: u32 = 206;
    let mut name: Vec<u16> = PIN_CLASS.encode_utf16().collect();
    name.push(u16::from(b'\\'));
    name.extend(
        connect
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])),
    );
    let length = u16::try_from(name.len() * 2)
        .map_err(|_| OsError::win32("the name of a pin", FILENAME_TOO_LONG))?;
    let text = UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: name.as_mut_ptr(),
    };
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: filter.raw(),
        ObjectName: &raw const text,
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: ptr::null(),
        SecurityQualityOfService: ptr::null(),
    };
    let mut pin = ptr::null_mut();
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: every pointer is to what lives here, or null where that is allowed.
    let status = unsafe {
        NtCreateFile(
            &raw mut pin,
            access,
            &raw const attributes,
            &raw mut block,
            ptr::null(),
            0,
            0,
            FILE_OPEN,
            FILE_NON_DIRECTORY_FILE,
            ptr::null(),
            0,
        )
    };
    if status < 0 {
        return Err(refused("creating the pin", status.cast_unsigned()));
    }
    Ok(Handle::new(pin))
}

/// A refusal that is a status, in the system's words.
fn refused(operation: &str, status: u32) -> OsError {
    // SAFETY: a function of numbers.
    let code = unsafe { RtlNtStatusToDosError(status.cast_signed()) };
    OsError {
        code: Code::Status(status),
        ..OsError::win32(operation, code)
    }
}

#[derive(Debug)]
struct OpenPin(Handle);

impl Object for OpenPin {
    fn property(&self, request: &[u8], value: &mut [u8]) -> Result<usize, OsError> {
        property(&self.0, request, value)
    }
}

impl Pin for OpenPin {
    fn write(&self, time: Option<i64>, data: &[u8]) -> Result<(), OsError> {
        let words = aligned(data);
        let address = words.as_ptr().expose_provenance() as u64;
        let header = StreamHeader::write(address, data.len() as u32, time);
        let mut sent = Request::send_with(
            &self.0,
            "IOCTL_KS_WRITE_STREAM",
            ioctl::WRITE_STREAM,
            &[],
            header.as_bytes(),
            words,
        )?;
        sent.complete(PATIENCE).map(drop)
    }

    fn read(&self, room: usize) -> Result<Box<dyn Read + '_>, OsError> {
        let mut data = vec![0_u64; room.div_ceil(8)];
        let address = data.as_mut_ptr().expose_provenance() as u64;
        let header = StreamHeader::read(address, room as u32);
        let request = Request::send_with(
            &self.0,
            "IOCTL_KS_READ_STREAM",
            ioctl::READ_STREAM,
            &[],
            header.as_bytes(),
            data,
        )?;
        Ok(Box::new(OpenRead { request, room }))
    }
}

struct OpenRead<'a> {
    request: Request<'a>,
    room: usize,
}

impl Read for OpenRead<'_> {
    fn wait(&mut self, time: Duration) -> Result<Option<Block>, OsError> {
        let Some(result) = self.request.wait(time) else {
            return Ok(None);
        };
        result?;
        let header = bytes(&self.request.output, size_of::<StreamHeader>());
        let header = StreamHeader::read_from_bytes(&header).unwrap_or_default();
        // The system wrote here behind the compiler's back.
        let words = std::hint::black_box(&self.request.data);
        Ok(Some(Block {
            time: header.reference_time(),
            data: bytes(words, self.room.min(header.data_used as usize)),
        }))
    }
}
