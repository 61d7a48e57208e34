//! What the driver and Wine call: PortCls' entry points that need Wine's objects, AddDevice, the
//! dispatch routines, DriverUnload.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dmusmini::com::Status;
use dmusmini::kernel::nt::{
    DeviceObject, DriverDispatch, DriverObject, DriverUnload, IRP_MJ_PNP, Irp, UnicodeString,
};
use dmusmini::portcls::imports::AddDevice;
use dmusmini_simulator::imports::trace;

use crate::client_memory::Process;
use crate::interfaces::{self, Interfaces};
use crate::log::log;
use crate::nt::{self, NtStatus};
use crate::request::Request;
use crate::system::{Outcome, System};
use crate::{manager, pnp, reads, registry, worker};

/// What the driver's import `name` is bound to when PortCls or the kernel is not to be called from
/// the thread that Wine calls `DriverEntry` on.
pub(crate) fn instead_of(name: &str) -> Option<*const ()> {
    match name {
        "PcInitializeAdapterDriver" => Some(initialise as *const ()),
        "EtwRegister" => Some(etw_register as *const ()),
        "EtwUnregister" => Some(etw_unregister as *const ()),
        _ => None,
    }
}

/// A device object of ours.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// The adapter's functional device.
    Adapter { lower: usize },
    /// A subdevice of an adapter, which clients open.
    Filter { adapter: usize, name: String },
    /// A pin that a client has made.
    Pin { number: u32, link: String },
    /// Where a test asks for requests that Wine's PnP manager never sends.
    Manager,
}

#[derive(Debug, Default)]
pub(crate) struct Objects {
    driver: usize,
    pub(crate) routines: Option<Routines>,
    pub(crate) roles: BTreeMap<usize, Role>,
    pub(crate) interfaces: BTreeMap<usize, Interfaces>,
    /// Device objects of pins that were closed.
    dead: Vec<usize>,
}

/// The driver's own routines, which ours call on the machine's thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routines {
    pub(crate) pnp: Option<DriverDispatch>,
    unload: Option<DriverUnload>,
}

static OBJECTS: Mutex<Objects> = Mutex::new(Objects {
    driver: 0,
    routines: None,
    roles: BTreeMap::new(),
    interfaces: BTreeMap::new(),
    dead: Vec::new(),
});

pub(crate) fn objects() -> MutexGuard<'static, Objects> {
    OBJECTS.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "win64" fn initialise(
    driver: *mut DriverObject,
    _registry_path: *mut UnicodeString,
    add: AddDevice,
) -> NtStatus {
    log!("DriverEntry: PcInitializeAdapterDriver");
    manager::wait();
    let status = worker::call("PcInitializeAdapterDriver", |system| {
        system.initialise(driver, add)
    });
    // SAFETY: Wine waits for DriverEntry, which waits for us.
    let object = unsafe { &mut *driver };
    for routine in &mut object.major_function {
        *routine = Some(refuse);
    }
    for (major, routine) in [
        (MJ_CREATE, create as DriverDispatch),
        (MJ_CLOSE, close),
        (MJ_CLEANUP, succeed),
        (MJ_DEVICE_CONTROL, control),
        (MJ_POWER, pass_down),
        (MJ_SYSTEM_CONTROL, pass_down),
    ] {
        object.major_function[major] = Some(routine);
    }
    // SAFETY: the driver object's DriverExtension, whose second word is AddDevice.
    unsafe {
        let extension = driver
            .cast::<u8>()
            .add(DRIVER_EXTENSION)
            .cast::<*mut usize>()
            .read();
        extension
            .add(1)
            .write((add_device as *const ()).expose_provenance());
    }
    objects().driver = driver.expose_provenance();
    status.unwrap_or(nt::UNSUCCESSFUL)
}

unsafe extern "win64" fn etw_register(
    provider: *const [u8; 16],
    callback: Option<dmusmini_simulator::etw::EnableCallback>,
    context: *mut c_void,
    handle: *mut u64,
) -> NtStatus {
    // SAFETY: the driver's arguments, as they came.
    let register = || unsafe { trace::EtwRegister(provider, callback, context, handle) };
    if worker::is_here() {
        return register();
    }
    // The last thing that `DriverEntry` does: its routines are in the driver object.
    take_routines(driver());
    worker::call("EtwRegister", |_| register()).unwrap_or(nt::UNSUCCESSFUL)
}

unsafe extern "win64" fn etw_unregister(handle: u64) -> NtStatus {
    // SAFETY: the driver's argument, as it came.
    let unregister = || unsafe { trace::EtwUnregister(handle) };
    if worker::is_here() {
        return unregister();
    }
    worker::call("EtwUnregister", |_| unregister()).unwrap_or(nt::UNSUCCESSFUL)
}

/// Puts ours in front of what the driver left in its object.
fn take_routines(driver: *mut DriverObject) {
    let mut objects = objects();
    if objects.routines.is_some() {
        return;
    }
    // SAFETY: Wine's driver object; nothing of the driver runs.
    let object = unsafe { &mut *driver };
    objects.routines = Some(Routines {
        pnp: object.major_function[IRP_MJ_PNP].replace(pnp::request),
        unload: object.unload.replace(unload),
    });
}

unsafe extern "win64" fn add_device(driver: *mut DriverObject, pdo: *mut DeviceObject) -> NtStatus {
    take_routines(driver);
    // SAFETY: the physical device is Wine's.
    let (identity, values) = unsafe { registry::identify(pdo) };
    let is_uart = identity.iter().any(|id| id.ends_with("PNPB006"));
    let mut fdo = ptr::null_mut();
    // SAFETY: the driver object is ours.
    let status = unsafe {
        nt::IoCreateDevice(
            driver,
            0,
            ptr::null(),
            nt::FILE_DEVICE_SOUND,
            0,
            0,
            &raw mut fdo,
        )
    };
    if status != nt::SUCCESS {
        return status;
    }
    // SAFETY: both objects are alive.
    let lower = unsafe { nt::IoAttachDeviceToDeviceStack(fdo, pdo) };
    let role = Role::Adapter {
        lower: lower.expose_provenance(),
    };
    objects().roles.insert(fdo.addr(), role);
    let count = values.len();
    let status = worker::call("AddDevice", |system| system.add(pdo, fdo, is_uart, values));
    let status = status.unwrap_or(nt::UNSUCCESSFUL);
    log!(
        "AddDevice {}: {count} registry values, status {status:#010x}",
        identity.join(" ")
    );
    if status == nt::SUCCESS {
        finish(fdo);
        manager::appear();
    } else {
        objects().roles.remove(&fdo.addr());
        // SAFETY: attached above, and nobody else's.
        unsafe { nt::IoDetachDevice(lower) };
        // SAFETY: as above.
        unsafe { nt::IoDeleteDevice(fdo) };
    }
    status
}

/// Clears DO_DEVICE_INITIALIZING.
fn finish(device: *mut DeviceObject) {
    let flags = device.cast::<u8>().wrapping_add(DEVICE_FLAGS).cast::<u32>();
    // SAFETY: the field of a device object that is ours.
    unsafe { flags.write(flags.read() & !DEVICE_INITIALIZING) };
}

/// Makes what clients open for every subdevice of a device that has started.
pub(crate) fn publish(adapter: *mut DeviceObject, pdo: *mut DeviceObject) {
    let subdevices =
        worker::call("subdevices", |system| system.subdevices(adapter)).unwrap_or_default();
    let driver = driver();
    let mut interfaces = Interfaces::default();
    for subdevice in subdevices {
        let name = format!(r"\Device\dmusmini-{}", subdevice.name);
        let Some(filter) = make_device(driver, &name) else {
            continue;
        };
        objects().roles.insert(
            filter.addr(),
            Role::Filter {
                adapter: adapter.addr(),
                name: subdevice.name.clone(),
            },
        );
        log!(
            "PcRegisterSubdevice \"{}\", {} categories",
            subdevice.name,
            subdevice.categories.len()
        );
        interfaces.add(pdo, &subdevice, &name);
    }
    objects().interfaces.insert(adapter.addr(), interfaces);
}

pub(crate) fn driver() -> *mut DriverObject {
    ptr::with_exposed_provenance_mut(objects().driver)
}

pub(crate) fn make_device(driver: *mut DriverObject, name: &str) -> Option<*mut DeviceObject> {
    let text = nt::Text::new(name);
    let mut device = ptr::null_mut();
    // SAFETY: the driver object is ours, the name alive.
    let status = unsafe {
        let name = text.descriptor();
        nt::IoCreateDevice(
            driver,
            0,
            &raw const name,
            nt::FILE_DEVICE_SOUND,
            0,
            0,
            &raw mut device,
        )
    };
    if status != nt::SUCCESS {
        log!("{name} cannot be made: {status:#010x}");
        return None;
    }
    finish(device);
    Some(device)
}

pub(crate) fn remove_filters(adapter: usize) {
    let mut objects = objects();
    let gone: Vec<usize> = objects
        .roles
        .iter()
        .filter(|(_, role)| matches!(role, Role::Filter { adapter: of, .. } if *of == adapter))
        .map(|(device, _)| *device)
        .collect();
    for device in &gone {
        objects.roles.remove(device);
    }
    drop(objects);
    for device in gone {
        // SAFETY: made by us, and nobody else deletes it.
        unsafe { nt::IoDeleteDevice(ptr::with_exposed_provenance_mut(device)) };
    }
    bury();
}

/// Deletes the objects of pins that were closed.
fn bury() {
    let dead = std::mem::take(&mut objects().dead);
    for device in dead {
        // SAFETY: made by us; its only handle is closed.
        unsafe { nt::IoDeleteDevice(ptr::with_exposed_provenance_mut(device)) };
    }
}

unsafe extern "win64" fn create(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    let request = unsafe { Request::new(irp) };
    let role = objects().roles.get(&device.addr()).cloned();
    let file = request.file();
    let status = match role {
        Some(Role::Filter { adapter, name }) => worker::call("IRP_MJ_CREATE", |system| {
            system.open_filter(adapter, &name, file)
        }),
        Some(Role::Pin { number, .. }) => {
            worker::call("IRP_MJ_CREATE", |system| system.open_pin(number, file))
        }
        Some(Role::Manager) => Some(nt::SUCCESS),
        _ => Some(nt::INVALID_DEVICE_REQUEST),
    };
    Status(request.complete(status.unwrap_or(nt::UNSUCCESSFUL), 0))
}

unsafe extern "win64" fn close(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    let request = unsafe { Request::new(irp) };
    let file = request.file();
    let done = worker::call("IRP_MJ_CLOSE", |system| system.close(file));
    reads::complete(done.unwrap_or_default());
    let mut objects = objects();
    if let Some(Role::Pin { link, .. }) = objects.roles.get(&device.addr()).cloned() {
        objects.roles.remove(&device.addr());
        objects.dead.push(device.expose_provenance());
        interfaces::remove_link(&link);
    }
    drop(objects);
    Status(request.complete(nt::SUCCESS, 0))
}

unsafe extern "win64" fn control(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    let request = unsafe { Request::new(irp) };
    bury();
    let role = objects().roles.get(&device.addr()).cloned();
    let (file, code) = (request.file(), request.code());
    let (input, output) = (request.input(), request.output());
    if let Some(Role::Manager) = role {
        return Status(request.complete(manager::carry_out(code), 0));
    }
    let outcome = match (role, code) {
        (Some(Role::Filter { adapter, .. }), CREATE_PIN) => worker::call("KsCreatePin", |system| {
            system.create_pin(adapter, file, &input)
        }),
        (Some(_), _) => {
            let process = Process::of_request();
            worker::call("IRP_MJ_DEVICE_CONTROL", |system| {
                let irp = request.irp().expose_provenance();
                system.control((file, irp), code, &input, &output, process)
            })
        }
        _ => None,
    };
    let status = match outcome {
        Some(Outcome::Done(reply)) => {
            request.answer(&reply.output);
            request.complete(for_wine(reply.status.0), reply.information)
        }
        Some(Outcome::Waits) => request.pend(reads::cancel),
        Some(Outcome::Pin(number)) => answer_pin(request, number),
        None => request.complete(nt::INVALID_DEVICE_REQUEST, 0),
    };
    let done = worker::call("completed reads", System::completed);
    reads::complete(done.unwrap_or_default());
    Status(status)
}

/// The status that a client of Wine's takes for what it is: its DeviceIoControl fails for every status
/// but 0, where Windows' fails for errors alone.
fn for_wine(status: NtStatus) -> NtStatus {
    if status > 0 { nt::SUCCESS } else { status }
}

/// Gives a pin a device object of its own, which the client opens by the number that it gets.
fn answer_pin(request: Request, number: u32) -> NtStatus {
    let name = format!(r"\Device\dmusmini-pin-{number}");
    let link = format!(r"\DosDevices\dmusmini-pin-{number}");
    let Some(device) = make_device(driver(), &name) else {
        return request.complete(nt::UNSUCCESSFUL, 0);
    };
    interfaces::add_link(&link, &name);
    objects()
        .roles
        .insert(device.addr(), Role::Pin { number, link });
    request.answer(&number.to_le_bytes());
    request.complete(nt::SUCCESS, 4)
}

unsafe extern "win64" fn succeed(_device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    Status(unsafe { Request::new(irp) }.complete(nt::SUCCESS, 0))
}

unsafe extern "win64" fn refuse(_device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    Status(unsafe { Request::new(irp) }.complete(nt::INVALID_DEVICE_REQUEST, 0))
}

unsafe extern "win64" fn pass_down(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    // SAFETY: Wine passes a request that is ours now.
    let request = unsafe { Request::new(irp) };
    let role = objects().roles.get(&device.addr()).cloned();
    Status(match role {
        Some(Role::Adapter { lower }) => request.forward(ptr::with_exposed_provenance_mut(lower)),
        _ => request.complete(nt::INVALID_DEVICE_REQUEST, 0),
    })
}

unsafe extern "win64" fn unload(driver: *mut DriverObject) {
    let routine = objects()
        .routines
        .take()
        .and_then(|routines| routines.unload);
    bury();
    match worker::call("DriverUnload", |system| system.unload(driver, routine)) {
        Some(Some(report)) => log!("DriverUnload: {report}"),
        _ => log!("DriverUnload: no machine"),
    }
    worker::stop();
}

/// The private control code with which the stand-in for `ksuser.dll` makes a pin: the KSPIN_CONNECT
/// and its format in, the pin's number out. METHOD_NEITHER, as all of KS.
const CREATE_PIN: u32 = 0x002F_2003;

const MJ_CREATE: usize = 0x00;
const MJ_CLOSE: usize = 0x02;
const MJ_DEVICE_CONTROL: usize = 0x0E;
const MJ_CLEANUP: usize = 0x12;
const MJ_POWER: usize = 0x16;
const MJ_SYSTEM_CONTROL: usize = 0x17;
const DRIVER_EXTENSION: usize = 0x30;
const DEVICE_FLAGS: usize = 0x30;
const DEVICE_INITIALIZING: u32 = 0x80;
