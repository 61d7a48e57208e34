//! The MPU-401 UART as data: registers, status bits, commands, times and limits.
//!
//! This file is the datasheet (mpu401.md sections 1 to 5 and 8). Nothing here decides anything:
//! the protocol is in [`crate::mpu401`] and the policies are in its other submodules.
#![forbid(unsafe_code)]

use crate::time::RefTime;

/// One of the two byte-wide ports of the chip (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// Base + 0. Read: a received byte or a command's answer. Write: a byte to transmit.
    Data,
    /// Base + 1. Read: [`Status`]. Write: a [`Command`].
    Control,
}

impl Register {
    /// How many consecutive ports the chip decodes.
    pub const COUNT: u16 = 2;

    /// The register's distance from the base port.
    #[must_use]
    pub const fn offset(self) -> u16 {
        match self {
            Self::Data => 0,
            Self::Control => 1,
        }
    }

    /// The register at this distance from the base port.
    #[must_use]
    pub const fn from_offset(offset: u16) -> Option<Self> {
        match offset {
            0 => Some(Self::Data),
            1 => Some(Self::Control),
            _ => None,
        }
    }
}

/// What a read of [`Register::Control`] says. Both flags are active low; bits 5 to 0 are reserved
/// and some chips use them, so they are never looked at (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// "Data set ready": 0 when a byte can be read from [`Register::Data`].
    pub const NOTHING_TO_READ: u8 = 0x80;
    /// "Data read ready": 0 when [`Register::Data`] or [`Register::Control`] may be written.
    pub const NOT_READY_TO_WRITE: u8 = 0x40;

    /// A received byte is waiting.
    #[must_use]
    pub const fn has_data(self) -> bool {
        self.0 & Self::NOTHING_TO_READ == 0
    }

    /// The chip takes one more byte or command.
    #[must_use]
    pub const fn takes_data(self) -> bool {
        self.0 & Self::NOT_READY_TO_WRITE == 0
    }

    /// All ones: what an empty slot reads as. A busy chip whose reserved bits are set reads the
    /// same, so only a long run of these means that nobody is there.
    #[must_use]
    pub const fn floats(self) -> bool {
        self.0 == 0xFF
    }
}

/// What the driver writes to [`Register::Control`]; many clones know only these two (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Back to the power-on state. Acknowledged only out of UART mode.
    Reset = 0xFF,
    /// Bytes pass uninterpreted from here on. Some chips do not acknowledge it.
    EnterUartMode = 0x3F,
}

/// The answer to a command, read from [`Register::Data`], possibly behind received MIDI bytes.
pub const ACKNOWLEDGE: u8 = 0xFE;

/// One byte on the wire: a start bit, eight data bits, a stop bit at 31,250 baud (section 3).
pub const BYTE_TIME: RefTime = RefTime(3_200);
/// The shortest a byte can be on a wire within the permitted 1 % of the nominal rate.
pub const SHORTEST_BYTE_TIME: RefTime = RefTime(3_168);

/// How soon a wait looks at the chip again at first, in microseconds (section 2).
pub const POLL_MICROSECONDS: u32 = 25;
/// How often it does so before it sleeps between two looks: no wait at PASSIVE stands still for more
/// than 50 us (contract section 4).
pub const FAST_POLLS: u32 = 50 / POLL_MICROSECONDS;
/// How long it sleeps then; the system makes up to one of its ticks of that, some 15.6 ms.
pub const POLL_SLEEP: RefTime = RefTime(10_000);
/// The longest wait for "ready" or for an answer: 50 ms (section 2).
pub const WAIT: RefTime = RefTime(500_000);
/// The longest handshake altogether: 200 ms, however slow each of its steps is (section 6), less one
/// sleep that was too long.
pub const HANDSHAKE_TIME: RefTime = RefTime(1_750_000);
/// The longest that silence is waited for before the power goes: 250 ms, less one sleep that was too
/// long.
pub const CLOSE_TIME: RefTime = RefTime(2_250_000);
/// How long after a failed handshake a stream that is set running tries another, and what waits does.
pub const REVIVE_REST: RefTime = RefTime(10_000_000);
/// How long a chip of the greatest known depth needs to send all that it holds, and a byte.
pub const LONGEST_BACKLOG: RefTime = RefTime(66 * BYTE_TIME.0);
/// Stale bytes thrown away before the handshake gives up on an endless supply (section 2, step 2).
pub const FLUSH_LIMIT: u32 = 1_024;

/// Register accesses in one go at device IRQL: with a microsecond each, 100 us. The limits below keep
/// to it.
pub const ACCESS_LIMIT: u32 = 100;
/// Received bytes taken in one go at device IRQL: two accesses each, one to see that it was the last,
/// and two for what a handshake does besides. (Section 4 says 64; the rest is left to the DPC.)
pub const DRAIN_LIMIT: usize = 40;
/// Received bytes taken before a write pass and after it, where all three are one go: 33 accesses, as
/// many for [`WRITE_LIMIT`], and 29.
pub const EXCHANGE_DRAIN_LIMITS: (usize, usize) = (16, 14);
/// Drains of [`DRAIN_LIMIT`] that the DPC makes for a service routine that was cut short: enough for a
/// chip to be found stuck.
pub const LEFTOVER_DRAINS: u32 = 8;
/// Bytes read without a glimpse of "nothing to read" before "data set ready" counts as stuck. An honest
/// chip of the greatest known depth has 65 at most, and two more that come meanwhile (section 6).
pub const STUCK_BYTES: usize = 320;
/// Services of a chip that counts as stuck from one attempt to read it to the next.
pub const STUCK_LOOKS: u32 = 16;

/// How long calls of the service routine are counted before the count begins anew.
pub const STORM_WINDOW: RefTime = RefTime(500_000);
/// Received bytes in one [`STORM_WINDOW`] that no wire can have carried: 158 fit, and the deepest
/// FIFO may have been full, which makes 223.
pub const STORM_BYTES: u32 = 512;
/// Calls of the service routine that a storm takes, once its end was asked for, before that is asked for
/// again.
pub const STORM_REMINDER: u32 = 256;
/// Calls of the service routine in one [`STORM_WINDOW`] that find nothing to read: one every 25 us.
/// Each costs about 3 us, so these take an eighth of a processor; a line that is stuck is called ten
/// times as often, and a network adapter that shares the line, with its own moderation, less often.
pub const STORM_CALLS: u32 = 2_000;
/// How long a line that stormed is left alone at first. It doubles with each storm that follows a
/// reconnection within [`STORM_FORGIVEN`], up to [`LONGEST_STORM_REST`].
pub const STORM_REST: RefTime = RefTime(10_000_000);
/// The longest that a line is left alone: a storm a minute costs nobody anything.
pub const LONGEST_STORM_REST: RefTime = RefTime(640_000_000);
/// How long after a reconnection a storm is a new one.
pub const STORM_FORGIVEN: RefTime = RefTime(600_000_000);

/// Bytes written in one go at device IRQL; the FIFO of the usual super-I/O part (section 3).
pub const WRITE_LIMIT: u32 = 16;
/// Bytes and events skipped in one go at device IRQL, of messages that were torn: some 10 us of looking
/// at memory.
pub const SKIP_LIMIT: u32 = 512;
/// Steps of [`WRITE_LIMIT`] bytes before a transmission lets everybody else run, whatever the chip
/// would still take: enough to fill the deepest FIFO.
pub const STEPS_PER_PUMP: u32 = 5;
/// How soon a transmitter that made no progress tries again (section 8).
pub const RETRY: RefTime = RefTime(10_000);
/// Attempts without progress, each [`RETRY`] after the last, before the chip counts as dead.
pub const ZERO_PROGRESS_LIMIT: u32 = 100;
/// The longest that a transmission stands still at DISPATCH for room that is just about to come.
pub const LONGEST_STALL: RefTime = RefTime(500);
/// How late a high-resolution kernel timer may come.
pub const TIMER_LATENESS: RefTime = RefTime(10_000);

/// The most bytes of one silence, each message with its status: 192 ms on the wire, behind the 21 ms that
/// the deepest FIFO may hold.
pub const SILENCE_BYTES: u32 = 600;
/// A silence of more bytes than this leaves out the statuses that repeat. A chip without a FIFO takes two
/// bytes a wake-up of the timer, which may be a millisecond late each time; 600 bytes would need 300 ms.
pub const PLAIN_SILENCE_BYTES: u32 = 300;
/// The most bytes of one silence without the statuses that repeat: two for each message that fits, and one
/// for each channel's note-offs, for its pedals and for its two controllers. 224 ms at two a millisecond.
pub const COMPACT_SILENCE_BYTES: u32 = 2 * SILENCE_BYTES / 3 + 3 * 16;
/// How long the middle of a SysEx may keep the wire from another lane while nothing of it comes: it
/// counts as stalled then. A sender that paces its packets for a slow instrument pauses for much less,
/// and the MMA's sample dumps wait for two seconds, too, before they give up.
pub const PATIENCE: RefTime = RefTime(20_000_000);

/// The longest time between two looks of a capture stream without an interrupt (section 4).
pub const POLL_PERIOD: RefTime = RefTime(10_000);
/// The shortest time the timer is set for: as soon as it can come.
pub const SHORTEST_REST: RefTime = RefTime(1);

/// What to set the timer for, so that it comes within `period` however late it is: a polled stamp is
/// off by the time since the last look, and that is what is promised.
#[must_use]
pub fn poll_rest(period: RefTime) -> RefTime {
    RefTime(period.0.saturating_sub(TIMER_LATENESS.0)).max(SHORTEST_REST)
}
/// How often a capture stream with an interrupt looks at the chip nevertheless: on an edge-triggered
/// line one lost interrupt would otherwise silence it for ever (section 4). And how often anybody
/// looks whether a line that stormed has come to rest.
pub const WATCHDOG_PERIOD: RefTime = RefTime(500_000);
/// Looks that find bytes, with no interrupt that finds one in between, before the interrupt counts as
/// missing: with a byte every 300 ms, the slowest active sensing, within a second.
pub const ABSENCE_FINDS: u32 = 3;
/// The shortest time between two looks that count: less than [`WATCHDOG_PERIOD`], and some hundred times
/// what an interrupt needs.
pub const ABSENCE_SPACING: RefTime = RefTime(400_000);

/// How often a delivery begins again for those who asked for it meanwhile, before the timer does.
pub const DELIVERY_ROUNDS: u32 = 4;

/// Received bytes held between the service routine and the capture stream: 0.65 s of a busy wire.
pub const RING_CAPACITY: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_flags_are_active_low_and_reserved_bits_are_ignored() {
        for reserved in 0..0x40 {
            assert!(Status(reserved).has_data() && Status(reserved).takes_data());
            assert!(!Status(0x80 | reserved).has_data() && Status(0x80 | reserved).takes_data());
            assert!(Status(0x40 | reserved).has_data() && !Status(0x40 | reserved).takes_data());
        }
        assert!(!Status(0xFF).has_data() && !Status(0xFF).takes_data() && Status(0xFF).floats());
    }

    #[test]
    fn registers_and_offsets_agree() {
        for register in [Register::Data, Register::Control] {
            assert_eq!(Register::from_offset(register.offset()), Some(register));
        }
        assert_eq!(Register::from_offset(Register::COUNT), None);
    }

    #[test]
    fn one_go_at_device_irql_keeps_to_its_accesses() {
        let drain = |bytes: usize| 2 * u32::try_from(bytes).unwrap() + 1;
        // A handshake drains, looks and gives a command.
        assert!(drain(DRAIN_LIMIT) + 2 < ACCESS_LIMIT);
        let (before, after) = EXCHANGE_DRAIN_LIMITS;
        assert!(drain(before) + 2 * WRITE_LIMIT + drain(after) < ACCESS_LIMIT);
        // What a pump takes in all is more than any known chip holds.
        assert!(before * usize::try_from(STEPS_PER_PUMP).unwrap() > 65);
        let leftovers = DRAIN_LIMIT * usize::try_from(LEFTOVER_DRAINS).unwrap();
        assert!(leftovers >= STUCK_BYTES);
    }

    #[test]
    fn a_silence_fits_a_chip_without_a_fifo() {
        // Two bytes a wake-up, each a millisecond after the last.
        let slowest = |bytes: u32| i64::from(bytes / 2) * TIMER_LATENESS.0;
        assert!(slowest(COMPACT_SILENCE_BYTES) <= CLOSE_TIME.0);
        assert!(slowest(PLAIN_SILENCE_BYTES) <= CLOSE_TIME.0);
        assert!(slowest(SILENCE_BYTES) > CLOSE_TIME.0);
    }

    #[test]
    fn a_byte_takes_ten_bits_at_31250_baud() {
        assert_eq!(BYTE_TIME.0 * 31_250, 10 * 10_000_000);
        assert_eq!(SHORTEST_BYTE_TIME.0 * 100, BYTE_TIME.0 * 99);
    }
}
