//! From unknown state to UART mode, as a state machine of short polls.
//!
//! Follows mpu401.md section 2. Each [`Handshake::poll`] runs under the interrupt lock for a few
//! register accesses; the caller waits [`spec::POLL_MICROSECONDS`] between two polls at PASSIVE
//! with the lock open. So the handshake costs no time at device IRQL, a level interrupt that
//! fires in the middle of it is served (a routine that merely declined would be called again for
//! ever), and it ends within [`spec::HANDSHAKE_POLLS`] polls whatever the chip does.
#![forbid(unsafe_code)]

use super::spec::{self, Command};
use super::{Mode, Mpu401, PortIo};

/// What to do after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Poll again [`spec::POLL_MICROSECONDS`] from now.
    Wait,
    /// The chip is in UART mode.
    Ready(Entry),
    /// There is no working chip.
    Failed(HandshakeError),
}

/// How the chip got to UART mode; for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first reset was answered: the chip was not in UART mode.
    pub first_reset_acknowledged: bool,
    /// The mode command was answered; some chips never do.
    pub mode_acknowledged: bool,
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
    /// Polls spent in this step.
    waited: u32,
    /// Polls spent altogether.
    polls: u32,
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
        Self::new()
    }
}

impl Handshake {
    /// A handshake that has not touched the chip yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            step: Step::Flush,
            waited: 0,
            polls: 0,
            flushed: 0,
            entry: Entry {
                first_reset_acknowledged: false,
                mode_acknowledged: false,
            },
        }
    }

    /// One look at the chip and what follows from it; under the interrupt lock.
    pub fn poll<P: PortIo>(&mut self, chip: &mut Mpu401<P>) -> Progress {
        match chip.mode {
            Mode::Gone => return Progress::Failed(HandshakeError::Removed),
            Mode::Handshake { .. } => {}
            Mode::Closed | Mode::Failed | Mode::Uart => {
                chip.mode = Mode::Handshake {
                    acknowledged: false,
                };
            }
        }
        let progress = if self.polls >= spec::HANDSHAKE_POLLS {
            Progress::Failed(HandshakeError::NotReady)
        } else {
            self.polls = self.polls.saturating_add(1);
            self.advance(chip)
        };
        match progress {
            Progress::Wait => {}
            Progress::Ready(_) => chip.mode = Mode::Uart,
            Progress::Failed(_) => chip.mode = Mode::Failed,
        }
        progress
    }

    fn advance<P: PortIo>(&mut self, chip: &mut Mpu401<P>) -> Progress {
        match self.step {
            Step::Flush => self.flush(chip),
            Step::Give(order) => self.give(order, chip),
            Step::Answer(order) => self.answer(order, chip),
        }
    }

    fn flush<P: PortIo>(&mut self, chip: &mut Mpu401<P>) -> Progress {
        if chip.status().floats() {
            return self.wait_or(Progress::Failed(HandshakeError::Absent));
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
        Progress::Wait
    }

    fn give<P: PortIo>(&mut self, order: Order, chip: &mut Mpu401<P>) -> Progress {
        // Unread data may keep a chip from taking anything (mpu401.md section 3), and bytes from
        // before the command must not be taken for its answer.
        chip.drain(spec::DRAIN_LIMIT, |_| {});
        if !chip.status().takes_data() {
            return self.wait_or(Progress::Failed(HandshakeError::NotReady));
        }
        chip.command(match order {
            Order::UartMode => Command::EnterUartMode,
            Order::FirstReset | Order::SecondReset | Order::ThirdReset => Command::Reset,
        });
        self.go(Step::Answer(order))
    }

    fn answer<P: PortIo>(&mut self, order: Order, chip: &mut Mpu401<P>) -> Progress {
        chip.drain(spec::DRAIN_LIMIT, |_| {});
        let acknowledged = chip.mode == Mode::Handshake { acknowledged: true };
        if !acknowledged && self.waited < spec::WAIT_POLLS {
            self.waited = self.waited.saturating_add(1);
            return Progress::Wait;
        }
        match order {
            Order::FirstReset => {
                self.entry.first_reset_acknowledged = acknowledged;
                self.go(Step::Give(Order::SecondReset))
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

    fn go(&mut self, step: Step) -> Progress {
        self.step = step;
        self.waited = 0;
        Progress::Wait
    }

    fn wait_or(&mut self, timed_out: Progress) -> Progress {
        if self.waited >= spec::WAIT_POLLS {
            return timed_out;
        }
        self.waited = self.waited.saturating_add(1);
        Progress::Wait
    }
}

/// Runs a whole handshake where no interrupt can interfere; `stall` waits the given microseconds.
///
/// # Errors
///
/// What the chip did wrong; after at most [`spec::HANDSHAKE_POLLS`] stalls.
pub fn run<P: PortIo>(
    chip: &mut Mpu401<P>,
    mut stall: impl FnMut(u32),
) -> Result<Entry, HandshakeError> {
    let mut handshake = Handshake::new();
    loop {
        match handshake.poll(chip) {
            Progress::Wait => stall(spec::POLL_MICROSECONDS),
            Progress::Ready(entry) => return Ok(entry),
            Progress::Failed(error) => return Err(error),
        }
    }
}
