//! Our side of COM: classes, the layout of their objects, and references to them.
#![expect(unsafe_code, reason = "object layout and reference counts")]

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::ffi::c_void;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering, fence};

use super::{Borrowed, ComRef, Guid, Interface};

/// A vtable pointer without its type, as the words at the start of an object.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Slot(NonNull<c_void>);

// SAFETY: a slot points to a constant table of functions.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// The slot that holds `table`.
    #[must_use]
    pub const fn of<V>(table: &'static V) -> Self {
        Self(NonNull::from_ref(table).cast())
    }
}

/// A Rust type whose objects are COM objects. Implemented by [`class!`](crate::class).
///
/// # Safety
///
/// Word *k* of `SLOTS` is the vtable, made for slot *k* of `Self`, of the interface for whose IIDs
/// `slot_of` answers *k*; `slot_of` answers 0 for `IUnknown`.
pub unsafe trait Class: Sized + Send + Sync + 'static {
    /// The slots: an array of [`Slot`].
    type Slots: Copy + Send + Sync + 'static;

    /// The vtable pointers that each object begins with.
    const SLOTS: Self::Slots;

    /// The slot to answer QueryInterface with.
    fn slot_of(iid: &Guid) -> Option<usize>;

    /// The value lies where it stays, and nobody else sees it yet: for what the kernel wants initialised
    /// in its place. [`Object::try_new`] calls it once, at PASSIVE.
    fn placed(&self) {}
}

/// The class offers interface `I` in slot number [`SLOT`](Self::SLOT).
///
/// # Safety
///
/// `SLOT` is the slot whose vtable is that of `I` or of an interface that begins with it.
pub unsafe trait Offers<I: Interface>: Class {
    /// The slot's number.
    const SLOT: usize;
}

/// The memory of a COM object: vtable pointers, reference count, value.
#[repr(C)]
#[derive(Debug)]
pub struct Object<T: Class> {
    slots: T::Slots,
    references: AtomicU32,
    value: T,
}

impl<T: Class> Object<T> {
    const LAYOUT: Layout = {
        let layout = Layout::new::<Self>();
        assert!(layout.align() <= 16, "the kernel pool aligns to 16 bytes");
        layout
    };

    /// Moves `value` into a new object with one reference.
    ///
    /// # Errors
    ///
    /// The value comes back when there is no memory.
    pub fn try_new(value: T) -> Result<ObjectRef<T>, T> {
        // SAFETY: an object has at least one slot and a count, so the size is not zero.
        let raw = unsafe { alloc(Self::LAYOUT) };
        let Some(object) = NonNull::new(raw.cast::<Self>()) else {
            return Err(value);
        };
        // SAFETY: the memory is fresh, aligned and large enough.
        unsafe { object.write(Self::with_one_reference(value)) };
        // INVARIANT: the count is one, and this is that reference.
        let made = ObjectRef { object };
        made.placed();
        Ok(made)
    }

    const fn with_one_reference(value: T) -> Self {
        Self {
            slots: T::SLOTS,
            references: AtomicU32::new(1),
            value,
        }
    }
}

/// One reference to an object of ours.
///
/// # Invariants
///
/// `object` came from [`Object::try_new`], is alive, and one of its references is this one. (In a
/// thunk the reference is the caller's, and the `ObjectRef` is never dropped.)
#[repr(transparent)]
pub struct ObjectRef<T: Class> {
    object: NonNull<Object<T>>,
}

impl<T: Class> ObjectRef<T> {
    /// The object to which an interface pointer of slot `SLOT` belongs, for the length of a call.
    ///
    /// # Safety
    ///
    /// `this` is word `SLOT` of a live `Object<T>`, derived from the object's allocation.
    #[must_use]
    pub const unsafe fn from_slot<const SLOT: usize>(this: NonNull<c_void>) -> ManuallyDrop<Self> {
        // SAFETY: the slots are the first words of the object.
        let start = unsafe { this.cast::<Slot>().sub(SLOT) };
        ManuallyDrop::new(Self {
            object: start.cast(),
        })
    }

    /// The object behind an opaque context pointer made by [`as_context`](Self::as_context).
    ///
    /// # Safety
    ///
    /// `context` came from `as_context` of a live object of this class.
    #[must_use]
    pub const unsafe fn from_context(context: NonNull<c_void>) -> ManuallyDrop<Self> {
        // SAFETY: the context is the address of slot 0.
        unsafe { Self::from_slot::<0>(context) }
    }

    /// The object behind its identity: the `IUnknown` that the port was given at Init and hands to
    /// property handlers as MajorTarget or MinorTarget.
    ///
    /// # Safety
    ///
    /// `unknown` is slot 0 of an object of this class.
    #[must_use]
    pub const unsafe fn from_identity(
        unknown: Borrowed<'_, super::IUnknown>,
    ) -> ManuallyDrop<Self> {
        // SAFETY: passed on to the caller.
        unsafe { Self::from_slot::<0>(unknown.address()) }
    }

    /// An opaque pointer for callbacks. It holds no reference.
    #[must_use]
    pub const fn as_context(&self) -> NonNull<c_void> {
        self.object.cast()
    }

    /// An interface pointer for the length of a call.
    #[must_use]
    pub const fn interface<I: Interface>(&self) -> Borrowed<'_, I>
    where
        T: Offers<I>,
    {
        // SAFETY: slot numbers lie within the slots.
        let slot = unsafe { self.object.cast::<Slot>().add(<T as Offers<I>>::SLOT) };
        // SAFETY: the slot holds a vtable of `I`; the object lives while `self` is borrowed.
        unsafe { Borrowed::from_raw(slot.cast()) }
    }

    /// An interface pointer with a reference of its own.
    #[must_use]
    pub fn to_interface<I: Interface>(&self) -> ComRef<I>
    where
        T: Offers<I>,
    {
        self.interface::<I>().to_owned()
    }

    /// The reference as an interface pointer.
    #[must_use]
    pub fn into_interface<I: Interface>(self) -> ComRef<I>
    where
        T: Offers<I>,
    {
        let this = ManuallyDrop::new(self);
        let raw = this.interface::<I>().address();
        // SAFETY: the reference that `self` held passes to the result.
        unsafe { ComRef::from_raw(raw) }
    }

    /// The number of references, which other threads may change at any time: for tests and traces.
    #[must_use]
    pub fn references(&self) -> u32 {
        self.header().load(Ordering::Relaxed)
    }

    /// The pointer that answers QueryInterface, with a reference of its own.
    pub(super) fn query_slot(&self, iid: &Guid) -> Option<NonNull<c_void>> {
        let slot = T::slot_of(iid)?;
        self.add_reference();
        // SAFETY: `slot_of` answers with numbers within the slots.
        Some(unsafe { self.object.cast::<Slot>().add(slot) }.cast())
    }

    /// Takes a reference. Relaxed is enough: a new reference is made from an existing one.
    pub(super) fn add_reference(&self) -> u32 {
        self.header()
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1)
    }

    /// Gives a reference back; the last one destroys the object.
    ///
    /// # Safety
    ///
    /// The reference is the caller's to give, and `self` is not used again on its behalf.
    pub(super) unsafe fn release_reference(&self) -> u32 {
        // Ordering: Release, so that our uses of the object happen before another's destruction.
        let left = self
            .header()
            .fetch_sub(1, Ordering::Release)
            .wrapping_sub(1);
        if left == 0 {
            // Ordering: Acquire, so that everybody's uses happen before our destruction.
            fence(Ordering::Acquire);
            let object = self.object.as_ptr();
            // SAFETY: the last reference is gone, so the object is ours alone.
            unsafe { core::ptr::drop_in_place(object) };
            // SAFETY: allocated in `try_new` with this layout.
            unsafe { dealloc(object.cast(), Object::<T>::LAYOUT) };
        }
        left
    }

    fn header(&self) -> &AtomicU32 {
        let object = self.object.as_ptr();
        // SAFETY: the object is alive by the invariant.
        unsafe { &(*object).references }
    }
}

impl<T: Class> Clone for ObjectRef<T> {
    fn clone(&self) -> Self {
        self.add_reference();
        // INVARIANT: the reference just taken is the clone's.
        Self {
            object: self.object,
        }
    }
}

impl<T: Class> Drop for ObjectRef<T> {
    fn drop(&mut self) {
        // SAFETY: by the invariant the reference is ours, and the pointer is not used again.
        unsafe { self.release_reference() };
    }
}

impl<T: Class> Deref for ObjectRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let object = self.object.as_ptr();
        // SAFETY: the object is alive by the invariant, and values are only ever shared.
        unsafe { &(*object).value }
    }
}

impl<T: Class + fmt::Debug> fmt::Debug for ObjectRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

// SAFETY: `Class` requires `Send` and `Sync`; the count is atomic.
unsafe impl<T: Class> Send for ObjectRef<T> {}
// SAFETY: as above.
unsafe impl<T: Class> Sync for ObjectRef<T> {}

/// Makes a type a COM class: `class!(Miniport: 0 => IMiniportDMus(IMiniport), 1 => IPowerNotify);`
///
/// Each slot names the interface whose vtable it holds and, in brackets, ancestors that the slot
/// can be borrowed as too. Slot 0 is the identity. `class!(Shared);` makes a class that offers
/// nothing but `IUnknown`: a value that several objects share. What has to be done where the object lies
/// (see [`Class::placed`]) is a method that is named last: `class!(Shared; place);`
#[macro_export]
macro_rules! class {
    ($class:ident $(; $placed:ident)?) => {
        #[allow(unsafe_code, reason = "the macro keeps the trait's promise")]
        // SAFETY: the one slot is IUnknown's vtable, made for it.
        unsafe impl $crate::com::Class for $class {
            type Slots = [$crate::com::object::Slot; 1];
            const SLOTS: Self::Slots = [$crate::com::object::Slot::of(const {
                &$crate::com::IUnknownVtbl::of::<$class, 0>()
            })];

            fn slot_of(iid: &$crate::com::Guid) -> Option<usize> {
                <$crate::com::IUnknown as $crate::com::Interface>::answers_to(iid).then_some(0)
            }

            $(fn placed(&self) {
                self.$placed();
            })?
        }

        #[allow(unsafe_code, reason = "the macro keeps the trait's promise")]
        // SAFETY: slot 0 is IUnknown's.
        unsafe impl $crate::com::object::Offers<$crate::com::IUnknown> for $class {
            const SLOT: usize = 0;
        }
    };
    ($class:ident: $($slot:literal => $interface:ident $(($($ancestor:ident),+))?),+ $(,)?
        $(; $placed:ident)?) => {
        #[allow(unsafe_code, reason = "the macro keeps the trait's promise")]
        // SAFETY: each slot's vtable is made for that slot of this class; IUnknown is matched by
        // the first slot, because every interface answers to it.
        unsafe impl $crate::com::Class for $class {
            type Slots = [$crate::com::object::Slot; [$($slot),+].len()];
            const SLOTS: Self::Slots = [$(
                $crate::com::object::Slot::of(const {
                    &<$interface as $crate::com::Interface>::Vtable::of::<$class, $slot>()
                })
            ),+];

            fn slot_of(iid: &$crate::com::Guid) -> Option<usize> {
                $(
                    if <$interface as $crate::com::Interface>::answers_to(iid) {
                        return Some($slot);
                    }
                )+
                None
            }

            $(fn placed(&self) {
                self.$placed();
            })?
        }

        $(
            #[allow(unsafe_code, reason = "the macro keeps the trait's promise")]
            // SAFETY: the slot holds this interface's vtable.
            unsafe impl $crate::com::object::Offers<$interface> for $class {
                const SLOT: usize = $slot;
            }
            $($(
                #[allow(unsafe_code, reason = "the macro keeps the trait's promise")]
                // SAFETY: the slot's vtable begins with the ancestor's.
                unsafe impl $crate::com::object::Offers<$ancestor> for $class {
                    const SLOT: usize = $slot;
                }
            )+)?
        )+

        #[allow(unsafe_code, reason = "the macro keeps the trait's promise")]
        // SAFETY: every vtable begins with IUnknown's, and slot 0 is the identity.
        unsafe impl $crate::com::object::Offers<$crate::com::IUnknown> for $class {
            const SLOT: usize = 0;
        }
    };
}
