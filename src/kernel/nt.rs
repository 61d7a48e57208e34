//! The NT facade: the imports and structures that the driver uses, with Windows' widths on every
//! host. When built for Windows the structures are asserted against `wdk-sys`.
//!
//! On a host the simulator defines the imports under the same names. What is an instruction in
//! kernel mode (`in`, `out`, the IRQL in CR8) is an import with the prefix `dmusmini_host_` there.
#![expect(unsafe_code, reason = "imports")]

use core::ffi::c_void;

use crate::com::{Guid, Status};
use crate::portcls::abi::assert_layout;

/// `DEVICE_OBJECT`, as far as the driver looks.
#[repr(C)]
#[derive(Debug)]
pub struct DeviceObject {
    head: [u64; 8],
    /// PortCls' extension; the adapter owns bytes 32 to 63 of it (abi section 4).
    pub extension: *mut c_void,
    // The rest is never touched, and the driver never makes one.
}
assert_layout!(DeviceObject, 72, extension @ 0x40);

/// `DRIVER_OBJECT`, as far as the driver looks.
#[repr(C)]
#[derive(Debug)]
pub struct DriverObject {
    head: [u64; 13],
    /// Called before the image is unmapped.
    pub unload: Option<DriverUnload>,
    /// The dispatch routines.
    pub major_function: [Option<DriverDispatch>; 28],
}
assert_layout!(DriverObject, 0x150, unload @ 0x68, major_function @ 0x70);

/// `IRP_MJ_PNP`.
pub const IRP_MJ_PNP: usize = 0x1B;

/// Minor functions of [`IRP_MJ_PNP`].
pub mod pnp {
    /// `IRP_MN_START_DEVICE`.
    pub const START_DEVICE: u8 = 0x00;
    /// `IRP_MN_REMOVE_DEVICE`.
    pub const REMOVE_DEVICE: u8 = 0x02;
    /// `IRP_MN_STOP_DEVICE`.
    pub const STOP_DEVICE: u8 = 0x04;
    /// `IRP_MN_SURPRISE_REMOVAL`.
    pub const SURPRISE_REMOVAL: u8 = 0x17;
}

/// `IRP`, as far as the driver looks.
#[repr(C)]
#[derive(Debug)]
pub struct Irp {
    head: [u64; 8],
    /// 0 kernel, 1 user.
    pub requestor_mode: i8,
    middle: [u8; 0x77],
    /// The current stack location.
    pub stack_location: *mut IoStackLocation,
    tail: [u64; 2],
}
assert_layout!(Irp, 0xD0, requestor_mode @ 0x40, stack_location @ 0xB8);

/// `IO_STACK_LOCATION`, as far as the driver looks.
#[repr(C)]
#[derive(Debug)]
pub struct IoStackLocation {
    /// `IRP_MJ_*`.
    pub major_function: u8,
    /// `IRP_MN_*`.
    pub minor_function: u8,
}

/// `UNICODE_STRING`.
#[repr(C)]
#[derive(Debug)]
pub struct UnicodeString {
    /// Bytes in use.
    pub length: u16,
    /// Bytes at most.
    pub maximum_length: u16,
    /// UTF-16, not necessarily terminated.
    pub buffer: *const u16,
}
assert_layout!(UnicodeString, 16, maximum_length @ 2, buffer @ 8);

/// An opaque `EX_TIMER`.
#[derive(Debug)]
pub enum ExTimer {}

/// A `KDPC`: the kernel's, but in the driver's memory.
#[repr(C)]
#[derive(Debug)]
pub struct KDpc {
    words: [u64; 8],
}
assert_layout!(KDpc, 64);

impl KDpc {
    /// Memory for `KeInitializeDpc` to fill in.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: [0; 8] }
    }
}

impl Default for KDpc {
    fn default() -> Self {
        Self::new()
    }
}

/// An opaque `IO_WORKITEM`.
#[derive(Debug)]
pub enum IoWorkItem {}

/// `DelayedWorkQueue`, the one queue that drivers may use.
pub const DELAYED_WORK_QUEUE: i32 = 1;

/// `EX_TIMER_HIGH_RESOLUTION`.
pub const EX_TIMER_HIGH_RESOLUTION: u32 = 4;

/// `POOL_FLAG_USE_QUOTA`: counts against the quota of the current process.
pub const POOL_FLAG_USE_QUOTA: u64 = 0x0000_0001;
/// `POOL_FLAG_UNINITIALIZED`: what the block held before stays in it.
pub const POOL_FLAG_UNINITIALIZED: u64 = 0x0000_0002;
/// `POOL_FLAG_NON_PAGED`, never executable.
pub const POOL_FLAG_NON_PAGED: u64 = 0x0000_0040;
/// `POOL_FLAG_PAGED`.
pub const POOL_FLAG_PAGED: u64 = 0x0000_0100;
/// The tag of all of the driver's memory, that of its global allocator.
pub const POOL_TAG: u32 = u32::from_le_bytes(*b"rust");

macro_rules! imports {
    ($abi:literal) => {
        /// `PDRIVER_UNLOAD`.
        pub type DriverUnload = unsafe extern $abi fn(driver: *mut DriverObject);
        /// `PDRIVER_DISPATCH`.
        pub type DriverDispatch =
            unsafe extern $abi fn(device: *mut DeviceObject, irp: *mut Irp) -> Status;
        /// `PEXT_CALLBACK`, at DISPATCH.
        pub type TimerCallback = unsafe extern $abi fn(timer: *mut ExTimer, context: *mut c_void);
        /// `PKDEFERRED_ROUTINE`, at DISPATCH.
        pub type DeferredRoutine = unsafe extern $abi fn(
            dpc: *mut KDpc,
            context: *mut c_void,
            first: *mut c_void,
            second: *mut c_void,
        );
        /// `PIO_WORKITEM_ROUTINE`, at PASSIVE.
        pub type WorkItemRoutine =
            unsafe extern $abi fn(device: *mut DeviceObject, context: *mut c_void);

        #[cfg_attr(target_env = "msvc", link(name = "ntoskrnl"))]
        #[expect(missing_docs, reason = "documented by Microsoft under these names")]
        unsafe extern $abi {
            pub fn KeInitializeSpinLock(lock: *mut usize);
            pub fn KeAcquireSpinLockRaiseToDpc(lock: *mut usize) -> u8;
            pub fn KeReleaseSpinLock(lock: *mut usize, old_irql: u8);
            pub fn KeAcquireSpinLockAtDpcLevel(lock: *mut usize);
            pub fn KeReleaseSpinLockFromDpcLevel(lock: *mut usize);
            /// Returns the time in 100 ns; `precise` receives the performance counter.
            pub fn KeQueryInterruptTimePrecise(counter: *mut u64) -> u64;
            pub fn ExAllocateTimer(
                callback: TimerCallback,
                context: *mut c_void,
                attributes: u32,
            ) -> *mut ExTimer;
            /// Negative due times are relative, 100 ns. Returns whether the timer was set before.
            pub fn ExSetTimer(
                timer: *mut ExTimer,
                due: i64,
                period: i64,
                parameters: *const c_void,
            ) -> u8;
            pub fn ExCancelTimer(timer: *mut ExTimer, parameters: *const c_void) -> u8;
            /// Waits for a running callback when `wait` is set (PASSIVE).
            pub fn ExDeleteTimer(
                timer: *mut ExTimer,
                cancel: u8,
                wait: u8,
                parameters: *const c_void,
            ) -> u8;
            pub fn KeInitializeDpc(
                dpc: *mut KDpc,
                routine: DeferredRoutine,
                context: *mut c_void,
            );
            /// At any level. Returns whether the DPC was not queued before.
            pub fn KeInsertQueueDpc(
                dpc: *mut KDpc,
                first: *mut c_void,
                second: *mut c_void,
            ) -> u8;
            /// Waits until all DPCs that are queued now have run (PASSIVE).
            pub fn KeFlushQueuedDpcs();
            /// Sleeps (PASSIVE): negative intervals are relative, 100 ns.
            pub fn KeDelayExecutionThread(
                mode: i8,
                alertable: u8,
                interval: *const i64,
            ) -> Status;
            pub fn IoAllocateWorkItem(device: *mut DeviceObject) -> *mut IoWorkItem;
            pub fn IoFreeWorkItem(item: *mut IoWorkItem);
            /// The system keeps the device and the driver's image until the routine has returned.
            pub fn IoQueueWorkItem(
                item: *mut IoWorkItem,
                routine: WorkItemRoutine,
                queue: i32,
                context: *mut c_void,
            );
            pub fn ExInitializeRundownProtection(rundown: *mut usize);
            pub fn ExAcquireRundownProtection(rundown: *mut usize) -> u8;
            pub fn ExReleaseRundownProtection(rundown: *mut usize);
            pub fn ExWaitForRundownProtectionRelease(rundown: *mut usize);
            pub fn ExReInitializeRundownProtection(rundown: *mut usize);
            /// Null when there is no memory or the quota is used up: the flags never ask to raise.
            pub fn ExAllocatePool2(flags: u64, bytes: usize, tag: u32) -> *mut c_void;
            pub fn ExFreePool(block: *mut c_void);
            pub fn PsGetCurrentProcessId() -> *mut c_void;
            pub fn IoGetCurrentProcess() -> *mut c_void;
            pub fn PsGetProcessCreateTimeQuadPart(process: *mut c_void) -> i64;
            pub fn IoIs32bitProcess(irp: *mut Irp) -> u8;
            pub fn EtwRegister(
                provider: *const Guid,
                callback: *const c_void,
                context: *mut c_void,
                handle: *mut u64,
            ) -> Status;
            pub fn EtwUnregister(handle: u64) -> Status;
            pub fn EtwWriteTransfer(
                handle: u64,
                descriptor: *const c_void,
                activity: *const Guid,
                related: *const Guid,
                count: u32,
                data: *const c_void,
            ) -> Status;
        }

        #[cfg_attr(target_env = "msvc", link(name = "hal"))]
        #[expect(missing_docs, reason = "documented by Microsoft under this name")]
        unsafe extern $abi {
            pub fn KeStallExecutionProcessor(microseconds: u32);
        }
    };
}

crate::with_kernel_abi!(imports,);

#[cfg(not(target_env = "msvc"))]
macro_rules! host_imports {
    ($abi:literal) => {
        #[expect(missing_docs, reason = "instructions of the kernel-mode build")]
        unsafe extern $abi {
            pub fn dmusmini_host_in(port: u16) -> u8;
            pub fn dmusmini_host_out(port: u16, value: u8);
            /// Copies from a user address; the status of the exception when that raises one.
            pub fn dmusmini_host_guarded_copy(
                to: *mut u8,
                from: u64,
                length: usize,
                requestor_mode: u8,
            ) -> Status;
        }
    };
}
#[cfg(not(target_env = "msvc"))]
crate::with_kernel_abi!(host_imports,);

/// The structures above against the WDK's headers.
#[cfg(all(target_env = "msvc", target_arch = "x86_64"))]
mod against_the_headers {
    use core::mem::offset_of;
    use wdk_sys::{DEVICE_OBJECT, DRIVER_OBJECT, IO_STACK_LOCATION, IRP, KDPC, UNICODE_STRING};

    const _: () = {
        assert!(offset_of!(DEVICE_OBJECT, DeviceExtension) == 0x40);
        assert!(offset_of!(DRIVER_OBJECT, DriverUnload) == 0x68);
        assert!(offset_of!(DRIVER_OBJECT, MajorFunction) == 0x70);
        assert!(size_of::<DRIVER_OBJECT>() == 0x150);
        assert!(offset_of!(IRP, RequestorMode) == 0x40);
        assert!(size_of::<IRP>() == 0xD0);
        assert!(offset_of!(IRP, Tail) == 0x78);
        assert!(offset_of!(IO_STACK_LOCATION, MinorFunction) == 1);
        assert!(size_of::<UNICODE_STRING>() == 16);
        assert!(size_of::<KDPC>() == size_of::<super::KDpc>());
        assert!(wdk_sys::IRP_MJ_PNP == 0x1B);
        assert!(wdk_sys::POOL_FLAG_USE_QUOTA == super::POOL_FLAG_USE_QUOTA);
        assert!(wdk_sys::POOL_FLAG_UNINITIALIZED == super::POOL_FLAG_UNINITIALIZED);
        assert!(wdk_sys::POOL_FLAG_NON_PAGED == super::POOL_FLAG_NON_PAGED);
        assert!(wdk_sys::POOL_FLAG_PAGED == super::POOL_FLAG_PAGED);
        assert!(size_of::<wdk_sys::NTSTATUS>() == size_of::<super::Status>());
        // Which codes are a success: the WDK's opinion of one of each severity.
        let mut codes: &[super::Status] = &[
            super::Status::SUCCESS,
            super::Status::PENDING,
            super::Status::BUFFER_OVERFLOW,
            super::Status::UNSUCCESSFUL,
        ];
        while let [code, rest @ ..] = codes {
            assert!(wdk::nt_success(code.0) == code.is_success());
            codes = rest;
        }
    };
}
