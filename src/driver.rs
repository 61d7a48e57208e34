//! The driver: what is wired to what.
//!
//! | module | what it is |
//! |---|---|
//! | this one | `DriverEntry`, `AddDevice`, `StartDevice` and the PnP hook (contract section 2) |
//! | [`adapter`] | one device: its power, its subdevice, and whether it is still there |
//! | [`subdevice`] | a port and its miniport, and how they end |
//! | [`port_ref`] | a miniport's reference to its port |
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
pub mod port_ref;
pub mod settings;
pub mod subdevice;
pub mod synth;
#[cfg(target_arch = "x86_64")]
pub mod uart;

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use adapter::{Adapter, Leaving};
use settings::Settings;
use subdevice::{Miniport, Subdevice};

use crate::com::{Borrowed, ComRef, ObjectRef, Out, Status};
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
            let mut irql = unsafe { Irql::<Passive>::assume() };
            let Some(device) = NonNull::new(device) else {
                return Status::INVALID_PARAMETER;
            };
            start(&mut irql, device, irp, resources).into()
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
            let mut irql = unsafe { Irql::<Passive>::assume() };
            let leaving = NonNull::new(device)
                .and_then(|device| before_pnp(&mut irql, device, minor_function(irp)));
            // SAFETY: the arguments are the system's; PortCls finishes the request, once.
            let status = unsafe { imports::PcDispatchIrp(device, irp) };
            // After a removal the device extension is gone: only our own references are dropped, and
            // with them what lived by them, which is at rest.
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

/// What the adapter must know before PortCls handles a PnP request; when the device goes, what is
/// kept until PortCls has handled it.
///
/// A DMus device is never rebalanced: PortCls refuses `IRP_MN_QUERY_STOP_DEVICE`. A stop that comes
/// all the same is treated as a removal is, and a start after it begins anew (contract section 15).
fn before_pnp(
    irql: &mut Irql<Passive>,
    device: NonNull<DeviceObject>,
    minor: Option<u8>,
) -> Option<Leaving> {
    match minor? {
        pnp::SURPRISE_REMOVAL => {
            adapter::of_device(irql, device)?.surprise_removed(irql);
            None
        }
        pnp::STOP_DEVICE | pnp::REMOVE_DEVICE => adapter::detach(irql, device),
        _ => None,
    }
}

/// `StartDevice` (contract section 2.1).
fn start(
    irql: &mut Irql<Passive>,
    device: NonNull<DeviceObject>,
    irp: *mut Irp,
    resources: In<'_, IResourceList>,
) -> Result<(), Status> {
    let resources = resources.ok_or(Status::DEVICE_CONFIGURATION_ERROR)?;
    let settings = Settings::read(irql, device);
    let adapter = adapter::attach(irql, device)?;
    let (name, miniport): (&'static [u16], _) =
        if resources.number_of_entries_of_type(irql, resource_type::PORT) > 0 {
            (&UART_NAME, uart_miniport(irql, &adapter, &settings)?)
        } else {
            let miniport = synth::miniport::create(irql, &settings)?;
            (&SYNTH_NAME, Miniport::Synth(miniport))
        };
    let port = new_port()?;
    let subdevice = Subdevice { port, miniport };
    match register(irql, device, irp, resources, name, &subdevice) {
        Ok(()) => {
            adapter.keep(irql, subdevice);
            Ok(())
        }
        Err(status) => {
            drop(subdevice.shut_down(irql));
            Err(status)
        }
    }
}

/// Our UART miniport, or PortCls' own where the registry asks for that.
fn uart_miniport(
    irql: &Irql<Passive>,
    adapter: &ObjectRef<Adapter>,
    settings: &Settings,
) -> Result<Miniport, Status> {
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
    Ok(Miniport::PortCls(miniport.unknown().clone()))
}

#[cfg(target_arch = "x86_64")]
fn own_uart_miniport(
    irql: &Irql<Passive>,
    adapter: &ObjectRef<Adapter>,
    settings: &Settings,
) -> Result<Miniport, Status> {
    uart::miniport::create(irql, adapter, settings).map(Miniport::Uart)
}

/// Other processors have no I/O ports, so no device of theirs is an MPU-401.
#[cfg(not(target_arch = "x86_64"))]
fn own_uart_miniport(
    _: &Irql<Passive>,
    _: &ObjectRef<Adapter>,
    _: &Settings,
) -> Result<Miniport, Status> {
    Err(Status::NOT_SUPPORTED)
}

/// Makes a DMus port.
fn new_port() -> Result<ComRef<IPort>, Status> {
    let mut port: Option<ComRef<IPort>> = None;
    // SAFETY: the class is PortCls'; the result is an owned reference or nothing.
    unsafe { imports::PcNewPort(Some(Out::from_mut(&mut port)), &raw const CLSID_PORT_DMUS) }
        .ok()?;
    port.ok_or(Status::UNSUCCESSFUL)
}

/// Brings port and miniport together and registers them as a subdevice.
///
/// The port gets no adapter: it would only hand it on to the miniport. Ours have what they need, and
/// PortCls' own UART miniport is documented to make its interrupt object only where there is none.
fn register(
    irql: &Irql<Passive>,
    device: NonNull<DeviceObject>,
    irp: *mut Irp,
    resources: Borrowed<'_, IResourceList>,
    name: &'static [u16],
    subdevice: &Subdevice,
) -> Result<(), Status> {
    let Subdevice { port, miniport } = subdevice;
    // SAFETY: device and request are those of the start that is under way.
    let bound = unsafe {
        port.init(
            irql,
            device.as_ptr(),
            irp,
            Some(miniport.unknown()),
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
