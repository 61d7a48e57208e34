//! Saturated traffic both ways over any path to a simulated chip: two sources that never run dry, a
//! peer that never stops, and every byte and stamp that comes out compared with what went in.
//!
//! The path is the small rig of `tests/mpu401` (the pure modules alone) or the whole driver under the
//! simulated port (`tests/uart`).

use std::collections::VecDeque;
use std::fmt;
use std::io::Write;

use dmusmini_simulator::chip::{Config, Flown};

use super::traffic::{Splitter, Traffic};

const MICROSECOND: f64 = 10.0;
const SECOND: u64 = 10_000_000;
/// How slow the chip's clock is against the computer's, in parts per million, and how slow the
/// other end's is.
const SLOW: i32 = 80;
const PEER_SLOW: i32 = -120;
/// A byte on the output wire, by the chip's own clock.
const BYTE: f64 = 3_200.0 * (1.0 + SLOW as f64 / 1e6);
/// How long the longest messages under way may take at the end: one of 64 KiB in each lane.
const LONGEST_REST: u64 = 60 * SECOND;

/// A chip of this depth whose clocks drift.
pub(crate) fn config(depth: usize) -> Config {
    Config {
        depth,
        transmit_ppm: SLOW,
        receive_ppm: PEER_SLOW,
        ..Config::default()
    }
}

/// Whether the environment asks for two hours.
fn is_full() -> bool {
    std::env::var("DMUSMINI_SOAK").is_ok_and(|soak| soak == "full")
}

/// Virtual seconds of soak: two hours if the environment asks for them, else `few`.
pub(crate) fn soak_seconds(few: u64) -> u64 {
    if is_full() { 7_200 } else { few }
}

/// Prints a line about a soak. One of two hours is not run for nobody to read it: its lines are not
/// captured.
pub(crate) fn report(line: &str) {
    if is_full() {
        let _ = writeln!(std::io::stdout(), "{line}");
    } else {
        println!("{line}");
    }
}

/// A way to a chip and back.
pub(crate) trait Path {
    /// Events that are kept waiting in each lane.
    const WAITING: usize;
    /// Bytes that the peer is kept supplied with.
    const AHEAD: usize;
    /// How long time passes between two looks.
    const STEP: u64;

    fn now(&self) -> u64;
    fn advance(&mut self, time: u64);
    /// Events that wait in a lane.
    fn waiting(&self, lane: usize) -> usize;
    /// Sends a message through a lane.
    fn send(&mut self, lane: usize, message: &[u8]);
    /// Bytes that the peer has still to send.
    fn unplayed(&self) -> usize;
    /// The peer sends these bytes behind those.
    fn play(&mut self, wire: Vec<u8>);
    /// What has left through the output.
    fn take_sent(&mut self) -> Vec<Flown>;
    /// What has arrived at the input.
    fn take_heard(&mut self) -> Vec<Flown>;
    /// Whole messages that reached the sink, and their stamps.
    fn take_captured(&mut self) -> Vec<(Vec<u8>, i64)>;
}

/// Full duplex over one path.
pub(crate) struct Duplex<P> {
    pub(crate) path: P,
    sending: Sending,
    receiving: Receiving,
}

impl<P: Path> Duplex<P> {
    pub(crate) fn over(path: P) -> Self {
        Self {
            path,
            sending: Sending::new(),
            receiving: Receiving::new(),
        }
    }

    /// Keeps the path full both ways.
    ///
    /// # Panics
    ///
    /// When a byte is lost, added or moved.
    pub(crate) fn saturate(&mut self, seconds: u64) -> Measured {
        let end = self.path.now() + seconds * SECOND;
        while self.path.now() < end {
            self.sending.top_up(&mut self.path);
            self.receiving.top_up(&mut self.path);
            self.pass();
        }
        self.measured(seconds)
    }

    /// Waits until all that is under way has arrived; what all of it came to.
    ///
    /// # Panics
    ///
    /// When a byte is lost, added or moved, or does not arrive.
    pub(crate) fn settle(&mut self, measured: &Measured) -> Measured {
        let limit = self.path.now() + LONGEST_REST;
        while self.path.now() < limit && !(self.sending.is_done() && self.receiving.is_done()) {
            self.pass();
        }
        assert!(self.sending.is_done(), "not all was sent: {measured}");
        assert!(self.receiving.is_done(), "not all was received: {measured}");
        self.pass();
        Measured {
            busy: measured.busy,
            ..self.measured(measured.seconds)
        }
    }

    fn pass(&mut self) {
        self.path.advance(P::STEP);
        self.sending.check(&self.path.take_sent());
        let heard = self.path.take_heard();
        self.receiving.check(&heard, self.path.take_captured());
    }

    fn measured(&self, seconds: u64) -> Measured {
        Measured {
            seconds,
            sent: (self.sending.messages, self.sending.bytes),
            busy: self.sending.busy(),
            received: self.receiving.messages,
            stamps: (self.receiving.earliest, self.receiving.latest),
        }
    }
}

/// What came out of a while of full duplex.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    seconds: u64,
    /// Messages and bytes.
    sent: (u64, u64),
    /// How much of the time the output wire was busy.
    pub(crate) busy: f64,
    received: u64,
    /// How late the earliest and the latest stamp were, in 100 ns.
    pub(crate) stamps: (i64, i64),
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (messages, bytes) = self.sent;
        write!(
            f,
            "{} s: sent {messages} messages, {bytes} bytes, wire {:.4} % busy; received {} messages; \
             stamps {:+.1}..{:+.1} us",
            self.seconds,
            100.0 * self.busy,
            self.received,
            self.stamps.0 as f64 / MICROSECOND,
            self.stamps.1 as f64 / MICROSECOND,
        )
    }
}

/// The sending half: keeps both lanes full and checks what comes out of the wire.
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

    fn top_up<P: Path>(&mut self, path: &mut P) {
        for lane in 0..self.sources.len() {
            while path.waiting(lane) < P::WAITING {
                let message = self.sources[lane].message();
                path.send(lane, &message);
                self.expected[lane].push_back(message);
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

    fn is_done(&self) -> bool {
        self.expected.iter().all(VecDeque::is_empty)
    }
}

/// The receiving half: keeps the peer sending and checks what the sink gets, and its stamps.
struct Receiving {
    source: Traffic,
    running: Option<u8>,
    /// Messages to come, and where on the wire their first bytes are, in order of completion.
    expected: VecDeque<(Vec<u8>, u64)>,
    played: u64,
    /// When the wire's bytes arrived, from number `heard_base` on.
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

    fn top_up<P: Path>(&mut self, path: &mut P) {
        let mut wire = Vec::new();
        let unplayed = path.unplayed();
        while unplayed + wire.len() < P::AHEAD {
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
        path.play(wire);
    }

    fn check(&mut self, heard: &[Flown], captured: Vec<(Vec<u8>, i64)>) {
        self.heard.extend(heard.iter().map(|flown| flown.end));
        for (bytes, at) in captured {
            let (expected, first) = self.expected.pop_front().expect("nothing was added");
            assert_eq!(bytes, expected, "received message {}", self.messages);
            // A SysEx may be far behind the newest byte, so old arrivals are kept a while.
            let arrived = self.heard[usize::try_from(first - self.heard_base).unwrap()];
            let error = at - arrived.cast_signed();
            self.earliest = self.earliest.min(error);
            self.latest = self.latest.max(error);
            self.messages += 1;
            while self.heard.len() > 200_000 {
                self.heard.pop_front();
                self.heard_base += 1;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.expected.is_empty()
    }
}
