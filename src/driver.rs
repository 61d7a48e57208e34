//! The driver: what is wired to what.
//!
//! | module | what it is |
//! |---|---|
//! | this one | `DriverEntry`, `AddDevice`, `StartDevice` and the PnP hook (contract section 2) |
//! | [`adapter`] | one device: its power and whether it is still there |
//! | [`uart`] | the MPU-401 subdevice: miniport, render and capture streams |
//! | [`synth`] | the synthesizer subdevice: miniport, streams, wave sink, properties |
//! | [`settings`] | the registry values of the device |
//!
//! **Which subdevice a device gets.** A device that was given an I/O port range is an MPU-401 and
//! gets the subdevice "UART"; one that was given none is the root-enumerated synthesizer and gets
//! "DMusic". So each device registers exactly the interfaces that its INF section lists (inf
//! section 4): a filter whose reference string the INF does not know would have no name.
//!
//! Everything here runs at PASSIVE.
#![expect(unsafe_code, reason = "entry points and imports")]

pub mod adapter;
pub mod settings;
pub mod synth;
#[cfg(target_arch = "x86_64")]
pub mod uart;

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use adapter::Adapter;
use settings::Settings;

use crate::com::{Borrowed, ComRef, IUnknown, ObjectRef, Out, Status};
use crate::irql::{Irql, Passive};
use crate::kernel::nt::{
    DeviceObject, DriverObject, DriverUnload, IRP_MJ_PNP, Irp, UnicodeString, pnp,
};
use crate::portcls::abi::resource_type;
use crate::portcls::guids::{CLSID_MINIPORT_DRIVER_DMUS_UART, CLSID_PORT_DMUS};
use crate::portcls::imports;
use crate::portcls::interfaces::{IMiniport, IPort, IResourceList, In};

/// The name of the MPU-401 subdevice: equal to the INF's reference string, and it lives as long as
/// the device object.
pub static UART_NAME: [u16; 5] = utf16(b"UART\0");
/// The name of the synthesizer subdevice.
pub static SYNTH_NAME: [u16; 7] = utf16(b"DMusic\0");

/// Subdevices that one device registers at most.
const MAX_SUBDEVICES: u32 = 2;

/// PortCls' own unload routine, which ours calls first.
static PORTCLS_UNLOAD: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

macro_rules! entry_points {
    ($abi:literal) => {
        /// Where the system enters the driver.
        ///
        /// # Safety
        ///
        /// Called once by the system, at PASSIVE, with the driver's own object.
        #[unsafe(export_name = "DriverEntry")]
        pub unsafe extern $abi fn driver_entry(
            driver: *mut DriverObject,
            registry_path: *mut UnicodeString,
        ) -> Status {
            let start = imports::PcInitializeAdapterDriver;
            // SAFETY: the arguments are the system's, passed on as they came.
            let status = unsafe { start(driver, registry_path, add_device) };
            if !status.is_success() {
                return status;
            }
            // SAFETY: the driver object is ours alone until this function returns.
            if let Some(driver) = unsafe { driver.as_mut() } {
                hook(driver);
            }
            Status::SUCCESS
        }

        unsafe extern $abi fn add_device(
            driver: *mut DriverObject,
            pdo: *mut DeviceObject,
        ) -> Status {
            // SAFETY: the arguments are the system's, passed on as they came.
            unsafe {
                imports::PcAddAdapterDevice(driver, pdo, start_device, MAX_SUBDEVICES, 0)
            }
        }

        unsafe extern $abi fn start_device(
            device: *mut DeviceObject,
            irp: *mut Irp,
            resources: In<'_, IResourceList>,
        ) -> Status {
            // SAFETY: PortCls calls this at PASSIVE.
            let irql = unsafe { Irql::<Passive>::assume() };
            let Some(device) = NonNull::new(device) else {
                return Status::INVALID_PARAMETER;
            };
            start(&irql, device, irp, resources).into()
        }

        unsafe extern $abi fn unload(driver: *mut DriverObject) {
            let original = PORTCLS_UNLOAD.swap(ptr::null_mut(), Ordering::AcqRel);
            if !original.is_null() {
                // SAFETY: `hook` stored a function of this type, and nothing else does.
                let original = unsafe { core::mem::transmute::<*mut c_void, DriverUnload>(original) };
                // SAFETY: the system calls the routine that we replaced through us.
                unsafe { original(driver) };
            }
            crate::trace::shut_down();
        }

        unsafe extern $abi fn dispatch_pnp(device: *mut DeviceObject, irp: *mut Irp) -> Status {
            // SAFETY: PnP requests arrive at PASSIVE.
            let irql = unsafe { Irql::<Passive>::assume() };
            let leaving = NonNull::new(device)
                .and_then(|device| before_pnp(&irql, device, minor_function(irp)));
            // SAFETY: the arguments are the system's; PortCls finishes the request, once.
            let status = unsafe { imports::PcDispatchIrp(device, irp) };
            // After a removal the device extension is gone: only our own reference is dropped.
            drop(leaving);
            status
        }
    };
}
crate::with_kernel_abi!(entry_points,);

/// Puts our unload and PnP routines in front of PortCls' (contract section 2, "Hook rules").
fn hook(driver: &mut DriverObject) {
    if let Some(original) = driver.unload.replace(unload) {
        PORTCLS_UNLOAD.store(original as *mut c_void, Ordering::Release);
    }
    if let Some(entry) = driver.major_function.get_mut(IRP_MJ_PNP) {
        *entry = Some(dispatch_pnp);
    }
    crate::trace::start_up();
}

/// Minor function of a PnP request.
fn minor_function(irp: *mut Irp) -> Option<u8> {
    // SAFETY: the system passes an IRP that is ours until it is passed on.
    let irp = unsafe { irp.as_ref() }?;
    // SAFETY: an IRP in a dispatch routine has a current stack location.
    unsafe { irp.stack_location.as_ref() }.map(|location| location.minor_function)
}

/// What the adapter must know before PortCls handles a PnP request; when the device goes for good,
/// the adapter, which then leaves the device extension.
fn before_pnp(
    irql: &Irql<Passive>,
    device: NonNull<DeviceObject>,
    minor: Option<u8>,
) -> Option<ObjectRef<Adapter>> {
    match minor? {
        pnp::SURPRISE_REMOVAL => {
            adapter::of_device(irql, device)?.surprise_removed();
            None
        }
        pnp::REMOVE_DEVICE => adapter::detach(irql, device),
        _ => None,
    }
}

/// `StartDevice` (contract section 2.1).
fn start(
    irql: &Irql<Passive>,
    device: NonNull<DeviceObject>,
    irp: *mut Irp,
    resources: In<'_, IResourceList>,
) -> Result<(), Status> {
    let resources = resources.ok_or(Status::DEVICE_CONFIGURATION_ERROR)?;
    let settings = Settings::read(irql, device);
    let adapter = adapter::attach(irql, device)?;
    if resources.number_of_entries_of_type(irql, resource_type::PORT) > 0 {
        let miniport = uart_miniport(irql, &adapter, &settings)?;
        register(irql, device, irp, resources, &UART_NAME, miniport.borrow())
    } else {
        let miniport = synth::miniport::create(irql, &settings)?.into_interface::<IUnknown>();
        register(irql, device, irp, resources, &SYNTH_NAME, miniport.borrow())
    }
}

/// Our UART miniport, or PortCls' own where the registry asks for that.
fn uart_miniport(
    irql: &Irql<Passive>,
    adapter: &ObjectRef<Adapter>,
    settings: &Settings,
) -> Result<ComRef<IUnknown>, Status> {
    if !settings.use_built_in_uart {
        return own_uart_miniport(irql, adapter, settings);
    }
    let mut miniport: Option<ComRef<IMiniport>> = None;
    // SAFETY: the class is one of PortCls' own; the result is an owned reference or nothing.
    unsafe {
        imports::PcNewMiniport(
            Some(Out::from_mut(&mut miniport)),
            &raw const CLSID_MINIPORT_DRIVER_DMUS_UART,
        )
    }
    .ok()?;
    let miniport = miniport.ok_or(Status::UNSUCCESSFUL)?;
    Ok(miniport.unknown().clone())
}

#[cfg(target_arch = "x86_64")]
fn own_uart_miniport(
    irql: &Irql<Passive>,
    adapter: &ObjectRef<Adapter>,
    settings: &Settings,
) -> Result<ComRef<IUnknown>, Status> {
    Ok(uart::miniport::create(irql, adapter, settings)?.into_interface())
}

/// Other processors have no I/O ports, so no device of theirs is an MPU-401.
#[cfg(not(target_arch = "x86_64"))]
fn own_uart_miniport(
    _: &Irql<Passive>,
    _: &ObjectRef<Adapter>,
    _: &Settings,
) -> Result<ComRef<IUnknown>, Status> {
    Err(Status::NOT_SUPPORTED)
}

/// Makes a DMus port for a miniport and registers both as a subdevice. Every reference of ours is
/// released on the way out: a registered subdevice keeps the port, and the port the miniport.
///
/// The port gets no adapter: it would only hand it on to the miniport. Ours have what they need, and
/// PortCls' own UART miniport is documented to make its interrupt object only where there is none.
fn register(
    irql: &Irql<Passive>,
    device: NonNull<DeviceObject>,
    irp: *mut Irp,
    resources: Borrowed<'_, IResourceList>,
    name: &'static [u16],
    miniport: Borrowed<'_, IUnknown>,
) -> Result<(), Status> {
    let mut port: Option<ComRef<IPort>> = None;
    // SAFETY: the class is PortCls'; the result is an owned reference or nothing.
    unsafe { imports::PcNewPort(Some(Out::from_mut(&mut port)), &raw const CLSID_PORT_DMUS) }
        .ok()?;
    let port = port.ok_or(Status::UNSUCCESSFUL)?;
    // SAFETY: device and request are those of the start that is under way.
    let bound = unsafe {
        port.init(
            irql,
            device.as_ptr(),
            irp,
            Some(miniport),
            None,
            Some(resources),
        )
    };
    bound.ok()?;
    // SAFETY: the name is a terminated static; the port is initialised.
    unsafe {
        imports::PcRegisterSubdevice(
            device.as_ptr(),
            name.as_ptr(),
            Some(port.unknown().borrow()),
        )
    }
    .ok()
}

/// ASCII to UTF-16, for names in statics.
const fn utf16<const N: usize>(text: &[u8; N]) -> [u16; N] {
    let mut wide = [0_u16; N];
    let mut index = 0;
    while index < N {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time only")]
        let byte = text[index];
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time only")]
        let place = &mut wide[index];
        *place = byte as u16;
        index += 1;
    }
    wide
}
