//! Saturated full duplex through the pure modules: nothing lost, added or reordered, wire busy.

use std::mem;

use dmusmini::mpu401::capture::Format;
use dmusmini::mpu401::transmit::Lane;
use dmusmini_simulator::chip::{Blame, Flown};

use super::duplex::{self, Duplex, Measured, Path};
use super::rig::{Delivered, Rig, SECOND, Service};
use super::traffic::Random;

/// The small rig as a path.
struct Kernelless {
    rig: Rig,
    cuts: Random,
    /// The parts of a SysEx that have come.
    part: Option<Delivered>,
}

impl Path for Kernelless {
    const WAITING: usize = 100;
    const AHEAD: usize = 8_000;
    const STEP: u64 = SECOND / 50;

    fn now(&self) -> u64 {
        self.rig.now()
    }

    fn advance(&mut self, time: u64) {
        self.rig.advance(self.rig.now() + time);
    }

    fn waiting(&self, lane: usize) -> usize {
        self.rig.events.waiting(Lane::ALL[lane])
    }

    /// Cuts the message into events as a port does: short data in one, long data in a chain.
    fn send(&mut self, lane: usize, message: &[u8]) {
        let size = 8 + usize::try_from(self.cuts.below(500)).unwrap();
        let parts = message.chunks(size);
        let last = parts.len() - 1;
        for (index, part) in parts.enumerate() {
            self.rig.put(Lane::ALL[lane], part, index != last);
        }
    }

    fn unplayed(&self) -> usize {
        self.rig.bus.borrow().chip.unplayed()
    }

    fn play(&mut self, wire: Vec<u8>) {
        let now = self.rig.now();
        self.rig.bus.borrow_mut().chip.play(now, wire);
    }

    fn take_sent(&mut self) -> Vec<Flown> {
        let now = self.rig.now();
        self.rig.bus.borrow_mut().chip.take_sent(now)
    }

    fn take_heard(&mut self) -> Vec<Flown> {
        let now = self.rig.now();
        self.rig.bus.borrow_mut().chip.take_heard(now)
    }

    /// Joins the parts of a SysEx, around the real-time bytes that come between them.
    fn take_captured(&mut self) -> Vec<(Vec<u8>, i64)> {
        let mut messages = Vec::new();
        for event in mem::take(&mut self.rig.delivered) {
            assert!(!event.after_loss);
            let real_time = event.bytes[0] >= 0xF8;
            let incomplete = event.incomplete;
            let whole = match self.part.take_if(|_| !real_time) {
                Some(mut part) => {
                    part.bytes.extend(event.bytes);
                    part
                }
                None => event,
            };
            if incomplete {
                self.part = Some(whole);
            } else {
                messages.push((whole.bytes, whole.at.cast_signed()));
            }
        }
        messages
    }
}

fn full_duplex(depth: usize, service: Service, seconds: u64) -> Measured {
    let mut both_ways = Duplex::over(Kernelless {
        rig: Rig::running(duplex::config(depth), service, Format::Cooked),
        cuts: Random(44),
        part: None,
    });
    let measured = both_ways.saturate(seconds);
    let rig = &both_ways.path.rig;
    duplex::report(&format!(
        "soak: depth {depth:2}, {measured}; {:.0} interrupts/s, {:.0} pumps/s, longest hold {} us",
        rig.interrupts as f64 / seconds as f64,
        rig.pumps as f64 / seconds as f64,
        rig.longest_hold / 10,
    ));
    let measured = both_ways.settle(&measured);
    let mut rig = both_ways.path.rig;
    assert_eq!(rig.bus.borrow().chip.blame(), Blame::default());
    assert_eq!(
        (rig.faults, rig.stuck, rig.take_lost(), rig.strays()),
        (0, 0, 0, 0)
    );
    measured
}

/// Half a minute; the two hours go through the whole driver, too.
fn with_interrupt(depth: usize) {
    let measured = full_duplex(depth, Service::Interrupt, duplex::soak_seconds(36));
    assert!(measured.busy >= 0.999, "{measured}");
    let (earliest, latest) = measured.stamps;
    assert!(earliest >= -3_200 && latest <= 3_200, "{measured}");
}

#[test]
fn full_duplex_depth_1() {
    with_interrupt(1);
}

#[test]
fn full_duplex_depth_16() {
    with_interrupt(16);
}

#[test]
fn full_duplex_depth_64() {
    with_interrupt(64);
}

#[test]
fn polled_capture_is_lossless_with_a_fifo() {
    for depth in [16, 64] {
        let measured = full_duplex(depth, Service::Polled, duplex::soak_seconds(36) / 4);
        assert!(measured.busy >= 0.999, "{measured}");
        // The poll period and a byte time.
        let (earliest, latest) = measured.stamps;
        assert!(earliest >= -3_200 && latest <= 10_000 + 3_200, "{measured}");
    }
}
