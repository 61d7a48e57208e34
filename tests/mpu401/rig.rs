//! The driver's part, played in virtual time: interrupt and DPC latency, late timers, events.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use dmusmini::mpu401::PortIo;
use dmusmini::mpu401::capture::{Capture, Format};
use dmusmini::mpu401::duplex::Duplex;
use dmusmini::mpu401::handshake::{Entry, Handshake, HandshakeError, Progress};
use dmusmini::mpu401::receive::{Serviced, Storage};
use dmusmini::mpu401::spec::{self, Register};
use dmusmini::mpu401::transmit::{
    Chunk, GaveUp, Hold, Lane, Next, Outbox, SHORTEST_REST, Transmitter,
};
use dmusmini::ring::ring;
use dmusmini::time::RefTime;
use dmusmini_simulator::chip::{Chip, Config};

use super::traffic::Random;

pub(crate) const MICROSECOND: u64 = 10;
pub(crate) const MILLISECOND: u64 = 10_000;
pub(crate) const SECOND: u64 = 10_000_000;
/// A register access on an ISA-like bus.
const ACCESS: u64 = MICROSECOND;

/// A chip and the time, which register accesses move.
pub(crate) struct Bus {
    pub(crate) chip: Chip,
    pub(crate) now: u64,
}

#[derive(Clone)]
pub(crate) struct Ports(Rc<RefCell<Bus>>);

impl PortIo for Ports {
    fn read(&mut self, register: Register) -> u8 {
        let mut bus = self.0.borrow_mut();
        bus.now += ACCESS;
        let now = bus.now;
        bus.chip.read(now, register)
    }

    fn write(&mut self, register: Register, value: u8) {
        let mut bus = self.0.borrow_mut();
        bus.now += ACCESS;
        let now = bus.now;
        bus.chip.write(now, register, value);
    }
}

/// Events that wait to be sent.
#[derive(Default)]
pub(crate) struct Events {
    lanes: [VecDeque<(Vec<u8>, bool)>; 2],
    pub(crate) returned: u64,
}

impl Events {
    fn lane(&self, lane: Lane) -> &VecDeque<(Vec<u8>, bool)> {
        &self.lanes[lane as usize]
    }

    pub(crate) fn push(&mut self, lane: Lane, bytes: &[u8], incomplete: bool) {
        self.lanes[lane as usize].push_back((bytes.to_vec(), incomplete));
    }

    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        self.lane(lane).len()
    }

    pub(crate) fn clear(&mut self) {
        for lane in &mut self.lanes {
            self.returned += lane.len() as u64;
            lane.clear();
        }
    }
}

impl Outbox for Events {
    fn front(&self, lane: Lane) -> Option<Chunk<'_>> {
        self.lane(lane).front().map(|(bytes, incomplete)| Chunk {
            bytes,
            incomplete: *incomplete,
            linked: false,
        })
    }

    fn advance(&mut self, lane: Lane) {
        self.lanes[lane as usize].pop_front();
        self.returned += 1;
    }
}

/// A message that reached the capture stream's sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: u64,
    pub(crate) incomplete: bool,
    pub(crate) after_loss: bool,
}

/// How the capture stream learns of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Interrupt,
    Polled,
}

pub(crate) struct Rig {
    pub(crate) bus: Rc<RefCell<Bus>>,
    pub(crate) duplex: Duplex<Ports>,
    pub(crate) transmitter: Transmitter,
    pub(crate) events: Events,
    capture: Option<Capture>,
    /// Messages that the sink's allocator has room for.
    pub(crate) room: usize,
    pub(crate) delivered: Vec<Delivered>,
    pub(crate) random: Random,
    service: Service,
    line_seen: Option<u64>,
    dpc: Option<u64>,
    timer: Option<u64>,
    poll: Option<u64>,
    pub(crate) interrupts: u64,
    pub(crate) unclaimed: u64,
    pub(crate) pumps: u64,
    pub(crate) faults: u32,
    pub(crate) stuck: u32,
    pub(crate) dropped: u64,
    /// The longest hold of the interrupt lock.
    pub(crate) longest_hold: u64,
}

impl Rig {
    pub(crate) fn new(config: Config, service: Service) -> Self {
        let bus = Rc::new(RefCell::new(Bus {
            chip: Chip::new(config),
            now: 1_000 * SECOND,
        }));
        Self {
            duplex: Duplex::new(Ports(Rc::clone(&bus))),
            bus,
            transmitter: Transmitter::new(),
            events: Events::default(),
            capture: None,
            room: usize::MAX,
            delivered: Vec::new(),
            random: Random(1),
            service,
            line_seen: None,
            dpc: None,
            timer: None,
            poll: None,
            interrupts: 0,
            unclaimed: 0,
            pumps: 0,
            faults: 0,
            stuck: 0,
            dropped: 0,
            longest_hold: 0,
        }
    }

    /// A rig whose chip is in UART mode, both lanes running and capture on.
    pub(crate) fn running(config: Config, service: Service, format: Format) -> Self {
        let mut rig = Self::new(config, service);
        rig.handshake().unwrap();
        rig.run(format);
        rig
    }

    /// Puts all streams into the RUN state.
    pub(crate) fn run(&mut self, format: Format) {
        for lane in Lane::ALL {
            self.transmitter.hold(lane, Hold::Running);
        }
        let (producer, consumer) = ring(spec::RING_CAPACITY).unwrap();
        self.capture = Some(Capture::try_new(consumer, format, 256).unwrap());
        drop(self.duplex.receiver_mut().attach(Some(producer)));
        self.duplex.receiver_mut().store(Storage::Keep);
        self.arm_poll();
    }

    pub(crate) fn now(&self) -> u64 {
        self.bus.borrow().now
    }

    /// A handshake at PASSIVE, interrupts being served in between.
    pub(crate) fn handshake(&mut self) -> Result<Entry, HandshakeError> {
        self.handshake_assuming(false)
    }

    /// As [`handshake`](Self::handshake); `assume` says to take a chip that never acknowledges.
    pub(crate) fn handshake_assuming(&mut self, assume: bool) -> Result<Entry, HandshakeError> {
        let mut handshake = Handshake::new(assume);
        loop {
            let before = self.now();
            let progress = self.duplex.handshake(&mut handshake, ref_time(before));
            self.longest_hold = self.longest_hold.max(self.now() - before);
            match progress {
                Progress::Wait(pause) => {
                    let wait = u64::try_from(pause.time().0).unwrap();
                    self.advance(self.now() + wait);
                }
                Progress::Ready(entry) => return Ok(entry),
                Progress::Failed(error) => return Err(error),
            }
        }
    }

    /// `PutMessage` on a render stream.
    pub(crate) fn put(&mut self, lane: Lane, bytes: &[u8], incomplete: bool) {
        self.events.push(lane, bytes, incomplete);
        self.pump();
    }

    /// Lets virtual time pass, with everything that happens in it.
    pub(crate) fn advance(&mut self, until: u64) {
        loop {
            let now = self.now();
            let line = self.service == Service::Interrupt && {
                let mut bus = self.bus.borrow_mut();
                bus.chip.interrupt(now)
            };
            if line && self.line_seen.is_none() {
                self.line_seen = Some(now + 2 * MICROSECOND + self.random.below(80));
            } else if !line {
                self.line_seen = None;
            }
            let change = match self.service {
                Service::Interrupt if !line => self.bus.borrow_mut().chip.next_change(now),
                _ => None,
            };
            let due = [self.line_seen, self.dpc, self.timer, self.poll, change];
            let next = due.into_iter().flatten().min();
            let Some(next) = next.filter(|&next| next <= until) else {
                let mut bus = self.bus.borrow_mut();
                bus.now = bus.now.max(until);
                return;
            };
            self.bus.borrow_mut().now = next.max(now);
            if take_due(&mut self.line_seen, next) {
                self.interrupt();
            } else if take_due(&mut self.dpc, next) {
                self.deliver();
                self.pump();
            } else if take_due(&mut self.timer, next) {
                self.pump();
            } else if take_due(&mut self.poll, next) {
                let serviced = self.hold(|duplex, clock| duplex.service(clock));
                self.note(serviced);
                self.deliver();
                self.pump();
                self.arm_poll();
            }
        }
    }

    /// The device was pulled out and the PnP manager says so.
    pub(crate) fn notify_removal(&mut self) {
        self.duplex.remove();
        self.pump();
    }

    pub(crate) fn take_lost(&mut self) -> u32 {
        self.duplex.receiver_mut().take_lost()
    }

    pub(crate) fn strays(&self) -> u32 {
        self.capture.as_ref().unwrap().strays()
    }

    fn interrupt(&mut self) {
        self.interrupts += 1;
        let serviced = self.hold(|duplex, clock| duplex.service(clock));
        if serviced.taken == 0 {
            self.unclaimed += 1;
        }
        self.note(serviced);
        // The transmitter is woken by every receive interrupt.
        let sending = Lane::ALL.iter().any(|&lane| self.events.waiting(lane) > 0);
        if serviced.notify || sending {
            self.request_service();
        }
    }

    fn request_service(&mut self) {
        let latency = 2 * MICROSECOND + self.random.below(100);
        let at = self.now() + latency;
        self.dpc.get_or_insert(at);
    }

    fn note(&mut self, serviced: Serviced) {
        self.stuck += u32::from(serviced.stuck);
    }

    /// Runs `work` as the interrupt lock would, and measures how long.
    fn hold<R>(
        &mut self,
        work: impl FnOnce(&mut Duplex<Ports>, &mut dyn FnMut() -> RefTime) -> R,
    ) -> R {
        let before = self.now();
        let bus = Rc::clone(&self.bus);
        let result = work(&mut self.duplex, &mut || ref_time(bus.borrow().now));
        self.longest_hold = self.longest_hold.max(self.now() - before);
        result
    }

    fn pump(&mut self) {
        self.pumps += 1;
        let mut rest = Some(SHORTEST_REST);
        let mut stood_still = false;
        for _ in 0..spec::STEPS_PER_PUMP {
            let before = self.now();
            let bus = Rc::clone(&self.bus);
            let exchange = self.duplex.exchange(
                &mut self.transmitter,
                &mut self.events,
                ref_time(before),
                || ref_time(bus.borrow().now),
            );
            self.longest_hold = self.longest_hold.max(self.now() - before);
            self.note(exchange.serviced);
            if exchange.serviced.notify {
                self.request_service();
            }
            if let Some(wait) = exchange.outcome.room_within
                && !std::mem::replace(&mut stood_still, true)
            {
                assert!(wait <= spec::LONGEST_STALL, "{wait:?}");
                self.bus.borrow_mut().now += u64::try_from(wait.0).unwrap();
                continue;
            }
            match exchange.outcome.next {
                Next::Again => continue,
                Next::Idle => rest = None,
                Next::Rest(span) => rest = Some(span),
                Next::GaveUp(why) => {
                    self.faults += u32::from(why == GaveUp::JustNow);
                    let before = self.events.returned;
                    self.events.clear();
                    self.dropped += self.events.returned - before;
                    self.transmitter.drop_all();
                    rest = None;
                }
            }
            break;
        }
        self.timer = rest.map(|rest| self.late(u64::try_from(rest.0).unwrap()));
    }

    fn arm_poll(&mut self) {
        let period = match self.service {
            Service::Interrupt => spec::WATCHDOG_PERIOD,
            Service::Polled => spec::poll_rest(spec::POLL_PERIOD),
        };
        self.poll = Some(self.late(u64::try_from(period.0).unwrap()));
    }

    /// When a high-resolution timer set now for `span` fires: up to 1 ms late, never early.
    fn late(&mut self, span: u64) -> u64 {
        self.now() + span + self.random.below(MILLISECOND + 1)
    }

    fn deliver(&mut self) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        while self.room > 0 {
            let Some(message) = capture.front() else {
                return;
            };
            self.room -= 1;
            self.delivered.push(Delivered {
                bytes: message.bytes.to_vec(),
                at: u64::try_from(message.at.0).unwrap(),
                incomplete: message.incomplete,
                after_loss: message.after_loss,
            });
            capture.consume();
        }
    }
}

pub(crate) fn ref_time(now: u64) -> RefTime {
    RefTime(i64::try_from(now).unwrap())
}

fn take_due(slot: &mut Option<u64>, now: u64) -> bool {
    slot.take_if(|at| *at <= now).is_some()
}
