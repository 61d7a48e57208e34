//! The two registers: status and commands, received and sent bytes (mpu401.md sections 1 and 2).

use dmusmini::mpu401::spec::Register;

use super::{Chip, Presence};

/// The answer to a command.
pub(super) const ACKNOWLEDGE: u8 = 0xFE;

impl Chip {
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

    fn access(&mut self, now: u64) {
        if self.config.faults.removed_at_access == Some(self.accesses) {
            self.presence = Presence::Removed;
        }
        self.accesses += 1;
        self.catch_up(now);
    }

    fn status(&mut self, now: u64) -> u8 {
        let faults = &self.config.faults;
        let data = self.answer.is_some() || !self.received.is_empty() || faults.is_data_stuck(now);
        let mut status = self.config.reserved & 0x3F;
        if !data {
            status |= 0x80;
        }
        let unread = self.answer.is_some() || !self.received.is_empty();
        if !self.is_ready(now) || (faults.unread_blocks && unread) {
            status |= 0x40;
        }
        status
    }

    /// Whether what is written now is taken: what was ready a moment ago still is.
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
}
