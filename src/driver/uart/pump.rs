//! The pump: what is queued goes to the chip, and what is done with back to the streams.

use core::sync::atomic::Ordering;

use super::chip::Exchanged;
use super::filter::Pin;
use super::lanes::{Attached, Lanes, Sender};
use super::{NEVER, Uart};
use crate::irql::{Dispatch, Irql, Locked, Passive};
use crate::kernel::clock;
use crate::kernel::rundown::Rundown;
use crate::mpu401::Mode;
use crate::mpu401::duplex::Exchange;
use crate::mpu401::spec;
use crate::mpu401::transmit::{Cut, GaveUp, Hold, Lane, Next, SHORTEST_REST};
use crate::portcls::abi::KsState;
use crate::portcls::event::{Allocator, EventChain};
use crate::time::RefTime;
use crate::trace::{self, Event};

impl Uart {
    /// Gives a lane to a stream, which is in the STOP state.
    pub fn attach(
        &self,
        irql: &mut Irql<Passive>,
        lane: Lane,
        allocator: &Allocator,
        rundown: &Rundown,
    ) {
        let stream = Attached { allocator, rundown };
        self.sender.with(irql, |sender, _| {
            sender.transmitter.open_lane(lane);
            let queue = sender.queue(lane);
            queue.stream = Some(stream);
            queue.state = KsState::STOP;
        });
    }

    /// How many dumps of a lane were cut since its stream was opened.
    pub fn cut_dumps(&self, irql: &mut Irql<Passive>, lane: Lane) -> u32 {
        self.sender
            .with(irql, |sender, _| sender.transmitter.cuts(lane))
    }

    /// Removes a lane's stream, waits until nobody gives events back on its behalf, and hands over
    /// what it had queued. After the last one, waits until the instrument is silent, 250 ms at most:
    /// a program that ends may be followed by the end of the power.
    pub fn detach(&self, irql: &mut Irql<Passive>, lane: Lane, rundown: &Rundown) -> EventChain {
        let (events, last) = self.sender.with(irql, |sender, _| {
            let mut events = sender.stop(lane);
            let queue = sender.queue(lane);
            queue.stream = None;
            events.append(&mut queue.done.take());
            (events, !sender.is_used())
        });
        rundown.wait(irql);
        if last {
            self.wait_for_silence(irql, spec::CLOSE_TIME);
        } else {
            // The other stream may have waited for the rest of a message.
            let _ = self.pump(&mut irql.as_at_most());
        }
        events
    }

    /// Puts a lane into a state. The state and what follows from it change together, under the lock,
    /// so that calls that race leave one of their states and not a mixture.
    ///
    /// Returns the events that the lane gives up by stopping.
    pub fn set_state(&self, irql: &mut Irql<Passive>, lane: Lane, state: KsState) -> EventChain {
        let dropped = self.sender.with(irql, |sender, _| {
            if state == KsState::STOP {
                return sender.stop(lane);
            }
            sender.queue(lane).state = state;
            let hold = if state == KsState::RUN {
                Hold::Running
            } else {
                Hold::Held
            };
            sender.transmitter.hold(lane, hold);
            EventChain::new()
        });
        let _ = self.pump(&mut irql.as_at_most());
        dropped
    }

    /// Queues events in a lane and pumps. In the STOP state the events come back.
    ///
    /// # Errors
    ///
    /// Why there is no chip to send to; the events are dropped.
    pub fn send(
        &self,
        irql: &mut Irql<Dispatch>,
        lane: Lane,
        mut events: EventChain,
    ) -> Result<EventChain, GaveUp> {
        let stopped = self.sender.with(irql, |sender, _| {
            let queue = sender.queue(lane);
            if queue.state == KsState::STOP {
                sender.transmitter.forget_status(lane);
                return true;
            }
            queue.waiting.append(&mut events);
            false
        });
        if stopped {
            return Ok(events);
        }
        self.pump(irql).map(|()| EventChain::new())
    }

    /// Writes what the chip takes, reads what it has, gives back what is done with, and sets the
    /// timer for the rest. Stands still once for a byte that the chip is just about to take, with no
    /// lock held.
    ///
    /// # Errors
    ///
    /// Why there is no chip to send to; what waited is dropped. What waits for a chip that failed at its
    /// handshake is kept.
    pub fn pump(&self, irql: &mut Irql<Dispatch>) -> Result<(), GaveUp> {
        self.ask_again(irql);
        let mut steps = spec::STEPS_PER_PUMP;
        let mut stood_still = false;
        loop {
            steps = steps.saturating_sub(1);
            let (exchange, cuts) = self.sender.with(irql, |sender, irql| {
                let exchange = self.step(sender, irql, steps);
                let cuts = Lane::ALL.map(|lane| sender.transmitter.take_cut(lane));
                (exchange, cuts)
            });
            for Cut { lane, bytes, count } in cuts.into_iter().flatten() {
                let pin = Pin::number_of(lane);
                trace::emit(Event::SysExCut { pin, bytes, count });
            }
            let Some(Exchanged {
                exchange,
                work,
                missed,
                ..
            }) = exchange
            else {
                return Ok(());
            };
            if missed {
                trace::emit(Event::InterruptMissing);
            }
            let Exchange { outcome, serviced } = exchange;
            self.report(irql, serviced);
            if work {
                self.deferral.queue_work(irql);
            }
            self.give_back(irql);
            if let Some(wait) = outcome.room_within
                && !core::mem::replace(&mut stood_still, true)
            {
                clock::stall(microseconds(wait));
                continue;
            }
            match outcome.next {
                Next::Again if steps > 0 => {}
                Next::Again | Next::Idle | Next::Rest(_) => return Ok(()),
                Next::GaveUp(why) => {
                    if why == GaveUp::JustNow {
                        trace::emit(Event::DeviceBusy);
                    }
                    return Err(why);
                }
            }
        }
    }

    /// Pumps if anything waits to be sent: for whoever has just been woken by a received byte.
    pub fn nudge(&self, irql: &mut Irql<Dispatch>) {
        let waits = self.sender.with(irql, |sender, _| sender.waits());
        if waits {
            // Whoever queued it has been told already.
            let _ = self.pump(irql);
        }
    }

    /// One exchange, and the timer. It is set with the lock held, so that the last to decide is the
    /// last to set it; `steps` more are to follow at once if the chip takes them.
    fn step(&self, sender: &mut Sender, irql: &mut Irql<Locked>, steps: u32) -> Option<Exchanged> {
        let Sender {
            transmitter,
            legacy,
            direct_music,
        } = sender;
        let mut lanes = Lanes {
            legacy,
            direct_music,
        };
        let mut exchanged = self.device.with(irql, |state, irql| {
            state.exchange(irql, transmitter, &mut lanes)
        })?;
        let rest = match exchanged.exchange.outcome.next {
            Next::Again if steps > 0 => return Some(exchanged),
            Next::Again => Some(SHORTEST_REST),
            Next::Rest(rest) => Some(rest),
            Next::Idle => None,
            Next::GaveUp(_) => {
                sender.drop_all();
                None
            }
        };
        self.crowded.store(rest.is_some(), Ordering::Release);
        let look = (exchanged.mode == Mode::Uart)
            .then(|| self.next_look(&exchanged))
            .flatten();
        let attempt = (exchanged.mode == Mode::Failed && sender.waits()).then(|| {
            let rest = self.rest_of_failure();
            exchanged.work |= rest.is_none();
            // Should the work come to nothing, it is asked for once more.
            rest.unwrap_or(spec::REVIVE_REST)
        });
        if let Some(delay) = [rest, look, attempt].into_iter().flatten().min() {
            self.timer.set(irql, delay);
        }
        Some(exchanged)
    }

    /// When to look at the chip for the capture stream's sake, or for its interrupt's.
    fn next_look(&self, last: &Exchanged) -> Option<RefTime> {
        let listening = self.listening.load(Ordering::Acquire);
        let look = if listening && (last.missing || !self.device.is_connected()) {
            Some(spec::poll_rest(self.poll_period))
        } else {
            (listening || last.resting).then_some(spec::WATCHDOG_PERIOD)
        };
        let ask = match self.ask_at.load(Ordering::Acquire) {
            NEVER => None,
            due => {
                let left = due.saturating_sub(clock::interrupt_time().0);
                Some(RefTime(left).max(SHORTEST_REST))
            }
        };
        [look, ask].into_iter().flatten().min()
    }

    /// Gives events that are done with back to their streams' allocators, with no lock held.
    fn give_back(&self, irql: &mut Irql<Dispatch>) {
        for lane in Lane::ALL {
            let taken = self.sender.with(irql, |sender, _| {
                let queue = sender.queue(lane);
                if queue.done.is_empty() {
                    return None;
                }
                let (allocator, in_use) = queue.stream?.enter()?;
                Some((allocator, in_use, queue.done.take()))
            });
            if let Some((allocator, in_use, events)) = taken {
                allocator.give_back(irql, events);
                drop(in_use);
            }
        }
    }
}

/// A short time for a stall, rounded up.
fn microseconds(time: RefTime) -> u32 {
    let [low, high, ..] = time.0.saturating_add(9).to_le_bytes();
    u32::from(u16::from_le_bytes([low, high]) / 10)
}
