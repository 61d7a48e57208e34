//! `IUnknown`, the kernel's flavour: QueryInterface returns NTSTATUS (abi section 2.1).
#![expect(unsafe_code, reason = "the three thunks that every class shares")]

use core::ffi::c_void;
use core::ptr::NonNull;

use super::{Class, ComRef, Guid, Interface, ObjectRef, Status};
use crate::irql::{Irql, Passive};

/// `IUnknown`.
#[derive(Debug)]
pub enum IUnknown {}

// SAFETY: the vtable is `repr(C)` and begins with nobody else's.
unsafe impl Interface for IUnknown {
    type Vtable = IUnknownVtbl;
    const IID: Option<Guid> = Some(Guid::parse("00000000-0000-0000-c000-000000000046"));

    fn answers_to(iid: &Guid) -> bool {
        Self::IID.as_ref() == Some(iid)
    }
}

/// The root of the class traits: whatever is a [`Class`] has `IUnknown`.
pub trait IUnknownClass: Class {}

impl<T: Class> IUnknownClass for T {}

macro_rules! unknown_vtable {
    ($abi:literal) => {
        /// The vtable of [`IUnknown`].
        #[repr(C)]
        #[expect(missing_debug_implementations, reason = "a table of functions")]
        pub struct IUnknownVtbl {
            query_interface: unsafe extern $abi fn(
                NonNull<c_void>,
                *const Guid,
                *mut *mut c_void,
            ) -> Status,
            add_ref: unsafe extern $abi fn(NonNull<c_void>) -> u32,
            release: unsafe extern $abi fn(NonNull<c_void>) -> u32,
        }

        unsafe extern $abi fn query_interface<T: Class, const SLOT: usize>(
            this: NonNull<c_void>,
            iid: *const Guid,
            out: *mut *mut c_void,
        ) -> Status {
            // SAFETY: this thunk is only in the vtable of slot `SLOT` of an `Object<T>`.
            let this = unsafe { ObjectRef::<T>::from_slot::<SLOT>(this) };
            let Some(out) = NonNull::new(out) else {
                return Status::INVALID_PARAMETER;
            };
            // SAFETY: the caller passes null or a GUID.
            let found = unsafe { iid.as_ref() }.and_then(|iid| this.query_slot(iid));
            let (pointer, status) = match found {
                Some(pointer) => (pointer.as_ptr(), Status::SUCCESS),
                // The WDK samples' code for an unknown IID (contract section 3).
                None => (core::ptr::null_mut(), Status::INVALID_PARAMETER),
            };
            // SAFETY: the caller passes a place for a pointer; it is not null.
            unsafe { out.write(pointer) };
            status
        }

        unsafe extern $abi fn add_ref<T: Class, const SLOT: usize>(this: NonNull<c_void>) -> u32 {
            // SAFETY: this thunk is only in the vtable of slot `SLOT` of an `Object<T>`.
            let this = unsafe { ObjectRef::<T>::from_slot::<SLOT>(this) };
            this.add_reference()
        }

        unsafe extern $abi fn release<T: Class, const SLOT: usize>(this: NonNull<c_void>) -> u32 {
            // SAFETY: this thunk is only in the vtable of slot `SLOT` of an `Object<T>`.
            let this = unsafe { ObjectRef::<T>::from_slot::<SLOT>(this) };
            // SAFETY: the caller gives up one reference, and does not use the pointer again.
            unsafe { this.release_reference() }
        }

        impl IUnknownVtbl {
            /// The vtable of class `T` in slot number `SLOT` of its objects.
            #[must_use]
            pub const fn of<T: Class, const SLOT: usize>() -> Self {
                Self {
                    query_interface: query_interface::<T, SLOT>,
                    add_ref: add_ref::<T, SLOT>,
                    release: release::<T, SLOT>,
                }
            }
        }
    };
}

crate::with_kernel_abi!(unknown_vtable,);

impl ComRef<IUnknown> {
    /// `QueryInterface`, as a pointer with a reference of its own.
    pub(super) fn query_raw(
        &self,
        _irql: &Irql<Passive>,
        iid: &Guid,
    ) -> Result<NonNull<c_void>, Status> {
        let mut pointer = core::ptr::null_mut();
        // SAFETY: the object is alive and both pointers are valid for the call.
        let status =
            unsafe { (self.vtable().query_interface)(self.as_raw(), iid, &raw mut pointer) };
        status.ok()?;
        NonNull::new(pointer).ok_or(Status::UNSUCCESSFUL)
    }

    pub(super) fn add_reference(&self) -> u32 {
        // SAFETY: the object is alive.
        unsafe { (self.vtable().add_ref)(self.as_raw()) }
    }

    /// Gives one reference back.
    ///
    /// # Safety
    ///
    /// The reference is the caller's, and this pointer is not used again on its behalf.
    pub(super) unsafe fn release_reference(&self) -> u32 {
        // SAFETY: the object is alive; the caller gives up its reference.
        unsafe { (self.vtable().release)(self.as_raw()) }
    }
}
