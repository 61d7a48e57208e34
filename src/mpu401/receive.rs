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

use super::spec::{DRAIN_LIMIT, SHORTEST_BYTE_TIME, STUCK_DRAINS};
use super::{Mpu401, PortIo};
use crate::ring::Producer;
use crate::time::RefTime;

/// A byte in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The byte.
    pub byte: u8,
    /// Bytes before this one were lost because the ring was full.
    pub after_loss: bool,
    /// The latest time at which it can have arrived, on the master clock.
    pub at: RefTime,
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
    lossy: bool,
    lost: u32,
    full_drains: u32,
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
            lossy: false,
            lost: 0,
            full_drains: 0,
        }
    }

    /// Attaches a capture stream's ring, or detaches it; bytes are thrown away until
    /// [`Receiver::store`] says otherwise. The old ring is handed back to be dropped outside the
    /// lock.
    #[must_use = "memory must not be freed inside the lock"]
    pub const fn attach(&mut self, ring: Option<Producer<Received>>) -> Option<Producer<Received>> {
        self.storage = Storage::Discard;
        self.last = RefTime(i64::MIN);
        self.lossy = false;
        self.lost = 0;
        core::mem::replace(&mut self.ring, ring)
    }

    /// Says whether bytes that come from now on are wanted.
    pub const fn store(&mut self, storage: Storage) {
        self.storage = storage;
    }

    /// Bytes lost to a full ring since this was last asked.
    pub const fn take_lost(&mut self) -> u32 {
        core::mem::replace(&mut self.lost, 0)
    }

    /// Reads what the chip has, at most [`DRAIN_LIMIT`] bytes.
    ///
    /// A chip that has been found stuck is asked for its status and nothing else until that says
    /// "no data" again, so that it costs one register access a call.
    pub fn service<P: PortIo>(
        &mut self,
        chip: &mut Mpu401<P>,
        mut clock: impl FnMut() -> RefTime,
    ) -> Serviced {
        let limit = if self.is_stuck() { 0 } else { DRAIN_LIMIT };
        let mut batch = [Read::default(); DRAIN_LIMIT];
        let mut room = batch.iter_mut();
        let wanted = self.storage == Storage::Keep && self.ring.is_some();
        let drained = chip.drain(limit, |byte| {
            if wanted && let Some(slot) = room.next() {
                *slot = Read { byte, at: clock() };
            }
        });
        let mut serviced = Serviced {
            taken: drained.taken,
            ..Serviced::default()
        };
        if drained.cut_short {
            self.full_drains = self.full_drains.saturating_add(1);
            serviced.stuck = self.full_drains == STUCK_DRAINS;
        } else {
            self.full_drains = 0;
        }
        if wanted {
            let batch = batch.get_mut(..drained.taken).unwrap_or_default();
            serviced.notify = drained.taken > 0;
            self.keep(batch);
        }
        serviced
    }

    /// The chip says "data ready" without an end and is being ignored.
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        self.full_drains >= STUCK_DRAINS
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
                after_loss: self.lossy,
                at: self.last,
            };
            let pushed = self.ring.as_mut().map(|ring| ring.push(received));
            if matches!(pushed, Some(Ok(()))) {
                self.lossy = false;
            } else {
                self.lossy = true;
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
