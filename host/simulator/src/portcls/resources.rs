//! Resources of a device: what the bus gave it, and `IResourceList` (abi section 2.11).

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::NonNull;

use dmusmini::class;
use dmusmini::com::{ObjectRef, Status};
use dmusmini::irql::{Irql, Passive};
use dmusmini::portcls::abi::{PartialResourceDescriptor, RESOURCE_PORT_IO, resource_type};
use dmusmini::portcls::interfaces::{IResourceList, IResourceListClass, In};

use super::host::{self, Level};
use super::ledger::{Ledger, Receipt};
use super::one_thread::OneThread;

/// What one device was given.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    entries: Vec<PartialResourceDescriptor>,
}

impl Resources {
    /// No resources at all: a root-enumerated device. (The list object exists, and is empty.)
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds an I/O port range.
    #[must_use]
    pub fn port(self, base: u16, length: u32) -> Self {
        self.entry(
            resource_type::PORT,
            RESOURCE_PORT_IO,
            [u32::from(base), 0, length, 0],
        )
    }

    /// Adds an interrupt; the vector is also its level.
    #[must_use]
    pub fn interrupt(self, vector: u32) -> Self {
        self.entry(resource_type::INTERRUPT, 0, [vector, vector, 1, 0])
    }

    /// Adds an entry of any type, such as one that the driver must refuse.
    #[must_use]
    pub fn entry(mut self, kind: u32, flags: u16, data: [u32; 4]) -> Self {
        let kind = u8::try_from(kind).unwrap_or(u8::MAX);
        self.entries.push(PartialResourceDescriptor {
            kind,
            share: 1,
            flags,
            data,
        });
        self
    }
}

/// `IResourceList`. Translated and raw entries are the same on this machine.
///
/// Entries are boxed: the driver holds pointers to them while the list grows.
#[expect(clippy::vec_box, reason = "the entries' addresses are given out")]
pub(crate) struct ResourceList {
    entries: OneThread<RefCell<Vec<Box<PartialResourceDescriptor>>>>,
    capacity: usize,
    _receipt: OneThread<Receipt>,
}

class!(ResourceList: 0 => IResourceList);

impl ResourceList {
    pub(crate) fn make(
        ledger: &std::rc::Rc<Ledger>,
        resources: &Resources,
    ) -> Option<ObjectRef<Self>> {
        let entries: Vec<_> = resources.entries.iter().copied().map(Box::new).collect();
        ledger.make("IResourceList", |receipt| Self {
            capacity: entries.len(),
            entries: OneThread::new(RefCell::new(entries)),
            _receipt: OneThread::new(receipt),
        })
    }

    /// An empty list for at most `capacity` entries.
    pub(crate) fn sublist(
        ledger: &std::rc::Rc<Ledger>,
        capacity: usize,
    ) -> Option<ObjectRef<Self>> {
        ledger.make("IResourceList (sublist)", |receipt| Self {
            capacity,
            entries: OneThread::new(RefCell::default()),
            _receipt: OneThread::new(receipt),
        })
    }

    fn find(&self, kind: u32, index: u32) -> Option<NonNull<PartialResourceDescriptor>> {
        let entries = self.entries.borrow();
        let mut of_kind = entries.iter().filter(|entry| u32::from(entry.kind) == kind);
        of_kind
            .nth(usize::try_from(index).ok()?)
            .map(|entry| NonNull::from(entry.as_ref()))
    }

    fn add(&self, entry: PartialResourceDescriptor) -> Status {
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= self.capacity {
            return Status::INSUFFICIENT_RESOURCES;
        }
        entries.push(Box::new(entry));
        Status::SUCCESS
    }
}

/// Reads a descriptor that the driver points to.
fn read(entry: *const PartialResourceDescriptor) -> Option<PartialResourceDescriptor> {
    // SAFETY: the driver passes null or a live descriptor, as the method's contract demands.
    unsafe { entry.as_ref() }.copied()
}

impl IResourceListClass for ResourceList {
    fn number_of_entries(this: &ObjectRef<Self>, _: &mut Irql<Passive>) -> u32 {
        host::called("IResourceList::NumberOfEntries", Level::PASSIVE, || {
            u32::try_from(this.entries.borrow().len()).unwrap_or(u32::MAX)
        })
    }

    fn number_of_entries_of_type(this: &ObjectRef<Self>, _: &mut Irql<Passive>, kind: u32) -> u32 {
        host::called(
            "IResourceList::NumberOfEntriesOfType",
            Level::PASSIVE,
            || {
                let entries = this.entries.borrow();
                let count = entries
                    .iter()
                    .filter(|entry| u32::from(entry.kind) == kind)
                    .count();
                u32::try_from(count).unwrap_or(u32::MAX)
            },
        )
    }

    fn find_translated_entry(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        kind: u32,
        index: u32,
    ) -> Option<NonNull<PartialResourceDescriptor>> {
        host::called("IResourceList::FindTranslatedEntry", Level::PASSIVE, || {
            this.find(kind, index)
        })
    }

    fn find_untranslated_entry(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        kind: u32,
        index: u32,
    ) -> Option<NonNull<PartialResourceDescriptor>> {
        host::called(
            "IResourceList::FindUntranslatedEntry",
            Level::PASSIVE,
            || this.find(kind, index),
        )
    }

    unsafe fn add_entry(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        translated: *const PartialResourceDescriptor,
        untranslated: *const PartialResourceDescriptor,
    ) -> Status {
        host::called("IResourceList::AddEntry", Level::PASSIVE, || {
            match (read(translated), read(untranslated)) {
                (Some(entry), Some(_)) => this.add(entry),
                _ => Status::INVALID_PARAMETER,
            }
        })
    }

    fn add_entry_from_parent(
        this: &ObjectRef<Self>,
        _: &mut Irql<Passive>,
        parent: In<'_, IResourceList>,
        kind: u32,
        index: u32,
    ) -> Status {
        host::called("IResourceList::AddEntryFromParent", Level::PASSIVE, || {
            let Some(parent) = parent else {
                return Status::INVALID_PARAMETER;
            };
            let found = parent.find_translated_entry(&host::passive(), kind, index);
            found
                .and_then(|entry| read(entry.as_ptr()))
                .map_or(Status::INVALID_PARAMETER, |entry| this.add(entry))
        })
    }

    fn translated_list(_: &ObjectRef<Self>, _: &mut Irql<Passive>) -> *mut c_void {
        host::called("IResourceList::TranslatedList", Level::PASSIVE, || {
            host::breach(
                "IResourceList::TranslatedList",
                "the model has entries only, no whole list",
            );
            std::ptr::null_mut()
        })
    }

    fn untranslated_list(_: &ObjectRef<Self>, _: &mut Irql<Passive>) -> *mut c_void {
        host::called("IResourceList::UntranslatedList", Level::PASSIVE, || {
            host::breach(
                "IResourceList::UntranslatedList",
                "the model has entries only, no whole list",
            );
            std::ptr::null_mut()
        })
    }
}
