//! From unknown state to UART mode, as a state machine of short polls.
//!
//! Follows mpu401.md section 2. Each [`Handshake::poll`] runs under the interrupt lock for a few
//! register accesses; the caller waits between two polls at PASSIVE with the lock open, as
//! [`Pause`] says. So the handshake costs no time at device IRQL, a level interrupt that fires in the
//! middle of it is served (a routine that merely declined would be called again for ever), and it ends
//! within [`spec::HANDSHAKE_TIME`] and one pause whatever the chip does.
//!
//! **A chip that never acknowledges.** Nothing tells it from a broken one, so it is refused, unless the
//! registry says that it is to be taken ([`Handshake::new`]): two resets without an answer, then the
//! mode command, whose answer is not waited for either. What floats, or is never ready, is refused all
//! the same.
#![forbid(unsafe_code)]

use super::spec::{self, Command};
use super::{Mode, Mpu401, PortIo};
use crate::time::RefTime;

/// What to do after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Poll again after this pause.
    Wait(Pause),
    /// The chip is in UART mode.
    Ready(Entry),
    /// There is no working chip.
    Failed(HandshakeError),
}

/// How long to wait until the next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// [`spec::POLL_MICROSECONDS`], standing still: most chips answer by then.
    Moment,
    /// [`spec::POLL_SLEEP`], or a little longer, asleep.
    Sleep,
}

impl Pause {
    /// How long that is at least.
    #[must_use]
    pub fn time(self) -> RefTime {
        match self {
            Self::Moment => RefTime(i64::from(spec::POLL_MICROSECONDS).saturating_mul(10)),
            Self::Sleep => spec::POLL_SLEEP,
        }
    }
}

/// How the chip got to UART mode; for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first reset was answered: the chip was not in UART mode.
    pub first_reset_acknowledged: bool,
    /// The mode command was answered; some chips never do.
    pub mode_acknowledged: bool,
    /// No command was answered, and the chip is taken all the same.
    pub assumed: bool,
}

/// Why there is no working chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The status register floated high for 50 ms.
    Absent,
    /// The chip did not become ready for a command.
    NotReady,
    /// Data to read without an end.
    StuckData,
    /// Two resets in a row went unanswered by a chip that could not have been in UART mode.
    NoAnswer,
    /// The device was removed.
    Removed,
}

/// The state of a handshake.
#[derive(Clone, Copy, Debug)]
pub struct Handshake {
    step: Step,
    /// When this step's first poll was, and how many there were.
    since: Option<RefTime>,
    waited: u32,
    /// When the first poll was.
    started: Option<RefTime>,
    /// A chip that never acknowledges is to be taken.
    assume: bool,
    /// Stale bytes thrown away in the first step.
    flushed: u32,
    entry: Entry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Is anybody there? Throw away what was received for the last owner.
    Flush,
    /// Wait until the chip takes a command, then give it.
    Give(Order),
    /// Wait for the answer.
    Answer(Order),
}

/// The commands in their order. The first reset may meet a chip in UART mode, which obeys without
/// an answer; one of the next two must be answered (two, so that one lost answer is no failure).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    FirstReset,
    SecondReset,
    ThirdReset,
    UartMode,
}

impl Default for Handshake {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Handshake {
    /// A handshake that has not touched the chip yet. `assume` says to take a chip that never
    /// acknowledges.
    #[must_use]
    pub const fn new(assume: bool) -> Self {
        Self {
            step: Step::Flush,
            since: None,
            waited: 0,
            started: None,
            assume,
            flushed: 0,
            entry: Entry {
                first_reset_acknowledged: false,
                mode_acknowledged: false,
                assumed: false,
            },
        }
    }

    /// One look at the chip and what follows from it; under the interrupt lock. `now` is any steady
    /// clock's time.
    pub fn poll<P: PortIo>(&mut self, chip: &mut Mpu401<P>, now: RefTime) -> Progress {
        match chip.mode {
            Mode::Gone => return Progress::Failed(HandshakeError::Removed),
            Mode::Handshake { .. } => {}
            Mode::Closed | Mode::Failed | Mode::Uart => {
                chip.mode = Mode::Handshake {
                    acknowledged: false,
                };
            }
        }
        let started = *self.started.get_or_insert(now);
        self.since.get_or_insert(now);
        let mut progress = self.advance(chip, now);
        // After the look, which may have been worth it: a sleep may have been a long one.
        let late = now.0.saturating_sub(started.0) >= spec::HANDSHAKE_TIME.0;
        if late && matches!(progress, Progress::Wait(_)) {
            progress = Progress::Failed(HandshakeError::NotReady);
        }
        match progress {
            Progress::Wait(_) => {}
            Progress::Ready(_) => chip.mode = Mode::Uart,
            Progress::Failed(_) => chip.mode = Mode::Failed,
        }
        progress
    }

    fn advance<P: PortIo>(&mut self, chip: &mut Mpu401<P>, now: RefTime) -> Progress {
        match self.step {
            Step::Flush => self.flush(chip, now),
            Step::Give(order) => self.give(order, chip, now),
            Step::Answer(order) => self.answer(order, chip, now),
        }
    }

    fn flush<P: PortIo>(&mut self, chip: &mut Mpu401<P>, now: RefTime) -> Progress {
        if chip.status().floats() {
            return self.wait_or(now, Progress::Failed(HandshakeError::Absent));
        }
        let drained = chip.drain(spec::DRAIN_LIMIT, |_| {});
        let taken = u32::try_from(drained.taken).unwrap_or(u32::MAX);
        self.flushed = self.flushed.saturating_add(taken);
        if !drained.cut_short {
            return self.go(Step::Give(Order::FirstReset));
        }
        if self.flushed >= spec::FLUSH_LIMIT {
            return Progress::Failed(HandshakeError::StuckData);
        }
        Progress::Wait(Pause::Moment)
    }

    fn give<P: PortIo>(&mut self, order: Order, chip: &mut Mpu401<P>, now: RefTime) -> Progress {
        // Unread data may keep a chip from taking anything (mpu401.md section 3), and bytes from
        // before the command must not be taken for its answer.
        chip.drain(spec::DRAIN_LIMIT, |_| {});
        if !chip.status().takes_data() {
            return self.wait_or(now, Progress::Failed(HandshakeError::NotReady));
        }
        chip.command(match order {
            Order::UartMode => Command::EnterUartMode,
            Order::FirstReset | Order::SecondReset | Order::ThirdReset => Command::Reset,
        });
        self.go(Step::Answer(order))
    }

    fn answer<P: PortIo>(&mut self, order: Order, chip: &mut Mpu401<P>, now: RefTime) -> Progress {
        chip.drain(spec::DRAIN_LIMIT, |_| {});
        let acknowledged = chip.mode == Mode::Handshake { acknowledged: true };
        if !acknowledged
            && !self.entry.assumed
            && let Some(pause) = self.pause(now)
        {
            return Progress::Wait(pause);
        }
        match order {
            Order::FirstReset => {
                self.entry.first_reset_acknowledged = acknowledged;
                self.go(Step::Give(Order::SecondReset))
            }
            Order::SecondReset
                if !acknowledged && self.assume && !self.entry.first_reset_acknowledged =>
            {
                self.entry.assumed = true;
                self.go(Step::Give(Order::UartMode))
            }
            Order::SecondReset if !acknowledged => self.go(Step::Give(Order::ThirdReset)),
            Order::ThirdReset if !acknowledged => Progress::Failed(HandshakeError::NoAnswer),
            Order::SecondReset | Order::ThirdReset => self.go(Step::Give(Order::UartMode)),
            Order::UartMode => {
                self.entry.mode_acknowledged = acknowledged;
                Progress::Ready(self.entry)
            }
        }
    }

    const fn go(&mut self, step: Step) -> Progress {
        self.step = step;
        self.since = None;
        self.waited = 0;
        Progress::Wait(Pause::Moment)
    }

    fn wait_or(&mut self, now: RefTime, timed_out: Progress) -> Progress {
        self.pause(now).map_or(timed_out, Progress::Wait)
    }

    /// The pause before the next poll of this step; none once it took [`spec::WAIT`].
    fn pause(&mut self, now: RefTime) -> Option<Pause> {
        let since = *self.since.get_or_insert(now);
        if now.0.saturating_sub(since.0) >= spec::WAIT.0 {
            return None;
        }
        self.waited = self.waited.saturating_add(1);
        Some(if self.waited < spec::FAST_POLLS {
            Pause::Moment
        } else {
            Pause::Sleep
        })
    }
}

/// Runs a whole handshake where no interrupt can interfere; `stall` waits the given microseconds.
///
/// # Errors
///
/// What the chip did wrong; after at most [`spec::HANDSHAKE_TIME`] and one pause.
pub fn run<P: PortIo>(
    chip: &mut Mpu401<P>,
    mut stall: impl FnMut(u32),
) -> Result<Entry, HandshakeError> {
    let mut handshake = Handshake::new(false);
    let mut now = RefTime(0);
    loop {
        match handshake.poll(chip, now) {
            Progress::Wait(pause) => {
                let wait = pause.time();
                now = RefTime(now.0.saturating_add(wait.0));
                stall(u32::try_from(wait.0).unwrap_or(0) / 10);
            }
            Progress::Ready(entry) => return Ok(entry),
            Progress::Failed(error) => return Err(error),
        }
    }
}
