//! The current level, and what runs when it allows it.

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::violation::Rule;

impl Kernel {
    /// The current level.
    pub fn irql(&self) -> Irql {
        self.level.get()
    }

    /// Raises to `level` and returns the level before.
    pub fn raise(&self, level: Irql, at: &'static str) -> Irql {
        let before = self.irql();
        if level < before {
            self.violate(
                Rule::IrqlWrongDirection,
                at,
                format!("raised to {level}, which is lower"),
            );
        }
        self.level.set(level);
        before
    }

    /// Lowers to `level` and runs what was held off.
    pub fn lower(&self, level: Irql, at: &'static str) {
        if level > self.irql() {
            self.violate(
                Rule::IrqlWrongDirection,
                at,
                format!("lowered to {level}, which is higher"),
            );
        }
        self.level.set(level);
        self.deliver();
    }

    /// Runs `work` at `level`, as the system does before it calls a routine documented for it.
    pub fn at_level<R>(&self, level: Irql, work: impl FnOnce() -> R) -> R {
        let before = self.level.replace(level.max(self.irql()));
        let result = work();
        self.level.set(before);
        self.deliver();
        result
    }

    /// Runs `work` at PASSIVE_LEVEL as another processor might at this moment, whatever this one is
    /// doing; whether it could. It cannot while a lock is held here or a run-down reference is in
    /// use: whoever asked for either would wait, and with one thread for ever.
    pub fn on_another_processor(&self, work: impl FnOnce()) -> bool {
        if self.locks.count() > 0 || !self.locks.in_use().is_empty() {
            return false;
        }
        let inside = crate::inside::set_inside(false);
        let before = self.level.replace(Irql::PASSIVE);
        work();
        self.level.set(before);
        crate::inside::set_inside(inside);
        true
    }

    /// What a write to CR8 does, whichever direction it is.
    pub fn write_level(&self, level: Irql) {
        if level > Irql::HIGH {
            self.violate(Rule::BadArgument, "mov cr8", format!("level {}", level.0));
        }
        let before = self.level.replace(level);
        if level < before {
            self.deliver();
        }
    }

    /// Runs interrupts, DPCs and work items as far as the current level lets them.
    pub fn deliver(&self) {
        loop {
            if self.dead.get() {
                return;
            }
            if self.run_interrupt() {
                continue;
            }
            if self.irql() < Irql::DISPATCH && self.run_dpc() {
                continue;
            }
            // A worker thread runs when a processor has nothing better to do, or preempts another.
            if self.irql() == Irql::PASSIVE && self.run_work_item() {
                continue;
            }
            return;
        }
    }
}
