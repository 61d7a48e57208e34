//! Interrupt lines: level or edge, shared or not, and everything that can go wrong with them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::irql::Irql;
use crate::kernel::Kernel;
use crate::lock::Kind;
use crate::status::{self, NtStatus};
use crate::trace::Event;
use crate::violation::Rule;

/// How a device tells the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The line is serviced as long as it is asserted.
    Level,
    /// The line is serviced once for each time it becomes asserted.
    Latched,
}

/// A connected service routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection(u64);

/// A service routine; whether the interrupt was its device's.
pub type ServiceRoutine = Rc<dyn Fn() -> bool>;

struct Line {
    vector: u32,
    level: Irql,
    trigger: Trigger,
    held: bool,
    asserted: bool,
    latched: bool,
    lose: u32,
    masked: bool,
    fruitless: u32,
    /// A level-triggered line that stays asserted is not serviced again before.
    again_at: u64,
    routines: Vec<(Connection, ServiceRoutine)>,
}

/// All lines of the machine.
#[derive(Default)]
pub struct Interrupts {
    lines: RefCell<Vec<Line>>,
    connections: Cell<u64>,
    serviced: Cell<u64>,
    /// Connections to refuse.
    refusals: Cell<u32>,
}

impl std::fmt::Debug for Interrupts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupts")
            .field("connected", &self.connected())
            .field("serviced", &self.serviced.get())
            .finish()
    }
}

impl Interrupts {
    pub(crate) fn connected(&self) -> Vec<String> {
        self.lines
            .borrow()
            .iter()
            .filter(|line| !line.routines.is_empty())
            .map(|line| format!("vector {}: {} routine(s)", line.vector, line.routines.len()))
            .collect()
    }

    /// When a level-triggered line that is still asserted is serviced next.
    pub(crate) fn next_redelivery(&self, now: u64) -> Option<u64> {
        self.lines
            .borrow()
            .iter()
            .filter(|line| {
                let wanted = line.trigger == Trigger::Level && line.asserted && !line.masked;
                wanted && !line.routines.is_empty() && line.again_at > now
            })
            .map(|line| line.again_at)
            .min()
    }

    pub(crate) fn clear(&self) {
        self.lines.take();
    }

    fn with<R>(&self, vector: u32, use_it: impl FnOnce(&mut Line) -> R) -> Option<R> {
        let mut lines = self.lines.borrow_mut();
        lines
            .iter_mut()
            .find(|line| line.vector == vector)
            .map(use_it)
    }
}

impl Kernel {
    /// Adds the line `vector`, serviced at `level`.
    pub fn add_line(&self, vector: u32, level: Irql, trigger: Trigger) {
        self.interrupts.lines.borrow_mut().push(Line {
            vector,
            level,
            trigger,
            held: false,
            asserted: false,
            latched: false,
            lose: 0,
            masked: false,
            fruitless: 0,
            again_at: 0,
            routines: Vec::new(),
        });
    }

    /// Adds the line `vector` unless it is there.
    pub fn add_line_once(&self, vector: u32, level: Irql, trigger: Trigger) {
        if self.interrupts.with(vector, |_| ()).is_none() {
            self.add_line(vector, level, trigger);
        }
    }

    /// How often any line's routines were called.
    pub fn interrupts_serviced(&self) -> u64 {
        self.interrupts.serviced.get()
    }

    /// So many connections from now on find no memory.
    pub fn refuse_connections(&self, refusals: u32) {
        self.interrupts.refusals.set(refusals);
    }

    /// Connects a service routine to `vector`, after those already there.
    pub fn connect(&self, vector: u32, routine: ServiceRoutine) -> Result<Connection, NtStatus> {
        if let Some(left) = self.interrupts.refusals.get().checked_sub(1) {
            self.interrupts.refusals.set(left);
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let number = self.interrupts.connections.get() + 1;
        self.interrupts.connections.set(number);
        let connection = Connection(number);
        self.interrupts
            .with(vector, |line| line.routines.push((connection, routine)))
            .ok_or(status::INVALID_PARAMETER)?;
        self.deliver();
        Ok(connection)
    }

    /// Takes a service routine off its line; it is not running then and will not run again.
    pub fn disconnect(&self, connection: Connection) {
        let mut removed = None;
        for line in self.interrupts.lines.borrow_mut().iter_mut() {
            if let Some(at) = line.routines.iter().position(|(id, _)| *id == connection) {
                removed = Some(line.routines.remove(at));
                if line.routines.is_empty() {
                    // The controller masks what nobody is connected to; the next one starts anew.
                    line.masked = false;
                    line.fruitless = 0;
                    line.again_at = 0;
                }
            }
        }
        if removed.is_none() {
            self.violate(
                Rule::BadArgument,
                "disconnect",
                "the interrupt is not connected",
            );
        }
    }

    /// Runs `work` at the level of `connection`'s line, where its service routine cannot run.
    pub fn synchronize<R>(&self, connection: Connection, work: impl FnOnce() -> R) -> R {
        let level = self
            .interrupts
            .lines
            .borrow()
            .iter()
            .find(|line| line.routines.iter().any(|(id, _)| *id == connection))
            .map_or(Irql::DISPATCH, |line| line.level);
        self.require_at_most(level, "synchronize with an interrupt");
        let address = lock_address(level);
        let before = self.lock(
            address,
            Kind::Interrupt,
            level,
            "synchronize with an interrupt",
        );
        let start = self.now();
        let result = work();
        self.stretch(start, |stretches| &mut stretches.interrupt);
        self.unlock(
            address,
            Kind::Interrupt,
            None,
            "synchronize with an interrupt",
        );
        self.level.set(before);
        self.deliver();
        result
    }

    /// Requests one interrupt that no device asked for.
    pub fn spurious_interrupt(&self, vector: u32) {
        self.interrupts.with(vector, |line| line.latched = true);
        self.deliver();
    }

    /// Asserts (or releases) the line as another device on it would.
    pub fn hold_line(&self, vector: u32, held: bool) {
        self.interrupts.with(vector, |line| line.held = held);
        self.deliver();
    }

    /// Loses the next `count` times that the line becomes asserted.
    pub fn lose_interrupts(&self, vector: u32, count: u32) {
        self.interrupts.with(vector, |line| line.lose += count);
    }

    /// Services the highest pending line above the current level; whether there was one.
    pub(crate) fn run_interrupt(&self) -> bool {
        let Some((vector, level, routines)) = self.pending() else {
            return false;
        };
        let before = self.level.replace(level);
        let inside = crate::inside::set_inside(false);
        let address = lock_address(level);
        self.lock(address, Kind::Interrupt, level, "an interrupt");
        self.pass(self.options.interrupt_cost);
        self.interrupts
            .serviced
            .set(self.interrupts.serviced.get() + 1);
        let start = self.now();
        let mut claimed = false;
        for routine in routines {
            claimed |= routine();
            if self.irql() != level {
                self.violate(
                    Rule::IrqlNotRestored,
                    "a service routine",
                    format!("called at {level}, came back at {}", self.irql()),
                );
                self.level.set(level);
            }
        }
        self.stretch(start, |stretches| &mut stretches.interrupt);
        self.unlock(address, Kind::Interrupt, None, "an interrupt");
        crate::inside::set_inside(inside);
        self.level.set(before);
        self.record(Event::Interrupt { vector, claimed });
        self.watch_line(vector, claimed);
        true
    }

    /// Brings the lines up to date and picks the most urgent one.
    fn pending(&self) -> Option<(u32, Irql, Vec<ServiceRoutine>)> {
        let current = self.irql();
        let mut best: Option<usize> = None;
        let mut lines = self.interrupts.lines.borrow_mut();
        for index in 0..lines.len() {
            let line = &mut lines[index];
            let asserted = line.held || self.bus.asserts(line.vector, self.now());
            let rising = asserted && !line.asserted;
            line.asserted = asserted;
            if !asserted {
                line.masked = false;
                line.fruitless = 0;
                line.again_at = 0;
            }
            if rising {
                if line.lose > 0 {
                    line.lose -= 1;
                    line.masked = true;
                } else if line.trigger == Trigger::Latched {
                    line.latched = true;
                }
            }
            let due = line.again_at <= self.now();
            let wanted =
                line.latched || (line.trigger == Trigger::Level && asserted && !line.masked && due);
            if wanted && line.routines.is_empty() {
                line.latched = false;
                continue;
            }
            if wanted
                && line.level > current
                && best.is_none_or(|b| lines[b].level < lines[index].level)
            {
                best = Some(index);
            }
        }
        let line = lines.get_mut(best?)?;
        line.latched = false;
        let routines = line
            .routines
            .iter()
            .map(|(_, routine)| Rc::clone(routine))
            .collect();
        Some((line.vector, line.level, routines))
    }

    /// Ends the torture of a level line that nobody can quieten.
    fn watch_line(&self, vector: u32, claimed: bool) {
        let again_at = self.now() + self.options.redelivery;
        let stuck = self.interrupts.with(vector, |line| {
            line.fruitless += 1;
            line.again_at = again_at;
            let most = if claimed {
                MOST_CLAIMED
            } else {
                MOST_UNCLAIMED
            };
            let stuck = line.trigger == Trigger::Level && line.asserted && line.fruitless >= most;
            if stuck {
                line.masked = true;
                line.fruitless = 0;
            }
            stuck
        });
        if stuck == Some(true) {
            self.violate(
                Rule::InterruptUnclaimed,
                "an interrupt",
                format!("vector {vector} stays asserted; masked"),
            );
        }
    }
}

/// Interrupts of one level share the lock of that level: enough on one processor.
fn lock_address(level: Irql) -> usize {
    usize::from(level.0)
}

const MOST_UNCLAIMED: u32 = 10_000;
const MOST_CLAIMED: u32 = 100_000;
