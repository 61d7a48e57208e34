//! Saturated full duplex through the whole driver: one legacy and one DirectMusic render stream and
//! a capture stream, at each FIFO depth, two drifting clocks.

use std::collections::VecDeque;

use dmusmini_simulator::chip::{Blame, Config, Flown};
use dmusmini_simulator::session::{Binary, Captured, Hardware, Pin};

use super::rig::{MICROSECOND, Rig, SECOND, name, with_each_binary};
use super::traffic::{Splitter, Traffic};

/// How slow the chip's clock is against the computer's, in parts per million, and how slow the
/// other end's is.
const SLOW: i32 = 80;
const PEER_SLOW: i32 = -120;
/// A byte on the output wire, by the chip's own clock.
const BYTE: f64 = 3_200.0 * (1.0 + SLOW as f64 / 1e6);

fn soak_seconds() -> u64 {
    match std::env::var("DMUSMINI_SOAK").as_deref() {
        Ok("full") => 7_200,
        _ => 144,
    }
}

struct Sending {
    sources: [Traffic; 2],
    expected: [VecDeque<Vec<u8>>; 2],
    splitter: Splitter,
    first: Option<u64>,
    last: u64,
    bytes: u64,
    messages: u64,
}

impl Sending {
    fn new() -> Self {
        Self {
            sources: [Traffic::new(11, 0), Traffic::new(22, 1)],
            expected: Default::default(),
            splitter: Splitter::default(),
            first: None,
            last: 0,
            bytes: 0,
            messages: 0,
        }
    }

    fn top_up(&mut self, rig: &Rig) {
        for (index, pin) in [&rig.legacy, &rig.direct_music].into_iter().enumerate() {
            while waiting(pin) < 60 {
                let message = self.sources[index].message();
                rig.send(pin, &message);
                self.expected[index].push_back(message);
            }
        }
    }

    fn check(&mut self, sent: &[Flown]) {
        for flown in sent {
            self.first.get_or_insert(flown.start);
            self.last = flown.end;
            self.bytes += 1;
            let Some(message) = self.splitter.feed(flown.byte) else {
                continue;
            };
            let expected = self.expected[Traffic::mark_of(&message)].pop_front();
            assert_eq!(
                Some(&message),
                expected.as_ref(),
                "sent message {}",
                self.messages
            );
            self.messages += 1;
        }
    }

    fn busy(&self) -> f64 {
        self.bytes as f64 * BYTE / (self.last - self.first.unwrap()) as f64
    }
}

fn waiting(pin: &Pin) -> usize {
    pin.events_with_driver().0 + pin.events_with_port()
}

struct Receiving {
    source: Traffic,
    running: Option<u8>,
    expected: VecDeque<(Vec<u8>, u64)>,
    played: u64,
    heard: VecDeque<u64>,
    heard_base: u64,
    messages: u64,
    earliest: i64,
    latest: i64,
}

impl Receiving {
    fn new() -> Self {
        Self {
            source: Traffic::new(33, 0),
            running: None,
            expected: VecDeque::new(),
            played: 0,
            heard: VecDeque::new(),
            heard_base: 0,
            messages: 0,
            earliest: i64::MAX,
            latest: i64::MIN,
        }
    }

    fn top_up(&mut self, rig: &Rig) {
        let mut wire = Vec::new();
        let unplayed = rig.chip().borrow().unplayed();
        while unplayed + wire.len() < 2_000 {
            let message = self.source.message();
            let played = self.source.play(&message, &mut self.running, &mut wire);
            for place in played.inserted {
                self.expected
                    .push_back((vec![wire[place]], self.played + place as u64));
            }
            self.expected
                .push_back((message, self.played + played.first as u64));
        }
        self.played += wire.len() as u64;
        rig.play(wire);
    }

    fn check(&mut self, heard: &[Flown], captured: Vec<Captured>) {
        self.heard.extend(heard.iter().map(|flown| flown.end));
        for message in captured {
            let (bytes, first) = self.expected.pop_front().expect("nothing was added");
            assert_eq!(message.bytes, bytes, "received message {}", self.messages);
            assert_eq!(message.group, 1);
            let arrived = self.heard[usize::try_from(first - self.heard_base).unwrap()];
            let error = message.time - arrived.cast_signed();
            self.earliest = self.earliest.min(error);
            self.latest = self.latest.max(error);
            self.messages += 1;
            while self.heard.len() > 200_000 {
                self.heard.pop_front();
                self.heard_base += 1;
            }
        }
    }
}

fn full_duplex(binary: &Binary, hardware: &Hardware, label: &str, seconds: u64) -> (f64, i64) {
    let rig = Rig::open(binary, hardware);
    let mut sending = Sending::new();
    let mut receiving = Receiving::new();
    let end = rig.now() + seconds * SECOND;
    while rig.now() < end {
        sending.top_up(&rig);
        receiving.top_up(&rig);
        rig.advance(SECOND / 25);
        sending.check(&rig.device.take_sent());
        receiving.check(&rig.heard(), rig.capture.captured());
    }
    let blame = rig.chip().borrow().blame();
    assert_eq!(blame, Blame::default());
    let machine = rig.session.machine();
    println!(
        "soak, {label}, {}: {seconds} s: sent {} messages, {} bytes, wire {:.4} % busy; received {} \
         messages; stamps {:+.1}..{:+.1} us; {:.0} interrupts/s, {:.0} timers set/s",
        name(binary),
        sending.messages,
        sending.bytes,
        100.0 * sending.busy(),
        receiving.messages,
        receiving.earliest as f64 / MICROSECOND as f64,
        receiving.latest as f64 / MICROSECOND as f64,
        machine.interrupts_serviced() as f64 / seconds as f64,
        machine.calls("ExSetTimer") as f64 / seconds as f64,
    );
    let result = (sending.busy(), receiving.latest);
    rig.end();
    result
}

fn config(depth: usize) -> Config {
    Config {
        depth,
        transmit_ppm: SLOW,
        receive_ppm: PEER_SLOW,
        ..Config::default()
    }
}

fn with_interrupt(depth: usize, least: f64) {
    with_each_binary(|binary| {
        let label = format!("depth {depth:2}, interrupt");
        let hardware = Hardware::uart(config(depth));
        let (busy, latest) = full_duplex(binary, &hardware, &label, soak_seconds());
        assert!(busy >= least, "{busy}");
        assert!(latest <= 3_200, "{latest}");
    });
}

#[test]
fn depth_1() {
    with_interrupt(1, 0.99);
}

#[test]
fn depth_16() {
    with_interrupt(16, 0.999);
}

#[test]
fn depth_64() {
    with_interrupt(64, 0.999);
}

#[test]
fn polled() {
    for depth in [16, 64] {
        with_each_binary(|binary| {
            let label = format!("depth {depth:2}, polled   ");
            let hardware = Hardware::polled_uart(config(depth));
            let (busy, latest) = full_duplex(binary, &hardware, &label, soak_seconds() / 4);
            assert!(busy >= 0.999, "{busy}");
            // The poll period, the timer's lateness and a byte time.
            assert!(latest <= 10_000 + 10_000 + 3_200, "{latest}");
        });
    }
}
