//! The MPU-401 UART: the register protocol over a [`PortIo`], and the policies built on it.
//!
//! | module | what it is |
//! |---|---|
//! | [`spec`] | the datasheet: registers, bits, commands, times, limits |
//! | this one | [`Mpu401`]: the chip's modes, and one byte in or out without ever waiting |
//! | [`handshake`] | reset and UART mode as a state machine of short, bounded polls |
//! | [`receive`] | the service routine's half of capture: drain, stamp, store in the ring |
//! | [`capture`] | the stream's half: ring to whole messages (cooked) or to stamped chunks (raw) |
//! | [`transmit`] | what is sent next, when to come back, when to give up |
//! | [`sounding`] | what an instrument still sounds, and what silences it at a stop and before D3 |
//! | [`storm`] | when an interrupt is too much, and when it may come again |
//! | [`absence`] | when an interrupt that was promised does not come |
//! | [`duplex`] | chip and receiver together: what the interrupt lock guards |
//!
//! Follows mpu401.md. An [`Mpu401`] belongs to the interrupt lock (or, without an interrupt, to a
//! spin lock): every method is short enough for device IRQL, and none of them waits, allocates
//! or traces. What went wrong is a return value.
#![forbid(unsafe_code)]

pub mod absence;
pub mod capture;
pub mod duplex;
pub mod handshake;
#[cfg(all(test, loom))]
mod model;
pub mod receive;
pub mod sounding;
pub mod spec;
pub mod storm;
pub mod transmit;

use spec::{Command, Register, Status};

/// The two ports of one chip. Safe to call: whoever makes an implementation promises that the
/// ports are the chip's.
pub trait PortIo {
    /// Reads a register once.
    fn read(&mut self, register: Register) -> u8;
    /// Writes a register once.
    fn write(&mut self, register: Register, value: u8);
}

impl<P: PortIo + ?Sized> PortIo for &mut P {
    fn read(&mut self, register: Register) -> u8 {
        (**self).read(register)
    }

    fn write(&mut self, register: Register, value: u8) {
        (**self).write(register, value);
    }
}

/// What the driver may do with the chip at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not initialised, or powered down: nothing is read or written.
    #[default]
    Closed,
    /// A [`handshake::Handshake`] is under way; received bytes are looked at for its answer only.
    Handshake {
        /// An [`spec::ACKNOWLEDGE`] has been read since the last command.
        acknowledged: bool,
    },
    /// The last handshake failed: what comes is thrown away, and nothing will be sent before the next.
    Failed,
    /// Bytes pass both ways.
    Uart,
    /// Removed. No port is ever touched again.
    Gone,
}

/// The chip did not take a byte now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// How one [`Mpu401::drain`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Bytes read from the chip.
    pub taken: usize,
    /// The limit was reached with data still waiting.
    pub cut_short: bool,
}

/// One chip: its ports and its mode.
///
/// # Invariants
///
/// In [`Mode::Closed`], [`Mode::Failed`] and [`Mode::Gone`] nothing touches the ports but
/// [`handshake::Handshake::poll`], which leaves the first two, and in these [`Mpu401::discard`];
/// nothing leaves `Gone`.
#[derive(Debug)]
pub struct Mpu401<P> {
    port: P,
    mode: Mode,
}

impl<P: PortIo> Mpu401<P> {
    /// A chip in unknown state behind `port`; touches nothing.
    pub const fn new(port: P) -> Self {
        // INVARIANT: closed, and nothing was touched.
        Self {
            port,
            mode: Mode::Closed,
        }
    }

    /// What may be done with the chip now.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The ports, for whoever simulates them.
    pub const fn port_mut(&mut self) -> &mut P {
        &mut self.port
    }

    /// Reads one received byte, if there is one.
    pub fn try_read(&mut self) -> Option<u8> {
        (self.mode == Mode::Uart && self.status().has_data())
            .then(|| self.port.read(Register::Data))
    }

    /// Writes one byte, if the chip takes it now.
    ///
    /// # Errors
    ///
    /// [`Busy`] when the chip does not, or when there is no chip to ask.
    pub fn try_write(&mut self, byte: u8) -> Result<(), Busy> {
        if self.mode != Mode::Uart || !self.status().takes_data() {
            return Err(Busy);
        }
        self.port.write(Register::Data, byte);
        Ok(())
    }

    /// Reads up to `limit` bytes for as long as there are any and hands them to `take`.
    ///
    /// During a handshake the bytes are only searched for its answer and `take` sees none of them:
    /// so an interrupt may fire at any moment of a handshake without eating what it waits for.
    pub fn drain(&mut self, limit: usize, mut take: impl FnMut(u8)) -> Drained {
        let mut drained = Drained::default();
        if !matches!(self.mode, Mode::Uart | Mode::Handshake { .. }) {
            return drained;
        }
        while self.status().has_data() {
            if drained.taken == limit {
                drained.cut_short = true;
                break;
            }
            let byte = self.port.read(Register::Data);
            drained.taken = drained.taken.saturating_add(1);
            match &mut self.mode {
                Mode::Handshake { acknowledged } => *acknowledged |= byte == spec::ACKNOWLEDGE,
                _ => take(byte),
            }
        }
        drained
    }

    /// Reads up to `limit` bytes that nobody wants: for the service routine of a chip that is powered
    /// and [`Mode::Closed`] or [`Mode::Failed`].
    pub fn discard(&mut self, limit: usize) -> Drained {
        let mut drained = Drained::default();
        if !matches!(self.mode, Mode::Closed | Mode::Failed) {
            return drained;
        }
        while self.status().has_data() {
            if drained.taken == limit {
                drained.cut_short = true;
                break;
            }
            let _ = self.port.read(Register::Data);
            drained.taken = drained.taken.saturating_add(1);
        }
        drained
    }

    /// Leaves UART mode without waiting for anything, so that the chip's next owner starts clean
    /// (mpu401.md section 2, last paragraph), and touches nothing any more until a new handshake. A
    /// chip that failed is left alone, and may be a better one when its power comes back.
    pub fn close(&mut self) {
        match self.mode {
            Mode::Closed | Mode::Gone => {}
            Mode::Failed => self.mode = Mode::Closed,
            Mode::Handshake { .. } | Mode::Uart => {
                self.port.write(Register::Control, Command::Reset as u8);
                self.mode = Mode::Closed;
            }
        }
    }

    /// The device was pulled out: no port is touched from here on.
    pub const fn remove(&mut self) {
        self.mode = Mode::Gone;
    }

    fn status(&mut self) -> Status {
        Status(self.port.read(Register::Control))
    }

    fn command(&mut self, command: Command) {
        self.mode = Mode::Handshake {
            acknowledged: false,
        };
        self.port.write(Register::Control, command as u8);
    }
}
