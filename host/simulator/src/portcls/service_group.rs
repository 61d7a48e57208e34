//! `IServiceGroup`: sinks that share a DPC (abi section 2.10).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dmusmini::class;
use dmusmini::com::{ComRef, ObjectRef, Status};
use dmusmini::irql::{Device, Dispatch, Irql, Passive};
use dmusmini::portcls::interfaces::{
    IServiceGroup, IServiceGroupClass, IServiceSink, IServiceSinkClass, In,
};

use super::host::{self, Alarm, AlarmClock, Level};
use super::ledger::{Ledger, Receipt};
use super::one_thread::OneThread;

/// What the DPC needs, apart from the COM object: the DPC holds no reference to that.
struct Members {
    sinks: RefCell<Vec<ComRef<IServiceSink>>>,
    queued: Cell<bool>,
    delayed: Cell<bool>,
}

impl Members {
    fn request(self: &Rc<Self>) {
        if self.queued.replace(true) {
            return;
        }
        let members = Rc::downgrade(self);
        host::defer(move || {
            if let Some(members) = members.upgrade() {
                members.serve();
            }
        });
    }

    fn serve(&self) {
        self.queued.set(false);
        let sinks = self.sinks.borrow().clone();
        for sink in sinks {
            sink.request_service(&host::any_level());
        }
    }
}

pub(crate) struct ServiceGroup {
    members: OneThread<Rc<Members>>,
    alarm: OneThread<Alarm>,
    _receipt: OneThread<Receipt>,
}

class!(ServiceGroup: 0 => IServiceGroup(IServiceSink));

impl ServiceGroup {
    pub(crate) fn make(ledger: &Rc<Ledger>, clock: &AlarmClock) -> Option<ObjectRef<Self>> {
        let members = Rc::new(Members {
            sinks: RefCell::default(),
            queued: Cell::new(false),
            delayed: Cell::new(false),
        });
        let late = Rc::downgrade(&members);
        let alarm = clock.alarm(move || {
            if let Some(members) = late.upgrade() {
                members.serve();
            }
        });
        ledger.make("IServiceGroup", |receipt| Self {
            members: OneThread::new(members),
            alarm: OneThread::new(alarm),
            _receipt: OneThread::new(receipt),
        })
    }
}

impl IServiceSinkClass for ServiceGroup {
    fn request_service(this: &ObjectRef<Self>, _: &mut Irql<Device>) {
        host::called("IServiceGroup::RequestService", Level::HIGH, || {
            this.members.request();
        });
    }
}

impl IServiceGroupClass for ServiceGroup {
    fn add_member(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        sink: In<'_, IServiceSink>,
    ) -> Status {
        host::called("IServiceGroup::AddMember", Level::PASSIVE, || {
            let Some(sink) = sink else {
                return Status::INVALID_PARAMETER;
            };
            this.members.sinks.borrow_mut().push(sink.to_owned());
            Status::SUCCESS
        })
    }

    fn remove_member(this: &ObjectRef<Self>, _: &mut Irql<Passive>, sink: In<'_, IServiceSink>) {
        host::called("IServiceGroup::RemoveMember", Level::PASSIVE, || {
            let Some(sink) = sink else { return };
            let mut sinks = this.members.sinks.borrow_mut();
            let place = sinks
                .iter()
                .position(|member| member.as_raw() == sink.address());
            let removed = place.map(|place| sinks.remove(place));
            drop(sinks);
            if removed.is_none() {
                host::breach("IServiceGroup::RemoveMember", "the sink is not a member");
            }
        });
    }

    fn support_delayed_service(this: &ObjectRef<Self>, _: &mut Irql<Dispatch>) {
        host::called(
            "IServiceGroup::SupportDelayedService",
            Level::DISPATCH,
            || {
                this.members.delayed.set(true);
            },
        );
    }

    fn request_delayed_service(this: &ObjectRef<Self>, _: &mut Irql<Passive>, delay: i64) {
        host::called(
            "IServiceGroup::RequestDelayedService",
            Level::DISPATCH,
            || {
                if !this.members.delayed.get() {
                    host::breach(
                        "IServiceGroup::RequestDelayedService",
                        "without SupportDelayedService",
                    );
                }
                this.alarm.cancel();
                this.alarm.set(host::now() + delay.unsigned_abs());
            },
        );
    }

    fn cancel_delayed_service(this: &ObjectRef<Self>, _: &mut Irql<Passive>) {
        host::called(
            "IServiceGroup::CancelDelayedService",
            Level::DISPATCH,
            || {
                this.alarm.cancel();
            },
        );
    }
}
