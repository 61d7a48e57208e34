//! References to the driver's objects, taken and given back as the port does, and counted.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use dmusmini::com::{ComRef, Guid, IUnknown, Interface, Status};

use super::host;

/// One reference to an object of the driver's.
///
/// Every call through it is a call into the driver: charged to it, at a level that is checked.
#[derive(Debug)]
pub(crate) struct Foreign<I: Interface> {
    reference: ManuallyDrop<ComRef<I>>,
}

impl<I: Interface> Foreign<I> {
    /// Takes over a reference that the driver handed out.
    pub(crate) fn adopt(reference: ComRef<I>) -> Self {
        Self {
            reference: ManuallyDrop::new(reference),
        }
    }

    /// Takes a reference of our own.
    pub(crate) fn keep(reference: &ComRef<I>) -> Self {
        Self::adopt(host::enter("AddRef", || reference.clone()))
    }

    /// Calls a PASSIVE method.
    pub(crate) fn call<R>(&self, what: &'static str, work: impl FnOnce(&ComRef<I>) -> R) -> R {
        host::kernel().require_at_most(host::Level::PASSIVE, what);
        host::enter(what, || work(&self.reference))
    }

    /// Calls a method at DISPATCH_LEVEL.
    pub(crate) fn call_at_dispatch<R>(
        &self,
        what: &'static str,
        work: impl FnOnce(&ComRef<I>) -> R,
    ) -> R {
        host::enter_at_dispatch(what, || work(&self.reference))
    }

    /// Asks for another interface of the object.
    pub(crate) fn query<J: Interface>(&self) -> Option<Foreign<J>> {
        let found = self.call("QueryInterface", |object| {
            object.query::<J>(&host::passive())
        });
        found.ok().map(Foreign::adopt)
    }

    /// Asks for an interface that the object may have; where it has not, it must say so cleanly.
    pub(crate) fn query_optional<J: Interface>(&self) -> Option<Foreign<J>> {
        let iid = J::IID?;
        let found = self.query_raw(&iid)?;
        // SAFETY: QueryInterface returned a pointer for `J`'s IID, with a reference of its own.
        Some(Foreign::adopt(unsafe { ComRef::from_raw(found) }))
    }

    /// Asks for an interface that no object has.
    pub(crate) fn query_strange(&self, iid: &Guid) {
        if let Some(found) = self.query_raw(iid) {
            host::breach(QUERY, "an unknown IID was answered");
            host::enter("Release", || release(found));
        }
    }

    /// QueryInterface, with its rules for failure checked (contract section 3).
    fn query_raw(&self, iid: &Guid) -> Option<NonNull<c_void>> {
        let object = self.address();
        let before = self.count();
        let mut found = std::ptr::without_provenance_mut::<c_void>(0x5A5A);
        // SAFETY: the object is alive, both pointers are valid for the call.
        let status = host::enter(QUERY, || unsafe {
            (table(object).query_interface)(object, iid, &raw mut found)
        });
        if status.is_success() {
            return NonNull::new(found);
        }
        if !found.is_null() {
            host::breach(QUERY, "failed, but did not null the pointer (contract 3)");
        }
        if self.count() != before {
            host::miscount(QUERY, "failed, but changed the reference count");
        }
        None
    }

    /// The pointer, for comparing and for handing on.
    pub(crate) fn address(&self) -> NonNull<c_void> {
        self.reference.as_raw()
    }

    /// The object's identity, with a reference of its own.
    pub(crate) fn identity(&self) -> Foreign<IUnknown> {
        self.query::<IUnknown>()
            .unwrap_or_else(|| Foreign::keep(self.reference.unknown()))
    }

    /// How many references the object has, ours included: one is taken and given back.
    pub(crate) fn count(&self) -> u32 {
        let object = self.address();
        host::enter("AddRef", || add_ref(object));
        host::enter("Release", || release(object))
    }

    /// Gives the reference back; what `Release` returned.
    pub(crate) fn release(self) -> u32 {
        let object = ManuallyDrop::new(self).address();
        if host::is_dead() {
            return 0;
        }
        host::enter("Release", || release(object))
    }
}

impl<I: Interface> Clone for Foreign<I> {
    fn clone(&self) -> Self {
        Self::keep(&self.reference)
    }
}

impl<I: Interface> Drop for Foreign<I> {
    fn drop(&mut self) {
        if !host::is_dead() {
            let object = self.address();
            host::enter("Release", || release(object));
        }
    }
}

macro_rules! unknown_table {
    ($abi:literal) => {
        /// The head of every vtable, for the counts that AddRef and Release return.
        #[repr(C)]
        struct UnknownTable {
            query_interface: unsafe extern $abi fn(
                NonNull<c_void>,
                *const Guid,
                *mut *mut c_void,
            ) -> Status,
            add_ref: unsafe extern $abi fn(NonNull<c_void>) -> u32,
            release: unsafe extern $abi fn(NonNull<c_void>) -> u32,
        }
    };
}
dmusmini::with_kernel_abi!(unknown_table,);

const QUERY: &str = "QueryInterface";

fn table(object: NonNull<c_void>) -> &'static UnknownTable {
    // SAFETY: the first word of a live COM object is its vtable pointer, and vtables are constant
    // as long as the code that they point to.
    unsafe { object.cast::<&'static UnknownTable>().as_ref() }
}

fn add_ref(object: NonNull<c_void>) -> u32 {
    // SAFETY: callers hold a reference, so the object is alive.
    unsafe { (table(object).add_ref)(object) }
}

fn release(object: NonNull<c_void>) -> u32 {
    // SAFETY: callers give up a reference of theirs, so the object is alive until then.
    unsafe { (table(object).release)(object) }
}
