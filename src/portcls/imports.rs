//! What `portcls.sys` exports (abi section 4). On a host the simulator defines the same symbols.
#![expect(unsafe_code, reason = "imports")]

use core::ffi::c_void;
use core::ptr::NonNull;

use super::abi::{InterruptSyncMode, PropertyRequest};
use super::interfaces::{
    IInterruptSync, IMiniport, IPort, IRegistryKey, IResourceList, IServiceGroup, In, OutRef,
};
use crate::com::{Guid, IUnknown, Status};
use crate::kernel::nt::{DeviceObject, DriverObject, Irp, UnicodeString};

macro_rules! imports {
    ($abi:literal) => {
        /// `PINTERRUPTSYNCROUTINE`, called at the device's IRQL.
        pub type InterruptRoutine =
            unsafe extern $abi fn(sync: NonNull<c_void>, context: *mut c_void) -> Status;
        /// `PDRIVER_ADD_DEVICE`.
        pub type AddDevice =
            unsafe extern $abi fn(driver: *mut DriverObject, pdo: *mut DeviceObject) -> Status;
        /// `PCPFNSTARTDEVICE`.
        pub type StartDevice = unsafe extern $abi fn(
            device: *mut DeviceObject,
            irp: *mut Irp,
            resources: In<'_, IResourceList>,
        ) -> Status;

        #[cfg_attr(target_env = "msvc", link(name = "portcls"))]
        #[expect(missing_docs, reason = "documented in abi section 4 and by Microsoft")]
        unsafe extern $abi {
            pub fn PcInitializeAdapterDriver(
                driver: *mut DriverObject,
                registry_path: *mut UnicodeString,
                add_device: AddDevice,
            ) -> Status;
            pub fn PcAddAdapterDevice(
                driver: *mut DriverObject,
                pdo: *mut DeviceObject,
                start_device: StartDevice,
                max_objects: u32,
                extension_size: u32,
            ) -> Status;
            pub fn PcNewPort(port: OutRef<'_, IPort>, class: *const Guid) -> Status;
            pub fn PcNewMiniport(miniport: OutRef<'_, IMiniport>, class: *const Guid) -> Status;
            pub fn PcNewServiceGroup(
                group: OutRef<'_, IServiceGroup>,
                outer: In<'_, IUnknown>,
            ) -> Status;
            pub fn PcNewInterruptSync(
                sync: OutRef<'_, IInterruptSync>,
                outer: In<'_, IUnknown>,
                resources: In<'_, IResourceList>,
                index: u32,
                mode: InterruptSyncMode,
            ) -> Status;
            pub fn PcNewResourceSublist(
                list: OutRef<'_, IResourceList>,
                outer: In<'_, IUnknown>,
                pool_type: i32,
                parent: In<'_, IResourceList>,
                maximum_entries: u32,
            ) -> Status;
            pub fn PcNewRegistryKey(
                key: OutRef<'_, IRegistryKey>,
                outer: In<'_, IUnknown>,
                kind: u32,
                access: u32,
                device: *mut c_void,
                subdevice: *mut c_void,
                attributes: *mut c_void,
                create_options: u32,
                disposition: *mut u32,
            ) -> Status;
            pub fn PcRegisterSubdevice(
                device: *mut DeviceObject,
                name: *const u16,
                unknown: In<'_, IUnknown>,
            ) -> Status;
            pub fn PcRegisterPhysicalConnection(
                device: *mut DeviceObject,
                from: In<'_, IUnknown>,
                from_pin: u32,
                to: In<'_, IUnknown>,
                to_pin: u32,
            ) -> Status;
            pub fn PcRegisterAdapterPowerManagement(
                unknown: In<'_, IUnknown>,
                device: *mut c_void,
            ) -> Status;
            pub fn PcUnregisterAdapterPowerManagement(device: *mut DeviceObject) -> Status;
            pub fn PcDispatchIrp(device: *mut DeviceObject, irp: *mut Irp) -> Status;
            pub fn PcCompletePendingPropertyRequest(
                request: *mut PropertyRequest,
                status: Status,
            ) -> Status;
        }
    };
}

crate::with_kernel_abi!(imports,);
