//! What an open pin costs in any case, whatever its client does: its share of the device's memory.
//!
//! The total is for what clients send, so that a device with a small total can be opened. But a
//! queue is as long as the registry says, and a dozen pins may not double the total: what all of
//! them cost beyond an allowance counts against it.
#![expect(unsafe_code, reason = "the level that a pin is closed at")]

use super::filter::Pin;
use super::miniport::SynthMiniport;
use super::{engine, inlet};
use crate::com::{ObjectRef, Status};
use crate::irql::{Irql, Passive};

/// The costs of all open pins, under the lock of the table of streams.
#[derive(Debug, Default)]
pub struct Costs(u64);

impl Costs {
    /// Adds a pin; what it counts for.
    fn add(&mut self, cost: u64) -> u64 {
        let before = counted(self.0);
        self.0 = self.0.saturating_add(cost);
        counted(self.0).saturating_sub(before)
    }

    /// Takes a pin out; what no longer counts.
    fn remove(&mut self, cost: u64) -> u64 {
        let before = counted(self.0);
        self.0 = self.0.saturating_sub(cost);
        before.saturating_sub(counted(self.0))
    }
}

/// A pin's share. Given back when dropped: as the last field of the stream, so that its memory is
/// freed before.
#[derive(Debug)]
pub struct Share {
    miniport: ObjectRef<SynthMiniport>,
    cost: u64,
}

impl Share {
    /// Takes the share of a pin, before anything is allocated for it.
    ///
    /// # Errors
    ///
    /// [`Status::INSUFFICIENT_RESOURCES`] when the device's total is used up.
    pub fn take(
        irql: &mut Irql<Passive>,
        miniport: &ObjectRef<SynthMiniport>,
        pin: Pin,
    ) -> Result<Self, Status> {
        let cost = cost_of(miniport, pin);
        let admitted = miniport.with_streams(irql, |streams, _| {
            let counted = streams.costs.add(cost);
            let admitted = miniport.budget().try_reserve(counted);
            if !admitted {
                streams.costs.remove(cost);
            }
            admitted
        });
        if !admitted {
            return Err(Status::INSUFFICIENT_RESOURCES);
        }
        Ok(Self {
            miniport: miniport.clone(),
            cost,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // SAFETY: the port opens and releases streams at PASSIVE (contract section 4).
        let mut irql = unsafe { Irql::<Passive>::assume() };
        let cost = self.cost;
        let streams = &self.miniport;
        let counted = streams.with_streams(&mut irql, |streams, _| streams.costs.remove(cost));
        self.miniport.budget().release(counted);
    }
}

/// A MIDI pin has a queue, and either kind an engine, whether it is made for this pin or was there.
fn cost_of(miniport: &SynthMiniport, pin: Pin) -> u64 {
    let engine = engine::pool_bytes_for(miniport.settings());
    match pin {
        Pin::Wave => engine,
        Pin::DirectMusic | Pin::Midi => {
            engine.saturating_add(inlet::pool_bytes_for(miniport.event_capacity()))
        }
    }
}

const fn counted(bytes: u64) -> u64 {
    bytes.saturating_sub(ALLOWANCE)
}

/// For all open pins of a device together: half a megabyte less than what a device may hold beyond
/// its total, for what is allocated while a pin is opened or its format changes.
const ALLOWANCE: u64 = 3584 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_what_goes_beyond_the_allowance() {
        let mut costs = Costs::default();
        assert_eq!(costs.add(ALLOWANCE - 1), 0);
        assert_eq!(costs.add(1), 0);
        assert_eq!(costs.add(10), 10);
        assert_eq!(costs.add(20), 20);
        // In another order than they came.
        assert_eq!(costs.remove(ALLOWANCE - 1), 30);
        assert_eq!(costs.remove(20), 0);
        assert_eq!(costs.add(ALLOWANCE), 11);
        assert_eq!(costs.remove(ALLOWANCE), 11);
    }
}
