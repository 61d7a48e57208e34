//! Who is at it: the process whose thread calls the driver.

use std::collections::BTreeMap;

use crate::kernel::Kernel;

/// A process. Two with one id are two all the same when they were created at different times: ids
/// are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// When it was created, in 100 ns.
    pub created: i64,
}

impl Process {
    /// What runs unless a scenario says otherwise.
    pub const FIRST: Self = Self::new(0x0B00);
    /// The process of the kernel's own threads.
    pub const SYSTEM: Self = Self::new(4);

    /// A process with this id, the first that has it.
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self { id, created: 1 }
    }
}

/// What the processes are charged for pool that was allocated with POOL_FLAG_USE_QUOTA.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    blocks: BTreeMap<usize, (Process, usize)>,
    limits: BTreeMap<Process, usize>,
}

impl Quotas {
    pub(crate) fn charged(&self, process: Process) -> usize {
        let of = self.blocks.values().filter(|(owner, _)| *owner == process);
        of.map(|(_, size)| size).sum()
    }

    pub(crate) fn limit(&mut self, process: Process, bytes: usize) {
        self.limits.insert(process, bytes);
    }

    /// Whether the process may have `size` bytes more.
    pub(crate) fn admits(&self, process: Process, size: usize) -> bool {
        let limit = self.limits.get(&process);
        limit.is_none_or(|&limit| self.charged(process).saturating_add(size) <= limit)
    }

    pub(crate) fn charge(&mut self, process: Process, address: usize, size: usize) {
        self.blocks.insert(address, (process, size));
    }

    pub(crate) fn uncharge(&mut self, address: usize) {
        self.blocks.remove(&address);
    }
}

impl Kernel {
    /// The process whose thread runs.
    pub fn process(&self) -> Process {
        self.process.get()
    }

    /// Switches to a thread of another process; returns the one before.
    pub fn set_process(&self, process: Process) -> Process {
        self.process.replace(process)
    }

    /// Does something in the context of a process.
    pub fn within<R>(&self, process: Process, work: impl FnOnce() -> R) -> R {
        let before = self.set_process(process);
        let result = work();
        self.set_process(before);
        result
    }
}
