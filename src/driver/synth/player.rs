//! One event on its way into the synthesizer. Under the locks of its inlet and its engine.
#![forbid(unsafe_code)]

use super::assembly::{Assembly, Part};
use super::messages::Messages;
use super::work::{MESSAGE, Work};
use crate::portcls::event::Event;
use crate::synth::{ScheduleError, Synth};
use crate::time::{RefTime, SampleTime};

/// The synthesizer's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// How much of an event was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// All of it.
    Whole,
    /// There is more: it holds several messages.
    Part,
}

/// An event that is being played.
#[derive(Debug)]
pub struct Open {
    /// When it is due.
    pub time: RefTime,
    /// The event.
    pub event: Event,
    /// What of it was played.
    pub messages: Messages,
}

/// What plays events.
#[derive(Debug)]
pub struct Player<'a> {
    /// Where to.
    pub synth: &'a mut Synth,
    /// When.
    pub frame: SampleTime,
    /// The channel group.
    pub group: u16,
    /// The long message that is open.
    pub assembly: &'a mut Assembly,
    /// The status byte that a message without one means, or 0.
    pub running: &'a mut u8,
    /// Bytes of a long message that was given up.
    pub dropped: &'a mut Option<u32>,
    /// What may still be done.
    pub work: &'a mut Work,
}

impl Player<'_> {
    /// Plays an event that is one message or a part of one; or says that it is to be
    /// [gone on with](Self::go_on).
    ///
    /// # Errors
    ///
    /// [`Full`]: nothing was played.
    pub fn play(&mut self, bytes: &[u8], last: bool) -> Result<Played, Full> {
        match bytes {
            // Real time means nothing to a synthesizer, not even inside a SysEx.
            [] | [0xF8..=0xFF] => Ok(Played::Whole),
            _ if !last || self.assembly.is_open() => self.play_part(bytes, last),
            _ if holds_more(bytes) => Ok(Played::Part),
            _ => self.play_message(bytes),
        }
    }

    /// Plays the messages of an event that holds several, as far as the work goes.
    ///
    /// # Errors
    ///
    /// [`Full`]: the rest is still to be played.
    pub fn go_on(&mut self, open: &mut Open) -> Result<Played, Full> {
        let Open {
            event, messages, ..
        } = open;
        let bytes = event.bytes();
        while !messages.is_done(bytes) {
            if self.work.is_over() {
                return Ok(Played::Part);
            }
            // Before the message is read: it is handed over then.
            if self.synth.queue_room() == 0 {
                return Err(Full);
            }
            if let Some(short) = messages.next(bytes, self.running, self.work) {
                self.work.spend(MESSAGE);
                let message = short.as_bytes();
                let _ = self.synth.schedule(self.frame, self.group, message);
            }
        }
        Ok(Played::Whole)
    }

    fn play_part(&mut self, bytes: &[u8], last: bool) -> Result<Played, Full> {
        // Some two instructions a byte to copy, and to find that it is a message.
        let cost = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.work.spend(cost.saturating_mul(2));
        // At most two turns: what is offered again cannot cut another message short.
        for _ in 0..2 {
            match self.assembly.offer(bytes, last) {
                Part::Taken => break,
                Part::Whole(message) => {
                    if message.len() <= LONGEST {
                        let scheduled = self.synth.schedule(self.frame, self.group, message);
                        if scheduled == Err(ScheduleError::QueueFull) {
                            return Err(Full);
                        }
                    }
                    self.assembly.finish();
                    *self.running = 0;
                    break;
                }
                Part::Dropped { bytes, again } => {
                    *self.dropped = u32::try_from(bytes).ok();
                    if !again {
                        break;
                    }
                }
            }
        }
        Ok(Played::Whole)
    }

    fn play_message(&mut self, bytes: &[u8]) -> Result<Played, Full> {
        self.work.spend(MESSAGE);
        if self.synth.queue_room() == 0 {
            return Err(Full);
        }
        match self.synth.schedule(self.frame, self.group, bytes) {
            Ok(()) => {
                self.remember_status(bytes);
                Ok(Played::Whole)
            }
            Err(ScheduleError::QueueFull) => Err(Full),
            Err(ScheduleError::Malformed) => Ok(Played::Part),
        }
    }

    /// Channel messages set the running status, system common ones clear it (contract 13.1).
    fn remember_status(&mut self, message: &[u8]) {
        match message.first() {
            Some(&status @ 0x80..0xF0) => *self.running = status,
            Some(0xF0..0xF8) => *self.running = 0,
            _ => {}
        }
    }
}

/// The longest SysEx that a synthesizer is asked to understand; those that mean something to it have
/// some twenty bytes.
const LONGEST: usize = 1024;

/// Whether the bytes are looked at one by one: something follows the message that they begin with, or
/// they are too long to be looked at in one go.
const fn holds_more(bytes: &[u8]) -> bool {
    match bytes {
        [0xC0..=0xDF, rest @ ..] => rest.len() > 1,
        [0x80..=0xEF, rest @ ..] => rest.len() > 2,
        // A system message of one byte or two, or real time in front of others.
        [0xF1..=0xFF, rest @ ..] => !rest.is_empty(),
        _ => bytes.len() > LONGEST,
    }
}
