//! On a host: what this thread's driver code emitted, for tests to assert on.
#![expect(
    clippy::disallowed_methods,
    reason = "a host's process, where memory may grow"
)]

use std::cell::RefCell;
use std::vec::Vec;

use super::Event;

std::thread_local! {
    static RECORD: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Records what `work` emits on this thread, the first [`MOST`] events.
pub fn record<R>(work: impl FnOnce() -> R) -> (R, Vec<Event>) {
    // Allocated here, so that a driver that emits is not charged for it.
    let outer = RECORD.with(|record| record.replace(Some(Vec::with_capacity(MOST))));
    let result = work();
    let events = RECORD.with(|record| record.replace(outer));
    (result, events.unwrap_or_default())
}

pub(super) fn push(event: Event) {
    RECORD.with(|record| {
        if let Some(record) = record.borrow_mut().as_mut()
            && record.len() < record.capacity()
        {
            record.push(event);
        }
    });
}

/// Events that one recording holds.
pub const MOST: usize = 4096;
