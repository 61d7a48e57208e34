//! The service routine's half of capture: read the chip, stamp each byte, fill the ring.
//!
//! Follows mpu401.md section 4; runs under the interrupt lock, at device IRQL when the chip has an
//! interrupt and at DISPATCH when it is polled.
//!
//! **Stamps.** A byte read at time *t* had arrived by then; how long before, the chip does not
//! say. But bytes of one batch arrived at least a byte time apart, so the stamps go backwards from
//! the last byte: each is the latest moment at which its byte can have arrived. A late service
//! routine that finds five bytes thus stamps them 320 us apart and not all alike.
#![forbid(unsafe_code)]

use super::spec::{DRAIN_LIMIT, SHORTEST_BYTE_TIME, STUCK_BYTES, STUCK_LOOKS};
use super::{Drained, Mode, Mpu401, PortIo};
use crate::midi::status::Kind;
use crate::ring::Producer;
use crate::time::RefTime;

/// A byte in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The byte.
    pub byte: u8,
    /// What came right before it and is not here.
    pub missing: Missing,
    /// The latest time at which it can have arrived, on the master clock.
    pub at: RefTime,
}

/// Why bytes of the wire are not in the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// None are missing.
    #[default]
    Nothing,
    /// They came while no stream ran, or the chip was off. Real-time bytes that are thrown away do not
    /// count: they are no part of any message around them, and many keyboards send one all the time.
    Unwanted,
    /// The ring was full, or nobody knows what they were.
    Lost,
}

/// What one service did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serviced {
    /// Bytes read from the chip: with none, the interrupt was somebody else's.
    pub taken: usize,
    /// Bytes came that the capture stream wants: ask for its service, even if the ring was too full
    /// to take them, for then the stream is behind.
    pub notify: bool,
    /// The chip has just been found stuck with "data ready"; said once.
    pub stuck: bool,
    /// The limit was reached and the chip has more: read on, once others had their turn.
    pub cut_short: bool,
}

/// Whether received bytes are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// No capture stream runs: bytes are read, to keep the FIFO clean, and thrown away.
    #[default]
    Discard,
    /// Bytes go into the ring.
    Keep,
}

/// The producing half of a capture stream.
#[derive(Debug)]
pub struct Receiver {
    ring: Option<Producer<Received>>,
    storage: Storage,
    last: RefTime,
    missing: Missing,
    lost: u32,
    /// Bytes read since the chip last had nothing to read.
    unbroken: usize,
    /// Services of a stuck chip since it was last read.
    looks: u32,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// A receiver that no stream listens to.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ring: None,
            storage: Storage::Discard,
            last: RefTime(i64::MIN),
            missing: Missing::Nothing,
            lost: 0,
            unbroken: 0,
            looks: 0,
        }
    }

    /// Attaches a capture stream's ring, or detaches it; bytes are thrown away until
    /// [`Receiver::store`] says otherwise. The old ring is handed back to be dropped outside the
    /// lock.
    #[must_use = "memory must not be freed inside the lock"]
    pub const fn attach(&mut self, ring: Option<Producer<Received>>) -> Option<Producer<Received>> {
        self.storage = Storage::Discard;
        self.last = RefTime(i64::MIN);
        self.missing = Missing::Nothing;
        self.lost = 0;
        core::mem::replace(&mut self.ring, ring)
    }

    /// Says whether bytes that come from now on are wanted. Those that came before were read, or
    /// count as having come now.
    pub fn store(&mut self, storage: Storage) {
        if self.storage != storage {
            // The clock may be set anew while a stream does not run.
            self.last = RefTime(i64::MIN);
        }
        self.storage = storage;
    }

    /// The chip begins anew: whatever it was stuck with is forgotten.
    pub const fn begin_anew(&mut self) {
        self.unbroken = 0;
        self.looks = 0;
    }

    /// What comes over the wire now is not read: the chip is off, or not in UART mode.
    pub fn miss(&mut self) {
        self.missing = self.missing.max(Missing::Unwanted);
    }

    /// Bytes lost to a full ring since this was last asked.
    pub const fn take_lost(&mut self) -> u32 {
        core::mem::replace(&mut self.lost, 0)
    }

    /// Reads what the chip has, at most [`DRAIN_LIMIT`] bytes.
    ///
    /// A chip that has been found stuck is asked for its status and nothing else, so that it costs one
    /// register access a call; but every [`STUCK_LOOKS`] calls it is read once more, for what came in
    /// meanwhile keeps "data ready" up when nothing else does any more.
    pub fn service<P: PortIo>(
        &mut self,
        chip: &mut Mpu401<P>,
        clock: impl FnMut() -> RefTime,
    ) -> Serviced {
        self.service_some(chip, DRAIN_LIMIT, clock)
    }

    /// As [`service`](Self::service), at most `limit` bytes: what is done under one hold of the lock
    /// with other things.
    pub fn service_some<P: PortIo>(
        &mut self,
        chip: &mut Mpu401<P>,
        limit: usize,
        mut clock: impl FnMut() -> RefTime,
    ) -> Serviced {
        let limit = limit.min(DRAIN_LIMIT);
        if self.is_stuck() {
            let limit = self.stuck_limit(limit);
            return self.read_stuck(chip.drain(limit, |_| {}));
        }
        let mut batch = [Read::default(); DRAIN_LIMIT];
        let mut room = batch.iter_mut();
        // What a chip says during a handshake is no music.
        let wanted =
            self.storage == Storage::Keep && self.ring.is_some() && chip.mode() == Mode::Uart;
        // In a handshake `drain` shows none of its bytes, and nobody knows what they were.
        let mut misses = chip.mode() != Mode::Uart;
        let drained = chip.drain(limit, |byte| {
            if wanted && let Some(slot) = room.next() {
                *slot = Read { byte, at: clock() };
            }
            misses |= !Kind::of(byte).is_real_time();
        });
        let mut serviced = self.count(drained);
        if wanted {
            let batch = batch.get_mut(..drained.taken).unwrap_or_default();
            serviced.notify = drained.taken > 0;
            self.keep(batch);
        } else if drained.taken > 0 && misses {
            self.miss();
        }
        serviced
    }

    /// Throws away what a chip that is not in use has received, at most [`DRAIN_LIMIT`] bytes.
    pub fn discard<P: PortIo>(&mut self, chip: &mut Mpu401<P>) -> Serviced {
        if self.is_stuck() {
            let limit = self.stuck_limit(DRAIN_LIMIT);
            return self.read_stuck(chip.discard(limit));
        }
        let drained = chip.discard(DRAIN_LIMIT);
        self.count(drained)
    }

    /// How many bytes to read from a stuck chip now, at most `limit`.
    const fn stuck_limit(&mut self, limit: usize) -> usize {
        self.looks = self.looks.saturating_add(1);
        if self.looks < STUCK_LOOKS {
            return 0;
        }
        self.looks = 0;
        limit
    }

    /// What was read from a stuck chip is junk, up to the end of it: what was received among it is
    /// lost, and nobody knows how much that was.
    const fn read_stuck(&mut self, drained: Drained) -> Serviced {
        if drained.taken > 0 {
            self.missing = Missing::Lost;
        }
        self.count(drained)
    }

    const fn count(&mut self, drained: Drained) -> Serviced {
        let was_stuck = self.is_stuck();
        self.unbroken = if drained.cut_short {
            self.unbroken.saturating_add(drained.taken)
        } else {
            0
        };
        let is_stuck = self.is_stuck();
        Serviced {
            taken: drained.taken,
            notify: false,
            stuck: is_stuck && !was_stuck,
            cut_short: drained.cut_short && !is_stuck,
        }
    }

    /// The chip says "data ready" without an end and is being ignored.
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        self.unbroken >= STUCK_BYTES
    }

    fn keep(&mut self, batch: &mut [Read]) {
        let mut latest = RefTime(i64::MAX);
        for read in batch.iter_mut().rev() {
            read.at = read.at.min(latest);
            latest = RefTime(read.at.0.saturating_sub(SHORTEST_BYTE_TIME.0));
        }
        for read in batch {
            // The master clock never goes back, so neither do stamps, whatever was assumed above.
            self.last = read.at.max(self.last);
            let received = Received {
                byte: read.byte,
                missing: self.missing,
                at: self.last,
            };
            let pushed = self.ring.as_mut().map(|ring| ring.push(received));
            if matches!(pushed, Some(Ok(()))) {
                self.missing = Missing::Nothing;
            } else {
                self.missing = Missing::Lost;
                self.lost = self.lost.saturating_add(1);
            }
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Read {
    byte: u8,
    at: RefTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpu401::handshake;
    use crate::mpu401::spec::Register;
    use crate::ring::{Consumer, ring};
    use std::collections::VecDeque;
    use std::vec::Vec;

    /// A chip that only receives.
    #[derive(Default)]
    struct Input {
        bytes: VecDeque<u8>,
        endless: bool,
        reads: u32,
    }

    impl PortIo for Input {
        fn read(&mut self, register: Register) -> u8 {
            self.reads += 1;
            match register {
                Register::Control if self.endless || !self.bytes.is_empty() => 0,
                Register::Control => 0x80,
                Register::Data => self.bytes.pop_front().unwrap_or(0x55),
            }
        }

        fn write(&mut self, _: Register, _: u8) {
            self.bytes.push_back(0xFE);
        }
    }

    fn rig(capacity: usize) -> (Mpu401<Input>, Receiver, Consumer<Received>) {
        let mut chip = Mpu401::new(Input::default());
        handshake::run(&mut chip, |_| {}).unwrap();
        let mut receiver = Receiver::new();
        let (producer, consumer) = ring(capacity).unwrap();
        assert!(receiver.attach(Some(producer)).is_none());
        receiver.store(Storage::Keep);
        (chip, receiver, consumer)
    }

    fn all(consumer: &mut Consumer<Received>) -> Vec<Received> {
        core::iter::from_fn(|| consumer.pop()).collect()
    }

    #[test]
    fn bytes_of_a_late_batch_are_stamped_a_byte_time_apart() {
        let (mut chip, mut receiver, mut consumer) = rig(64);
        chip.port_mut().bytes.extend([1, 2, 3]);
        let mut now = 1_000_000;
        receiver.service(&mut chip, || {
            now += 20;
            RefTime(now)
        });
        let stamps: Vec<i64> = all(&mut consumer).iter().map(|byte| byte.at.0).collect();
        let last = 1_000_060;
        assert_eq!(stamps, [last - 2 * 3_168, last - 3_168, last]);
        // The next byte cannot have come before the last one, however long the batch.
        chip.port_mut().bytes.extend([4; 30]);
        receiver.service(&mut chip, || RefTime(last + 10_000));
        let stamps: Vec<i64> = all(&mut consumer).iter().map(|byte| byte.at.0).collect();
        assert!(stamps.is_sorted() && stamps[0] == last && stamps[29] == last + 10_000);
    }

    #[test]
    fn the_newest_go_when_the_ring_is_full() {
        let (mut chip, mut receiver, mut consumer) = rig(4);
        chip.port_mut().bytes.extend(0..10);
        let serviced = receiver.service(&mut chip, || RefTime(0));
        assert!(serviced.notify && serviced.taken == 10);
        assert_eq!(receiver.take_lost(), 6);
        assert_eq!(receiver.take_lost(), 0);
        assert_eq!(all(&mut consumer).len(), 4);
        chip.port_mut().bytes.push_back(10);
        chip.port_mut().bytes.push_back(11);
        receiver.service(&mut chip, || RefTime(0));
        let marks: Vec<_> = all(&mut consumer).iter().map(|byte| byte.missing).collect();
        assert_eq!(marks, [Missing::Lost, Missing::Nothing]);
    }

    #[test]
    fn unwanted_bytes_are_read_and_thrown_away() {
        let (mut chip, mut receiver, mut consumer) = rig(4);
        receiver.store(Storage::Discard);
        chip.port_mut().bytes.extend(0..10);
        let serviced = receiver.service(&mut chip, || RefTime(0));
        assert_eq!((serviced.taken, serviced.notify), (10, false));
        assert!(chip.port_mut().bytes.is_empty() && all(&mut consumer).is_empty());
        assert_eq!(receiver.take_lost(), 0);
        receiver.store(Storage::Keep);
        chip.port_mut().bytes.extend([1, 2]);
        receiver.service(&mut chip, || RefTime(0));
        let marks: Vec<_> = all(&mut consumer).iter().map(|byte| byte.missing).collect();
        assert_eq!(marks, [Missing::Unwanted, Missing::Nothing]);
    }

    /// Active sensing, a clock: no message around them has a hole where they were.
    #[test]
    fn unwanted_real_time_leaves_no_hole() {
        let (mut chip, mut receiver, mut consumer) = rig(4);
        receiver.store(Storage::Discard);
        chip.port_mut().bytes.extend(0xF8..=0xFF);
        assert_eq!(receiver.service(&mut chip, || RefTime(0)).taken, 8);
        receiver.store(Storage::Keep);
        chip.port_mut().bytes.push_back(1);
        receiver.service(&mut chip, || RefTime(0));
        // One byte of something else among them does leave one.
        receiver.store(Storage::Discard);
        chip.port_mut().bytes.extend([0xFE, 5, 0xFE]);
        receiver.service(&mut chip, || RefTime(0));
        receiver.store(Storage::Keep);
        chip.port_mut().bytes.push_back(2);
        receiver.service(&mut chip, || RefTime(0));
        let marks: Vec<_> = all(&mut consumer).iter().map(|byte| byte.missing).collect();
        assert_eq!(marks, [Missing::Nothing, Missing::Unwanted]);
    }

    #[test]
    fn a_new_stream_gets_nothing_before_it_asks() {
        let (mut chip, mut receiver, mut first) = rig(4);
        let (producer, mut second) = ring(4).unwrap();
        assert!(receiver.attach(Some(producer)).is_some());
        chip.port_mut().bytes.extend([1, 2]);
        assert!(!receiver.service(&mut chip, || RefTime(0)).notify);
        assert!(all(&mut first).is_empty() && all(&mut second).is_empty());
    }

    #[test]
    fn answers_are_not_kept() {
        let (mut chip, mut receiver, mut consumer) = rig(4);
        let mut handshake = handshake::Handshake::new(false);
        while let handshake::Progress::Wait(_) = handshake.poll(&mut chip, RefTime(0)) {
            receiver.service(&mut chip, || RefTime(1));
        }
        assert_eq!(chip.mode(), Mode::Uart);
        assert!(all(&mut consumer).is_empty());
    }

    #[test]
    fn an_endless_supply_is_reported_once_and_then_costs_one_read() {
        let (mut chip, mut receiver, _consumer) = rig(4);
        chip.port_mut().endless = true;
        let services: Vec<Serviced> = (0..20)
            .map(|_| receiver.service(&mut chip, || RefTime(0)))
            .collect();
        let stuck = services.iter().position(|service| service.stuck);
        assert_eq!(stuck, Some(STUCK_BYTES / DRAIN_LIMIT - 1));
        assert_eq!(services.iter().filter(|service| service.stuck).count(), 1);
        // As long as it is believed the rest is asked for, and no longer.
        let asked = services.iter().filter(|service| service.cut_short).count();
        assert_eq!(Some(asked), stuck);
        chip.port_mut().reads = 0;
        assert_eq!(receiver.service(&mut chip, || RefTime(0)).taken, 0);
        assert_eq!(chip.port_mut().reads, 1);
        chip.port_mut().endless = false;
        receiver.service(&mut chip, || RefTime(0));
        assert!(!receiver.is_stuck());
    }

    #[test]
    fn bytes_that_came_meanwhile_do_not_keep_a_chip_stuck() {
        let (mut chip, mut receiver, mut consumer) = rig(4_096);
        chip.port_mut().endless = true;
        while !receiver.is_stuck() {
            receiver.service(&mut chip, || RefTime(0));
        }
        let _ = all(&mut consumer);
        // A stuck chip is read now and then, and what it says then is not believed.
        for _ in 0..10 * STUCK_LOOKS {
            assert!(!receiver.service(&mut chip, || RefTime(0)).notify);
        }
        assert!(receiver.is_stuck() && all(&mut consumer).is_empty());
        chip.port_mut().endless = false;
        chip.port_mut().bytes.extend([1, 2, 3]);
        for _ in 0..STUCK_LOOKS {
            receiver.service(&mut chip, || RefTime(0));
        }
        assert!(!receiver.is_stuck());
        chip.port_mut().bytes.push_back(4);
        receiver.service(&mut chip, || RefTime(0));
        let kept: Vec<_> = all(&mut consumer)
            .iter()
            .map(|byte| (byte.byte, byte.missing))
            .collect();
        assert_eq!(kept, [(4, Missing::Lost)]);
    }
}
