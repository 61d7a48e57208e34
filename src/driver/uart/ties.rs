//! What the miniport has of PortCls: its port, its service group, its resources.
//!
//! The port keeps the miniport, in some implementations until its own end, and the group keeps the port's
//! sink: so the miniport gives all three back when it is shut down, and not only when it goes. They are an
//! object of their own, whose references are counted by us: it can be taken out from under a lock, and is
//! let go of outside.

use super::resources::new_interrupt_sync;
use crate::class;
use crate::com::{ComRef, Object, ObjectRef, Status};
use crate::irql::{AtMost, Device, Irql, Passive};
use crate::portcls::interfaces::{IInterruptSync, IPortDMus, IResourceList, IServiceGroup};

/// The miniport's references.
#[derive(Debug)]
pub struct Ties {
    port: ComRef<IPortDMus>,
    group: ComRef<IServiceGroup>,
    resources: ComRef<IResourceList>,
}

class!(Ties);

impl Ties {
    /// Keeps these.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`].
    pub fn try_new(
        _irql: &Irql<Passive>,
        port: ComRef<IPortDMus>,
        group: ComRef<IServiceGroup>,
        resources: ComRef<IResourceList>,
    ) -> Result<ObjectRef<Self>, Status> {
        let ties = Self {
            port,
            group,
            resources,
        };
        Object::try_new(ties).map_err(|_| Status::INSUFFICIENT_RESOURCES)
    }

    /// Asks the port for the service of the capture stream.
    pub fn notify<L: AtMost<Device>>(&self, irql: &Irql<L>) {
        self.port.notify(irql, Some(self.group.borrow()));
    }

    /// The service group, whose DPC serves the capture stream.
    #[must_use]
    pub fn group(&self, _irql: &Irql<Passive>) -> ComRef<IServiceGroup> {
        self.group.clone()
    }

    /// A fresh interrupt object for the device's interrupt.
    ///
    /// # Errors
    ///
    /// PortCls' status.
    pub fn new_interrupt(&self, _irql: &Irql<Passive>) -> Result<ComRef<IInterruptSync>, Status> {
        new_interrupt_sync(&self.resources)
    }
}
