//! Saturated full duplex through the whole driver: one legacy and one DirectMusic render stream and
//! a capture stream, at each FIFO depth, two drifting clocks.

use dmusmini_simulator::chip::{Blame, Flown};
use dmusmini_simulator::interrupt::Trigger;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::session::{Binary, Hardware, Pin, Session};

use super::duplex::{self, Duplex, Measured, Path};
use super::rig::{Rig, SECOND, name, with_each_binary};

impl Rig {
    fn lane(&self, lane: usize) -> &Pin {
        [&self.legacy, &self.direct_music][lane]
    }
}

impl Path for Rig {
    const WAITING: usize = 60;
    const AHEAD: usize = 2_000;
    const STEP: u64 = SECOND / 25;

    fn now(&self) -> u64 {
        Rig::now(self)
    }

    fn advance(&mut self, time: u64) {
        Rig::advance(self, time);
    }

    fn waiting(&self, lane: usize) -> usize {
        let pin = self.lane(lane);
        pin.events_with_driver().0 + pin.events_with_port()
    }

    fn send(&mut self, lane: usize, message: &[u8]) {
        Rig::send(self, self.lane(lane), message);
    }

    fn unplayed(&self) -> usize {
        self.chip().borrow().unplayed()
    }

    fn play(&mut self, wire: Vec<u8>) {
        Rig::play(self, wire);
    }

    fn take_sent(&mut self) -> Vec<Flown> {
        self.device.take_sent()
    }

    fn take_heard(&mut self) -> Vec<Flown> {
        self.heard()
    }

    fn take_captured(&mut self) -> Vec<(Vec<u8>, i64)> {
        // Whole messages they are, but nobody else takes the events.
        let _ = self.capture.captured_events();
        let captured = self.capture.captured().into_iter();
        captured
            .map(|message| {
                assert_eq!(message.group, 1);
                (message.bytes, message.time)
            })
            .collect()
    }
}

fn full_duplex(binary: &Binary, rig: Rig, label: &str, seconds: u64) -> Measured {
    let mut both_ways = Duplex::over(rig);
    let measured = both_ways.saturate(seconds);
    let machine = both_ways.path.session.machine();
    duplex::report(&format!(
        "soak, {label}, {}: {measured}; {:.0} interrupts/s, {:.0} timers set/s",
        name(binary),
        machine.interrupts_serviced() as f64 / seconds as f64,
        machine.calls("ExSetTimer") as f64 / seconds as f64,
    ));
    let measured = both_ways.settle(&measured);
    let rig = both_ways.path;
    assert_eq!(rig.chip().borrow().blame(), Blame::default());
    let stretches = rig.session.machine().stretches();
    duplex::report(&format!(
        "soak, {label}, {}: longest DPC {} us, PutMessage {} us, hold of a lock {} us, at the \
         device's level {} us",
        name(binary),
        stretches.dpc / 10,
        stretches.call / 10,
        stretches.lock / 10,
        stretches.interrupt / 10,
    ));
    // One stall of 50 us at most, and a few register accesses; none at all with a lock held.
    assert!(stretches.dpc.max(stretches.call) <= 800, "{stretches:?}");
    assert!(
        stretches.lock.max(stretches.interrupt) <= 450,
        "{stretches:?}"
    );
    rig.end();
    measured
}

fn with_interrupt(depth: usize) {
    with_each_binary(|binary| {
        let label = format!("depth {depth:2}, interrupt");
        let rig = Rig::open(binary, &Hardware::uart(duplex::config(depth)));
        let measured = full_duplex(binary, rig, &label, duplex::soak_seconds(144));
        assert!(measured.busy >= 0.999, "{measured}");
        let (earliest, latest) = measured.stamps;
        assert!(earliest >= -3_200 && latest <= 3_200, "{measured}");
    });
}

#[test]
fn depth_1() {
    with_interrupt(1);
}

#[test]
fn depth_16() {
    with_interrupt(16);
}

#[test]
fn depth_64() {
    with_interrupt(64);
}

/// ISA: the line tells of a byte once.
#[test]
fn latched() {
    for depth in [1, 16] {
        with_each_binary(|binary| {
            let label = format!("depth {depth:2}, latched  ");
            let session = Session::boot(binary).unwrap();
            session.machine().add_line(9, Irql(8), Trigger::Latched);
            let device = session.install(&Hardware::uart(duplex::config(depth)));
            let rig = Rig::on(session, device.unwrap());
            let measured = full_duplex(binary, rig, &label, duplex::soak_seconds(36) / 4);
            assert!(measured.busy >= 0.999, "{measured}");
            let (earliest, latest) = measured.stamps;
            assert!(earliest >= -3_200 && latest <= 3_200, "{measured}");
        });
    }
}

#[test]
fn polled() {
    for depth in [16, 64] {
        with_each_binary(|binary| {
            let label = format!("depth {depth:2}, polled   ");
            let rig = Rig::open(binary, &Hardware::polled_uart(duplex::config(depth)));
            let measured = full_duplex(binary, rig, &label, duplex::soak_seconds(144) / 4);
            assert!(measured.busy >= 0.999, "{measured}");
            // The poll period and a byte time.
            let (earliest, latest) = measured.stamps;
            assert!(earliest >= -3_200 && latest <= 10_000 + 3_200, "{measured}");
        });
    }
}
