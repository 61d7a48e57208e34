//! Interfaces: what a COM pointer is on our side, and the macro that declares one.
#![expect(unsafe_code, reason = "calls through foreign vtables")]

use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

use super::{Guid, IUnknown, Status};
use crate::irql::{Irql, Passive};

/// A COM interface: its vtable layout and the IIDs that name it.
///
/// # Safety
///
/// `Vtable` is `repr(C)` and begins with the vtable of every interface whose IID
/// [`answers_to`](Self::answers_to) accepts.
pub unsafe trait Interface: Sized + 'static {
    /// The vtable layout.
    type Vtable: 'static;

    /// The interface's own IID; `None` where the public headers define none (`IMasterClock`).
    const IID: Option<Guid>;

    /// Whether a pointer to this interface may be handed out for `iid`: its own or an ancestor's.
    fn answers_to(iid: &Guid) -> bool;
}

/// A COM pointer that owns one reference.
///
/// # Invariants
///
/// The pointer is to a live object whose first word points to a vtable of `I`, and one of the
/// object's references is ours.
#[repr(transparent)]
pub struct ComRef<I: Interface> {
    raw: NonNull<c_void>,
    interface: PhantomData<fn() -> I>,
}

impl<I: Interface> ComRef<I> {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `raw` is a live `I` and the caller gives up one reference to it.
    #[must_use]
    pub const unsafe fn from_raw(raw: NonNull<c_void>) -> Self {
        // INVARIANT: passed on to the caller.
        Self {
            raw,
            interface: PhantomData,
        }
    }

    /// Gives the reference away; the receiver must release it.
    #[must_use]
    pub fn into_raw(self) -> NonNull<c_void> {
        ManuallyDrop::new(self).raw
    }

    /// The pointer, which stays ours.
    #[must_use]
    pub const fn as_raw(&self) -> NonNull<c_void> {
        self.raw
    }

    /// The same pointer for the length of a call.
    #[must_use]
    pub const fn borrow(&self) -> Borrowed<'_, I> {
        Borrowed {
            raw: self.raw,
            lifetime: PhantomData,
            interface: PhantomData,
        }
    }

    /// The vtable.
    pub(crate) fn vtable(&self) -> &I::Vtable {
        // SAFETY: by the invariant the first word of the object is its vtable pointer.
        let table = unsafe { self.raw.cast::<NonNull<I::Vtable>>().read() };
        // SAFETY: a vtable lives as long as the code that it points to.
        unsafe { table.as_ref() }
    }

    /// Asks the object for another interface.
    ///
    /// # Errors
    ///
    /// The object's own status; [`Status::NOT_IMPLEMENTED`] where `J` has no IID, and
    /// [`Status::UNSUCCESSFUL`] when success came with no pointer.
    pub fn query<J: Interface>(&self, irql: &Irql<Passive>) -> Result<ComRef<J>, Status> {
        let iid = J::IID.ok_or(Status::NOT_IMPLEMENTED)?;
        let raw = self.unknown().query_raw(irql, &iid)?;
        // SAFETY: QueryInterface returned a pointer for `J`'s IID, with a reference of its own.
        Ok(unsafe { ComRef::from_raw(raw) })
    }

    /// The same object as `IUnknown`, which every interface begins with.
    #[must_use]
    pub const fn unknown(&self) -> &ComRef<IUnknown> {
        let this: *const Self = self;
        // SAFETY: both types are one pointer, and every vtable begins with IUnknown's.
        unsafe { &*this.cast::<ComRef<IUnknown>>() }
    }
}

impl<I: Interface> Clone for ComRef<I> {
    fn clone(&self) -> Self {
        self.unknown().add_reference();
        // INVARIANT: the reference just taken is the clone's.
        Self {
            raw: self.raw,
            interface: PhantomData,
        }
    }
}

impl<I: Interface> Drop for ComRef<I> {
    fn drop(&mut self) {
        // SAFETY: by the invariant this reference is ours; the pointer is never used again.
        unsafe { self.unknown().release_reference() };
    }
}

impl<I: Interface> fmt::Debug for ComRef<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:p})", core::any::type_name::<I>(), self.raw)
    }
}

// SAFETY: kernel COM objects may be called from any thread; counts are interlocked.
unsafe impl<I: Interface> Send for ComRef<I> {}
// SAFETY: as above.
unsafe impl<I: Interface> Sync for ComRef<I> {}

/// A COM pointer that is valid for the length of a call: what an in-parameter is.
#[repr(transparent)]
pub struct Borrowed<'a, I: Interface> {
    raw: NonNull<c_void>,
    lifetime: PhantomData<&'a c_void>,
    interface: PhantomData<fn() -> I>,
}

impl<I: Interface> Borrowed<'_, I> {
    /// Names a pointer for the length of a call.
    ///
    /// # Safety
    ///
    /// `raw` is an `I` that lives at least as long as the result is used.
    #[must_use]
    pub const unsafe fn from_raw(raw: NonNull<c_void>) -> Self {
        Self {
            raw,
            lifetime: PhantomData,
            interface: PhantomData,
        }
    }

    /// Keeps the pointer beyond the call, by taking a reference.
    #[must_use]
    pub fn to_owned(self) -> ComRef<I> {
        (*self).clone()
    }

    /// The address, for comparing identities.
    #[must_use]
    pub const fn address(self) -> NonNull<c_void> {
        self.raw
    }
}

impl<I: Interface> Clone for Borrowed<'_, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Interface> Copy for Borrowed<'_, I> {}

impl<I: Interface> Deref for Borrowed<'_, I> {
    type Target = ComRef<I>;

    fn deref(&self) -> &ComRef<I> {
        let this: *const Self = self;
        // SAFETY: both types are one pointer; a shared `ComRef` never releases.
        unsafe { &*this.cast::<ComRef<I>>() }
    }
}

impl<I: Interface> fmt::Debug for Borrowed<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A non-null out-parameter of type `T`: written, never read.
#[repr(transparent)]
pub struct Out<'a, T> {
    raw: NonNull<T>,
    call: PhantomData<&'a mut T>,
}

impl<'a, T> Out<'a, T> {
    /// Names a place to write to.
    pub const fn new(place: &'a mut core::mem::MaybeUninit<T>) -> Self {
        let place: *mut core::mem::MaybeUninit<T> = place;
        // SAFETY: a reference is never null.
        let raw = unsafe { NonNull::new_unchecked(place.cast::<T>()) };
        Self {
            raw,
            call: PhantomData,
        }
    }

    /// Names an initialised place to write to.
    pub const fn from_mut(place: &'a mut T) -> Self {
        Self {
            raw: NonNull::from_mut(place),
            call: PhantomData,
        }
    }

    /// Writes the value. The old content is not dropped: an out-parameter has none.
    pub const fn set(&mut self, value: T) {
        // SAFETY: whoever made the `Out` promised a place for a `T`.
        unsafe { self.raw.write(value) };
    }
}

impl<T> fmt::Debug for Out<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Out({:p})", self.raw)
    }
}

/// Declares a COM interface: IID, parent, and methods in vtable order with their highest IRQL.
///
/// ```ignore
/// interface! {
///     /// What it is.
///     pub IMasterClock(IMasterClockVtbl, IMasterClockClass): IUnknown(IUnknownClass) = None;
///     /// What it does.
///     any fn get_time(time: Out<'_, i64>) -> Status;
/// }
/// ```
///
/// `passive`, `dispatch` and `any` are the levels at which a method may be called. A class
/// implements the methods in the generated trait, where it gets itself as `&ObjectRef<Self>` and a
/// token of that level; a caller calls them on [`ComRef`] with a token of at most that level.
///
/// `passive(unsafe)` and its like mark methods with raw pointers, that may lead anywhere: the method
/// of the trait and that of [`ComRef`] are unsafe functions then.
///
/// The thunks trust the foreign caller with what no callee can check: that its pointers are live for
/// the call, and that the IRQL is as documented.
#[macro_export]
macro_rules! interface {
    ($($declaration:tt)*) => { $crate::with_kernel_abi! { $crate::interface_with_abi, $($declaration)* } };
}

/// The body of [`interface!`], with the calling convention as first token.
#[doc(hidden)]
#[macro_export]
macro_rules! interface_with_abi {
    (
        $abi:literal
        $(#[$doc:meta])*
        pub $name:ident($vtable:ident, $class:ident): $parent:ident($parent_class:ident) = $iid:expr;
        $(
            $(#[$method_doc:meta])*
            $level:ident $(($safety:ident))? fn $method:ident(
                $($arg:ident : $type:ty),* $(,)?
            ) $(-> $return:ty)?;
        )*
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        // SAFETY: the vtable is `repr(C)` and begins with the parent's.
        unsafe impl $crate::com::Interface for $name {
            type Vtable = $vtable;
            const IID: Option<$crate::com::Guid> = $iid;

            fn answers_to(iid: &$crate::com::Guid) -> bool {
                Self::IID.as_ref() == Some(iid) || <$parent as $crate::com::Interface>::answers_to(iid)
            }
        }

        #[doc = concat!("The vtable of [`", stringify!($name), "`].")]
        #[repr(C)]
        #[expect(missing_debug_implementations, reason = "a table of functions")]
        pub struct $vtable {
            parent: <$parent as $crate::com::Interface>::Vtable,
            $($method: unsafe extern $abi fn(
                this: core::ptr::NonNull<core::ffi::c_void>, $($arg: $type),*
            ) $(-> $return)?,)*
        }

        #[doc = concat!("What a class that offers [`", stringify!($name), "`] implements.")]
        pub trait $class: $parent_class {
            $(
                $(#[$method_doc])*
                $(#[doc = $crate::interface_safety!($safety)])?
                $($safety)? fn $method(
                    this: &$crate::com::ObjectRef<Self>,
                    irql: &mut $crate::irql::Irql<$crate::interface_level!($level)>,
                    $($arg: $type),*
                ) $(-> $return)?;
            )*
        }

        impl $vtable {
            /// The vtable of class `T` in slot number `SLOT` of its objects.
            #[must_use]
            pub const fn of<T: $class, const SLOT: usize>() -> Self {
                $(
                    unsafe extern $abi fn $method<T: $class, const SLOT: usize>(
                        this: core::ptr::NonNull<core::ffi::c_void>, $($arg: $type),*
                    ) $(-> $return)? {
                        // SAFETY: this thunk is only in the vtable of slot `SLOT` of an `Object<T>`.
                        let this = unsafe { $crate::com::ObjectRef::<T>::from_slot::<SLOT>(this) };
                        // SAFETY: the caller keeps to the documented IRQL of the method.
                        let mut irql = unsafe { $crate::irql::Irql::assume() };
                        $crate::interface_call!(
                            $($safety)? <T as $class>::$method(&this, &mut irql, $($arg),*)
                        )
                    }
                )*
                Self {
                    parent: <$parent as $crate::com::Interface>::Vtable::of::<T, SLOT>(),
                    $($method: $method::<T, SLOT>,)*
                }
            }
        }

        impl $crate::com::ComRef<$name> {
            $(
                $(#[$method_doc])*
                $(#[doc = $crate::interface_safety!($safety)])?
                pub $($safety)? fn $method<L>(&self, _irql: &$crate::irql::Irql<L>, $($arg: $type),*) $(-> $return)?
                where
                    L: $crate::irql::AtMost<$crate::interface_level!($level)>,
                {
                    // SAFETY: the object is alive, the arguments are typed or promised by the
                    // caller, the level is proved.
                    unsafe { (self.vtable().$method)(self.as_raw(), $($arg),*) }
                }
            )*
        }

        impl core::ops::Deref for $crate::com::ComRef<$name> {
            type Target = $crate::com::ComRef<$parent>;

            fn deref(&self) -> &Self::Target {
                let this: *const Self = self;
                // SAFETY: both are one pointer, and the vtable begins with the parent's.
                unsafe { &*this.cast::<Self::Target>() }
            }
        }
    };
}

/// What the caller of an unsafe method promises.
#[doc(hidden)]
#[macro_export]
macro_rules! interface_safety {
    (unsafe) => {
        "\n# Safety\n\nEach pointer is null where the method allows it, or is valid for what the \
         interface's documentation says that the method does with it."
    };
}

/// A call that may be unsafe.
#[doc(hidden)]
#[macro_export]
macro_rules! interface_call {
    (unsafe $call:expr) => {
        // SAFETY: the foreign caller keeps to the method's documentation.
        unsafe { $call }
    };
    ($call:expr) => {
        $call
    };
}

/// The level token for a word of [`interface!`].
#[doc(hidden)]
#[macro_export]
macro_rules! interface_level {
    (passive) => {
        $crate::irql::Passive
    };
    (dispatch) => {
        $crate::irql::Dispatch
    };
    (any) => {
        $crate::irql::Device
    };
}
