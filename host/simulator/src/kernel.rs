//! The simulated kernel of one thread: everything that the imports and the port driver share.
//!
//! There is one processor, and it is this thread. All state sits in cells with borrows that never
//! span a call into the driver, because the driver calls back at any time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use crate::bugcheck::BugCheck;
use crate::bus::Bus;
use crate::clock::Clock;
use crate::dpc::Dpcs;
use crate::etw::Etw;
use crate::inside;
use crate::interrupt::Interrupts;
use crate::irql::Irql;
use crate::lock::Locks;
use crate::memory::Memory;
use crate::pool::Pool;
use crate::process::Process;
use crate::random::Random;
use crate::timer::Timers;
use crate::trace::{Event, Record, Trace};
use crate::violation::{Rule, Violation};
use crate::work_item::WorkItems;

/// What a simulated machine takes its time with and where it may be disturbed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Feeds every random choice (timer lateness, jitter).
    pub seed: u64,
    /// 100 ns that one port access takes (an ISA cycle is about a microsecond).
    pub port_cost: u64,
    /// 100 ns from an interrupt to its service routine.
    pub interrupt_cost: u64,
    /// 100 ns from the end of a service routine to the next call for a level-triggered line that is
    /// still asserted: what an interrupt controller needs to notice, and all that the processor has
    /// for anything else while a line is stuck.
    pub redelivery: u64,
    /// The greatest lateness of a worker thread, in 100 ns.
    pub work_item_latency: u64,
    /// The greatest lateness of a high-resolution timer, in 100 ns.
    pub high_resolution_lateness: u64,
    /// The period of the clock interrupt that ordinary timers wait for, in 100 ns.
    pub tick: u64,
    /// Give every pool block its own pages with an inaccessible one behind it.
    pub special_pool: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0x0000_D1CE_F00D,
            port_cost: 10,
            interrupt_cost: 20,
            redelivery: 10,
            work_item_latency: 10_000,
            high_resolution_lateness: 10_000,
            tick: 156_250,
            special_pool: false,
        }
    }
}

/// The longest times that the driver kept the processor to itself, in 100 ns of virtual time.
///
/// What it waited for counts (ports, stalls); its own instructions take no virtual time. Interrupts
/// that come in between count for what they interrupted, as they would on a real machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretches {
    /// The longest run of one DPC or timer routine.
    pub dpc: u64,
    /// The longest run of the service routines of one interrupt.
    pub interrupt: u64,
    /// The longest time that a spin lock was held.
    pub lock: u64,
    /// The longest call of the driver by the system at DISPATCH_LEVEL.
    pub call: u64,
}

/// A place where a scenario may disturb the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before a byte is read from this port.
    PortRead(u16),
    /// Before a byte is written to this port.
    PortWrite(u16),
    /// At the entry of this import.
    Import(&'static str),
}

/// A scenario's disturbance, called at every [`Point`].
pub type Injector = Box<dyn FnMut(&Kernel, Point)>;

/// Where a loaded image lies.
#[derive(Clone, Debug)]
pub struct ImageRange {
    /// Its addresses.
    pub addresses: Range<usize>,
    /// The table of functions with unwind information, as offsets from the base.
    pub functions: Range<usize>,
}

/// The simulated kernel. See the module text.
pub struct Kernel {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) level: Cell<Irql>,
    pub(crate) locks: Locks,
    pub(crate) dpcs: Dpcs,
    pub(crate) timers: Timers,
    pub(crate) work_items: WorkItems,
    pub(crate) interrupts: Interrupts,
    pub(crate) bus: Bus,
    pub(crate) bugcheck: RefCell<Option<BugCheck>>,
    pub(crate) random: Random,
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) images: RefCell<Vec<ImageRange>>,
    /// Set while no import may count as a call of the driver (host code running).
    pub(crate) dead: Cell<bool>,
    pub(crate) depth: Cell<u32>,
    stretches: Cell<Stretches>,
    pool: Pool,
    memory: Memory,
    etw: Etw,
    trace: Trace,
    violations: RefCell<Vec<Violation>>,
    calls: RefCell<BTreeMap<&'static str, u64>>,
    injector: RefCell<Option<Injector>>,
    client_32_bit: Cell<bool>,
    pub(crate) process: Cell<Process>,
    idle_calls: Cell<u64>,
}

impl Kernel {
    pub(crate) fn new(options: Options) -> Self {
        dmusmini::irql::check::install(check_assumption);
        Self {
            clock: Clock::new(),
            level: Cell::new(Irql::PASSIVE),
            locks: Locks::default(),
            dpcs: Dpcs::default(),
            timers: Timers::default(),
            work_items: WorkItems::default(),
            interrupts: Interrupts::default(),
            bus: Bus::default(),
            bugcheck: RefCell::default(),
            random: Random::new(options.seed),
            #[cfg(all(target_os = "linux", not(miri)))]
            images: RefCell::default(),
            dead: Cell::new(false),
            depth: Cell::new(0),
            stretches: Cell::default(),
            pool: Pool::new(options.special_pool),
            memory: Memory::default(),
            etw: Etw::default(),
            trace: Trace::new(),
            violations: RefCell::default(),
            calls: RefCell::default(),
            injector: RefCell::default(),
            client_32_bit: Cell::new(false),
            process: Cell::new(Process::FIRST),
            idle_calls: Cell::new(0),
            options,
        }
    }

    /// The pool: who allocated what, and the switches that make it fail.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// User-mode address space and memory descriptor lists.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Event tracing: providers and what they wrote.
    pub fn etw(&self) -> &Etw {
        &self.etw
    }

    /// What drivers have handed to worker threads.
    pub fn work_items(&self) -> &WorkItems {
        &self.work_items
    }

    /// What happened lately.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The machine's generator of chance.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Says whether the requests that follow come from a 32-bit program.
    pub fn set_client_32_bit(&self, yes: bool) {
        self.client_32_bit.set(yes);
    }

    pub(crate) fn is_client_32_bit(&self) -> bool {
        self.client_32_bit.get()
    }

    /// The longest times that the driver kept the processor to itself so far.
    pub fn stretches(&self) -> Stretches {
        self.stretches.get()
    }

    /// Notes that something took from `start` until now.
    pub(crate) fn stretch(&self, start: u64, which: impl FnOnce(&mut Stretches) -> &mut u64) {
        let mut stretches = self.stretches.get();
        let longest = which(&mut stretches);
        *longest = (*longest).max(self.now() - start);
        self.stretches.set(stretches);
    }

    /// Writes a line of the scenario's own into the trace.
    pub fn note(&self, text: impl Into<String>) {
        self.record(Event::Note(text.into()));
    }

    /// How often the driver called the import `name`.
    pub fn calls(&self, name: &str) -> u64 {
        self.calls.borrow().get(name).copied().unwrap_or(0)
    }

    /// The breaches recorded so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.violations.borrow().clone()
    }

    /// Hands out the breaches recorded so far and forgets them: for tests of the rules themselves.
    pub fn take_violations(&self) -> Vec<Violation> {
        self.violations.take()
    }

    /// Records a breach of `rule`, noticed in `at`.
    pub fn violate(&self, rule: Rule, at: &'static str, detail: impl Into<String>) {
        let violation = Violation {
            rule,
            at,
            irql: self.irql(),
            time: self.now(),
            detail: detail.into(),
        };
        self.record(Event::Violation(violation.to_string()));
        let mut violations = self.violations.borrow_mut();
        // The first breach explains the thousandth.
        if violations.len() < MOST_VIOLATIONS {
            violations.push(violation);
        }
    }

    /// Sets the disturbance that is called at every injection point.
    pub fn inject(&self, injector: impl FnMut(&Kernel, Point) + 'static) {
        *self.injector.borrow_mut() = Some(Box::new(injector));
    }

    /// Removes the disturbance.
    pub fn inject_nothing(&self) {
        self.injector.take();
    }

    pub(crate) fn disturb(&self, point: Point) {
        // Taken out while it runs: what it causes is not disturbed again.
        let Some(mut injector) = self.injector.take() else {
            return;
        };
        injector(self, point);
        let mut slot = self.injector.borrow_mut();
        if slot.is_none() {
            *slot = Some(injector);
        }
        drop(slot);
        self.deliver();
    }

    pub(crate) fn record(&self, event: Event) {
        self.trace.push(Record {
            time: self.now(),
            irql: self.irql(),
            event,
        });
    }

    /// Books a call of the import `name`, which is documented for levels up to `max`.
    pub(crate) fn on_import(&self, name: &'static str, max: Irql) {
        *self.calls.borrow_mut().entry(name).or_insert(0) += 1;
        self.record(Event::Import(name));
        self.require_at_most(max, name);
        self.watch_progress(name);
        self.disturb(Point::Import(name));
    }

    /// Records a breach when the level is above `max`.
    pub fn require_at_most(&self, max: Irql, at: &'static str) {
        if self.irql() > max {
            self.violate(Rule::IrqlTooHigh, at, format!("the limit is {max}"));
        }
    }

    /// Records a breach when the level is below `min`.
    pub fn require_at_least(&self, min: Irql, at: &'static str) {
        if self.irql() < min {
            self.violate(Rule::IrqlTooLow, at, format!("at least {min} is required"));
        }
    }

    /// Notices a driver that spins on something that only the passing of time can change.
    fn watch_progress(&self, name: &'static str) {
        let stamp = self.clock.generation();
        let calls = self.idle_calls.get() + 1;
        if self.clock.seen.replace(stamp) == stamp {
            self.idle_calls.set(calls);
        } else {
            self.idle_calls.set(0);
        }
        if calls == MOST_IDLE_CALLS && self.depth.get() > 0 {
            self.violate(
                Rule::NoProgress,
                name,
                format!("{calls} imports called while the clock stood still"),
            );
            // Let time creep on, so that a spin on a clock ends.
            self.idle_calls.set(0);
            self.pass(10_000);
        }
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel")
            .field("now", &self.now())
            .field("irql", &self.irql())
            .field("violations", &self.violations.borrow().len())
            .finish_non_exhaustive()
    }
}

/// Compares what natively built driver code, or one of our COM objects that it calls, takes the
/// level to be with what it is.
fn check_assumption(highest: u8) {
    if inside::is_inside()
        && let Some(kernel) = existing()
        && kernel.irql() > Irql(highest)
    {
        inside::outside(|| {
            let detail = format!("the code is written for {} or lower", Irql(highest));
            kernel.violate(Rule::IrqlTooHigh, "the entry of a routine", detail);
        });
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Kernel>>> = const { RefCell::new(None) };
}

/// The kernel that runs on this thread.
///
/// A thread without a [`Machine`](crate::machine::Machine) gets an ambient kernel, whose breaches
/// nobody asserts on: enough for a unit test that only wants pool from it.
pub fn current() -> Rc<Kernel> {
    CURRENT.with(|slot| {
        Rc::clone(
            slot.borrow_mut()
                .get_or_insert_with(|| Rc::new(Kernel::new(Options::default()))),
        )
    })
}

/// Makes `kernel` the one of this thread and returns the one before.
pub(crate) fn install(kernel: Option<Rc<Kernel>>) -> Option<Rc<Kernel>> {
    CURRENT.with(|slot| slot.replace(kernel))
}

/// The kernel that runs on this thread, if there is one and the thread is not ending.
pub(crate) fn existing() -> Option<Rc<Kernel>> {
    CURRENT
        .try_with(|slot| slot.try_borrow().ok().and_then(|k| k.clone()))
        .ok()
        .flatten()
}

/// The kernel of this thread without a share in it: for code that may not come back to drop one.
///
/// # Safety
///
/// The result is used only while the machine of this thread is on, as it is while driver code runs.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) unsafe fn unowned() -> Option<&'static Kernel> {
    let kernel = existing()?;
    let kernel: *const Kernel = &raw const *kernel;
    // SAFETY: promised by the caller.
    Some(unsafe { &*kernel })
}

const MOST_VIOLATIONS: usize = 1_000;
/// Fewer under Miri, which takes its time.
const MOST_IDLE_CALLS: u64 = if cfg!(miri) { 2_000 } else { 2_000_000 };
