//! A stream of the built-in miniport.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{ComRef, ObjectRef, Status};
use dmusmini::irql::{Dispatch, Irql, Passive};
use dmusmini::portcls::abi::{DmusKernelEvent, KsState};
use dmusmini::portcls::event::{Allocator, EventChain};
use dmusmini::portcls::interfaces::{IMxf, IMxfClass, In};
use dmusmini::time::RefTime;

use super::chip::Chip;
use crate::inside::outside;
use crate::portcls::ledger::{Ledger, Receipt};
use crate::portcls::one_thread::OneThread;

pub(super) struct Stream {
    chip: OneThread<Rc<Chip>>,
    allocator: Allocator,
    capture: bool,
    sink: OneThread<RefCell<Option<ComRef<IMxf>>>>,
    _receipt: OneThread<Receipt>,
}

class!(Stream: 0 => IMxf);

impl Stream {
    pub(super) fn make(
        ledger: &Rc<Ledger>,
        chip: &Rc<Chip>,
        allocator: Allocator,
        capture: bool,
    ) -> Option<ObjectRef<Self>> {
        ledger.make("IMXF (built in)", |receipt| Self {
            chip: OneThread::new(Rc::clone(chip)),
            allocator,
            capture,
            sink: OneThread::new(RefCell::default()),
            _receipt: OneThread::new(receipt),
        })
    }

    fn render(&self, irql: &Irql<Dispatch>, mut events: EventChain) {
        while let Some(mut event) = events.pop_front() {
            let mut children = event.take_package();
            if children.is_empty() {
                self.chip.send(event.bytes());
            }
            events.prepend(&mut children);
            self.allocator.give_back_one(irql, event);
        }
    }

    /// Raw events of up to eight bytes, all with the time of the first byte (contract section 7.3).
    fn forward(&self, irql: &Irql<Dispatch>) -> Status {
        let (time, bytes) = self.chip.received();
        let mut chain = EventChain::new();
        for part in bytes.chunks(8) {
            let Ok(mut event) = self.allocator.event(irql) else {
                break;
            };
            let _ = event.set_short(part);
            event.set_header(RefTime(time), 1, true);
            chain.push_back(event);
        }
        if chain.is_empty() {
            return Status::SUCCESS;
        }
        // A copy of the pointer, and no reference: as the sample does it.
        let sink = self.sink.borrow();
        if let Some(sink) = &*sink {
            // SAFETY: the chain is ours, and goes over to the sink.
            return unsafe { sink.put_message(irql, chain.into_raw()) };
        }
        self.allocator.give_back(irql, chain);
        Status::SUCCESS
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        outside(|| {
            if self.capture {
                self.chip.capturing.set(false);
                self.chip.capture(None);
            }
        });
    }
}

impl IMxfClass for Stream {
    fn set_state(this: &ObjectRef<Self>, _: &mut Irql<Passive>, state: KsState) -> Status {
        outside(|| {
            if this.capture {
                this.chip.capturing.set(state == KsState::RUN);
            } else if state == KsState::STOP {
                this.chip.drop_outgoing();
            }
            Status::SUCCESS
        })
    }

    unsafe fn put_message(
        this: &ObjectRef<Self>,
        irql: &mut Irql<Dispatch>,
        event: Option<NonNull<DmusKernelEvent>>,
    ) -> Status {
        outside(|| {
            if this.capture {
                return this.forward(irql);
            }
            // SAFETY: the caller hands the chain over.
            this.render(irql, unsafe { EventChain::from_message(event) });
            Status::SUCCESS
        })
    }

    fn connect_output(this: &ObjectRef<Self>, _: &mut Irql<Passive>, sink: In<'_, IMxf>) -> Status {
        outside(|| match sink {
            Some(sink) if this.capture && this.sink.borrow().is_none() => {
                this.sink.replace(Some(sink.to_owned()));
                Status::SUCCESS
            }
            _ => Status::UNSUCCESSFUL,
        })
    }

    fn disconnect_output(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        sink: In<'_, IMxf>,
    ) -> Status {
        outside(|| {
            let known = this.sink.borrow().as_ref().map(ComRef::as_raw);
            if !this.capture || sink.is_some_and(|sink| Some(sink.as_raw()) != known) {
                return Status::UNSUCCESSFUL;
            }
            drop(this.sink.take());
            Status::SUCCESS
        })
    }
}
