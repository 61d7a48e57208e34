//! All that the interrupt lock guards: the chip and the receiving half of capture.
//!
//! Follows mpu401.md sections 3 and 4. Without an interrupt a spin lock guards the same (style:
//! the locks' table). The transmit side ([`Transmitter`] and its [`Outbox`]) stays outside, under
//! the render lock, and is lent to the chip for one exchange at a time.
#![forbid(unsafe_code)]

use super::handshake::{Handshake, Progress};
use super::receive::{Receiver, Serviced};
use super::spec;
use super::transmit::{Outbox, Outcome, Transmitter};
use super::{Mode, Mpu401, PortIo};
use crate::time::RefTime;

/// A chip with its receiver.
#[derive(Debug)]
pub struct Duplex<P> {
    chip: Mpu401<P>,
    receiver: Receiver,
}

/// What one [`Duplex::exchange`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The transmitter's result.
    pub outcome: Outcome,
    /// Bytes that were received by the way: they raise no interrupt any more, so whoever asked for
    /// the exchange asks for the capture stream's service too.
    pub serviced: Serviced,
}

impl<P: PortIo> Duplex<P> {
    /// A chip in unknown state, that nobody listens to.
    pub const fn new(port: P) -> Self {
        Self {
            chip: Mpu401::new(port),
            receiver: Receiver::new(),
        }
    }

    /// The service routine's work. A chip that is not in use yet, or not any more, may still have
    /// asserted the line: what it has is thrown away.
    pub fn interrupt(&mut self, clock: impl FnMut() -> RefTime) -> Serviced {
        if self.chip.mode() == Mode::Closed {
            return self.receiver.discard(&mut self.chip);
        }
        self.service(clock)
    }

    /// Reads what the chip has received. `clock` stamps the bytes.
    pub fn service(&mut self, clock: impl FnMut() -> RefTime) -> Serviced {
        self.receiver.service(&mut self.chip, clock)
    }

    /// Sends what the chip takes. It may take nothing while received bytes wait (mpu401.md section
    /// 3), so these are read before and after.
    ///
    /// `now` is any steady clock's time, for the transmitter alone.
    pub fn exchange<O: Outbox>(
        &mut self,
        transmitter: &mut Transmitter,
        outbox: &mut O,
        now: RefTime,
        mut clock: impl FnMut() -> RefTime,
    ) -> Exchange {
        let before = self.service(&mut clock);
        let outcome = transmitter.step(&mut self.chip, outbox, now);
        // One drain at its limit is enough for one hold of the lock.
        let after = if before.taken >= spec::DRAIN_LIMIT {
            Serviced::default()
        } else {
            self.service(&mut clock)
        };
        Exchange {
            outcome,
            serviced: Serviced {
                taken: before.taken.saturating_add(after.taken),
                notify: before.notify || after.notify,
                stuck: before.stuck || after.stuck,
            },
        }
    }

    /// One poll of a handshake.
    pub fn handshake(&mut self, handshake: &mut Handshake) -> Progress {
        self.receiver.miss();
        handshake.poll(&mut self.chip)
    }

    /// See [`Mpu401::close`].
    pub fn close(&mut self) {
        self.chip.close();
    }

    /// See [`Mpu401::remove`].
    pub const fn remove(&mut self) {
        self.chip.remove();
    }

    /// See [`Mpu401::mode`].
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.chip.mode()
    }

    /// See [`Mpu401::port_mut`].
    pub const fn port_mut(&mut self) -> &mut P {
        self.chip.port_mut()
    }

    /// See [`Receiver::is_stuck`].
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        self.receiver.is_stuck()
    }

    /// The receiving half of capture.
    pub const fn receiver_mut(&mut self) -> &mut Receiver {
        &mut self.receiver
    }
}
