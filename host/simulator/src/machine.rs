//! A simulated machine as a test owns it: power on, run a scenario, assert that nothing is left.

use std::ops::Deref;
use std::rc::Rc;

use crate::irql::Irql;
use crate::kernel::{self, Kernel, Options};
use crate::violation::{Rule, Violation};

/// One machine, current on the thread that made it until it is dropped.
///
/// Dropping it ends the scenario: anything the driver left behind and any rule it broke is a panic
/// that lists them all. [`Machine::power_off`] returns the same list instead.
#[derive(Debug)]
pub struct Machine {
    kernel: Rc<Kernel>,
    previous: Option<Rc<Kernel>>,
    off: bool,
}

impl Machine {
    /// Powers on a machine with the usual options.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// Powers on a machine with these options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        let kernel = Rc::new(Kernel::new(options));
        let previous = kernel::install(Some(Rc::clone(&kernel)));
        Self {
            kernel,
            previous,
            off: false,
        }
    }

    /// The kernel, to be kept by parts of the scenario.
    #[must_use]
    pub fn kernel(&self) -> Rc<Kernel> {
        Rc::clone(&self.kernel)
    }

    /// Ends the scenario and returns every rule that was broken, leftovers included.
    #[must_use]
    pub fn power_off(mut self) -> Vec<Violation> {
        self.end()
    }

    /// Panics when the driver broke a rule so far or left anything behind as of now.
    pub fn assert_clean(&self) {
        self.kernel.look_for_leftovers();
        let violations = self.kernel.violations();
        assert!(violations.is_empty(), "{}", report(&violations));
    }

    fn end(&mut self) -> Vec<Violation> {
        self.off = true;
        if !self.kernel.dead.get() {
            self.kernel.look_for_leftovers();
        }
        let violations = self.kernel.take_violations();
        self.kernel.let_go();
        kernel::install(self.previous.take());
        violations
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Machine {
    type Target = Kernel;

    fn deref(&self) -> &Kernel {
        &self.kernel
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.off {
            return;
        }
        let violations = self.end();
        // A scenario that already fails keeps its own message.
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "{}", report(&violations));
        }
    }
}

/// A readable list of breaches.
#[must_use]
pub fn report(violations: &[Violation]) -> String {
    let mut text = format!("the driver broke {} rule(s):", violations.len());
    for violation in violations {
        text.push_str("\n  ");
        text.push_str(&violation.to_string());
    }
    text
}

impl Kernel {
    /// Records what should not be there when nothing of the driver runs any more.
    fn look_for_leftovers(&self) {
        if self.irql() != Irql::PASSIVE {
            self.violate(Rule::IrqlNotRestored, END, "the level is not PASSIVE");
        }
        for lock in self.locks.held() {
            self.violate(Rule::LockLeft, END, lock);
        }
        for rundown in self.locks.in_use() {
            self.violate(Rule::ObjectLeft, END, rundown);
        }
        for timer in self.timers.leftovers() {
            self.violate(Rule::TimerArmed, END, timer);
        }
        for dpc in self.dpcs.queued() {
            self.violate(Rule::DpcQueued, END, dpc);
        }
        for item in self.work_items.queued() {
            self.violate(Rule::WorkItemQueued, END, item);
        }
        for interrupt in self.interrupts.connected() {
            self.violate(Rule::InterruptLeft, END, interrupt);
        }
        for mdl in self.memory().leftovers() {
            self.violate(Rule::MdlMisuse, END, mdl);
        }
        for provider in self.etw().leftovers() {
            self.violate(Rule::ObjectLeft, END, provider);
        }
        self.pool().check_everything(self);
        for (tag, blocks, bytes) in self.pool().outstanding() {
            self.violate(
                Rule::Leak,
                END,
                format!("tag '{tag}': {blocks} block(s), {bytes} bytes"),
            );
        }
    }

    /// Drops what the scenario hung onto the kernel, so that reference loops end.
    fn let_go(&self) {
        self.inject_nothing();
        self.bus.clear();
        self.interrupts.clear();
        self.dpcs.clear();
        self.timers.clear();
        self.work_items.clear();
    }
}

const END: &str = "the end of the scenario";
