//! The object model under test, natively and under Miri (Stacked and Tree Borrows).
#![expect(unsafe_code, reason = "tokens and raw pointers, as a caller has them")]

use core::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::{Guid, IUnknown, Interface, Object, ObjectRef, Status};
use crate::class;
use crate::irql::{Irql, Passive};
use crate::portcls::abi::PowerState;
use crate::portcls::interfaces::{
    IAdapterPowerManagement, IAdapterPowerManagementClass, IMxf, IPowerNotify, IPowerNotifyClass,
    ISynthSinkDMus,
};

/// A class with two slots that counts its destructions.
struct Lamp {
    state: AtomicI32,
    told: AtomicI32,
    destroyed: Arc<AtomicUsize>,
}

class!(Lamp: 0 => IAdapterPowerManagement, 1 => IPowerNotify);

impl IAdapterPowerManagementClass for Lamp {
    fn power_change_state(this: &ObjectRef<Self>, _: &mut Irql<Passive>, state: PowerState) {
        this.state.store(state.0, Ordering::Relaxed);
    }

    fn query_power_change_state(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        state: PowerState,
    ) -> Status {
        if state.0 == this.state.load(Ordering::Relaxed) {
            Status::SUCCESS
        } else {
            Status::INVALID_DEVICE_STATE
        }
    }

    unsafe fn query_device_capabilities(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: *mut c_void,
    ) -> Status {
        Status::NOT_IMPLEMENTED
    }
}

impl IPowerNotifyClass for Lamp {
    fn power_change_notify(this: &ObjectRef<Self>, _: &mut Irql<Passive>, state: PowerState) {
        this.told.store(state.0, Ordering::Relaxed);
    }
}

impl Drop for Lamp {
    fn drop(&mut self) {
        self.destroyed.fetch_add(1, Ordering::Relaxed);
    }
}

fn lamp() -> (ObjectRef<Lamp>, Arc<AtomicUsize>) {
    let destroyed = Arc::new(AtomicUsize::new(0));
    let lamp = Lamp {
        state: AtomicI32::new(0),
        told: AtomicI32::new(0),
        destroyed: destroyed.clone(),
    };
    (Object::try_new(lamp).ok().unwrap(), destroyed)
}

fn passive() -> Irql<Passive> {
    // SAFETY: a test thread is at no level that matters.
    unsafe { Irql::assume() }
}

#[test]
fn every_slot_leads_to_the_same_object() {
    let irql = passive();
    let (lamp, destroyed) = lamp();
    let power = lamp.to_interface::<IAdapterPowerManagement>();
    let notify = lamp.to_interface::<IPowerNotify>();
    assert_ne!(power.as_raw(), notify.as_raw());
    power.power_change_state(&irql, PowerState::D3);
    notify.power_change_notify(&irql, PowerState::D0);
    assert_eq!(lamp.state.load(Ordering::Relaxed), 4);
    assert_eq!(lamp.told.load(Ordering::Relaxed), 1);
    assert_eq!(
        power.query_power_change_state(&irql, PowerState::D0),
        Status::INVALID_DEVICE_STATE
    );
    assert_eq!(lamp.references(), 3);
    drop((power, notify, lamp));
    assert_eq!(destroyed.load(Ordering::Relaxed), 1);
}

#[test]
fn the_identity_is_one_pointer_from_everywhere() {
    let irql = passive();
    let (lamp, _) = lamp();
    let power = lamp.to_interface::<IAdapterPowerManagement>();
    let notify: super::ComRef<IPowerNotify> = power.query(&irql).unwrap();
    let from_power: super::ComRef<IUnknown> = power.query(&irql).unwrap();
    let from_notify: super::ComRef<IUnknown> = notify.query(&irql).unwrap();
    assert_eq!(from_power.as_raw(), from_notify.as_raw());
    assert_eq!(from_power.as_raw(), lamp.as_context());
    let back: super::ComRef<IAdapterPowerManagement> = notify.query(&irql).unwrap();
    assert_eq!(back.as_raw(), power.as_raw());
}

#[test]
fn an_unknown_interface_is_refused_and_costs_no_reference() {
    let irql = passive();
    let (lamp, _) = lamp();
    let power = lamp.to_interface::<IAdapterPowerManagement>();
    let before = lamp.references();
    assert_eq!(
        power.query::<IMxf>(&irql).unwrap_err(),
        Status::INVALID_PARAMETER
    );
    assert_eq!(lamp.references(), before);
}

#[test]
fn references_pass_through_raw_pointers() {
    let (lamp, destroyed) = lamp();
    let raw = lamp.into_interface::<IPowerNotify>().into_raw();
    assert_eq!(destroyed.load(Ordering::Relaxed), 0);
    // SAFETY: the reference was given away just above.
    drop(unsafe { super::ComRef::<IPowerNotify>::from_raw(raw) });
    assert_eq!(destroyed.load(Ordering::Relaxed), 1);
}

#[test]
fn an_interface_answers_to_its_ancestors() {
    let mxf = Guid::parse("c096df9e-fb09-11d1-81b0-0060083316c1");
    assert_eq!(IMxf::IID, Some(mxf));
    assert!(ISynthSinkDMus::answers_to(&mxf));
    assert!(!IPowerNotify::answers_to(&mxf));
    assert!(ISynthSinkDMus::answers_to(&IUnknown::IID.unwrap()));
}

#[test]
fn references_are_counted_across_threads() {
    let (lamp, destroyed) = lamp();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let lamp = lamp.clone();
            scope.spawn(move || {
                for _ in 0..50 {
                    let notify = lamp.to_interface::<IPowerNotify>();
                    notify.power_change_notify(&passive(), PowerState::D0);
                }
            });
        }
    });
    assert_eq!(lamp.references(), 1);
    drop(lamp);
    assert_eq!(destroyed.load(Ordering::Relaxed), 1);
}
