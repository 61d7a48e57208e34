//! A value that only its own thread may touch.
//!
//! A machine lives on one thread, but a COM class must be `Send` and `Sync`. This makes the promise
//! and keeps it by looking.

use std::ops::Deref;

/// A value bound to the thread that made it.
#[derive(Debug)]
pub(crate) struct OneThread<T> {
    value: T,
    thread: usize,
}

thread_local! {
    /// Its address names the thread, for less than a `ThreadId` costs.
    static MARK: u8 = const { 0 };
}

fn this_thread() -> usize {
    MARK.try_with(|mark| std::ptr::from_ref(mark).addr())
        .unwrap_or(0)
}

impl<T> OneThread<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value,
            thread: this_thread(),
        }
    }
}

impl<T> Deref for OneThread<T> {
    type Target = T;

    fn deref(&self) -> &T {
        assert_eq!(
            self.thread,
            this_thread(),
            "a machine was used from another thread"
        );
        &self.value
    }
}

impl<T> Drop for OneThread<T> {
    fn drop(&mut self) {
        let here = this_thread();
        if here != 0 && here != self.thread && std::mem::needs_drop::<T>() {
            eprintln!("simulated PortCls: an object of one thread's machine died on another");
            std::process::abort();
        }
    }
}

// SAFETY: `Deref` and `Drop` refuse every other thread, so the value never really moves.
unsafe impl<T> Send for OneThread<T> {}
// SAFETY: as above; only one thread ever gets a reference.
unsafe impl<T> Sync for OneThread<T> {}
