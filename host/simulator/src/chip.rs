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

mod fault;
mod wire;

use std::collections::VecDeque;

use dmusmini::mpu401::spec::Register;

pub use fault::Faults;
pub use wire::Flown;

/// The answer to a command.
const ACKNOWLEDGE: u8 = 0xFE;

/// What kind of chip it is and what it is connected to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes each FIFO holds: 1, 16 or 64.
    pub depth: usize,
    /// How slow the chip's own clock is, in parts per million.
    pub transmit_ppm: i32,
    /// How slow the clock of the device at the other end of the input cable is.
    pub receive_ppm: i32,
    /// What is at the other end.
    pub cable: Cable,
    /// How long a command takes, in 100 ns.
    pub command_time: u64,
    /// The six reserved status bits.
    pub reserved: u8,
    /// Powered up in UART mode, as a crashed owner leaves it.
    pub in_uart_mode: bool,
    /// What is wrong with it.
    pub faults: Faults,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            depth: 16,
            transmit_ppm: 0,
            receive_ppm: 0,
            cable: Cable::Peer,
            command_time: 300,
            reserved: 0x3F,
            in_uart_mode: false,
            faults: Faults::default(),
        }
    }
}

/// The other end of the MIDI cables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cable {
    /// A device that listens, and sends what [`Chip::play`] gives it.
    Peer,
    /// The output plugged into the input.
    Loopback,
}

/// What a driver did that no driver should, and what got lost; all zero at the end of a good test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blame {
    /// Bytes written while the chip was not ready.
    pub overwritten: u64,
    /// Bytes written outside UART mode.
    pub misdirected: u64,
    /// Commands written while the chip was not ready, or unknown ones.
    pub bad_commands: u64,
    /// Data reads with nothing to read.
    pub empty_reads: u64,
    /// Bytes thrown away unsent by a reset.
    pub discarded: u64,
    /// Received bytes that found the FIFO full.
    pub overruns: u64,
}

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

    /// A register read by the driver.
    pub fn read(&mut self, now: u64, register: Register) -> u8 {
        self.access(now);
        if self.is_dark() {
            return 0xFF;
        }
        match register {
            Register::Control => self.status(now),
            Register::Data => self.read_data(now),
        }
    }

    /// A register write by the driver.
    pub fn write(&mut self, now: u64, register: Register, value: u8) {
        self.access(now);
        if self.is_dark() {
            return;
        }
        match register {
            Register::Control => self.write_command(now, value),
            Register::Data => self.write_data(now, value),
        }
    }

    /// The level of the interrupt line.
    pub fn interrupt(&mut self, now: u64) -> bool {
        self.catch_up(now);
        if self.is_dark() {
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

    fn access(&mut self, now: u64) {
        if self.config.faults.removed_at_access == Some(self.accesses) {
            self.presence = Presence::Removed;
        }
        self.accesses += 1;
        self.catch_up(now);
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
                self.answer = Some(ACKNOWLEDGE);
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

    fn status(&mut self, now: u64) -> u8 {
        let faults = &self.config.faults;
        let data = self.answer.is_some() || !self.received.is_empty() || faults.is_data_stuck(now);
        let mut status = self.config.reserved & 0x3F;
        if !data {
            status |= 0x80;
        }
        if !self.is_ready(now) {
            status |= 0x40;
        }
        status
    }

    fn is_ready(&self, now: u64) -> bool {
        self.command.is_none()
            && self.output.waiting() < self.config.depth
            && !self.config.faults.is_never_ready(now)
    }

    fn read_data(&mut self, now: u64) -> u8 {
        let next = self.answer.take().or_else(|| self.received.pop_front());
        if self.received.is_empty() {
            self.line_lost = false;
        }
        match next {
            Some(byte) => self.last_read = byte,
            None if self.config.faults.is_data_stuck(now) => {
                self.last_read = self.last_read.wrapping_mul(5).wrapping_add(3);
            }
            None => self.blame.empty_reads += 1,
        }
        self.last_read
    }

    fn write_data(&mut self, now: u64, value: u8) {
        if !self.in_uart_mode {
            self.blame.misdirected += 1;
        } else if self.is_ready(now) {
            self.output.queue(value, now);
            self.output.arrived(now);
        } else {
            self.blame.overwritten += 1;
        }
    }

    fn write_command(&mut self, now: u64, value: u8) {
        if !self.is_ready(now) {
            self.blame.bad_commands += 1;
            return;
        }
        let ordinal = self.commands;
        self.commands += 1;
        let faults = &self.config.faults;
        let lost = faults.no_answer || faults.lost_answers.contains(&ordinal);
        let answered = match value {
            0xFF => {
                self.clear_fifos();
                !std::mem::take(&mut self.in_uart_mode)
            }
            // "Ignored when already in UART mode."
            0x3F if self.in_uart_mode => return,
            0x3F => {
                self.clear_fifos();
                self.in_uart_mode = true;
                !self.config.faults.no_uart_answer
            }
            _ => {
                self.blame.bad_commands += 1;
                return;
            }
        };
        self.answer = None;
        self.command = Some((now + self.config.command_time, answered && !lost));
    }

    fn clear_fifos(&mut self) {
        self.blame.discarded += self.output.waiting() as u64;
        self.output.clear();
        self.received.clear();
        self.line_lost = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uart(config: Config) -> Chip {
        Chip::new(Config {
            in_uart_mode: true,
            ..config
        })
    }

    /// Writes until the chip refuses; the number of bytes it took.
    fn fill(chip: &mut Chip, now: u64) -> usize {
        (0..1_000)
            .take_while(|_| {
                let ready = chip.read(now, Register::Control) & 0x40 == 0;
                if ready {
                    chip.write(now, Register::Data, 0x55);
                }
                ready
            })
            .count()
    }

    #[test]
    fn a_chip_holds_its_depth_and_one_byte_on_the_wire() {
        for depth in [1, 16, 64] {
            let mut chip = uart(Config {
                depth,
                ..Config::default()
            });
            assert_eq!(fill(&mut chip, 0), depth + 1);
            assert_eq!(fill(&mut chip, 3_199), 0);
            assert_eq!(fill(&mut chip, 3_200), 1);
            assert_eq!(chip.blame(), Blame::default());
        }
    }

    #[test]
    fn bytes_leave_back_to_back_and_may_come_back() {
        let mut chip = uart(Config {
            cable: Cable::Loopback,
            ..Config::default()
        });
        for byte in [1, 2, 3] {
            chip.write(500, Register::Data, byte);
        }
        assert!(!chip.interrupt(3_699));
        assert_eq!(chip.next_change(500), Some(3_700));
        assert!(chip.interrupt(3_700));
        assert_eq!(chip.read(3_700, Register::Data), 1);
        assert!(!chip.interrupt(3_700));
        let sent = chip.take_sent(20_000);
        assert_eq!(
            sent.iter().map(|flown| flown.end).collect::<Vec<_>>(),
            [3_700, 6_900, 10_100]
        );
        assert_eq!(
            [
                chip.read(20_000, Register::Data),
                chip.read(20_000, Register::Data)
            ],
            [2, 3]
        );
        assert_eq!(chip.read(20_000, Register::Control) & 0x80, 0x80);
    }

    #[test]
    fn a_reset_is_answered_only_outside_uart_mode() {
        let mut chip = uart(Config::default());
        chip.write(0, Register::Control, 0xFF);
        assert_eq!(chip.read(10_000, Register::Control) & 0x80, 0x80);
        chip.write(10_000, Register::Control, 0xFF);
        assert_eq!(
            chip.read(10_000, Register::Control) & 0xC0,
            0xC0,
            "busy with the command"
        );
        assert_eq!(chip.read(10_300, Register::Control) & 0xC0, 0x00);
        assert_eq!(chip.read(10_300, Register::Data), ACKNOWLEDGE);
        chip.write(10_400, Register::Control, 0x3F);
        assert_eq!(chip.read(11_000, Register::Data), ACKNOWLEDGE);
        assert!(chip.is_in_uart_mode());
        assert_eq!(chip.blame(), Blame::default());
    }

    #[test]
    fn the_newest_byte_is_lost_in_a_full_fifo() {
        let mut chip = uart(Config {
            depth: 1,
            ..Config::default()
        });
        chip.play(0, [7, 8]);
        assert_eq!(chip.read(10_000, Register::Data), 7);
        assert_eq!(chip.blame().overruns, 1);
        assert_eq!(chip.take_heard(10_000).len(), 2);
    }

    #[test]
    fn an_empty_slot_floats_high() {
        let mut chip = uart(Config::default());
        chip.config.faults.removed_at_access = Some(1);
        assert_eq!(chip.read(0, Register::Control), 0xBF);
        assert_eq!(chip.read(0, Register::Control), 0xFF);
        assert_eq!(chip.read(0, Register::Data), 0xFF);
        assert!(!chip.interrupt(0) && chip.is_removed());
    }

    #[test]
    fn a_lost_interrupt_stays_lost_until_the_fifo_is_empty() {
        let mut chip = uart(Config::default());
        chip.faults_mut().lost_interrupts.insert(0);
        chip.play(0, [1, 2]);
        assert!(!chip.interrupt(7_000));
        assert_eq!(chip.read(7_000, Register::Data), 1);
        assert!(!chip.interrupt(7_000));
        assert_eq!(chip.read(7_000, Register::Data), 2);
        chip.play(7_000, [3]);
        assert!(chip.interrupt(11_000));
    }
}
