//! The machine under the I/O manager of another kernel, which loads the driver and sends requests.
//!
//! Wine has an I/O manager, PnP, a registry and user-mode handles, but neither PortCls nor hardware.
//! There the driver's imports are bound to this machine, and what arrives from above (DriverEntry,
//! AddDevice, requests) is passed in here. Driver, device and request objects are the other
//! kernel's own.

use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::kernel::nt::{DeviceObject, DriverDispatch, DriverObject, DriverUnload, Irp, pnp};
use dmusmini::portcls::imports::AddDevice;

use super::{Device, Hardware, Report, SessionError};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::portcls::block::Block;
use crate::portcls::device::OBJECT_SIZE;
use crate::portcls::driver::DriverState;
use crate::portcls::{self, PortCls, host};

/// A machine with PortCls and no driver yet. It belongs to the thread that made it.
#[derive(Debug)]
pub struct HostedMachine {
    system: Rc<PortCls>,
    machine: Machine,
    previous: Option<Rc<PortCls>>,
}

impl HostedMachine {
    /// Powers a machine on.
    #[must_use]
    pub fn new() -> Self {
        let machine = Machine::new();
        let system = PortCls::new();
        let previous = portcls::install(Some(Rc::clone(&system)));
        Self {
            system,
            machine,
            previous,
        }
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Kernel {
        &self.machine
    }

    /// The master clock's time now, in 100 ns.
    #[must_use]
    pub fn master_time(&self) -> i64 {
        self.system.clock.now()
    }

    /// `PcInitializeAdapterDriver`, called by a driver that another kernel loads.
    ///
    /// # Safety
    ///
    /// `driver` is that kernel's driver object, and lives until [`Self::unload`].
    pub unsafe fn initialise(&self, driver: *mut DriverObject, add_device: AddDevice) -> Status {
        let Some(object) = NonNull::new(driver.cast()) else {
            return Status::INVALID_PARAMETER;
        };
        // SAFETY: promised by the caller.
        let object = unsafe { Block::over(object, size_of::<DriverObject>()) };
        let driver = DriverState::over(object);
        self.system.adopt(Rc::clone(&driver));
        driver.initialise(add_device)
    }

    /// AddDevice, for a device object that is to be the one over `pdo`.
    ///
    /// # Errors
    ///
    /// The driver's status.
    ///
    /// # Safety
    ///
    /// Both are device objects. `fdo` lives until the device has been removed; its extension becomes
    /// PortCls'.
    pub unsafe fn add(
        &self,
        pdo: *mut DeviceObject,
        fdo: *mut DeviceObject,
        hardware: &Hardware,
    ) -> Result<Device, SessionError> {
        let missing = SessionError::Missing("device object");
        let object = NonNull::new(fdo).ok_or(missing)?;
        // SAFETY: promised by the caller.
        let object = unsafe { Block::over(object.cast(), OBJECT_SIZE) };
        self.system.set_next_object(object);
        Device::add_over(&self.system, &self.machine, hardware, (pdo, None))
    }

    /// Passes a PnP request to the driver's own dispatch routine. The driver hands it to PortCls;
    /// nobody completes it.
    ///
    /// # Safety
    ///
    /// `irp` is a request to the object that `device` was added with.
    pub unsafe fn dispatch_pnp(
        &self,
        device: &Device,
        routine: DriverDispatch,
        irp: *mut Irp,
        minor: u8,
    ) -> Status {
        let status = device.pass(routine, irp);
        if minor == pnp::REMOVE_DEVICE {
            device.unplug();
        }
        status
    }

    /// DriverUnload, through the driver's own routine, and the end of the machine: what the driver
    /// left behind and which rules it broke.
    ///
    /// # Safety
    ///
    /// The routine is what the driver object named; every device has been removed.
    #[must_use]
    pub unsafe fn unload(self, driver: *mut DriverObject, routine: Option<DriverUnload>) -> Report {
        let mut report = Report {
            time: self.machine.now(),
            ..Report::default()
        };
        if let Some(routine) = routine {
            // SAFETY: promised by the caller.
            host::enter("DriverUnload", || unsafe { routine(driver) });
            if !self.system.unload_seen.get() {
                report.note("DriverUnload did not call PortCls' own routine");
            }
        } else {
            report.note("there is no unload routine");
        }
        self.system.look_for_leftovers();
        report.pool = self.machine.pool().counters();
        let Self {
            machine, previous, ..
        } = self;
        report.violations = machine.power_off();
        portcls::install(previous);
        report
    }
}

impl Default for HostedMachine {
    fn default() -> Self {
        Self::new()
    }
}
