//! The interrupt request level as a type.
//!
//! A thunk knows the documented IRQL of its method and makes one token for it; everything below
//! takes the token along. The token is neither `Copy` nor `Send`: raising the level hands a *new*
//! token to a closure while the old one is mutably borrowed, so work that needs PASSIVE level does
//! not compile inside a spin lock, not even through a captured token.
//!
//! [`Locked`] is DISPATCH level with a lock held. Foreign COM methods ask for [`Dispatch`] or less,
//! so the law "no foreign call while holding a lock" is checked by the compiler; methods that are
//! documented for any level (`IPortDMus::Notify`, `IMasterClock::GetTime`, the interrupt object's
//! synchronise) ask for [`Device`] and may be called.
//!
//! ```compile_fail,E0277
//! # use dmusmini::irql::{AtMost, Irql, Locked, Passive};
//! fn paged_work<L: AtMost<Passive>>(_: &Irql<L>) {}
//! fn under_a_lock(irql: &mut Irql<Locked>) {
//!     paged_work(irql); // a lock is held: not PASSIVE
//! }
//! ```
//!
//! ```compile_fail,E0502
//! # use dmusmini::irql::{Irql, Passive};
//! # use dmusmini::kernel::spinlock::SpinLock;
//! fn paged_work(_: &Irql<Passive>) {}
//! fn captured(irql: &mut Irql<Passive>, lock: &SpinLock<u32>) {
//!     lock.with(irql, |_, _| paged_work(irql)); // the outer token is borrowed meanwhile
//! }
//! ```
//!
//! ```compile_fail,E0277
//! # use dmusmini::com::ComRef;
//! # use dmusmini::irql::{Dispatch, Irql};
//! # use dmusmini::kernel::spinlock::SpinLock;
//! # use dmusmini::portcls::interfaces::IMxf;
//! fn foreign(irql: &mut Irql<Dispatch>, lock: &SpinLock<u32>, sink: &ComRef<IMxf>) {
//!     lock.with(irql, |_, irql| sink.put_message(irql, None)); // a foreign call under a lock
//! }
//! ```
//!
//! ```compile_fail,E0277
//! # use dmusmini::irql::{Device, Irql};
//! # use dmusmini::kernel::spinlock::SpinLock;
//! fn from_the_service_routine(irql: &mut Irql<Device>, lock: &SpinLock<u32>) {
//!     lock.with(irql, |_, _| ()); // a spin lock above DISPATCH
//! }
//! ```
#![expect(unsafe_code, reason = "making a token out of nothing is a promise")]

use core::marker::PhantomData;

/// PASSIVE_LEVEL: may wait, allocate and touch paged memory.
#[derive(Debug)]
pub enum Passive {}

/// DISPATCH_LEVEL or below, no lock of ours held.
#[derive(Debug)]
pub enum Dispatch {}

/// DISPATCH_LEVEL with one of our spin locks held.
#[derive(Debug)]
pub enum Locked {}

/// Any level up to that of the device's interrupt.
#[derive(Debug)]
pub enum Device {}

/// A level's number, for the check that a simulated kernel makes of every new token.
pub trait Level {
    /// The highest IRQL that the level stands for.
    const HIGHEST: u8;
}

impl Level for Passive {
    const HIGHEST: u8 = 0;
}

impl Level for Dispatch {
    const HIGHEST: u8 = 2;
}

impl Level for Locked {
    const HIGHEST: u8 = 2;
}

impl Level for Device {
    /// Device levels end below the clock's.
    const HIGHEST: u8 = 12;
}

/// `Self` is a level at which code written for level `L` may run.
///
/// # Safety
///
/// Implemented only when the levels are so ordered.
pub unsafe trait AtMost<L> {}

// SAFETY: equal levels.
unsafe impl AtMost<Self> for Passive {}
// SAFETY: PASSIVE is below DISPATCH.
unsafe impl AtMost<Dispatch> for Passive {}
// SAFETY: PASSIVE is below DIRQL.
unsafe impl AtMost<Device> for Passive {}
// SAFETY: equal levels.
unsafe impl AtMost<Self> for Dispatch {}
// SAFETY: DISPATCH is below DIRQL.
unsafe impl AtMost<Device> for Dispatch {}
// SAFETY: what may run at DISPATCH with a lock held may run below it without one.
unsafe impl AtMost<Locked> for Passive {}
// SAFETY: as above.
unsafe impl AtMost<Locked> for Dispatch {}
// SAFETY: equal levels.
unsafe impl AtMost<Self> for Locked {}
// SAFETY: DISPATCH is below DIRQL, and what runs at any level takes no lock of ours.
unsafe impl AtMost<Device> for Locked {}
// SAFETY: equal levels.
unsafe impl AtMost<Self> for Device {}

/// The evidence that the current processor runs at level `L` (or lower).
#[derive(Debug)]
pub struct Irql<L> {
    /// Not `Send`: a level belongs to the processor it was seen on.
    level: PhantomData<*mut L>,
}

impl<L: Level> Irql<L> {
    /// Makes a token.
    ///
    /// # Safety
    ///
    /// The current IRQL is at most `L`, and stays so while the token lives.
    #[must_use]
    #[inline]
    pub unsafe fn assume() -> Self {
        #[cfg(not(target_env = "msvc"))]
        check::assumed(L::HIGHEST);
        Self { level: PhantomData }
    }
}

impl<L> Irql<L> {
    /// The same evidence under a weaker name, for as long as this token is borrowed.
    pub fn as_at_most<M>(&mut self) -> Lifted<'_, M>
    where
        L: AtMost<M>,
    {
        Lifted {
            token: Irql { level: PhantomData },
            source: PhantomData,
        }
    }
}

/// A token for a higher level, borrowed from one for a lower level.
#[derive(Debug)]
pub struct Lifted<'a, M> {
    token: Irql<M>,
    source: PhantomData<&'a mut M>,
}

impl<M> core::ops::Deref for Lifted<'_, M> {
    type Target = Irql<M>;

    fn deref(&self) -> &Irql<M> {
        &self.token
    }
}

impl<M> core::ops::DerefMut for Lifted<'_, M> {
    fn deref_mut(&mut self) -> &mut Irql<M> {
        &mut self.token
    }
}

/// On a host, a simulated kernel looks at every assumption.
#[cfg(not(target_env = "msvc"))]
pub mod check {
    use std::sync::OnceLock;

    static CHECK: OnceLock<fn(u8)> = OnceLock::new();

    /// Has `check` called with the level of every token that is made from now on, in any thread.
    /// The first one stays.
    pub fn install(check: fn(u8)) {
        CHECK.get_or_init(|| check);
    }

    pub(super) fn assumed(highest: u8) {
        if let Some(check) = CHECK.get() {
            check(highest);
        }
    }
}
