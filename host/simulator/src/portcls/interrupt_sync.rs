//! `IInterruptSync`: service routines on one interrupt, and what excludes them (abi section 2.12).

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{ObjectRef, Status};
use dmusmini::irql::{Device, Irql, Passive};
use dmusmini::portcls::abi::InterruptSyncMode;
use dmusmini::portcls::imports::InterruptRoutine;
use dmusmini::portcls::interfaces::{IInterruptSync, IInterruptSyncClass};

use super::host::{self, Level};
use super::ledger::{Ledger, Receipt};
use super::one_thread::OneThread;
use crate::interrupt::Connection;

type Routine = (InterruptRoutine, *mut c_void);

/// What the interrupt needs, apart from the COM object.
struct Line {
    vector: u32,
    mode: InterruptSyncMode,
    routines: RefCell<Vec<Routine>>,
    connection: Cell<Option<Connection>>,
    /// Whether it can be connected again after that is nowhere written.
    disconnected: Cell<bool>,
    object: Cell<Option<NonNull<c_void>>>,
}

impl Line {
    fn call(&self, what: &'static str, (routine, context): Routine) -> Status {
        let Some(object) = self.object.get() else {
            return Status::UNSUCCESSFUL;
        };
        // SAFETY: the driver registered the routine with its context for as long as the interrupt
        // is connected, or passed both for the length of this call.
        host::enter(what, || unsafe { routine(object, context) })
    }

    /// Calls the routines as the mode says; whether one of them took the interrupt.
    fn service(&self) -> bool {
        let routines = self.routines.borrow().clone();
        let mut claimed = false;
        loop {
            let mut round = false;
            for routine in &routines {
                if self.call("service routine", *routine).is_success() {
                    round = true;
                    if self.mode == InterruptSyncMode::Normal {
                        return true;
                    }
                }
            }
            claimed |= round;
            if !round || self.mode != InterruptSyncMode::Repeat {
                return claimed;
            }
        }
    }
}

pub(crate) struct InterruptSync {
    line: OneThread<Rc<Line>>,
    _receipt: OneThread<Receipt>,
}

class!(InterruptSync: 0 => IInterruptSync);

impl InterruptSync {
    pub(crate) fn make(
        ledger: &Rc<Ledger>,
        vector: u32,
        mode: InterruptSyncMode,
    ) -> Option<ObjectRef<Self>> {
        let line = Rc::new(Line {
            vector,
            mode,
            routines: RefCell::default(),
            connection: Cell::new(None),
            disconnected: Cell::new(false),
            object: Cell::new(None),
        });
        let object = ledger.make("IInterruptSync", |receipt| Self {
            line: OneThread::new(Rc::clone(&line)),
            _receipt: OneThread::new(receipt),
        })?;
        line.object
            .set(Some(object.interface::<IInterruptSync>().address()));
        Some(object)
    }
}

impl Drop for InterruptSync {
    fn drop(&mut self) {
        crate::inside::outside(|| {
            self.line.object.set(None);
            if let Some(connection) = self.line.connection.take() {
                host::breach("IInterruptSync::Release", "released while connected");
                host::kernel().disconnect(connection);
            }
        });
    }
}

impl IInterruptSyncClass for InterruptSync {
    unsafe fn call_synchronized_routine(
        this: &ObjectRef<Self>,
        _: &mut Irql<Device>,
        routine: InterruptRoutine,
        context: *mut c_void,
    ) -> Status {
        host::called(
            "IInterruptSync::CallSynchronizedRoutine",
            Level::HIGH,
            || {
                let line = &this.line;
                let call = || line.call("synchronized routine", (routine, context));
                match line.connection.get() {
                    Some(connection) => host::kernel().synchronize(connection, call),
                    // Nothing can interrupt; there is no device level to raise to.
                    None => host::kernel().at_level(Level::DISPATCH, call),
                }
            },
        )
    }

    fn get_kinterrupt(_: &ObjectRef<Self>, _: &mut Irql<Device>) -> *mut c_void {
        host::called(
            "IInterruptSync::GetKInterrupt",
            Level::HIGH,
            std::ptr::null_mut,
        )
    }

    fn connect(this: &ObjectRef<Self>, _: &mut Irql<Passive>) -> Status {
        host::called("IInterruptSync::Connect", Level::PASSIVE, || {
            if this.line.connection.get().is_some() {
                host::breach("IInterruptSync::Connect", "connected twice");
                return Status::INVALID_DEVICE_STATE;
            }
            if this.line.disconnected.get() {
                host::breach(
                    "IInterruptSync::Connect",
                    "it was disconnected before: a new object is needed (corrections 5)",
                );
            }
            let line = Rc::clone(&this.line);
            match host::kernel().connect(this.line.vector, Rc::new(move || line.service())) {
                Ok(connection) => {
                    this.line.connection.set(Some(connection));
                    Status::SUCCESS
                }
                Err(status) => Status(status),
            }
        })
    }

    fn disconnect(this: &ObjectRef<Self>, _: &mut Irql<Passive>) {
        host::called("IInterruptSync::Disconnect", Level::PASSIVE, || match this
            .line
            .connection
            .take()
        {
            Some(connection) => {
                this.line.disconnected.set(true);
                host::kernel().disconnect(connection);
            }
            None => host::breach("IInterruptSync::Disconnect", "it is not connected"),
        });
    }

    unsafe fn register_service_routine(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        routine: InterruptRoutine,
        context: *mut c_void,
        first: u8,
    ) -> Status {
        host::called(
            "IInterruptSync::RegisterServiceRoutine",
            Level::PASSIVE,
            || {
                let mut routines = this.line.routines.borrow_mut();
                if first == 0 {
                    routines.push((routine, context));
                } else {
                    routines.insert(0, (routine, context));
                }
                Status::SUCCESS
            },
        )
    }
}
