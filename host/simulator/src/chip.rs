//! A simulated MPU-401 UART: registers, FIFOs, two wires, an interrupt line, and its faults.
//!
//! Everything happens in virtual time: each call says what time it is (100 ns units, never going
//! back), and the chip first catches up with all that its wires did in between. Written from
//! mpu401.md, apart from the driver, with which it shares only the names of the two registers.
//!
//! What the model assumes where real chips differ:
//! - A chip of depth *n* holds *n* bytes each way besides the byte in its transmit shift register.
//! - Received bytes enter the FIFO in every mode; one that finds it full is lost (newest goes).
//! - A reset, and the command to enter UART mode, empty both FIFOs; the byte on the wire is finished.
//! - Commands keep the chip busy until they are answered.
//! - Reserved status bits read as configured, so that a busy chip may look like an absent one.

mod config;
mod fault;
mod registers;
mod wire;

use std::collections::VecDeque;

pub use config::{Blame, Cable, Config};
pub use fault::Faults;
pub use wire::Flown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Powered,
    Unpowered,
    Removed,
}

/// The chip.
#[derive(Debug)]
pub struct Chip {
    config: Config,
    presence: Presence,
    in_uart_mode: bool,
    /// A command under way: when it is done, and whether it will be answered.
    command: Option<(u64, bool)>,
    commands: u32,
    answer: Option<u8>,
    output: wire::Sender,
    input: wire::Sender,
    received: VecDeque<u8>,
    /// The line does not show the bytes in the FIFO.
    line_lost: bool,
    sent: Vec<Flown>,
    heard: Vec<Flown>,
    accesses: u64,
    blame: Blame,
    last_read: u8,
}

impl Chip {
    /// A chip that was just powered up.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            presence: Presence::Powered,
            in_uart_mode: config.in_uart_mode,
            command: None,
            commands: 0,
            answer: None,
            output: wire::Sender::new(config.transmit_ppm),
            input: wire::Sender::new(config.receive_ppm),
            received: VecDeque::new(),
            line_lost: false,
            sent: Vec::new(),
            heard: Vec::new(),
            accesses: 0,
            blame: Blame::default(),
            last_read: 0,
            config,
        }
    }

    /// The level of the interrupt line.
    pub fn interrupt(&mut self, now: u64) -> bool {
        self.catch_up(now);
        if self.is_dark() || self.config.faults.is_line_dead(now) {
            return false;
        }
        let data = self.answer.is_some() || !self.received.is_empty() && !self.line_lost;
        data || self.config.faults.is_data_stuck(now) || self.config.faults.storms(now)
    }

    /// The next moment after `now` at which something happens by itself: a byte comes or goes, a
    /// command is done, a fault begins or ends.
    pub fn next_change(&mut self, now: u64) -> Option<u64> {
        self.catch_up(now);
        let command = self.command.map(|(done, _)| done);
        [
            self.output.next_arrival(),
            self.input.next_arrival(),
            command,
            self.config.faults.next_change(now),
        ]
        .into_iter()
        .flatten()
        .filter(|&at| at > now)
        .min()
    }

    /// Makes the device at the other end send these bytes, back to back, from `at` on or as soon
    /// as it has sent what it was given before.
    pub fn play(&mut self, at: u64, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            self.input.queue(byte, at);
        }
    }

    /// Lets bytes arrive at this very moment, all at once: as if they had come while nobody looked.
    pub fn arrive(&mut self, now: u64, bytes: impl IntoIterator<Item = u8>) {
        self.catch_up(now);
        for byte in bytes {
            let (start, end) = (now, now);
            self.hear(Flown { byte, start, end });
        }
    }

    /// Bytes that the other end has still to send.
    #[must_use]
    pub fn unplayed(&self) -> usize {
        self.input.waiting()
    }

    /// Takes the record of what left through the output.
    pub fn take_sent(&mut self, now: u64) -> Vec<Flown> {
        self.catch_up(now);
        std::mem::take(&mut self.sent)
    }

    /// Takes the record of what arrived at the input, overruns included.
    pub fn take_heard(&mut self, now: u64) -> Vec<Flown> {
        self.catch_up(now);
        std::mem::take(&mut self.heard)
    }

    /// Pulls the device out.
    pub fn remove(&mut self) {
        self.presence = Presence::Removed;
    }

    /// The device is not there any more.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.presence == Presence::Removed
    }

    /// Takes the power away: mode and FIFOs are forgotten, registers float.
    pub fn power_off(&mut self, now: u64) {
        self.catch_up(now);
        if !self.is_removed() {
            self.presence = Presence::Unpowered;
        }
        self.in_uart_mode = false;
        self.command = None;
        self.answer = None;
        self.clear_fifos();
    }

    /// Gives the power back.
    pub fn power_on(&mut self, now: u64) {
        self.catch_up(now);
        if !self.is_removed() {
            self.presence = Presence::Powered;
        }
    }

    /// The chip passes bytes.
    #[must_use]
    pub fn is_in_uart_mode(&self) -> bool {
        self.in_uart_mode
    }

    /// Somebody else takes the chip out of UART mode, as firmware or another program may.
    pub fn leave_uart_mode(&mut self, now: u64) {
        self.catch_up(now);
        self.in_uart_mode = false;
    }

    /// Register accesses so far, those to an empty slot included.
    #[must_use]
    pub fn accesses(&self) -> u64 {
        self.accesses
    }

    /// What went wrong so far.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.blame
    }

    /// The faults, to add some while the chip runs.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.config.faults
    }

    fn is_dark(&self) -> bool {
        self.presence != Presence::Powered
    }

    /// Lets everything happen that was due by `now`, in the order in which it happened.
    fn catch_up(&mut self, now: u64) {
        loop {
            let output = self.output.next_arrival().filter(|&at| at <= now);
            let input = self.input.next_arrival().filter(|&at| at <= now);
            let command = self.command.map(|(done, _)| done).filter(|&at| at <= now);
            let Some(next) = [output, input, command].into_iter().flatten().min() else {
                // Bytes that start by now must be on the wire even if none arrives yet.
                self.output.arrived(now);
                self.input.arrived(now);
                return;
            };
            if output == Some(next) {
                if let Some(flown) = self.output.arrived(next) {
                    if !self.is_removed() {
                        self.sent.push(flown);
                    }
                    if self.config.cable == Cable::Loopback {
                        self.hear(flown);
                    }
                }
            } else if input == Some(next) {
                if let Some(flown) = self.input.arrived(next) {
                    self.hear(flown);
                }
            } else if let Some((_, answered)) = self.command.take()
                && answered
            {
                self.answer = Some(registers::ACKNOWLEDGE);
            }
        }
    }

    fn hear(&mut self, flown: Flown) {
        self.heard.push(flown);
        if self.is_dark() {
            return;
        }
        if self.received.len() >= self.config.depth {
            self.blame.overruns += 1;
            return;
        }
        if self.received.is_empty() {
            self.line_lost = self.config.faults.loses_interrupt(flown.end);
        }
        self.received.push_back(flown.byte);
    }

    fn clear_fifos(&mut self) {
        self.blame.discarded += self.output.waiting() as u64;
        self.output.clear();
        self.received.clear();
        self.line_lost = false;
    }
}

#[cfg(test)]
mod tests;
