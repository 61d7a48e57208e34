//! What the driver did that Windows forbids: the rules, and the record of each breach.
//!
//! The rules are those that Driver Verifier, or a crash, would show on a real machine. A breach never
//! stops the scenario by itself; it is recorded with the import that saw it and fails the scenario at
//! its end, so that one run shows them all.

use std::fmt;

use crate::irql::Irql;

/// A rule of the kernel's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A function was called above the level its documentation allows.
    IrqlTooHigh,
    /// A function was called below the level its documentation requires.
    IrqlTooLow,
    /// A level was raised downwards or lowered upwards.
    IrqlWrongDirection,
    /// A driver routine came back at another level than it was called at.
    IrqlNotRestored,
    /// The driver went to sleep at a level, or in a state, where nothing would wake it.
    WaitForever,
    /// More than 50 us of busy waiting, or any at all above DISPATCH_LEVEL.
    StallTooLong,
    /// A lock was taken twice by its holder: a deadlock on a real machine.
    LockRecursion,
    /// A lock was released that nobody holds.
    LockNotHeld,
    /// A lock was released at, or to, another level than it was taken at.
    LockReleasedAtWrongLevel,
    /// Locks were released in another order than the reverse of their taking.
    LockOrder,
    /// A driver routine, or the scenario, ended with a lock held.
    LockLeft,
    /// Pool was allocated or freed above DISPATCH_LEVEL.
    PoolAboveDispatch,
    /// Pageable pool was touched at or above DISPATCH_LEVEL.
    PagedAtDispatch,
    /// An allocation without a tag, without a size or with impossible flags.
    PoolRequest,
    /// A block was freed twice.
    DoubleFree,
    /// A block was freed under another tag than it was allocated with.
    FreeWithWrongTag,
    /// An address was freed that no allocation returned.
    FreeOfUnknown,
    /// Bytes just outside a block were written.
    Overrun,
    /// A block was written after it was freed.
    WriteAfterFree,
    /// Blocks were still allocated when the scenario ended.
    Leak,
    /// Pool was allocated where the scenario forbade it (rendering, service routines).
    AllocationForbidden,
    /// A timer was freed, initialised or deleted while it was armed.
    TimerArmed,
    /// A timer or DPC was used before it was initialised.
    NotInitialized,
    /// A DPC was freed or initialised while it was queued.
    DpcQueued,
    /// A work item was queued twice, or freed while it was queued.
    WorkItemQueued,
    /// An interrupt was still connected when the scenario, or the image, ended.
    InterruptLeft,
    /// A level-triggered line stayed asserted though every routine had its turn.
    InterruptUnclaimed,
    /// A port was accessed that no device answers.
    PortUnclaimed,
    /// An MDL was used in the wrong order, twice, or not at all.
    MdlMisuse,
    /// An object, registration or handle was still there when the scenario ended.
    ObjectLeft,
    /// An instruction or address that the simulated machine does not have.
    UnsupportedInstruction,
    /// An argument that the documentation excludes.
    BadArgument,
    /// The system stopped.
    BugCheck,
    /// Simulated time stood still for too many calls.
    NoProgress,
    /// An object was released more often than it was referenced, or the reverse.
    Reference,
    /// A COM or port-driver contract was broken (reported by the PortCls model).
    Contract,
}

/// One breach of a [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What was broken.
    pub rule: Rule,
    /// The import, or the moment, that noticed it.
    pub at: &'static str,
    /// The level at that moment.
    pub irql: Irql,
    /// The time at that moment, in 100 ns since power-on.
    pub time: u64,
    /// Which object, which numbers.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} in {} at {}, t = {}.{:04} ms: {}",
            self.rule,
            self.at,
            self.irql,
            self.time / 10_000,
            self.time % 10_000,
            self.detail
        )
    }
}
