//! The chip's life between D0 and D3, and its interrupt's between too much and quiet: all that is
//! done at PASSIVE.
//!
//! The interrupt comes and goes with the power; and, when it storms, at any time. [`Uart::settle`] is
//! the work that its service routine, or the pump, asks for by way of the deferral. Who opens or
//! closes the chip pauses the deferral, and looks after storms alone: so connections and their ends
//! take turns.

use super::Uart;
use crate::com::Status;
use crate::irql::{Irql, Passive};
use crate::kernel::clock;
use crate::mpu401::Mode;
use crate::mpu401::handshake::{Handshake, HandshakeError, Progress};
use crate::mpu401::spec;
use crate::mpu401::storm::Change;
use crate::trace::{self, Event};

impl Uart {
    /// Lets interrupts come, resets the chip and enters UART mode: polls of a few register accesses
    /// each under the device lock, with the waits between them at PASSIVE (mpu401 section 2). What
    /// was queued goes on.
    ///
    /// The interrupt comes first: on a line that others share, an answer that nobody reads would hold
    /// up the machine. A chip that fails loses it again, for its line may never fall.
    ///
    /// # Errors
    ///
    /// [`Status::IO_DEVICE_ERROR`] when the chip fails, after 200 ms at most; what was queued is
    /// dropped. The status of the connection; the chip is polled then.
    pub fn open(&self, irql: &mut Irql<Passive>) -> Result<(), Status> {
        self.deferral.pause(irql);
        let result = self.bring_up(irql);
        self.deferral.resume(irql);
        let _ = self.pump(&mut irql.as_at_most());
        result
    }

    /// Whether the last handshake failed.
    pub fn has_failed(&self, irql: &mut Irql<Passive>) -> bool {
        self.mode(irql) == Mode::Failed
    }

    /// Tries a chip again that failed when its power came back: [`open`](Self::open) for whoever is
    /// alone with connections in the place of the deferral's work.
    ///
    /// Without an interrupt, if that cannot be connected, the chip is polled.
    pub fn revive(&self, irql: &mut Irql<Passive>) {
        // Somebody else may have done it, or taken the power away.
        if self.has_failed(irql) {
            let _ = self.bring_up(irql);
            let _ = self.pump(&mut irql.as_at_most());
        }
    }

    /// Connection and handshake, for whoever is alone with connections.
    fn bring_up(&self, irql: &mut Irql<Passive>) -> Result<(), Status> {
        self.device.with(irql, |state, _| state.storm.calm_down());
        let connected = self.device.connect(irql);
        if connected.is_err() {
            // As after a storm: polled, and tried again after a rest.
            self.device.with(irql, |state, _| {
                state.storm.disconnected(clock::interrupt_time());
            });
        }
        self.sender
            .with(irql, |sender, _| sender.transmitter.restart());
        let mut handshake = Handshake::new();
        loop {
            let progress = self
                .device
                .with(irql, |state, _| {
                    state.notice_removal();
                    state.duplex.handshake(&mut handshake)
                })
                .unwrap_or(Progress::Failed(HandshakeError::Removed));
            match progress {
                Progress::Wait => {
                    clock::stall(spec::POLL_MICROSECONDS);
                    self.settle(irql);
                }
                Progress::Ready(entry) => {
                    trace::emit(Event::UartOpened {
                        acknowledged: entry.mode_acknowledged,
                    });
                    break connected;
                }
                Progress::Failed(_) => {
                    trace::emit(Event::UartFailed);
                    self.device.disconnect(irql);
                    break Err(Status::IO_DEVICE_ERROR);
                }
            }
        }
    }

    /// Silences what still sounds, waits until the chip has sent it, and leaves UART mode. Events
    /// that wait stay queued. Takes as long as the wire takes for what the chip holds, 250 ms at
    /// most.
    pub fn close(&self, irql: &mut Irql<Passive>) {
        self.deferral.pause(irql);
        self.sender
            .with(irql, |sender, _| sender.transmitter.hush());
        self.wait_for_silence(irql, |irql| self.settle(irql));
        self.device.with(irql, |state, _| {
            state.notice_removal();
            state.duplex.close();
        });
        // Nobody reads a closed chip, so its line must not matter any more.
        self.device.disconnect(irql);
    }

    /// Makes or ends the connection of the interrupt as the watch over it wants.
    ///
    /// Called by whoever is alone with that: the deferral's work, or who has paused the deferral.
    pub fn settle(&self, irql: &mut Irql<Passive>) {
        let wanted = self.device.with(irql, |state, _| {
            let wanted = state.storm.wanted();
            if wanted == Some(Change::Connect) {
                state.storm.connecting(clock::interrupt_time());
            }
            wanted
        });
        let connected = match wanted.flatten() {
            None => return,
            Some(Change::Disconnect) => {
                self.device.disconnect(irql);
                false
            }
            Some(Change::Connect) => self.device.connect(irql).is_ok(),
        };
        if connected {
            trace::emit(Event::InterruptRestored);
        } else {
            let rest = self.device.with(irql, |state, _| {
                state.storm.disconnected(clock::interrupt_time());
                state.storm.rest()
            });
            let seconds = rest.map_or(0, |rest| rest.0.unsigned_abs().div_ceil(SECOND));
            trace::emit(Event::InterruptStorm {
                rest: u32::try_from(seconds).unwrap_or(u32::MAX),
            });
        }
        // What came while nobody was let in is read now, and the timer set for what comes.
        let _ = self.pump(&mut irql.as_at_most());
    }
}

/// 100 ns in a second.
const SECOND: u64 = 10_000_000;
