//! The driver object and its dispatch routines.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::OnceLock;

use dmusmini::com::Status;
use dmusmini::kernel::nt::{
    DeviceObject, DriverDispatch, DriverObject, IRP_MJ_PNP, Irp, UnicodeString,
};
use dmusmini::portcls::imports::AddDevice;

use super::block::Block;
use super::current;
use super::host::{self, Level};

/// Calls the driver's entry point with its two arguments.
pub(crate) type CallEntry<'a> = &'a dyn Fn(*mut DriverObject, *mut UnicodeString) -> Status;

/// One loaded driver.
#[derive(Debug)]
pub(crate) struct DriverState {
    object: Block,
    add_device: Cell<Option<AddDevice>>,
}

impl DriverState {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            object: Block::new(size_of::<DriverObject>()),
            add_device: Cell::new(None),
        })
    }

    /// The driver behind an object of another kernel's.
    pub(crate) fn over(object: Block) -> Rc<Self> {
        Rc::new(Self {
            object,
            add_device: Cell::new(None),
        })
    }

    pub(crate) fn object(&self) -> *mut DriverObject {
        self.object.pointer()
    }

    /// Calls `DriverEntry`, and checks what it left in the driver object (contract section 2).
    pub(crate) fn enter(&self, entry: CallEntry<'_>) -> Status {
        let driver = self.object();
        let path: Vec<u16> = REGISTRY_PATH.encode_utf16().collect();
        let length = u16::try_from(path.len() * 2).unwrap_or(0);
        let mut path = UnicodeString {
            length,
            maximum_length: length,
            buffer: path.as_ptr(),
        };
        let status = entry(driver, &raw mut path);
        if !status.is_success() {
            return status;
        }
        if self.add_device.get().is_none() {
            host::breach("DriverEntry", "succeeded without PcInitializeAdapterDriver");
        }
        for (major, entry) in self.majors().into_iter().enumerate() {
            let ours = entry.is_some_and(|entry| std::ptr::fn_addr_eq(entry, port_dispatch()));
            if major != IRP_MJ_PNP && !ours {
                host::breach(
                    "DriverEntry",
                    format!("IRP_MJ {major:#x} is not PortCls' any more"),
                );
            }
        }
        status
    }

    fn majors(&self) -> [Option<DriverDispatch>; 28] {
        let driver = self.object();
        // SAFETY: the object is alive, and the driver is not running.
        unsafe { (*driver).major_function }
    }

    /// The dispatch routine for a major function.
    pub(crate) fn major(&self, major: usize) -> Option<DriverDispatch> {
        self.majors().get(major).copied().flatten()
    }

    /// `PcInitializeAdapterDriver`.
    pub(crate) fn initialise(&self, add_device: AddDevice) -> Status {
        let driver = self.object();
        // SAFETY: the object is alive, and the driver waits for this call.
        let object = unsafe { &mut *driver };
        object.major_function = [Some(port_dispatch()); 28];
        object.unload = Some(port_unload);
        self.add_device.set(Some(add_device));
        Status::SUCCESS
    }

    /// Calls `AddDevice` for a physical device.
    pub(crate) fn add(&self, pdo: *mut DeviceObject) -> Status {
        let Some(add_device) = self.add_device.get() else {
            return Status::UNSUCCESSFUL;
        };
        let driver = self.object();
        // SAFETY: the driver registered the routine; both objects are alive.
        host::enter("AddDevice", || unsafe { add_device(driver, pdo) })
    }

    /// Calls the driver's unload routine.
    pub(crate) fn unload(&self) {
        let driver = self.object();
        // SAFETY: the object is alive, and the driver is not running.
        let Some(unload) = (unsafe { (*driver).unload }) else {
            host::breach("DriverUnload", "there is no unload routine");
            return;
        };
        // SAFETY: the driver registered the routine, and no device of its is left.
        host::enter("DriverUnload", || unsafe { unload(driver) });
    }
}

/// PortCls' own entry: always the same address, which a function need not have.
fn port_dispatch() -> DriverDispatch {
    static ADDRESS: OnceLock<DriverDispatch> = OnceLock::new();
    *ADDRESS.get_or_init(|| dispatch_routine)
}

unsafe extern "win64" fn dispatch_routine(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    host::called("PortCls dispatch", Level::PASSIVE, || dispatch(device, irp))
}

unsafe extern "win64" fn port_unload(_driver: *mut DriverObject) {
    host::called("PortCls unload", Level::PASSIVE, || {
        if let Some(system) = current() {
            system.unload_seen.set(true);
        }
    });
}

/// Handles a request, once.
pub(crate) fn dispatch(device: *mut DeviceObject, irp: *mut Irp) -> Status {
    const AT: &str = "PcDispatchIrp";
    let Some(system) = current() else {
        return Status::UNSUCCESSFUL;
    };
    let Some(device) = system.device_of(device) else {
        host::breach(AT, "the device object is not PortCls'");
        return Status::INVALID_PARAMETER;
    };
    if system.requests.take_up(irp).is_none() {
        host::breach(
            AT,
            "the request is unknown or was dispatched before (contract 2)",
        );
        return Status::INVALID_PARAMETER;
    }
    // SAFETY: a request that is under way has a stack location.
    let location = unsafe { (*irp).stack_location };
    // SAFETY: as above.
    let (major, minor) = unsafe { ((*location).major_function, (*location).minor_function) };
    let status = if usize::from(major) == IRP_MJ_PNP {
        device.handle_pnp(irp, minor)
    } else {
        Status::SUCCESS
    };
    system.requests.handled(irp, status);
    status
}

const REGISTRY_PATH: &str = r"\Registry\Machine\System\CurrentControlSet\Services\dmusmini";
