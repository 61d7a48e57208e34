//! Handles, and requests that may take time.

use std::{
    mem, ptr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use windows_sys::Win32::{
    Foundation::{
        CloseHandle, ERROR_IO_PENDING, GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE,
        WAIT_OBJECT_0, WAIT_TIMEOUT,
    },
    Storage::FileSystem::{
        CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OVERLAPPED, FILE_SHARE_READ,
        FILE_SHARE_WRITE, OPEN_EXISTING,
    },
    System::{
        IO::{CancelIoEx, DeviceIoControl, GetOverlappedResult, OVERLAPPED},
        Threading::{CreateEventW, WaitForSingleObject},
    },
};

use super::{last_error, text::wide};
use crate::{
    Code,
    error::{OsError, win32},
};

/// An open handle. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Handle(HANDLE);

impl Handle {
    /// Takes a handle over.
    pub(super) fn new(handle: HANDLE) -> Self {
        Self(handle)
    }

    /// Opens a device for requests that may take time.
    pub(super) fn open(path: &str) -> Result<Self, OsError> {
        let name = wide(path);
        // SAFETY: the name ends with a zero; no other pointer is passed.
        let handle = unsafe {
            CreateFileW(
                name.as_ptr(),
                GENERIC_READ | GENERIC_WRITE,
                FILE_SHARE_READ | FILE_SHARE_WRITE,
                ptr::null(),
                OPEN_EXISTING,
                FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OVERLAPPED,
                ptr::null_mut(),
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(last_error(format!("opening {path}")));
        }
        Ok(Self(handle))
    }

    pub(super) fn raw(&self) -> HANDLE {
        self.0
    }

    fn event() -> Result<Self, OsError> {
        // SAFETY: no pointer is passed.
        let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        if event.is_null() {
            return Err(last_error("CreateEvent"));
        }
        Ok(Self(event))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and open.
        unsafe { CloseHandle(self.0) };
    }
}

/// A control request under way. It owns its buffers: they stay until the system is done with them.
pub(super) struct Request<'a> {
    handle: &'a Handle,
    event: Handle,
    overlapped: Box<OVERLAPPED>,
    operation: &'static str,
    /// What goes out; kept for as long as the system may look at it.
    input: Vec<u64>,
    /// What comes back, at an address that fits any structure.
    pub(super) output: Vec<u64>,
    /// What structures in `output` point to.
    pub(super) data: Vec<u64>,
    is_pending: bool,
    /// How it ended, where that is known already.
    result: Option<Result<usize, OsError>>,
}

impl<'a> Request<'a> {
    /// Sends `input`; `output` is what the answer overwrites.
    pub(super) fn send(
        handle: &'a Handle,
        operation: &'static str,
        code: u32,
        input: &[u8],
        output: &[u8],
    ) -> Result<Self, OsError> {
        Self::send_with(handle, operation, code, input, output, Vec::new())
    }

    /// The same, where `output` points to `data`, which the request keeps.
    pub(super) fn send_with(
        handle: &'a Handle,
        operation: &'static str,
        code: u32,
        input: &[u8],
        output: &[u8],
        data: Vec<u64>,
    ) -> Result<Self, OsError> {
        let event = Handle::event()?;
        let overlapped = OVERLAPPED {
            hEvent: event.raw(),
            ..OVERLAPPED::default()
        };
        let mut request = Self {
            handle,
            event,
            overlapped: Box::new(overlapped),
            operation,
            input: aligned(input),
            output: aligned(output),
            data,
            is_pending: false,
            result: None,
        };
        let out_pointer = match output.len() {
            0 => ptr::null_mut(),
            _ => request.output.as_mut_ptr(),
        };
        // SAFETY: both buffers have the lengths that are passed, and live, as the OVERLAPPED does, in
        // `request`, whose drop waits for the end of the request.
        let is_done = unsafe {
            DeviceIoControl(
                handle.raw(),
                code,
                request.input.as_ptr().cast(),
                input.len() as u32,
                out_pointer.cast(),
                output.len() as u32,
                ptr::null_mut(),
                &raw mut *request.overlapped,
            )
        };
        let error = last_error(operation);
        if is_done != 0 || error.code == Code::Win32(ERROR_IO_PENDING) {
            request.is_pending = true;
        } else {
            request.result = Some(Err(request.with_needed(error)));
        }
        Ok(request)
    }

    /// The bytes that came back, or `None` if it is not done within the time.
    pub(super) fn wait(&mut self, time: Duration) -> Option<Result<usize, OsError>> {
        if let Some(result) = self.result.take() {
            return Some(result);
        }
        let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX - 1);
        // SAFETY: the event is open.
        match unsafe { WaitForSingleObject(self.event.raw(), milliseconds) } {
            WAIT_OBJECT_0 => Some(self.finish()),
            WAIT_TIMEOUT => None,
            _ => Some(Err(last_error("WaitForSingleObject"))),
        }
    }

    /// As [`Self::wait`], and no answer is an error.
    pub(super) fn complete(&mut self, time: Duration) -> Result<usize, OsError> {
        self.wait(time)
            .unwrap_or_else(|| Err(OsError::win32(self.operation, win32::WAIT_TIMEOUT)))
    }

    fn finish(&mut self) -> Result<usize, OsError> {
        self.is_pending = false;
        let mut count = 0;
        // SAFETY: the request was sent with this OVERLAPPED on this handle.
        let is_fine = unsafe {
            GetOverlappedResult(
                self.handle.raw(),
                &raw const *self.overlapped,
                &raw mut count,
                1,
            )
        };
        if is_fine == 0 {
            let error = last_error(self.operation);
            return Err(self.with_needed(error));
        }
        Ok(count as usize)
    }

    /// With "there is more", the system says how much.
    fn with_needed(&self, error: OsError) -> OsError {
        let asks = error.code.asks_for_room();
        OsError {
            needed: asks.then_some(self.overlapped.InternalHigh),
            ..error
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.is_pending {
            return;
        }
        // SAFETY: the request was sent with this OVERLAPPED on this handle.
        unsafe { CancelIoEx(self.handle.raw(), &raw const *self.overlapped) };
        // Its memory must not go before the system is done with it. A driver that keeps a request for
        // good is not waited for a second time.
        let patience = if IS_KEPT.load(Ordering::Relaxed) {
            Duration::ZERO
        } else {
            CANCELLATION
        };
        if self.wait(patience).is_some() {
            return;
        }
        if !IS_KEPT.swap(true, Ordering::Relaxed) {
            dmusmini_terminal::complain!(
                "{}: cancelled {} s ago, and the driver has not given it back",
                self.operation,
                CANCELLATION.as_secs()
            );
        }
        mem::forget(mem::take(&mut self.overlapped));
        mem::forget(mem::take(&mut self.input));
        mem::forget(mem::take(&mut self.output));
        mem::forget(mem::take(&mut self.data));
    }
}

/// How long a cancelled request may take to come back.
const CANCELLATION: Duration = Duration::from_secs(5);
/// A request has not come back after its cancellation.
static IS_KEPT: AtomicBool = AtomicBool::new(false);

/// Bytes at an address that fits any structure.
pub(super) fn aligned(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        })
        .collect()
}

/// The first `length` bytes of words.
pub(super) fn bytes(words: &[u64], length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.truncate(length);
    bytes
}
