//! `IAllocatorMXF`: the driver's view of a pin's event pool (abi section 2.7, contract section 6).

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{ObjectRef, Out, Status};
use dmusmini::irql::{Device, Dispatch, Irql, Passive};
use dmusmini::portcls::abi::{DmusKernelEvent, KsState};
use dmusmini::portcls::interfaces::{IAllocatorMxf, IAllocatorMxfClass, IMxf, IMxfClass, In};

use super::event_pool::{EventPool, Owner};
use super::host::{self, Level};
use super::ledger::{Ledger, Receipt};
use super::one_thread::OneThread;

/// When the driver's requests fail.
#[derive(Debug, Default)]
pub(crate) struct Famine {
    /// Requests that still succeed; `None` is all.
    pub(crate) after: Cell<Option<u64>>,
}

impl Famine {
    fn strikes(&self) -> bool {
        match self.after.get() {
            None => false,
            Some(0) => true,
            Some(left) => {
                self.after.set(Some(left - 1));
                false
            }
        }
    }
}

pub(crate) struct Allocator {
    pool: OneThread<Rc<EventPool>>,
    famine: OneThread<Rc<Famine>>,
    _receipt: OneThread<Receipt>,
}

class!(Allocator: 0 => IAllocatorMxf(IMxf));

impl Allocator {
    pub(crate) fn make(
        ledger: &Rc<Ledger>,
        pool: &Rc<EventPool>,
        famine: &Rc<Famine>,
    ) -> Option<ObjectRef<Self>> {
        ledger.make("IAllocatorMXF", |receipt| Self {
            pool: OneThread::new(Rc::clone(pool)),
            famine: OneThread::new(Rc::clone(famine)),
            _receipt: OneThread::new(receipt),
        })
    }
}

impl Drop for Allocator {
    fn drop(&mut self) {
        crate::inside::outside(|| self.pool.look_for_leftovers("IAllocatorMXF::Release"));
    }
}

impl IMxfClass for Allocator {
    fn set_state(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: KsState) -> Status {
        host::called("IAllocatorMXF::SetState", Level::PASSIVE, || {
            host::breach("IAllocatorMXF::SetState", "an allocator has no state");
            Status::NOT_IMPLEMENTED
        })
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        const AT: &str = "IAllocatorMXF::PutMessage";
        host::called(AT, Level::DISPATCH, || {
            let Some(event) = event else {
                host::breach(AT, "no event");
                return Status::INVALID_PARAMETER;
            };
            // Whether Windows' allocator takes chains is not documented (contract 6.5).
            let events = this
                .pool
                .hand_over(event.as_ptr(), Owner::Driver, Owner::Port, AT);
            if events.len() > 1 {
                host::breach(
                    AT,
                    format!("a chain of {} events (contract 6.5)", events.len()),
                );
            }
            for event in events {
                this.pool.give_back(event, Owner::Port, AT);
            }
            Status::SUCCESS
        })
    }

    fn connect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        host::called("IAllocatorMXF::ConnectOutput", Level::PASSIVE, || {
            Status::NOT_IMPLEMENTED
        })
    }

    fn disconnect_output(_: &ObjectRef<Self>, _: &mut Irql<Passive>, _: In<'_, IMxf>) -> Status {
        host::called("IAllocatorMXF::DisconnectOutput", Level::PASSIVE, || {
            Status::NOT_IMPLEMENTED
        })
    }
}

impl IAllocatorMxfClass for Allocator {
    fn get_message(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        event: Option<Out<'_, Option<NonNull<DmusKernelEvent>>>>,
    ) -> Status {
        host::called("IAllocatorMXF::GetMessage", Level::DISPATCH, || {
            let Some(mut out) = event else {
                return Status::INVALID_PARAMETER;
            };
            let event = if this.famine.strikes() {
                None
            } else {
                this.pool.event(Owner::Driver)
            };
            out.set(event);
            event.map_or(Status::INSUFFICIENT_RESOURCES, |_| Status::SUCCESS)
        })
    }

    fn get_buffer_size(this: &ObjectRef<Self>, _: &mut Irql<Device>) -> u16 {
        host::called("IAllocatorMXF::GetBufferSize", Level::HIGH, || {
            this.pool.buffer_size()
        })
    }

    fn get_buffer(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        buffer: Option<Out<'_, Option<NonNull<u8>>>>,
    ) -> Status {
        host::called("IAllocatorMXF::GetBuffer", Level::DISPATCH, || {
            let Some(mut out) = buffer else {
                return Status::INVALID_PARAMETER;
            };
            let buffer = if this.famine.strikes() {
                None
            } else {
                this.pool.buffer(Owner::Driver)
            };
            out.set(buffer);
            buffer.map_or(Status::INSUFFICIENT_RESOURCES, |_| Status::SUCCESS)
        })
    }

    unsafe fn put_buffer(
        this: &ObjectRef<Self>,
        _: &mut Irql<Dispatch>,
        buffer: Option<NonNull<u8>>,
    ) -> Status {
        const AT: &str = "IAllocatorMXF::PutBuffer";
        host::called(AT, Level::DISPATCH, || {
            let Some(buffer) = buffer else {
                return Status::INVALID_PARAMETER;
            };
            this.pool.free_buffer(buffer.as_ptr().addr(), AT);
            Status::SUCCESS
        })
    }
}
