//! A filter: one miniport behind one port, and the pins that clients opened on it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use dmusmini::com::{Borrowed, ComRef, Guid, IUnknown, ObjectRef, Out, Status};
use dmusmini::kernel::nt::{DeviceObject, Irp};
use dmusmini::portcls::interfaces::{
    IMiniport, IMiniportDMus, IPortDMus, IPowerNotify, IResourceList, IServiceGroup, IServiceSink,
    In,
};

use super::PortCls;
use super::capture::ServiceSink;
use super::descriptor::Description;
use super::foreign::Foreign;
use super::host;
use super::pin::PinState;

/// What a port knows of its miniport.
pub(crate) struct FilterState {
    pub(crate) system: Weak<PortCls>,
    pub(crate) device: Cell<*mut DeviceObject>,
    /// Where the port object itself is.
    pub(crate) port_address: Cell<usize>,
    pub(crate) name: RefCell<String>,
    /// The port is the device's subdevice.
    pub(crate) is_registered: Cell<bool>,
    miniport: RefCell<Option<Foreign<IMiniportDMus>>>,
    /// The pointer that IPort::Init got: MajorTarget of property requests.
    identity: RefCell<Option<Foreign<IUnknown>>>,
    power_notify: RefCell<Option<Foreign<IPowerNotify>>>,
    groups: RefCell<Vec<ComRef<IServiceGroup>>>,
    sink: RefCell<Option<ObjectRef<ServiceSink>>>,
    description: RefCell<Option<Rc<Description>>>,
    pub(crate) instances: RefCell<BTreeMap<u32, u32>>,
    pub(crate) pins: RefCell<Vec<Weak<PinState>>>,
}

impl FilterState {
    pub(crate) fn new(system: &Rc<PortCls>) -> Rc<Self> {
        Rc::new(Self {
            system: Rc::downgrade(system),
            device: Cell::new(std::ptr::null_mut()),
            port_address: Cell::new(0),
            name: RefCell::default(),
            is_registered: Cell::new(false),
            miniport: RefCell::default(),
            identity: RefCell::default(),
            power_notify: RefCell::default(),
            groups: RefCell::default(),
            sink: RefCell::default(),
            description: RefCell::default(),
            instances: RefCell::default(),
            pins: RefCell::default(),
        })
    }

    /// What `IPort::Init` does (contract sections 2.1 and 5.4).
    pub(crate) fn bind(
        self: &Rc<Self>,
        device: *mut DeviceObject,
        _irp: *mut Irp,
        miniport: Borrowed<'_, IUnknown>,
        adapter: In<'_, IUnknown>,
        resources: In<'_, IResourceList>,
        port: Borrowed<'_, IPortDMus>,
    ) -> Status {
        if self.miniport.borrow().is_some() {
            host::breach(INIT, "the port is initialised already");
            return Status::INVALID_DEVICE_STATE;
        }
        self.device.set(device);
        let identity = Foreign::keep(&miniport);
        let Some(miniport) = identity.query::<IMiniportDMus>() else {
            return Status::INVALID_PARAMETER;
        };
        check_identity(&identity, &miniport);
        let mut group: Option<ComRef<IServiceGroup>> = None;
        let status = miniport.call("IMiniportDMus::Init", |miniport| {
            let group = Some(Out::from_mut(&mut group));
            miniport.init(&host::passive(), adapter, resources, Some(port), group)
        });
        if !status.is_success() {
            if group.is_some() {
                host::breach("IMiniportDMus::Init", "failed, but left a service group");
            }
            // The driver's objects go first: they may still hold the port.
            self.leave_groups();
            if self.keeps_miniport() {
                self.identity.replace(Some(identity));
            }
            return status;
        }
        if let Some(group) = group {
            self.join(&group);
        }
        let mut table = std::ptr::null();
        let described = miniport.call("IMiniport::GetDescription", |miniport| {
            miniport.get_description(&host::passive(), Some(Out::from_mut(&mut table)))
        });
        // SAFETY: the miniport answered with its descriptor, which lives as long as it does.
        let description = unsafe { Description::read(table) };
        if !described.is_success() || description.is_none() {
            host::breach("IMiniport::GetDescription", format!("{described:?}"));
        }
        self.description.replace(description.map(Rc::new));
        // Interfaces that a miniport may have; those that it has not must fail cleanly.
        self.power_notify
            .replace(identity.query_optional::<IPowerNotify>());
        // The port asks for IPinCount too; without it the descriptor's counts are what it reports.
        for iid in [PIN_COUNT, STRANGE] {
            identity.query_strange(&iid);
        }
        self.miniport.replace(Some(miniport));
        self.identity.replace(Some(identity));
        Status::SUCCESS
    }

    /// Makes the port's sink a member of a group, once (`RegisterServiceGroup`).
    pub(crate) fn join(self: &Rc<Self>, group: &ComRef<IServiceGroup>) {
        if self
            .groups
            .borrow()
            .iter()
            .any(|known| known.as_raw() == group.as_raw())
        {
            return;
        }
        let Some(system) = self.system.upgrade() else {
            return;
        };
        let sink = self.sink.borrow().clone();
        let sink =
            sink.or_else(|| ServiceSink::make(&system.ledger, Rc::downgrade(self), Self::serve));
        let Some(sink) = sink else { return };
        let status = group.add_member(&host::passive(), Some(sink.interface::<IServiceSink>()));
        if status.is_success() {
            self.groups.borrow_mut().push(group.clone());
            self.sink.replace(Some(sink));
        }
    }

    /// Whether the port's sink serves this group.
    pub(crate) fn serves(&self, group: NonNull<c_void>) -> bool {
        self.groups
            .borrow()
            .iter()
            .any(|known| known.as_raw() == group)
    }

    /// `IPortDMus::Notify`.
    pub(crate) fn notify(&self, group: In<'_, IServiceGroup>) {
        if let Some(group) = group {
            group.request_service(&host::any_level());
        } else {
            let groups = self.groups.borrow().clone();
            for group in groups {
                group.request_service(&host::any_level());
            }
        }
    }

    /// The service group's DPC: every capture stream gets `PutMessage(NULL)`.
    fn serve(&self) {
        let pins: Vec<_> = self
            .pins
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for pin in pins {
            pin.service();
        }
    }

    pub(crate) fn description(&self) -> Option<Rc<Description>> {
        self.description.borrow().clone()
    }

    /// A reference to the miniport for the length of a call.
    pub(crate) fn miniport(&self) -> Option<Foreign<IMiniportDMus>> {
        self.miniport.borrow().clone()
    }

    /// The miniport's identity, as property requests name it.
    pub(crate) fn major_target(&self) -> *mut c_void {
        let identity = self.identity.borrow();
        identity
            .as_ref()
            .map_or(std::ptr::null_mut(), |identity| identity.address().as_ptr())
    }

    /// How many references the miniport has.
    pub(crate) fn miniport_references(&self) -> u32 {
        // The identity is one of ours, and so is the interface.
        self.identity.borrow().as_ref().map_or(0, Foreign::count)
    }

    pub(crate) fn power_notify(&self) -> Option<Foreign<IPowerNotify>> {
        self.power_notify.borrow().clone()
    }

    /// The open pins.
    pub(crate) fn open_pins(&self) -> Vec<Rc<PinState>> {
        self.pins
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|pin| pin.is_open())
            .collect()
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.miniport.borrow().is_some()
    }

    fn leave_groups(&self) {
        let groups = self.groups.take();
        let sink = self.sink.take();
        for group in groups {
            if let Some(sink) = &sink {
                group.remove_member(&host::passive(), Some(sink.interface::<IServiceSink>()));
            }
        }
    }

    /// The port is no subdevice any more: its pins are closed, and it lets go of its miniport where
    /// that is its habit.
    pub(crate) fn unregister(&self) {
        self.is_registered.set(false);
        for pin in self.open_pins() {
            pin.close();
        }
        if !self.keeps_miniport() {
            self.tear_down();
        }
    }

    /// The port lets go of its miniport in its destructor only.
    fn keeps_miniport(&self) -> bool {
        let system = self.system.upgrade();
        system.is_some_and(|system| system.settings.keeps_miniport.get())
    }

    /// The port lets go of its miniport, streams first (contract section 2, "Removal order"); its
    /// last reference must be ours.
    pub(crate) fn tear_down(&self) {
        for pin in self.open_pins() {
            pin.close();
        }
        self.leave_groups();
        drop(self.power_notify.take());
        drop(self.description.take());
        drop(self.miniport.take());
        let Some(identity) = self.identity.take() else {
            return;
        };
        let left = identity.release();
        if left != 0 {
            let name = self.name.borrow();
            host::miscount(
                "IPort teardown",
                format!("the miniport of \"{name}\" has {left} more reference(s)"),
            );
        }
    }
}

/// Contract section 3: one pointer for IUnknown, IMiniport and IMiniportDMus.
fn check_identity(identity: &Foreign<IUnknown>, dmus: &Foreign<IMiniportDMus>) {
    let base = identity.query::<IMiniport>();
    let again = dmus.query::<IUnknown>();
    let same = |address: Option<NonNull<c_void>>| address == Some(identity.address());
    if !same(Some(dmus.address()))
        || !same(base.as_ref().map(Foreign::address))
        || !same(again.as_ref().map(Foreign::address))
    {
        host::breach(
            INIT,
            "IUnknown, IMiniport and IMiniportDMus are not one pointer (contract 3)",
        );
    }
}

const INIT: &str = "IPort::Init";
/// `IID_IPinCount` (abi section 2.15), which neither miniport has: this port does not call it.
const PIN_COUNT: Guid = Guid::parse("5dadb7dc-a2cb-4540-a4a8-425ee4ae9051");
/// An IID that no interface has.
const STRANGE: Guid = Guid::parse("0badc0de-0000-4000-8000-000000000001");
