//! Virtual time: it moves only when the scenario, or something the driver does, moves it.
//!
//! The unit is 100 ns since power-on. The page that a kernel shares with everyone
//! (KUSER_SHARED_DATA) is kept up to date at each tick, as a real clock interrupt would.

use std::cell::Cell;

use crate::irql::Irql;
use crate::kernel::Kernel;

/// 100 ns units in a microsecond.
pub const MICROSECOND: u64 = 10;
/// 100 ns units in a millisecond.
pub const MILLISECOND: u64 = 10_000;
/// 100 ns units in a second.
pub const SECOND: u64 = 10_000_000;
/// What the performance counter counts in a second; as on current Windows.
pub const COUNTER_FREQUENCY: i64 = 10_000_000;

/// The clock and the page it writes.
#[derive(Debug)]
pub struct Clock {
    now: Cell<u64>,
    shared: *mut SharedPage,
    generation: Cell<u64>,
    pub(crate) seen: Cell<u64>,
}

/// A page in the layout of KUSER_SHARED_DATA, of which the clocks are filled in.
#[repr(C, align(4096))]
pub(crate) struct SharedPage([u32; 1024]);

impl Clock {
    pub(crate) fn new() -> Self {
        let clock = Self {
            now: Cell::new(POWER_ON),
            // Kept as a raw pointer: the driver reads the page behind our back.
            shared: Box::into_raw(Box::new(SharedPage([0; 1024]))),
            generation: Cell::new(0),
            seen: Cell::new(0),
        };
        clock.put(0x04, 0x0FA0_0000);
        clock.put(0x26C, 10);
        clock.put(0x300, 10_000_000);
        clock.publish(POWER_ON);
        clock
    }

    /// Where the page that stands in for `0xFFFFF780_00000000` is.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn shared_page(&self) -> *mut u8 {
        self.shared.cast()
    }

    /// Changes whenever time moves.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    fn set(&self, now: u64, tick: u64) {
        let tick = tick.max(1);
        let before = self.now.replace(now);
        self.generation.set(self.generation.get() + 1);
        if before / tick != now / tick {
            self.publish(now / tick * tick);
        }
    }

    fn publish(&self, at: u64) {
        self.put_time(0x08, at);
        self.put_time(0x14, at + SYSTEM_TIME_AT_ZERO);
        self.put_time(0x320, at / 156_250);
    }

    /// Writes a KSYSTEM_TIME: readers compare the two high halves.
    fn put_time(&self, offset: usize, value: u64) {
        let low = u32::try_from(value & 0xFFFF_FFFF).unwrap_or(0);
        let high = u32::try_from(value >> 32).unwrap_or(0);
        self.put(offset + 8, high);
        self.put(offset, low);
        self.put(offset + 4, high);
    }

    fn put(&self, offset: usize, value: u32) {
        assert!(offset + 4 <= size_of::<SharedPage>());
        let field = self.shared.cast::<u32>().wrapping_add(offset / 4);
        // SAFETY: the field lies inside the page, which lives as long as `self`, and all offsets in
        // use are multiples of four.
        unsafe { field.write_volatile(value) };
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::into_raw` and nothing frees it before.
        drop(unsafe { Box::from_raw(self.shared) });
    }
}

impl Kernel {
    /// The time: 100 ns since power-on.
    pub fn now(&self) -> u64 {
        self.clock.now.get()
    }

    /// The system time: 100 ns since the year 1601.
    pub fn system_time(&self) -> u64 {
        self.now() + SYSTEM_TIME_AT_ZERO
    }

    /// Runs the machine for `duration` (100 ns): timers, devices, interrupts, DPCs, in their order.
    pub fn advance(&self, duration: u64) {
        self.advance_to(self.now() + duration);
    }

    /// Runs the machine until `end`. At PASSIVE_LEVEL, as an idle processor would.
    pub fn advance_to(&self, end: u64) {
        self.deliver();
        while self.now() < end {
            self.step_towards(end);
        }
        self.deliver();
    }

    /// Runs the machine until `done` says so or `limit` is reached; tells which.
    pub fn advance_until(&self, limit: u64, mut done: impl FnMut(&Kernel) -> bool) -> bool {
        self.deliver();
        loop {
            if done(self) {
                return true;
            }
            if self.now() >= limit {
                return false;
            }
            self.step_towards(limit);
        }
    }

    /// Lets `duration` pass while the driver is doing something at the current level.
    pub(crate) fn pass(&self, duration: u64) {
        let end = self.now() + duration;
        while self.now() < end {
            self.step_towards(end);
        }
    }

    /// Moves to the next moment at which anything happens, at most to `end`, and lets it happen.
    fn step_towards(&self, end: u64) {
        let now = self.now();
        let next = [
            self.timers.next_due(),
            self.bus.next_change(now),
            self.interrupts.next_redelivery(now),
            self.work_items.next_due().filter(|&due| due > now),
        ]
        .into_iter()
        .flatten()
        .fold(end, u64::min)
        .max(now);
        self.clock.set(next, self.options.tick);
        self.bus.advance(next);
        // The clock interrupts at a level above every device; what it may do at once is queue.
        if self.irql() < Irql::CLOCK {
            self.expire_timers();
        } else if next == now {
            // Held off: time must pass all the same.
            self.clock
                .set(end.min(now + MICROSECOND), self.options.tick);
        }
        self.deliver();
    }
}

/// The machine has been on for a second when a scenario begins, so that zero is never a time.
const POWER_ON: u64 = SECOND;
/// 2026-01-01 in 100 ns since 1601.
const SYSTEM_TIME_AT_ZERO: u64 = 134_116_992_000_000_000;
