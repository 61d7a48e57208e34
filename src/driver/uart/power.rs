//! The chip's life between D0 and D3, its interrupt's between too much and quiet, and the end of both:
//! all that is done at PASSIVE.
//!
//! **The interrupt** is connected once, when the device starts, and stays so through every change of
//! power: no power request waits for its connection (contract section 4). The service routine declines
//! while the chip has no power. It is disconnected when the device goes, and when it storms:
//! [`Uart::settle`] is the work that the service routine, or the pump, asks for by way of the deferral, at
//! any time, during a handshake too. So connections have one maker: the work, one thread at a time, until
//! the deferral was deleted, and whoever deleted it from then on.
//!
//! **The chip** is brought up and down by whoever has the [`Turn`](crate::kernel::turn::Turn). Waits sleep:
//! nobody stands still here for more than 50 us at a time (contract section 4).

use core::sync::atomic::Ordering;

use super::Uart;
use crate::com::{ObjectRef, Status};
use crate::irql::{Irql, Passive};
use crate::kernel::clock;
use crate::kernel::interrupt::ServiceRoutine;
use crate::mpu401::Mode;
use crate::mpu401::handshake::{Handshake, HandshakeError, Pause, Progress};
use crate::mpu401::spec;
use crate::mpu401::storm::Change;
use crate::time::RefTime;
use crate::trace::{self, Event};

impl Uart {
    /// The device starts: lets the interrupt come, if one is `listed`, and opens the chip.
    ///
    /// The interrupt comes first: on a line that others share, an answer that nobody reads would hold
    /// up the machine.
    ///
    /// # Errors
    ///
    /// PortCls' status, where there is no connection; that of [`open`](Self::open).
    pub fn begin<O: ServiceRoutine>(
        &self,
        owner: &ObjectRef<O>,
        irql: &mut Irql<Passive>,
        listed: bool,
    ) -> Result<(), Status> {
        self.deferral.start(irql);
        if listed {
            self.connect(owner, irql)?;
        }
        self.open(irql)
    }

    /// Resets the chip and enters UART mode: polls of a few register accesses each under the device
    /// lock, with the waits between them at PASSIVE (mpu401 section 2). What was queued goes on.
    ///
    /// # Errors
    ///
    /// [`Status::IO_DEVICE_ERROR`] when the chip fails, after 200 ms at most; what was queued waits for
    /// the next attempt.
    pub fn open(&self, irql: &mut Irql<Passive>) -> Result<(), Status> {
        self.turn.take(irql);
        let result = self.bring_up(irql, |_| true);
        self.turn.give(irql);
        let _ = self.pump(&mut irql.as_at_most());
        result
    }

    /// Whether the last handshake failed.
    pub fn has_failed(&self, irql: &mut Irql<Passive>) -> bool {
        self.mode(irql) == Mode::Failed
    }

    /// Tries a chip again that failed when its power came back: [`open`](Self::open) for a stream that
    /// begins. Without power, or where somebody else is at it, nothing is tried.
    pub fn revive(&self, irql: &mut Irql<Passive>) {
        if self.has_failed(irql) {
            self.bring_up_again(irql, |mode| mode == Mode::Failed, |_| {});
        }
    }

    /// A stream runs: as [`revive`](Self::revive), but not right after the last attempt. A change of power
    /// sets one stream after the other running, and none of them knows more of the chip than it did.
    pub fn revive_after_rest(&self, irql: &mut Irql<Passive>) {
        if self.rest_of_failure().is_none() {
            self.revive(irql);
        }
    }

    /// The deferral's other work: tries a chip again that failed while events wait for it. The pump asks
    /// for this once a second, so that nothing waits for ever where no stream comes or goes.
    ///
    /// An interrupt that storms meanwhile is dealt with by this very thread, so between two looks at the
    /// chip it does that.
    pub fn retry<O: ServiceRoutine>(&self, owner: &ObjectRef<O>, irql: &mut Irql<Passive>) {
        let waits = self.sender.with(irql, |sender, _| sender.waits());
        if waits && self.rest_of_failure().is_none() && self.has_failed(irql) {
            let settle = |irql: &mut Irql<Passive>| self.settle(owner, irql);
            self.bring_up_again(irql, |mode| mode == Mode::Failed, settle);
        }
    }

    /// How long a chip that failed is left alone yet.
    pub(super) fn rest_of_failure(&self) -> Option<RefTime> {
        let failed_at = self.failed_at.load(Ordering::Acquire);
        let since = clock::interrupt_time().0.saturating_sub(failed_at);
        let left = spec::REVIVE_REST.0.saturating_sub(since);
        (left > 0).then_some(RefTime(left))
    }

    /// The device was pulled out: what waits is given back now, and not when a stream comes or goes.
    pub fn surprise_removed(&self, irql: &mut Irql<Passive>) {
        let _ = self.pump(&mut irql.as_at_most());
    }

    /// The first stream begins after all were closed: opens the chip again, which may have been taken out
    /// of UART mode meanwhile by others. That cannot be seen from here.
    pub fn renew(&self, irql: &mut Irql<Passive>) {
        self.bring_up_again(
            irql,
            |mode| matches!(mode, Mode::Uart | Mode::Failed),
            |_| {},
        );
    }

    /// An attempt, with something else to do between two looks at the chip. It ends at once where a
    /// change of power waits for it: which has 250 ms for itself.
    fn bring_up_again(
        &self,
        irql: &mut Irql<Passive>,
        wanted: impl FnOnce(Mode) -> bool,
        mut between: impl FnMut(&mut Irql<Passive>),
    ) {
        let tried = self.turn.attempt(irql, |irql| {
            // Somebody else may have done it, or the chip may be gone.
            wanted(self.mode(irql)).then(|| {
                // A reset throws away what the last stream left in the chip.
                self.wait_for_silence(irql, spec::LONGEST_BACKLOG);
                self.bring_up(irql, |irql| {
                    between(irql);
                    !self.turn.is_taken()
                })
            })
        });
        if tried.flatten().is_some() {
            let _ = self.pump(&mut irql.as_at_most());
        }
    }

    /// The handshake, for whoever has the turn. Ends by [`spec::HANDSHAKE_TIME`], or when `go_on`, asked
    /// after each look at the chip, says no: the chip is closed then.
    fn bring_up(
        &self,
        irql: &mut Irql<Passive>,
        mut go_on: impl FnMut(&mut Irql<Passive>) -> bool,
    ) -> Result<(), Status> {
        self.sender
            .with(irql, |sender, _| sender.transmitter.restart());
        let connected = self.device.is_connected();
        self.device.with(irql, |state, _| {
            state.asleep = false;
            state.storm.begin_anew();
            state.duplex.receiver_mut().begin_anew();
            state.absence.expect(connected);
        });
        let mut handshake = Handshake::new(self.assume);
        loop {
            let progress = self
                .device
                .with(irql, |state, _| {
                    state.notice_removal();
                    state
                        .duplex
                        .handshake(&mut handshake, clock::interrupt_time())
                })
                .unwrap_or(Progress::Failed(HandshakeError::Removed));
            match progress {
                Progress::Wait(Pause::Moment) => clock::stall(spec::POLL_MICROSECONDS),
                Progress::Wait(pause @ Pause::Sleep) => clock::sleep(irql, pause.time()),
                Progress::Ready(entry) => {
                    if entry.assumed {
                        trace::emit(Event::UartAssumed);
                    }
                    trace::emit(Event::UartOpened {
                        acknowledged: entry.mode_acknowledged,
                    });
                    break Ok(());
                }
                Progress::Failed(_) => {
                    trace::emit(Event::UartFailed);
                    let now = clock::interrupt_time().0;
                    self.failed_at.store(now, Ordering::Release);
                    break Err(Status::IO_DEVICE_ERROR);
                }
            }
            if !go_on(irql) {
                self.device.with(irql, |state, _| {
                    state.notice_removal();
                    state.duplex.close();
                });
                break Err(Status::IO_DEVICE_ERROR);
            }
        }
    }

    /// Silences what still sounds, waits until the chip has sent it, and leaves UART mode. Events
    /// that wait stay queued. Takes as long as the wire takes for what the chip holds, 250 ms at
    /// most. Nobody but [`open`](Self::open) opens the chip again.
    pub fn close(&self, irql: &mut Irql<Passive>) {
        self.turn.take(irql);
        self.sender
            .with(irql, |sender, _| sender.transmitter.hush());
        self.wait_for_silence(irql, spec::CLOSE_TIME);
        self.device.with(irql, |state, _| {
            state.notice_removal();
            state.duplex.close();
            state.asleep = true;
        });
    }

    /// Sends what is left of a silence and waits until it has left the chip: `limit` and a sleep at most,
    /// and no longer than there is a chip that takes bytes.
    pub(super) fn wait_for_silence(&self, irql: &mut Irql<Passive>, limit: RefTime) {
        let since = clock::interrupt_time();
        loop {
            let pumped = self.pump(&mut irql.as_at_most());
            let now = clock::interrupt_time();
            let quiet = self
                .sender
                .with(irql, |sender, _| sender.transmitter.is_quiet(now));
            let late = now.0.saturating_sub(since.0) >= limit.0;
            if quiet || late || pumped.is_err() || self.mode(irql) != Mode::Uart {
                return;
            }
            // The pump's timer goes on meanwhile.
            clock::sleep(irql, spec::POLL_SLEEP);
        }
    }

    /// Ends all that the device has begun, and gives PortCls' objects back: no routine of this chip is on
    /// any processor from here on, and no port is touched. For a start that failed, for removal, and for
    /// the miniport's own end, whichever comes first. Streams that are still there find the chip gone.
    pub fn shut_down(&self, irql: &mut Irql<Passive>) {
        if self.over.swap(true, Ordering::AcqRel) {
            return;
        }
        self.close(irql);
        self.deferral.delete(irql);
        self.device.disconnect(irql);
        let ties = self.device.with(irql, |state, _| {
            state.duplex.remove();
            state.ties.take()
        });
        self.timer.delete(irql);
        // What waits goes back: there is no chip to wait for.
        let _ = self.pump(&mut irql.as_at_most());
        // References are released outside the lock.
        drop(ties);
    }

    /// Connects the interrupt, by an object of its own.
    fn connect<O: ServiceRoutine>(
        &self,
        owner: &ObjectRef<O>,
        irql: &mut Irql<Passive>,
    ) -> Result<(), Status> {
        let ties = self.ties(irql).ok_or(Status::INVALID_DEVICE_STATE)?;
        let sync = ties.new_interrupt(irql)?;
        self.device.connect(irql, sync, owner)?;
        self.device
            .with(irql, |state, _| state.absence.expect(true));
        Ok(())
    }

    /// Makes or ends the connection of the interrupt as the watch over it wants: the deferral's work.
    pub fn settle<O: ServiceRoutine>(&self, owner: &ObjectRef<O>, irql: &mut Irql<Passive>) {
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
            Some(Change::Connect) => self.connect(owner, irql).is_ok(),
        };
        if connected {
            trace::emit(Event::InterruptRestored);
        } else {
            let rest = self.device.with(irql, |state, _| {
                state.storm.disconnected(clock::interrupt_time());
                state.absence.expect(false);
                state.storm.rest()
            });
            let seconds = rest.map_or(0, |rest| rest.0.unsigned_abs().div_ceil(SECOND));
            trace::emit(Event::InterruptStorm {
                rest: u32::try_from(seconds).unwrap_or(u32::MAX),
            });
        }
        // What came in the storm was not announced; what came since is read now, and the timer set.
        self.notify(irql);
        let _ = self.pump(&mut irql.as_at_most());
    }
}

/// 100 ns in a second.
const SECOND: u64 = 10_000_000;
