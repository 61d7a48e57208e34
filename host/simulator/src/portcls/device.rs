//! One adapter device: its objects, its subdevices, and what PnP does to it (contract section 2).

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use dmusmini::com::{ObjectRef, Status};
use dmusmini::kernel::nt::{DeviceObject, Irp, pnp};
use dmusmini::portcls::abi::PowerState;
use dmusmini::portcls::imports::StartDevice;
use dmusmini::portcls::interfaces::{IAdapterPowerManagement, IPort, IResourceList};

use super::PortCls;
use super::block::Block;
use super::filter::FilterState;
use super::foreign::Foreign;
use super::host;
use super::port::Port;
use super::registry::Key;
use super::resources::{ResourceList, Resources};

/// Where a device stands with PnP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PnpState {
    /// Added, or stopped.
    NotStarted,
    /// Started.
    Started,
    /// Pulled out; its handles are still open.
    SurpriseRemoved,
    /// Gone.
    Removed,
}

/// A registered subdevice.
pub(crate) struct Subdevice {
    pub(crate) name: String,
    pub(crate) filter: Rc<FilterState>,
    /// The port's own pointer, which names it.
    address: NonNull<c_void>,
    /// Absent where a registration takes no reference.
    _port: Option<ObjectRef<Port>>,
}

impl Drop for Subdevice {
    fn drop(&mut self) {
        self.filter.is_registered.set(false);
    }
}

/// A connection between pins of two ports, or of a port and something outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhysicalConnection {
    /// The subdevice that sends.
    pub from: String,
    /// Its pin.
    pub from_pin: u32,
    /// The subdevice that receives.
    pub to: String,
    /// Its pin.
    pub to_pin: u32,
}

/// One device.
pub(crate) struct DeviceState {
    system: Weak<PortCls>,
    object: Block,
    extension: Block,
    pub(crate) pdo: *mut DeviceObject,
    start: StartDevice,
    max_objects: u32,
    /// `HKR` of the driver (KeyType 2) and the device's own parameters (KeyType 1).
    driver_key: Rc<Key>,
    device_key: Rc<Key>,
    /// What the next start gives the device.
    pub(crate) resources: RefCell<Resources>,
    filters: RefCell<Vec<Weak<FilterState>>>,
    pub(crate) subdevices: RefCell<Vec<Subdevice>>,
    pub(crate) connections: RefCell<Vec<PhysicalConnection>>,
    pub(crate) power_management: RefCell<Option<Foreign<IAdapterPowerManagement>>>,
    pub(crate) power: Cell<PowerState>,
    pub(crate) state: Cell<PnpState>,
}

impl DeviceState {
    pub(crate) fn new(
        system: &Rc<PortCls>,
        pdo: *mut DeviceObject,
        start: StartDevice,
        max_objects: u32,
        driver_key: &Rc<Key>,
        made: Option<Block>,
    ) -> Rc<Self> {
        let object = made.unwrap_or_else(|| Block::new(OBJECT_SIZE));
        let extension = Block::new(EXTENSION_SIZE);
        extension.write(0, &[MARK; EXTENSION_SIZE]);
        extension.write(
            ADAPTER_WORDS.start,
            &[0; ADAPTER_WORDS.end - ADAPTER_WORDS.start],
        );
        let device = object.pointer::<DeviceObject>();
        // SAFETY: the block is a device object whose extension nobody uses yet.
        unsafe { (*device).extension = extension.pointer::<u8>().cast() };
        Rc::new(Self {
            system: Rc::downgrade(system),
            object,
            extension,
            pdo,
            start,
            max_objects,
            driver_key: Rc::clone(driver_key),
            device_key: Rc::default(),
            resources: RefCell::default(),
            filters: RefCell::default(),
            subdevices: RefCell::default(),
            connections: RefCell::default(),
            power_management: RefCell::default(),
            power: Cell::new(PowerState::D0),
            state: Cell::new(PnpState::NotStarted),
        })
    }

    pub(crate) fn object(&self) -> *mut DeviceObject {
        self.object.pointer()
    }

    /// The registry key of a kind (abi section 2.13).
    pub(crate) fn key(&self, kind: u32) -> Option<Rc<Key>> {
        match kind {
            GENERAL_KEY => None,
            DRIVER_KEY => Some(Rc::clone(&self.driver_key)),
            _ => Some(Rc::clone(&self.device_key)),
        }
    }

    /// Remembers a port that was initialised on this device: it is torn down with the device even
    /// if it was never registered.
    pub(crate) fn remember(&self, filter: &Rc<FilterState>) {
        let mut filters = self.filters.borrow_mut();
        filters.retain(|filter| filter.strong_count() > 0);
        filters.push(Rc::downgrade(filter));
    }

    /// `PcRegisterSubdevice`.
    pub(crate) fn register(&self, name: &str, port: &ObjectRef<Port>) -> Status {
        const AT: &str = "PcRegisterSubdevice";
        if name.is_empty() || name.len() > 64 || !name.chars().all(|c| c.is_ascii_graphic()) {
            host::breach(AT, format!("\"{name}\" is no reference string"));
            return Status::INVALID_PARAMETER;
        }
        if !port.filter.is_bound() {
            host::breach(AT, "the port is not initialised");
            return Status::INVALID_DEVICE_STATE;
        }
        let Some(system) = self.system.upgrade() else {
            return Status::UNSUCCESSFUL;
        };
        if system.settings.refuses_subdevices.get() {
            return Status::INSUFFICIENT_RESOURCES;
        }
        let mut subdevices = self.subdevices.borrow_mut();
        if subdevices.iter().any(|other| other.name == name) {
            host::breach(AT, format!("\"{name}\" is registered already"));
            return Status::INVALID_PARAMETER;
        }
        if subdevices.len() >= usize::try_from(self.max_objects).unwrap_or(0) {
            host::breach(AT, "more subdevices than MaxObjects of PcAddAdapterDevice");
            return Status::INSUFFICIENT_RESOURCES;
        }
        port.filter.name.replace(name.to_owned());
        port.filter.is_registered.set(true);
        let weakly = system.settings.registers_weakly.get();
        subdevices.push(Subdevice {
            name: name.to_owned(),
            filter: Rc::clone(&port.filter),
            address: port.interface::<IPort>().address(),
            _port: (!weakly).then(|| port.clone()),
        });
        Status::SUCCESS
    }

    /// `IUnregisterSubdevice`.
    pub(crate) fn unregister(&self, unknown: NonNull<c_void>) -> Status {
        let place = self.place_of(unknown);
        let Some(place) = place else {
            return Status::NOT_FOUND;
        };
        let subdevice = self.subdevices.borrow_mut().remove(place);
        subdevice.filter.unregister();
        Status::SUCCESS
    }

    fn place_of(&self, unknown: NonNull<c_void>) -> Option<usize> {
        let is = |subdevice: &Subdevice| subdevice.address == unknown;
        self.subdevices.borrow().iter().position(is)
    }

    /// The name of the subdevice whose port this is.
    pub(crate) fn name_of(&self, unknown: NonNull<c_void>) -> Option<String> {
        let place = self.place_of(unknown)?;
        self.subdevices
            .borrow()
            .get(place)
            .map(|subdevice| subdevice.name.clone())
    }

    /// The filter registered under a name.
    pub(crate) fn filter(&self, name: &str) -> Option<Rc<FilterState>> {
        let subdevices = self.subdevices.borrow();
        let found = subdevices.iter().find(|subdevice| subdevice.name == name)?;
        Some(Rc::clone(&found.filter))
    }

    /// All filters that are registered.
    pub(crate) fn registered(&self) -> Vec<Rc<FilterState>> {
        self.subdevices
            .borrow()
            .iter()
            .map(|s| Rc::clone(&s.filter))
            .collect()
    }

    /// What PortCls does with a PnP request.
    pub(crate) fn handle_pnp(self: &Rc<Self>, irp: *mut Irp, minor: u8) -> Status {
        match minor {
            pnp::START_DEVICE => self.handle_start(irp),
            // There is no rebalance of a DMus device (contract section 15): PortCls refuses.
            QUERY_STOP_DEVICE if !self.subdevices.borrow().is_empty() => Status::UNSUCCESSFUL,
            pnp::STOP_DEVICE => {
                self.check_that_the_adapter_let_go();
                self.tear_down_subdevices();
                self.state.set(PnpState::NotStarted);
                Status::SUCCESS
            }
            pnp::SURPRISE_REMOVAL => {
                self.state.set(PnpState::SurpriseRemoved);
                Status::SUCCESS
            }
            pnp::REMOVE_DEVICE => {
                self.tear_down_subdevices();
                drop(self.power_management.take());
                self.state.set(PnpState::Removed);
                self.seal();
                Status::SUCCESS
            }
            _ => Status::SUCCESS,
        }
    }

    fn handle_start(self: &Rc<Self>, irp: *mut Irp) -> Status {
        let Some(system) = self.system.upgrade() else {
            return Status::UNSUCCESSFUL;
        };
        let Some(list) = ResourceList::make(&system.ledger, &self.resources.borrow()) else {
            return Status::INSUFFICIENT_RESOURCES;
        };
        let resources = list.to_interface::<IResourceList>();
        let start = self.start;
        let device = self.object();
        // SAFETY: the driver registered the routine; all arguments are alive for the call.
        let status = host::enter("StartDevice", || unsafe {
            start(device, irp, Some(resources.borrow()))
        });
        drop(resources);
        if list.references() != 1 {
            // A subdevice may keep the list as long as it lives; the ledger sees to the rest.
            host::kernel().note("the driver keeps the resource list");
        }
        if status.is_success() {
            self.state.set(PnpState::Started);
            self.power.set(PowerState::D0);
        }
        status
    }

    /// Unregisters all subdevices; ports that were never registered go too.
    fn tear_down_subdevices(&self) {
        self.connections.take();
        let subdevices = self.subdevices.take();
        for subdevice in &subdevices {
            subdevice.filter.unregister();
        }
        let filters = self.filters.take();
        for filter in filters.iter().filter_map(Weak::upgrade) {
            filter.unregister();
        }
        drop(subdevices);
    }

    /// At a stop, as at a removal, the adapter lets go of everything (contract section 15).
    fn check_that_the_adapter_let_go(&self) {
        if self.power_management.borrow().is_some() {
            host::breach(STOP, "power management is still registered");
        }
        let words = self.extension.read(0, EXTENSION_SIZE);
        let words = words.get(ADAPTER_WORDS).unwrap_or_default();
        if words.iter().any(|byte| *byte != 0) {
            host::breach(STOP, "the adapter is still in the device extension");
        }
    }

    /// After REMOVE nobody may touch the extension: it is marked, and looked at when the machine
    /// ends.
    fn seal(&self) {
        self.check_extension();
        self.extension.write(0, &[MARK; EXTENSION_SIZE]);
    }

    /// PortCls' own words of the extension must be as they were.
    pub(crate) fn check_extension(&self) {
        let bytes = self.extension.read(0, EXTENSION_SIZE);
        let removed = self.state.get() == PnpState::Removed;
        let spoilt = bytes
            .iter()
            .enumerate()
            .filter(|(at, _)| !ADAPTER_WORDS.contains(at))
            .any(|(_, byte)| *byte != MARK);
        if spoilt {
            host::breach(
                "the device extension",
                "PortCls' words were written (abi 4)",
            );
        }
        if removed && self.sealed_words_were_written(&bytes) {
            host::breach(
                "the device extension",
                "written after the device was removed (contract 2)",
            );
        }
    }

    fn sealed_words_were_written(&self, bytes: &[u8]) -> bool {
        let sealed = self
            .system
            .upgrade()
            .is_some_and(|system| system.ending.get());
        let words = bytes.get(ADAPTER_WORDS).unwrap_or_default();
        sealed && words.iter().any(|byte| *byte != MARK)
    }
}

/// `PORT_CLASS_DEVICE_EXTENSION_SIZE` on 64 bits.
const EXTENSION_SIZE: usize = 512;
/// The bytes that are the adapter's. The page of `PcAddAdapterDevice` says 32 to 63 (abi section 4);
/// Microsoft's samples leave the first of these four words alone, so nobody shows that it is free.
const ADAPTER_WORDS: std::ops::Range<usize> = 40..64;
/// What PortCls' own bytes are filled with.
const MARK: u8 = 0xE7;
/// `sizeof (DEVICE_OBJECT)`.
pub(crate) const OBJECT_SIZE: usize = 0x150;

const STOP: &str = "IRP_MN_STOP_DEVICE";
/// `IRP_MN_QUERY_STOP_DEVICE`.
const QUERY_STOP_DEVICE: u8 = 0x05;

const GENERAL_KEY: u32 = 0;
const DRIVER_KEY: u32 = 2;
