//! A device that is plugged in, and what PnP and power management do to it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::kernel::nt::{DeviceObject, DriverDispatch, IRP_MJ_PNP, Irp, pnp};
use dmusmini::portcls::abi::PowerState;

use super::{ChipAt, Hardware, Resources, SessionError};
use crate::chip::{Chip, Flown};
use crate::interrupt::Trigger;
use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::portcls::block::Block;
use crate::portcls::client::Filter;
use crate::portcls::device::{DeviceState, PhysicalConnection, PnpState};
use crate::portcls::irp::Request;
use crate::portcls::registry::Key;
use crate::portcls::{PortCls, host};

/// A device that is plugged in. Clones are the same device.
#[derive(Clone, Debug)]
pub struct Device(Rc<Plugged>);

#[derive(Debug)]
struct Plugged {
    system: Rc<PortCls>,
    state: Rc<DeviceState>,
    /// Kept because its address names the device on its bus; absent where another kernel made it.
    _pdo: Option<Block>,
    chip: RefCell<Option<Rc<RefCell<Chip>>>>,
    port: Cell<Option<u16>>,
    key: Rc<Key>,
}

impl Device {
    pub(crate) fn add(
        system: &Rc<PortCls>,
        kernel: &Kernel,
        hardware: &Hardware,
    ) -> Result<Self, SessionError> {
        let pdo = Block::new(PDO_SIZE);
        let address = pdo.pointer();
        Self::add_over(system, kernel, hardware, (address, Some(pdo)))
    }

    /// Adds a device over a physical one.
    pub(crate) fn add_over(
        system: &Rc<PortCls>,
        kernel: &Kernel,
        hardware: &Hardware,
        (pdo, memory): (*mut DeviceObject, Option<Block>),
    ) -> Result<Self, SessionError> {
        let driver = system
            .driver()
            .ok_or(SessionError::Missing("driver object"))?;
        let key = Rc::new(Key::default());
        for (path, value) in &hardware.registry {
            key.set_at(path, value.clone());
        }
        system.set_next_key(Rc::clone(&key));
        SessionError::check("AddDevice", driver.add(pdo))?;
        let state = system
            .device_over(pdo)
            .ok_or(SessionError::Missing("device object over the physical one"))?;
        state.resources.replace(hardware.resources.clone());
        let device = Self(Rc::new(Plugged {
            system: Rc::clone(system),
            state,
            _pdo: memory,
            chip: RefCell::default(),
            port: Cell::new(None),
            key,
        }));
        if let Some(chip) = &hardware.chip {
            device.plug(kernel, chip);
        }
        Ok(device)
    }

    fn plug(&self, kernel: &Kernel, at: &ChipAt) {
        let chip = Rc::new(RefCell::new(Chip::new(at.config.clone())));
        if let Some(vector) = at.vector {
            kernel.add_line_once(vector, DEVICE_LEVEL, Trigger::Level);
        }
        let device: Rc<RefCell<dyn crate::bus::PortDevice>> = chip.clone();
        kernel.attach(at.port, 2, at.vector, device);
        self.0.chip.replace(Some(chip));
        self.0.port.set(Some(at.port));
    }

    /// Moves the chip and gives the device other resources from the next start on.
    pub fn move_chip(&self, port: u16, vector: Option<u32>) {
        let kernel = host::kernel();
        let Some(chip) = self.chip() else { return };
        if let Some(before) = self.0.port.replace(Some(port)) {
            kernel.detach(before);
        }
        let mut resources = Resources::none().port(port, 2);
        if let Some(vector) = vector {
            kernel.add_line_once(vector, DEVICE_LEVEL, Trigger::Level);
            resources = resources.interrupt(vector);
        }
        let device: Rc<RefCell<dyn crate::bus::PortDevice>> = chip;
        kernel.attach(port, 2, vector, device);
        self.set_resources(resources);
    }

    /// What the next start gives the device.
    pub fn set_resources(&self, resources: Resources) {
        self.0.state.resources.replace(resources);
    }

    /// The chip, to look at and to break.
    #[must_use]
    pub fn chip(&self) -> Option<Rc<RefCell<Chip>>> {
        self.0.chip.borrow().clone()
    }

    /// What the chip has put on its wire since the last call.
    #[must_use]
    pub fn take_sent(&self) -> Vec<Flown> {
        self.chip()
            .map(|chip| chip.borrow_mut().take_sent(host::now()))
            .unwrap_or_default()
    }

    /// The driver key in the registry.
    #[must_use]
    pub fn registry(&self) -> &Key {
        &self.0.key
    }

    /// Where the device stands with PnP.
    #[must_use]
    pub fn pnp_state(&self) -> PnpState {
        self.0.state.state.get()
    }

    /// The filter that is registered under a name.
    #[must_use]
    pub fn filter(&self, name: &str) -> Option<Filter> {
        let filter = self.0.state.filter(name)?;
        Some(Filter::new(filter, Rc::clone(&self.0.state)))
    }

    /// The names of the registered subdevices.
    #[must_use]
    pub fn subdevices(&self) -> Vec<String> {
        self.0
            .state
            .subdevices
            .borrow()
            .iter()
            .map(|subdevice| subdevice.name.clone())
            .collect()
    }

    /// The physical connections.
    #[must_use]
    pub fn connections(&self) -> Vec<PhysicalConnection> {
        self.0.state.connections.borrow().clone()
    }

    /// Sends a PnP request through the driver's dispatch routine.
    pub fn pnp(&self, minor: u8) -> Status {
        let system = &self.0.system;
        let major = u8::try_from(IRP_MJ_PNP).unwrap_or(0);
        let Some(dispatch) = system.driver().and_then(|driver| driver.major(IRP_MJ_PNP)) else {
            return Status::INVALID_DEVICE_REQUEST;
        };
        let request = Request::new(major, minor, false);
        self.pass(dispatch, request.irp())
    }

    /// Hands a request to the driver's own routine, which must hand it on to PortCls.
    pub(crate) fn pass(&self, dispatch: DriverDispatch, irp: *mut Irp) -> Status {
        let (system, device) = (&self.0.system, self.0.state.object());
        system.requests.send(irp);
        // SAFETY: the routine is the driver's; device and request are alive for the call.
        let status = host::enter("IRP_MJ_PNP", || unsafe { dispatch(device, irp) });
        system.requests.finish(irp, status);
        status
    }

    /// The chip is gone with the device.
    pub(crate) fn unplug(&self) {
        if let Some(port) = self.0.port.take() {
            host::kernel().detach(port);
        }
    }

    /// IRP_MN_START_DEVICE.
    pub fn start(&self) -> Status {
        self.pnp(super::START)
    }

    /// IRP_MN_STOP_DEVICE: open pins are closed first.
    pub fn stop(&self) -> Status {
        self.pnp(pnp::STOP_DEVICE)
    }

    /// The device is pulled out: its chip is gone at once, then PnP says so. Pins stay open until
    /// they are closed.
    pub fn surprise_remove(&self) -> Status {
        if let Some(chip) = self.chip() {
            chip.borrow_mut().remove();
        }
        self.pnp(pnp::SURPRISE_REMOVAL)
    }

    /// IRP_MN_REMOVE_DEVICE. The chip is unplugged.
    pub fn remove(&self) -> Status {
        if self.pnp_state() == PnpState::Removed {
            return Status::SUCCESS;
        }
        let status = self.pnp(pnp::REMOVE_DEVICE);
        self.unplug();
        status
    }

    /// Removes the device at the end of a session.
    pub(crate) fn end(&self) {
        let status = self.remove();
        if !status.is_success() {
            host::breach("IRP_MN_REMOVE_DEVICE", format!("{status:?}"));
        }
    }

    /// IRP_MN_QUERY_CAPABILITIES: what the driver makes of the DEVICE_CAPABILITIES of the bus.
    ///
    /// # Errors
    ///
    /// The driver's status.
    pub fn query_capabilities(&self, by_bus: &[u8]) -> Result<Vec<u8>, Status> {
        self.0.state.query_capabilities(by_bus)
    }

    /// Changes the device's power state (contract section 15).
    pub fn set_power(&self, state: PowerState) -> Status {
        self.change_power(state, true)
    }

    /// Changes the device's power state and lets the streams run through it: what Windows says first
    /// is an open question (contract section 17, 12).
    pub fn set_power_without_pause(&self, state: PowerState) -> Status {
        self.change_power(state, false)
    }

    fn change_power(&self, state: PowerState, pausing: bool) -> Status {
        if state != PowerState::D0 {
            let status = self.0.state.change_power(state, pausing);
            if let Some(chip) = self.chip()
                && state == PowerState::D3
            {
                chip.borrow_mut().power_off(host::now());
            }
            return status;
        }
        if let Some(chip) = self.chip() {
            chip.borrow_mut().power_on(host::now());
        }
        self.0.state.change_power(state, pausing)
    }
}

const PDO_SIZE: usize = 0x150;
/// Where a sound card's interrupts usually are.
const DEVICE_LEVEL: Irql = Irql(8);
