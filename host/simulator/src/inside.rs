//! The border between driver and host: who is running right now.
//!
//! A thread-local flag says whether driver code runs. Allocations made while it is set are the
//! driver's and are charged to the simulated pool; imports clear it for their own work.

use std::cell::Cell;

use crate::checkpoint;
use crate::irql::Irql;
use crate::kernel::{self, Kernel};
use crate::trace::Event;
use crate::violation::Rule;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether driver code is running on this thread.
pub fn is_inside() -> bool {
    INSIDE.try_with(Cell::get).unwrap_or(false)
}

pub(crate) fn set_inside(inside: bool) -> bool {
    INSIDE
        .try_with(|flag| flag.replace(inside))
        .unwrap_or(false)
}

/// Puts the flag back when dropped.
pub(crate) struct Border(bool);

impl Border {
    pub(crate) fn cross(inside: bool) -> Self {
        Self(set_inside(inside))
    }
}

impl Drop for Border {
    fn drop(&mut self) {
        set_inside(self.0);
    }
}

/// Runs `work` as host code: what a COM method of the simulated port does first.
pub fn outside<R>(work: impl FnOnce() -> R) -> R {
    let _border = Border::cross(false);
    work()
}

/// Calls into the driver on this thread's kernel; see [`Kernel::enter_driver`].
pub fn enter_driver<R>(what: &'static str, work: impl FnOnce() -> R) -> R {
    kernel::current().enter_driver(what, work)
}

impl Kernel {
    /// Calls into the driver: `work` is charged to it, and afterwards the level and the locks must
    /// be as before.
    ///
    /// # Panics
    ///
    /// When the driver stops the system (`KeBugCheckEx`), with the stop's report, in the outermost
    /// call: nothing of the driver can run after that.
    pub fn enter_driver<R>(&self, what: &'static str, work: impl FnOnce() -> R) -> R {
        self.record(Event::Entered(what));
        let level = self.irql();
        let locks = self.locks.count();
        let start = self.now();
        self.depth.set(self.depth.get() + 1);
        let result = if self.depth.get() == 1 {
            let border = Border::cross(true);
            let result = checkpoint::run(work);
            drop(border);
            let Some(result) = result else {
                self.depth.set(0);
                let report = self
                    .bugcheck
                    .try_borrow()
                    .ok()
                    .and_then(|stop| stop.as_ref().map(ToString::to_string))
                    .unwrap_or_else(|| "the system stopped".into());
                panic!("{what}: {report}");
            };
            result
        } else {
            let _border = Border::cross(true);
            work()
        };
        self.depth.set(self.depth.get() - 1);
        if level == Irql::DISPATCH {
            self.stretch(start, |stretches| &mut stretches.call);
        }
        if self.irql() != level {
            self.violate(
                Rule::IrqlNotRestored,
                what,
                format!("called at {level}, came back at {}", self.irql()),
            );
            self.level.set(level);
        }
        if self.locks.count() > locks {
            self.violate(Rule::LockLeft, what, "came back with a lock held");
        }
        result
    }
}
