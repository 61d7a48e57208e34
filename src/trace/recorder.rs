//! On a host: what this thread's driver code emitted, for tests to assert on.

use std::cell::RefCell;
use std::vec::Vec;

use super::Event;

std::thread_local! {
    static RECORD: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Records what `work` emits on this thread.
pub fn record<R>(work: impl FnOnce() -> R) -> (R, Vec<Event>) {
    let outer = RECORD.with(|record| record.replace(Some(Vec::new())));
    let result = work();
    let events = RECORD.with(|record| record.replace(outer));
    (result, events.unwrap_or_default())
}

pub(super) fn push(event: Event) {
    RECORD.with(|record| {
        if let Some(record) = record.borrow_mut().as_mut() {
            record.push(event);
        }
    });
}
