//! All that the interrupt lock guards: the chip and the receiving half of capture.
//!
//! Follows mpu401.md sections 3 and 4. Without an interrupt a spin lock guards the same (style:
//! the locks' table). The transmit side ([`Transmitter`] and its [`Outbox`]) stays outside, under
//! the render lock, and is lent to the chip for one exchange at a time.
#![forbid(unsafe_code)]

use super::handshake::{Handshake, Progress};
use super::receive::{Receiver, Serviced};
use super::spec;
use super::transmit::{Next, Outbox, Outcome, Transmitter};
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

    /// The service routine's work. A chip that is not in use yet, or not any more, or that failed, may
    /// still have asserted the line: what it has is thrown away.
    pub fn interrupt(&mut self, clock: impl FnMut() -> RefTime) -> Serviced {
        if matches!(self.chip.mode(), Mode::Closed | Mode::Failed) {
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
    /// The three passes are one go at device IRQL, each with a limit of its own. Where one was reached
    /// there may be more to read or to send: [`Next::Again`].
    ///
    /// `now` is any steady clock's time, for the transmitter alone.
    pub fn exchange<O: Outbox>(
        &mut self,
        transmitter: &mut Transmitter,
        outbox: &mut O,
        now: RefTime,
        mut clock: impl FnMut() -> RefTime,
    ) -> Exchange {
        let (first, second) = spec::EXCHANGE_DRAIN_LIMITS;
        let Self { chip, receiver } = self;
        let before = receiver.service_some(chip, first, &mut clock);
        let mut outcome = transmitter.step(chip, outbox, now);
        // A chip that has more than the first drain takes is read on at the next step.
        let after = if before.cut_short {
            Serviced::default()
        } else {
            receiver.service_some(chip, second, &mut clock)
        };
        let cut_short = before.cut_short || after.cut_short;
        if cut_short && !matches!(outcome.next, Next::GaveUp(_)) {
            outcome.next = Next::Again;
        }
        Exchange {
            outcome,
            serviced: Serviced {
                taken: before.taken.saturating_add(after.taken),
                notify: before.notify || after.notify,
                stuck: before.stuck || after.stuck,
                cut_short,
            },
        }
    }

    /// One poll of a handshake. `now` is any steady clock's time.
    pub fn handshake(&mut self, handshake: &mut Handshake, now: RefTime) -> Progress {
        self.receiver.miss();
        handshake.poll(&mut self.chip, now)
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
