//! One device: whether it is still there, its power (contract section 15), and its subdevice.
//!
//! PortCls leaves four words of its device extension to the adapter; one of them holds one reference
//! to the [`Adapter`], from the first `StartDevice` until the device is stopped or removed.
#![expect(unsafe_code, reason = "keeps a pointer in the device extension")]

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

use crate::class;
use crate::com::{ComRef, IUnknown, Object, ObjectRef, Status};
use crate::driver::subdevice::Subdevice;
use crate::irql::{Irql, Passive};
use crate::kernel::nt::DeviceObject;
use crate::kernel::spinlock::SpinLock;
use crate::portcls::abi::PowerState;
use crate::portcls::imports;
use crate::portcls::interfaces::{IAdapterPowerManagement, IAdapterPowerManagementClass, IPort};

/// The word of PortCls' device extension that is ours. By its documentation words 4 to 7 are free (abi
/// section 4); word 5 is the one that Microsoft's samples use, and word 4 they leave alone.
const EXTENSION_WORD: usize = 5;

/// One device.
#[derive(Debug)]
pub struct Adapter {
    /// The functional device object that PortCls made for the driver; it outlives the subdevices.
    device: AtomicPtr<DeviceObject>,
    removed: AtomicBool,
    power: AtomicI32,
    /// What the last start has registered.
    subdevice: SpinLock<Option<Subdevice>>,
}

class!(Adapter: 0 => IAdapterPowerManagement; place);

impl Adapter {
    fn place(&self) {
        self.subdevice.initialise();
    }

    /// The device is gone: nobody may touch its ports any more. Not undone: a device that comes
    /// back is a new one.
    pub fn surprise_removed(&self, irql: &mut Irql<Passive>) {
        self.removed.store(true, Ordering::Release);
        crate::trace::emit(crate::trace::Event::SurpriseRemoved);
        let notice = self
            .subdevice
            .with(irql, |kept, _| kept.as_ref()?.removal_notice());
        if let Some(notice) = notice {
            notice.give(irql);
        }
    }

    /// Keeps what a start has registered, until the device goes. PnP never starts a device twice
    /// without a stop between; what a start before this one had, if it did, would be in the way.
    pub fn keep(&self, irql: &mut Irql<Passive>, subdevice: Subdevice) {
        let before = self.subdevice.with(irql, |kept, _| kept.replace(subdevice));
        if let Some(before) = before {
            drop(before.shut_down(irql));
        }
    }

    /// The device object.
    #[must_use]
    pub fn device(&self) -> Option<NonNull<DeviceObject>> {
        NonNull::new(self.device.load(Ordering::Acquire))
    }

    /// Whether the device has been pulled out.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }

    /// The device's power state.
    #[must_use]
    pub fn power(&self) -> PowerState {
        PowerState(self.power.load(Ordering::Acquire))
    }
}

impl IAdapterPowerManagementClass for Adapter {
    fn power_change_state(this: &ObjectRef<Self>, _: &mut Irql<Passive>, state: PowerState) {
        this.power.store(state.0, Ordering::Release);
        crate::trace::emit(crate::trace::Event::PowerChanged { state: state.0 });
    }

    fn query_power_change_state(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: PowerState,
    ) -> Status {
        Status::SUCCESS
    }

    unsafe fn query_device_capabilities(
        _: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        _: *mut c_void,
    ) -> Status {
        // The structure stays as the bus filled it.
        Status::SUCCESS
    }
}

/// The device's adapter; made and registered for power management at the first start.
///
/// # Errors
///
/// [`Status::INSUFFICIENT_RESOURCES`], or PortCls' status.
pub fn attach(
    irql: &Irql<Passive>,
    device: NonNull<DeviceObject>,
) -> Result<ObjectRef<Adapter>, Status> {
    if let Some(adapter) = of_device(irql, device) {
        return Ok(adapter);
    }
    let word = extension_word(device).ok_or(Status::INVALID_PARAMETER)?;
    let adapter = Adapter {
        device: AtomicPtr::new(device.as_ptr()),
        removed: AtomicBool::new(false),
        power: AtomicI32::new(PowerState::D0.0),
        subdevice: SpinLock::new(None),
    };
    let adapter = Object::try_new(adapter).map_err(|_| Status::INSUFFICIENT_RESOURCES)?;
    let unknown: ComRef<IUnknown> = adapter.to_interface();
    // SAFETY: both arguments are alive; PortCls takes its own reference.
    unsafe {
        imports::PcRegisterAdapterPowerManagement(Some(unknown.borrow()), device.as_ptr().cast())
    }
    .ok()?;
    let kept = core::mem::ManuallyDrop::new(adapter.clone());
    // SAFETY: the word is ours and PnP requests to one device are serialised.
    unsafe { word.write(kept.as_context().as_ptr()) };
    Ok(adapter)
}

/// The device's adapter, if it was ever started.
#[must_use]
pub fn of_device(_: &Irql<Passive>, device: NonNull<DeviceObject>) -> Option<ObjectRef<Adapter>> {
    let word = extension_word(device)?;
    // SAFETY: the word is ours and PnP requests to one device are serialised.
    let context = NonNull::new(unsafe { word.read() })?;
    // SAFETY: only `attach` writes the word, and its reference is still there.
    let adapter = unsafe { ObjectRef::<Adapter>::from_context(context) };
    Some(ObjectRef::clone(&adapter))
}

/// What is kept of a device that goes until PortCls has handled the request that says so: the port,
/// which PortCls may know by its address only, and the adapter.
#[derive(Debug)]
pub struct Leaving {
    _port: Option<ComRef<IPort>>,
    _adapter: ObjectRef<Adapter>,
}

/// Takes the adapter out of a device that goes, and shuts its subdevice down.
#[must_use]
pub fn detach(irql: &mut Irql<Passive>, device: NonNull<DeviceObject>) -> Option<Leaving> {
    let adapter = of_device(irql, device)?;
    let word = extension_word(device)?;
    // SAFETY: the word is ours and PnP requests to one device are serialised.
    unsafe { word.write(core::ptr::null_mut()) };
    // The reference that the word held goes; the caller's copy stays until PortCls is done.
    // SAFETY: `attach` forgot exactly this reference.
    let held = unsafe { ObjectRef::<Adapter>::from_context(adapter.as_context()) };
    drop(core::mem::ManuallyDrop::into_inner(held));
    // SAFETY: registered in `attach`; the device object is alive until it is removed.
    let _ = unsafe { imports::PcUnregisterAdapterPowerManagement(device.as_ptr()) };
    let subdevice = adapter.subdevice.with(irql, |kept, _| kept.take());
    Some(Leaving {
        _port: subdevice.map(|subdevice| subdevice.shut_down(irql)),
        _adapter: adapter,
    })
}

fn extension_word(device: NonNull<DeviceObject>) -> Option<NonNull<*mut c_void>> {
    // SAFETY: the system passes a live device object.
    let extension = unsafe { device.as_ref() }.extension;
    let words = NonNull::new(extension)?.cast::<*mut c_void>();
    // SAFETY: PortCls' extension has 64 words (abi section 4).
    Some(unsafe { words.add(EXTENSION_WORD) })
}
