//! Saturated traffic both ways for a long time: nothing lost, added or reordered, wire busy.

use std::collections::VecDeque;

use dmusmini::mpu401::capture::Format;
use dmusmini::mpu401::transmit::Lane;
use dmusmini_simulator::chip::{Blame, Config, Flown};

use super::rig::{Delivered, Rig, SECOND, Service};
use super::traffic::{Random, Splitter, Traffic};

/// A byte on the output wire, by the chip's own clock.
const BYTE: f64 = 3_200.0 * (1.0 + SLOW as f64 / 1e6);
/// How slow the chip's clock is against the computer's, in parts per million, and how slow the
/// other end's is.
const SLOW: i32 = 80;
const PEER_SLOW: i32 = -120;

/// Virtual seconds of soak: half a minute unless the environment asks for two hours. (The soak
/// through the whole driver is in `tests/uart`.)
fn soak_seconds() -> u64 {
    match std::env::var("DMUSMINI_SOAK").as_deref() {
        Ok("full") => 7_200,
        _ => 36,
    }
}

/// The sending half: keeps both lanes full and checks what comes out of the wire.
struct Sending {
    sources: [Traffic; 2],
    cuts: Random,
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
            cuts: Random(44),
            expected: Default::default(),
            splitter: Splitter::default(),
            first: None,
            last: 0,
            bytes: 0,
            messages: 0,
        }
    }

    fn top_up(&mut self, rig: &mut Rig) {
        for (index, lane) in Lane::ALL.into_iter().enumerate() {
            while rig.events.waiting(lane) < 100 {
                let message = self.sources[index].message();
                for (part, incomplete) in events(&mut self.cuts, &message) {
                    rig.put(lane, part, incomplete);
                }
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

/// Cuts a message into events as a port does: short data in one, long data in a chain.
fn events<'a>(random: &mut Random, message: &'a [u8]) -> impl Iterator<Item = (&'a [u8], bool)> {
    let size = 8 + usize::try_from(random.below(500)).unwrap();
    let parts = message.chunks(size);
    let last = parts.len() - 1;
    parts
        .enumerate()
        .map(move |(index, part)| (part, index != last))
}

/// The receiving half: keeps the peer sending and checks what the sink gets, and its stamps.
struct Receiving {
    source: Traffic,
    running: Option<u8>,
    /// Messages to come, and where on the wire their first bytes are, in order of completion.
    expected: VecDeque<(Vec<u8>, u64)>,
    played: u64,
    heard: VecDeque<u64>,
    heard_base: u64,
    part: Option<Delivered>,
    pub(crate) messages: u64,
    pub(crate) worst_stamp: i64,
    pub(crate) earliest_stamp: i64,
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
            part: None,
            messages: 0,
            worst_stamp: i64::MIN,
            earliest_stamp: i64::MAX,
        }
    }

    fn top_up(&mut self, rig: &mut Rig) {
        let mut wire = Vec::new();
        let backlog = rig.bus.borrow().chip.unplayed();
        while backlog + wire.len() < 8_000 {
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
        let now = rig.now();
        rig.bus.borrow_mut().chip.play(now, wire);
    }

    fn check(&mut self, heard: &[Flown], delivered: Vec<Delivered>) {
        self.heard.extend(heard.iter().map(|flown| flown.end));
        for event in delivered {
            assert!(!event.after_loss);
            let real_time = event.bytes[0] >= 0xF8;
            if real_time {
                self.message(&event);
                continue;
            }
            let incomplete = event.incomplete;
            let whole = match self.part.take() {
                Some(mut part) => {
                    part.bytes.extend(event.bytes);
                    part
                }
                None => event,
            };
            if incomplete {
                self.part = Some(whole);
            } else {
                self.message(&whole);
            }
        }
    }

    fn message(&mut self, message: &Delivered) {
        let (bytes, first) = self.expected.pop_front().expect("nothing was added");
        assert_eq!(message.bytes, bytes, "received message {}", self.messages);
        // Open SysEx may be far behind the newest message, so old arrivals are kept a while.
        let arrived = self.heard[usize::try_from(first - self.heard_base).unwrap()];
        let error = message.at.cast_signed() - arrived.cast_signed();
        self.worst_stamp = self.worst_stamp.max(error);
        self.earliest_stamp = self.earliest_stamp.min(error);
        self.messages += 1;
        while self.heard.len() > 200_000 {
            self.heard.pop_front();
            self.heard_base += 1;
        }
    }
}

struct Result {
    busy: f64,
    worst_stamp: i64,
    overruns: u64,
}

fn full_duplex(depth: usize, service: Service, seconds: u64) -> Result {
    let config = Config {
        depth,
        transmit_ppm: SLOW,
        receive_ppm: PEER_SLOW,
        ..Config::default()
    };
    let mut rig = Rig::running(config, service, Format::Cooked);
    let mut sending = Sending::new();
    let mut receiving = Receiving::new();
    let end = rig.now() + seconds * SECOND;
    while rig.now() < end {
        sending.top_up(&mut rig);
        receiving.top_up(&mut rig);
        rig.advance(rig.now() + SECOND / 50);
        let now = rig.now();
        let sent = rig.bus.borrow_mut().chip.take_sent(now);
        let heard = rig.bus.borrow_mut().chip.take_heard(now);
        let delivered = std::mem::take(&mut rig.delivered);
        sending.check(&sent);
        receiving.check(&heard, delivered);
    }
    let blame = rig.bus.borrow().chip.blame();
    assert_eq!(blame, Blame::default());
    assert_eq!(
        (rig.faults, rig.stuck, rig.take_lost(), rig.strays()),
        (0, 0, 0, 0)
    );
    println!(
        "soak: depth {depth:2}, {seconds} s: sent {} messages, {} bytes, wire {:.4} % busy; \
         received {} messages; stamps {:+.1}..{:+.1} us; {:.0} interrupts/s, {:.0} pumps/s, \
         longest hold {} us",
        sending.messages,
        sending.bytes,
        100.0 * sending.busy(),
        receiving.messages,
        receiving.earliest_stamp as f64 / 10.0,
        receiving.worst_stamp as f64 / 10.0,
        rig.interrupts as f64 / seconds as f64,
        rig.pumps as f64 / seconds as f64,
        rig.longest_hold / 10,
    );
    Result {
        busy: sending.busy(),
        worst_stamp: receiving.worst_stamp,
        overruns: blame.overruns,
    }
}

#[test]
fn full_duplex_depth_1() {
    let result = full_duplex(1, Service::Interrupt, soak_seconds());
    assert!(result.busy > 0.95, "{}", result.busy);
    assert!(result.worst_stamp <= 3_200);
}

#[test]
fn full_duplex_depth_16() {
    let result = full_duplex(16, Service::Interrupt, soak_seconds());
    assert!(result.busy >= 0.999, "{}", result.busy);
    assert!(result.worst_stamp <= 3_200);
}

#[test]
fn full_duplex_depth_64() {
    let result = full_duplex(64, Service::Interrupt, soak_seconds());
    assert!(result.busy >= 0.999, "{}", result.busy);
    assert!(result.worst_stamp <= 3_200);
}

#[test]
fn polled_capture_is_lossless_with_a_fifo() {
    for depth in [16, 64] {
        let result = full_duplex(depth, Service::Polled, soak_seconds() / 4);
        assert!(result.busy >= 0.999, "{}", result.busy);
        // The poll period and a byte time.
        assert!(result.worst_stamp <= 10_000 + 3_200);
        assert_eq!(result.overruns, 0);
    }
}
