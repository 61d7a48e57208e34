//! A simulated PortCls with a DMus port, written from contract.md and abi.md.
//!
//! The driver sees `portcls.sys`: its exports ([`exports`]) and its COM objects, each a class over
//! the very interface declarations that the driver uses. A scenario sees the other side: devices,
//! filters and pins as a client opens them ([`client`]), properties with their size rules, MIDI
//! written as buffers, and a wave sink that pulls frames.
//!
//! | what | where |
//! |---|---|
//! | driver and device objects, PnP, power | `driver`, `device`, `power`, `irp` |
//! | ports, filters, pins, `NewStream` | `port`, `filter`, `open_pin`, `pin`, [`descriptor`], [`mod@format`] |
//! | events, their owners, the allocator | `event_pool`, `allocator` |
//! | buffers of clients, sequencer | [`client_buffer`], [`midi_bytes`], [`render`] |
//! | capture sink, packer, service groups, interrupts | [`capture`], `packer`, `service_group`, `interrupt_sync` |
//! | wave sink, its clock | [`wave`] |
//! | properties | [`property`], `intersection` |
//! | requests as bytes, as an IOCTL gives them | [`ks`] |
//! | resources, registry | [`resources`], [`registry`] |
//! | what is asked of the kernel below | `host` |
//!
//! Whatever a driver does that contract.md forbids is recorded as a violation of the machine
//! (`Rule::Contract`, or `Rule::Reference` for counts) and fails the scenario at its end. No state
//! is borrowed across a call into the driver.

mod allocator;
pub mod bare;
pub(crate) mod block;
mod built_in_uart;
pub mod capture;
pub mod client;
pub mod client_buffer;
pub mod descriptor;
pub mod device;
pub(crate) mod driver;
mod event_pool;
pub mod exports;
mod filter;
mod foreign;
pub mod format;
pub(crate) mod host;
mod interrupt_sync;
mod intersection;
pub(crate) mod irp;
pub mod ks;
mod ledger;
mod master_clock;
pub mod midi_bytes;
mod one_thread;
mod open_pin;
mod packer;
mod pin;
mod port;
mod power;
pub mod property;
pub mod registry;
mod registry_key;
pub mod render;
pub mod resources;
mod service_group;
pub mod wave;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::com::{ComRef, Guid, IUnknown, ObjectRef, Status};
use dmusmini::kernel::nt::{DeviceObject, DriverObject};
use dmusmini::portcls::imports::StartDevice;
use dmusmini::portcls::interfaces::IPort;

use block::Block;
use device::{DeviceState, PnpState};
use driver::DriverState;
use host::AlarmClock;
use irp::Requests;
use ledger::Ledger;
use master_clock::ClockControl;
use port::Port;
use property::Pending;
use registry::Key;

/// What may differ from one PortCls to the next: everything that contract.md leaves open.
#[derive(Debug)]
pub struct Settings {
    /// The DMus sequencer wakes at multiples of this, in 100 ns.
    pub sequencer_tick: Cell<u64>,
    /// `GetBufferSize`.
    pub buffer_size: Cell<u16>,
    /// Events, and buffers, that a pin may have out at once.
    pub event_limit: Cell<usize>,
    /// Events that are due together come as one chain, not one by one.
    pub chained: Cell<bool>,
    /// Streams are asked for as parts of another object. The port never does that.
    pub aggregated: Cell<bool>,
    /// A port lets go of its miniport in its own destructor, not when its device goes or its Init fails.
    pub keeps_miniport: Cell<bool>,
    /// `HKLM\\...\\MediaCategories`: what the registry calls pins and nodes.
    pub media_categories: RefCell<BTreeMap<Guid, String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sequencer_tick: Cell::new(10_000),
            buffer_size: Cell::new(1024),
            event_limit: Cell::new(1 << 20),
            chained: Cell::new(true),
            aggregated: Cell::new(false),
            keeps_miniport: Cell::new(false),
            media_categories: RefCell::default(),
        }
    }
}

/// PortCls on one machine.
#[derive(Debug)]
pub(crate) struct PortCls {
    pub(crate) settings: Settings,
    pub(crate) ledger: Rc<Ledger>,
    pub(crate) clock: Rc<ClockControl>,
    pub(crate) alarms: AlarmClock,
    pub(crate) requests: Requests,
    pub(crate) pending: Pending,
    pub(crate) unload_seen: Cell<bool>,
    /// The scenario is over.
    pub(crate) ending: Cell<bool>,
    driver: RefCell<Option<Rc<DriverState>>>,
    devices: RefCell<Vec<Rc<DeviceState>>>,
    /// The registry key that the next device finds as its driver key.
    next_key: RefCell<Rc<Key>>,
    /// The memory of the next device object, where another kernel made it.
    next_object: RefCell<Option<Block>>,
    ports: RefCell<BTreeMap<usize, NonNull<c_void>>>,
}

impl std::fmt::Debug for DeviceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceState")
            .field("state", &self.state.get())
            .finish_non_exhaustive()
    }
}

impl PortCls {
    /// PortCls on the machine that is current on this thread.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            settings: Settings::default(),
            ledger: Rc::default(),
            clock: Rc::default(),
            alarms: AlarmClock::new(),
            requests: Requests::default(),
            pending: Pending::default(),
            unload_seen: Cell::new(false),
            ending: Cell::new(false),
            driver: RefCell::default(),
            devices: RefCell::default(),
            next_key: RefCell::default(),
            next_object: RefCell::default(),
            ports: RefCell::default(),
        })
    }

    /// Loads the driver: `DriverEntry`.
    pub(crate) fn load(&self, entry: driver::CallEntry<'_>) -> Status {
        let driver = DriverState::new();
        self.driver.replace(Some(Rc::clone(&driver)));
        driver.enter(entry)
    }

    /// Takes a driver over that another kernel loads.
    pub(crate) fn adopt(&self, driver: Rc<DriverState>) {
        self.driver.replace(Some(driver));
    }

    /// The driver, if the object is its own.
    pub(crate) fn driver_of(&self, object: *mut DriverObject) -> Option<Rc<DriverState>> {
        self.driver
            .borrow()
            .clone()
            .filter(|driver| driver.object() == object)
    }

    pub(crate) fn driver(&self) -> Option<Rc<DriverState>> {
        self.driver.borrow().clone()
    }

    /// The device that a device object belongs to. Removed devices are still known: their objects
    /// must not be used, and are not used by anything else.
    pub(crate) fn device_of(&self, object: *mut DeviceObject) -> Option<Rc<DeviceState>> {
        self.devices
            .borrow()
            .iter()
            // Another kernel may use an address again.
            .rev()
            .find(|device| device.object() == object)
            .cloned()
    }

    /// The device over a physical one.
    pub(crate) fn device_over(&self, pdo: *mut DeviceObject) -> Option<Rc<DeviceState>> {
        self.devices
            .borrow()
            .iter()
            .rev()
            .find(|device| device.pdo == pdo)
            .cloned()
    }

    /// `PcAddAdapterDevice`.
    pub(crate) fn add_device(
        self: &Rc<Self>,
        _driver: &DriverState,
        pdo: *mut DeviceObject,
        start: StartDevice,
        max_objects: u32,
    ) -> Status {
        let key = self.next_key.borrow().clone();
        let made = self.next_object.take();
        let device = DeviceState::new(self, pdo, start, max_objects, &key, made);
        let mut devices = self.devices.borrow_mut();
        // Devices that are gone are checked one last time and forgotten, the latest few excepted.
        if devices.len() > KEPT_DEVICES {
            devices.retain(|device| device.state.get() != PnpState::Removed);
        }
        devices.push(device);
        Status::SUCCESS
    }

    pub(crate) fn set_next_object(&self, object: Block) {
        self.next_object.replace(Some(object));
    }

    pub(crate) fn set_next_key(&self, key: Rc<Key>) {
        self.next_key.replace(key);
    }

    pub(crate) fn note_port(&self, port: &ObjectRef<Port>) {
        let identity = port.interface::<IPort>().address();
        self.ports
            .borrow_mut()
            .insert(identity.as_ptr().addr(), port.as_context());
    }

    pub(crate) fn forget_port(&self, address: usize) {
        self.ports.borrow_mut().remove(&address);
    }

    /// The end of the scenario: nothing of PortCls' may be left.
    pub(crate) fn look_for_leftovers(&self) {
        self.ending.set(true);
        for device in self.devices.borrow().iter() {
            device.check_extension();
            if device.state.get() != PnpState::Removed {
                host::breach(END, "a device was never removed");
            }
        }
        self.ledger.look_for_leftovers(END);
    }
}

/// The port behind one of its pointers.
pub(crate) fn port_of(unknown: &ComRef<IUnknown>) -> Option<ObjectRef<Port>> {
    let system = current()?;
    let context = *system
        .ports
        .borrow()
        .get(&unknown.as_raw().as_ptr().addr())?;
    // SAFETY: only live ports are in the table: each takes itself out when it dies.
    let port = unsafe { ObjectRef::<Port>::from_context(context) };
    Some(ObjectRef::clone(&port))
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<PortCls>>> = const { RefCell::new(None) };
}

/// The PortCls of this thread's machine.
pub(crate) fn current() -> Option<Rc<PortCls>> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Makes `system` the PortCls of this thread; the one before.
pub(crate) fn install(system: Option<Rc<PortCls>>) -> Option<Rc<PortCls>> {
    CURRENT.with(|current| current.replace(system))
}

const KEPT_DEVICES: usize = 16;
const END: &str = "the end of the scenario";
