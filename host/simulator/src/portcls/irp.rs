//! Requests: the IRPs that the system sends to the driver's dispatch routines.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use dmusmini::com::Status;
use dmusmini::kernel::nt::{IoStackLocation, Irp};

use super::block::Block;
use super::host;

/// One request in memory.
#[derive(Debug)]
pub(crate) struct Request {
    irp: Block,
    location: Block,
}

impl Request {
    /// A request with these function codes.
    pub(crate) fn new(major: u8, minor: u8, user_mode: bool) -> Self {
        let request = Self {
            irp: Block::new(size_of::<Irp>()),
            location: Block::new(72),
        };
        request.location.write(0, &[major, minor]);
        let irp = request.irp();
        // SAFETY: the block is a zeroed IRP, and nobody else has it yet.
        let content = unsafe { &mut *irp };
        content.requestor_mode = i8::from(user_mode);
        content.stack_location = request.location.pointer::<IoStackLocation>();
        request
    }

    /// The IRP.
    pub(crate) fn irp(&self) -> *mut Irp {
        self.irp.pointer()
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The driver has it.
    Sent,
    /// PortCls has handled it, with this result.
    Handled(Status),
}

/// The requests under way: each must reach PortCls exactly once.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    under_way: RefCell<BTreeMap<usize, Progress>>,
    /// Requests sent so far.
    pub(crate) sent: Cell<u64>,
}

impl Requests {
    pub(crate) fn send(&self, irp: *mut Irp) {
        self.sent.set(self.sent.get() + 1);
        self.under_way
            .borrow_mut()
            .insert(irp.addr(), Progress::Sent);
    }

    /// Takes a request up for handling; `None` for one that is unknown or was handled before.
    pub(crate) fn take_up(&self, irp: *mut Irp) -> Option<()> {
        let mut under_way = self.under_way.borrow_mut();
        let progress = under_way.get_mut(&irp.addr())?;
        if *progress != Progress::Sent {
            return None;
        }
        *progress = Progress::Handled(Status::PENDING);
        Some(())
    }

    pub(crate) fn handled(&self, irp: *mut Irp, status: Status) {
        self.under_way
            .borrow_mut()
            .insert(irp.addr(), Progress::Handled(status));
    }

    /// Ends a request that the driver returned with `status`: it must have reached PortCls, and the
    /// driver must not have changed the result (contract section 2, "Hook rules").
    pub(crate) fn finish(&self, irp: *mut Irp, status: Status) {
        let progress = self.under_way.borrow_mut().remove(&irp.addr());
        if progress != Some(Progress::Handled(status)) {
            host::breach(
                "a dispatch routine",
                format!("returned {status:?}, but was {progress:?}"),
            );
        }
    }
}
