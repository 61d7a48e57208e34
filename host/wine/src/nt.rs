//! Functions of Wine's `ntoskrnl.exe` and `ntdll.dll`, and the structures that they share with
//! drivers, as Microsoft documents them for x64.

use std::ffi::c_void;
use std::ptr;

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::{s, w};

use dmusmini::com::Guid;
use dmusmini::kernel::nt::{DeviceObject, DriverObject, UnicodeString};

/// NTSTATUS.
pub(crate) type NtStatus = i32;

/// STATUS_SUCCESS.
pub(crate) const SUCCESS: NtStatus = 0;
/// STATUS_PENDING.
pub(crate) const PENDING: NtStatus = 0x103;
/// STATUS_UNSUCCESSFUL.
pub(crate) const UNSUCCESSFUL: NtStatus = 0xC000_0001_u32.cast_signed();
/// STATUS_INVALID_DEVICE_REQUEST.
pub(crate) const INVALID_DEVICE_REQUEST: NtStatus = 0xC000_0010_u32.cast_signed();
/// STATUS_NO_SUCH_DEVICE.
pub(crate) const NO_SUCH_DEVICE: NtStatus = 0xC000_000E_u32.cast_signed();

/// STATUS_NOT_SUPPORTED.
pub(crate) const NOT_SUPPORTED: NtStatus = 0xC000_00BB_u32.cast_signed();

/// `NotificationEvent`.
pub(crate) const NOTIFICATION_EVENT: i32 = 0;

/// KEVENT.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Event([u64; 3]);

/// IO_STATUS_BLOCK.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct StatusBlock {
    pub(crate) status: NtStatus,
    information: usize,
}

/// `FILE_DEVICE_SOUND`.
pub(crate) const FILE_DEVICE_SOUND: u32 = 0x1D;
/// `DevicePropertyHardwareID`.
pub(crate) const PROPERTY_HARDWARE_ID: i32 = 1;

/// OBJECT_ATTRIBUTES.
#[repr(C)]
pub(crate) struct ObjectAttributes {
    pub(crate) length: u32,
    pub(crate) root: *mut c_void,
    pub(crate) name: *const UnicodeString,
    pub(crate) attributes: u32,
    pub(crate) security: *const c_void,
    pub(crate) quality: *const c_void,
}

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    pub(crate) fn IoCreateDevice(
        driver: *mut DriverObject,
        extension: u32,
        name: *const UnicodeString,
        kind: u32,
        characteristics: u32,
        exclusive: u8,
        device: *mut *mut DeviceObject,
    ) -> NtStatus;
    pub(crate) fn IoDeleteDevice(device: *mut DeviceObject);
    pub(crate) fn IoAttachDeviceToDeviceStack(
        source: *mut DeviceObject,
        target: *mut DeviceObject,
    ) -> *mut DeviceObject;
    pub(crate) fn IoDetachDevice(target: *mut DeviceObject);
    pub(crate) fn IofCallDriver(device: *mut DeviceObject, irp: *mut c_void) -> NtStatus;
    pub(crate) fn IoBuildSynchronousFsdRequest(
        major: u32,
        device: *mut DeviceObject,
        buffer: *mut c_void,
        length: u32,
        offset: *mut i64,
        event: *mut Event,
        block: *mut StatusBlock,
    ) -> *mut c_void;
    pub(crate) fn KeInitializeEvent(event: *mut Event, kind: i32, state: u8);
    pub(crate) fn KeWaitForSingleObject(
        object: *mut c_void,
        reason: i32,
        mode: i8,
        alertable: u8,
        timeout: *const i64,
    ) -> NtStatus;
    pub(crate) fn IoReleaseCancelSpinLock(level: u8);
    pub(crate) fn IofCompleteRequest(irp: *mut c_void, boost: i8);
    pub(crate) fn IoGetDeviceProperty(
        device: *mut DeviceObject,
        property: i32,
        length: u32,
        buffer: *mut c_void,
        needed: *mut u32,
    ) -> NtStatus;
    pub(crate) fn IoOpenDeviceRegistryKey(
        device: *mut DeviceObject,
        kind: u32,
        access: u32,
        key: *mut *mut c_void,
    ) -> NtStatus;
    pub(crate) fn IoRegisterDeviceInterface(
        device: *mut DeviceObject,
        class: *const Guid,
        reference: *const UnicodeString,
        link: *mut UnicodeString,
    ) -> NtStatus;
    pub(crate) fn IoCreateSymbolicLink(
        name: *const UnicodeString,
        target: *const UnicodeString,
    ) -> NtStatus;
    pub(crate) fn IoDeleteSymbolicLink(name: *const UnicodeString) -> NtStatus;
    /// A pointer to the type of driver objects.
    pub(crate) static IoDriverObjectType: *const c_void;
    pub(crate) fn ObReferenceObjectByName(
        name: *const UnicodeString,
        attributes: u32,
        access_state: *const c_void,
        access: u32,
        kind: *const c_void,
        mode: i8,
        context: *const c_void,
        object: *mut *mut c_void,
    ) -> NtStatus;
    pub(crate) fn ObfDereferenceObject(object: *mut c_void);
}

/// The id of the process whose request this thread is handling, as Wine's kernel knows it; 0 where it
/// does not say. Asked of Wine by address: the simulator has a function of this name for the driver, and the
/// linker would take that one.
pub(crate) fn requestor_id() -> u32 {
    // SAFETY: both names end with a null character; the module stays loaded while drivers run.
    let function = unsafe {
        let kernel = GetModuleHandleW(w!("ntoskrnl.exe"));
        GetProcAddress(kernel, s!("PsGetCurrentProcessId"))
    };
    let Some(function) = function else { return 0 };
    // SAFETY: as Microsoft documents the function of this name.
    let function: unsafe extern "system" fn() -> *mut c_void =
        unsafe { std::mem::transmute(function) };
    // SAFETY: it takes nothing and may be called at any level.
    u32::try_from(unsafe { function() }.addr()).unwrap_or(0)
}

#[link(name = "ntdll.dll", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    pub(crate) fn NtCreateDirectoryObject(
        handle: *mut *mut c_void,
        access: u32,
        attributes: *const ObjectAttributes,
    ) -> NtStatus;
    pub(crate) fn NtClose(handle: *mut c_void) -> NtStatus;
}

/// A counted string and its memory.
#[derive(Debug)]
pub(crate) struct Text {
    units: Vec<u16>,
}

impl Text {
    /// A counted string of this text.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            // Wine reads some of these up to a terminator.
            units: text.encode_utf16().chain([0]).collect(),
        }
    }

    /// The descriptor, for the length of a call.
    pub(crate) fn descriptor(&self) -> UnicodeString {
        let maximum_length = u16::try_from(self.units.len() * 2).unwrap_or(0);
        UnicodeString {
            length: maximum_length.saturating_sub(2),
            maximum_length,
            buffer: self.units.as_ptr(),
        }
    }
}

/// The text behind a descriptor that the system filled in.
///
/// # Safety
///
/// The descriptor's buffer has the length that it says.
pub(crate) unsafe fn text(descriptor: &UnicodeString) -> String {
    if descriptor.buffer.is_null() {
        return String::new();
    }
    let length = usize::from(descriptor.length / 2);
    // SAFETY: promised by the caller.
    let units = unsafe { std::slice::from_raw_parts(descriptor.buffer, length) };
    String::from_utf16_lossy(units)
}

/// An empty descriptor, to be filled in.
pub(crate) fn no_text() -> UnicodeString {
    UnicodeString {
        length: 0,
        maximum_length: 0,
        buffer: ptr::null(),
    }
}
