//! The ledger of the port driver's own COM objects: who still refers to which at the end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use dmusmini::com::{Class, Object, ObjectRef};

use super::host;

/// How an object's references are read.
type Count = fn(NonNull<c_void>) -> u32;

#[derive(Debug)]
struct Entry {
    kind: &'static str,
    object: Option<(NonNull<c_void>, Count)>,
}

/// All objects that were made and not yet destroyed.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: RefCell<BTreeMap<u64, Entry>>,
    next: Cell<u64>,
    /// Objects to make until one fails, counting down; `None` is never.
    fail_in: Cell<Option<u64>>,
}

/// An object's own line in the ledger, struck when the object is destroyed.
#[derive(Debug)]
pub(crate) struct Receipt {
    ledger: Rc<Ledger>,
    number: u64,
}

impl Drop for Receipt {
    fn drop(&mut self) {
        crate::inside::outside(|| {
            self.ledger.entries.borrow_mut().remove(&self.number);
        });
    }
}

impl Ledger {
    /// Makes an object of class `T` with one reference; `None` when it was told to fail.
    pub(crate) fn make<T: Class>(
        self: &Rc<Self>,
        kind: &'static str,
        value: impl FnOnce(Receipt) -> T,
    ) -> Option<ObjectRef<T>> {
        if let Some(left) = self.fail_in.get() {
            self.fail_in.set(left.checked_sub(1));
            if left == 0 {
                return None;
            }
        }
        let number = self.next.replace(self.next.get() + 1);
        self.entries
            .borrow_mut()
            .insert(number, Entry { kind, object: None });
        let receipt = Receipt {
            ledger: Rc::clone(self),
            number,
        };
        let object = Object::try_new(value(receipt)).ok()?;
        let context = object.as_context();
        if let Some(entry) = self.entries.borrow_mut().get_mut(&number) {
            entry.object = Some((context, count::<T>));
        }
        Some(object)
    }

    /// The `n`-th object from now (0 is the next) cannot be made, for want of memory.
    pub(crate) fn fail_nth(&self, n: u64) {
        self.fail_in.set(Some(n));
    }

    /// No more failures; whether the planned one is still to come.
    pub(crate) fn fail_none(&self) -> bool {
        self.fail_in.take().is_some()
    }

    /// How many objects of a kind are alive.
    pub(crate) fn alive(&self, kind: &str) -> usize {
        self.entries
            .borrow()
            .values()
            .filter(|entry| entry.kind == kind)
            .count()
    }

    /// Records every object that is still alive as a wrong reference count.
    pub(crate) fn look_for_leftovers(&self, at: &'static str) {
        for entry in self.entries.borrow().values() {
            let references = entry.object.map_or(0, |(object, count)| count(object));
            host::miscount(
                at,
                format!("{} still has {references} reference(s)", entry.kind),
            );
        }
    }
}

fn count<T: Class>(context: NonNull<c_void>) -> u32 {
    // SAFETY: the ledger keeps the context of live objects of this class only: the receipt inside
    // the object strikes the entry when it dies.
    unsafe { ObjectRef::<T>::from_context(context) }.references()
}
