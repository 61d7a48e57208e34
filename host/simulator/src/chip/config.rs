//! What a chip is like, what is at the other end of its cables, and what is held against its driver.

use super::Faults;

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
    /// A device that listens, and sends what [`Chip::play`](super::Chip::play) gives it.
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
